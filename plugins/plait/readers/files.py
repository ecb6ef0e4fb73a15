"""What all readers do with a file: read it whole within a limit, hash it, decode it without guessing."""

from __future__ import annotations

import codecs
import hashlib
from pathlib import Path

from plait.contracts import Source
from plait.contracts.errors import ReadError

__all__ = ["check_encoding", "decode", "read_bytes", "sha256_of", "source_of"]

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16: its mark begins with that of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def read_bytes(path: Path, max_megabytes: int) -> bytes:
    """The bytes of ``path``.

    Raises:
        ReadError: the file is missing, unreadable, empty, or larger than ``max_megabytes``.
    """
    try:
        size = path.stat().st_size
        if size > max_megabytes * 1_000_000:
            raise ReadError(
                f"the file has {size / 1e6:,.0f} MB, at most {max_megabytes:,} are read",
                where=str(path),
                fix="split it, or raise the reader's max_megabytes",
            )
        data = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error
    if not data:
        raise ReadError("the file is empty", where=str(path), fix="remove it, or put the text into it")
    return data


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file of any size, in hexadecimal digits.

    Raises:
        ReadError: the file is missing or unreadable.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise _unreadable(path, error) from error


def source_of(path: Path, data: bytes, reader: str) -> Source:
    """The source of a document that is one whole file."""
    return Source(path.as_posix(), hashlib.sha256(data).hexdigest(), reader)


def decode(data: bytes, path: Path, encoding: str = "auto") -> str:
    r"""The text of ``data``, with ``\n`` line ends.

    ``auto`` accepts UTF-8 and what a byte order mark declares (UTF-8, UTF-16, UTF-32). Nothing else is guessed: a
    wrong guess would put unreadable characters into the index without a word.

    Raises:
        ReadError: the bytes are no text in this encoding; the message names the first bad byte and the fix.

    Example:
        >>> decode("Größe\r\n".encode("utf-16"), Path("a.txt"))
        'Größe\n'
        >>> decode(b"Gr\xf6\xdfe", Path("a.txt"))  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        plait.contracts.errors.ReadError: a.txt: byte 2 (0xf6) is not UTF-8. Fix: save the file as UTF-8, ...
    """
    chosen = encoding
    if encoding == "auto":
        chosen = next((name for mark, name in _BOMS if data.startswith(mark)), "utf-8")
        if chosen in {"utf-8", "utf-8-sig"} and (offset := data.find(b"\0")) >= 0:
            raise ReadError(
                f"byte {offset} is NUL: this is a binary file, not text",
                where=str(path),
                fix="remove it from the corpus; if it is UTF-16 without a byte order mark, set encoding='utf-16-le'",
            )
    try:
        text = data.decode(chosen)
    except UnicodeDecodeError as error:
        name = chosen.upper().removesuffix("-SIG")
        byte = f" (0x{data[error.start]:02x})" if error.start < len(data) else ""
        raise ReadError(
            f"byte {error.start}{byte} is not {name}",
            where=str(path),
            fix="save the file as UTF-8, or name its encoding in the reader's settings, for example encoding='cp1252'",
        ) from error
    if "\0" in text:
        raise ReadError(
            f"character {text.index(chr(0))} is NUL when read as {chosen}",
            where=str(path),
            fix="remove the binary file, or correct the reader's encoding",
        )
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise ReadError("the file holds nothing but white space", where=str(path), fix="remove it, or fill it")
    return text


def check_encoding(encoding: str) -> str:
    """Returns ``encoding`` if it is ``auto`` or a text encoding that Python knows.

    Raises:
        ValueError: it is neither.
    """
    if encoding != "auto":
        try:
            b" ".decode(encoding)
        except LookupError:
            raise ValueError(f"there is no text encoding {encoding!r}; write for example 'utf-8' or 'cp1252'") from None
        except UnicodeDecodeError:
            pass  # a real encoding to which one space is too short, such as utf-16
    return encoding


def _unreadable(path: Path, error: OSError) -> ReadError:
    return ReadError(
        f"cannot be opened: {error.strerror or error}",
        where=str(path),
        fix="check that it exists, is a file, and may be read",
    )
