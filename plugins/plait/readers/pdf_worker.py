"""The process in which PDFium parses one untrusted file: text fragments out, one JSON line a page.

Run as a script by :mod:`plait.readers.pdf`, never imported there: it needs the standard library and pypdfium2
only, and sets its own limits before it touches the file. Lines on standard output are ``{"pages": n, ...}`` first,
then ``{"page": i, ...}``, then ``{"done": n}``; a line ``{"error": kind, "message": ...}`` ends it early.
"""

from __future__ import annotations

import ctypes
import json
import math
import sys
from typing import Any

_LINE_END = {"\r", "\n"}
_MAX_CHARACTERS = 400_000
"""Most of one page: a hundred times a full one. More is made to harm."""
# What parts one fragment from the next, in font sizes; 0.7 or 1.4 times as much changes nothing on the 33 papers of
# benchmarks/readers.py.
_LEVEL = 0.1
"""A baseline that differs by more is that of a superscript, or of another line."""
_AHEAD = 1.2
"""A gap wider than this is no space between words: a tab, a cell, a column."""
_BACK = -1.5
"""Characters that begin this far back are set elsewhere; accents and kerning go back by less."""
_UPRIGHT = 0.2
"""Sine of the largest angle that is still text of the page, 11.5 degrees: slanted scans stay, watermarks go."""


def main(arguments: list[str]) -> int:
    """``pdf_worker.py PATH MEMORY_MB CPU_SECONDS MAX_PAGES MAX_SIDE``."""
    path, memory_mb, cpu_seconds, max_pages, max_side = arguments[0], *map(int, arguments[1:5])
    _limit(memory_mb, cpu_seconds)
    import pypdfium2  # type: ignore[import-untyped] # it publishes no types
    from pypdfium2 import raw

    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        code = getattr(error, "err_code", None)
        kind = "password" if code == raw.FPDF_ERR_PASSWORD else "broken"
        return _fail(kind, str(error))
    count = len(document)
    if count > max_pages:
        return _fail("pages", f"{count:,} pages")
    _say({"pages": count, "metadata": _metadata(document)})
    for number in range(count):
        try:
            page = document[number]
            width, height = page.get_size()
            if max(width, height) > max_side or min(width, height) <= 0:
                return _fail("size", f"page {number + 1} measures {width:,.0f} x {height:,.0f} points")
            _say({"page": number, "width": width, "height": height, **_page(page, raw)})
            page.close()
        except pypdfium2.PdfiumError as error:
            return _fail("broken", f"page {number + 1}: {error}")
    _say({"done": count})
    return 0


def _metadata(document: Any) -> dict[str, str]:
    """The entries of the document's metadata that can be decoded."""
    found = {}
    for key in document.METADATA_KEYS:
        try:
            value = document.get_metadata_value(key)
        except UnicodeDecodeError:
            continue
        if value:
            found[key] = value
    return found


def _limit(memory_mb: int, cpu_seconds: int) -> None:
    """Caps memory and processor time where the system can (not on Windows, where the parent's clock remains)."""
    try:
        import resource
    except ImportError:
        return
    for what, amount in (
        (resource.RLIMIT_AS, memory_mb * 1_000_000),
        (resource.RLIMIT_CPU, cpu_seconds),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
    ):
        _, hard = resource.getrlimit(what)
        wanted = amount if hard == resource.RLIM_INFINITY else min(amount, hard)
        resource.setrlimit(what, (wanted, wanted))


def _page(page: Any, raw: Any) -> dict[str, Any]:
    """Fragments: runs of characters on one baseline in one style, in the order of the file.

    Each is ``[x0, x1, baseline, size, bold, text]`` in points from the page's lower left corner.
    """
    text_page = page.get_textpage()
    total = text_page.count_chars()
    if total > _MAX_CHARACTERS:
        raise MemoryError(f"{total:,} characters on one page")
    x, y = ctypes.c_double(), ctypes.c_double()
    matrix, box = raw.FS_MATRIX(), raw.FS_RECTF()
    last_owner: int | None = None
    size, bold, upright = 0.0, False, True
    fragments: list[list[Any]] = []
    rotated = unmapped = 0
    current: list[Any] | None = None
    for index in range(total):
        code = raw.FPDFText_GetUnicode(text_page, index)
        if 0xDC00 <= code < 0xE000:
            continue  # the second half of a pair; the first half took it along
        if 0xD800 <= code < 0xDC00:
            second = raw.FPDFText_GetUnicode(text_page, index + 1) if index + 1 < total else 0
            code = 0x10000 + ((code - 0xD800) << 10) + second - 0xDC00 if 0xDC00 <= second < 0xE000 else 0xFFFD
        character = chr(code) if code < 0x110000 else "\ufffd"
        if raw.FPDFText_IsGenerated(text_page, index) == 1:
            if character in _LINE_END:
                current = None
            elif current is not None and not current[5].endswith(" "):
                current[5] += " "
            continue
        if character in _LINE_END:
            current = None
            continue
        if character.isspace() and current is None:
            continue  # where a line begins is where its first visible character stands
        if character == "\ufffd" or 0xE000 <= code < 0xF900 or character == "\0":
            unmapped += 1
            continue
        owner = ctypes.cast(raw.FPDFText_GetTextObject(text_page, index), ctypes.c_void_p).value
        if owner is None or owner != last_owner:  # style is a property of the text object: asked once for each
            last_owner = owner
            raw.FPDFText_GetMatrix(text_page, index, matrix)
            scale = math.hypot(matrix.c, matrix.d) or 1.0
            size = round(raw.FPDFText_GetFontSize(text_page, index) * scale, 2)
            bold = _is_bold(text_page, index, raw)
            upright = abs(math.sin(raw.FPDFText_GetCharAngle(text_page, index))) <= _UPRIGHT
        if not upright:
            rotated += 1
            current = None
            continue
        raw.FPDFText_GetCharOrigin(text_page, index, x, y)
        raw.FPDFText_GetLooseCharBox(text_page, index, box)
        gap = box.left - current[1] if current is not None else 0.0
        if (
            current is None
            or abs(y.value - current[2]) > _LEVEL * max(size, 1.0)
            or size != current[3]
            or bold != current[4]
            or gap > _AHEAD * size
            or gap < _BACK * size
        ):
            current = [round(box.left, 2), round(box.right, 2), round(y.value, 2), size, bold, ""]
            fragments.append(current)
        current[5] += character
        current[1] = max(current[1], round(box.right, 2))
    # Pictures lie on the page or in one form on it; forms within forms are drawings of many parts.
    pictures = sum(1 for item in page.get_objects(max_depth=2) if item.type == raw.FPDF_PAGEOBJ_IMAGE)
    kept = [fragment for fragment in fragments if fragment[5].strip()]
    return {"fragments": kept, "pictures": pictures, "rotated": rotated, "unmapped": unmapped}


def _is_bold(text_page: Any, index: int, raw: Any) -> bool:
    """By the font's name; the weight that PDFium reports is a guess for fonts without a descriptor."""
    flags = ctypes.c_int()
    buffer = ctypes.create_string_buffer(96)
    length = raw.FPDFText_GetFontInfo(text_page, index, buffer, 96, flags)
    name = buffer.raw[: max(0, min(length, 96) - 1)].lower()
    return any(mark in name for mark in (b"bold", b"black", b"heavy", b"semibold", b"cmbx", b"-medi", b"demi"))


def _say(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def _fail(kind: str, message: str) -> int:
    _say({"error": kind, "message": message})
    return 0


if __name__ == "__main__":
    try:
        status = main(sys.argv[1:])
    except MemoryError as error:
        status = _fail("memory", str(error))
    sys.exit(status)
