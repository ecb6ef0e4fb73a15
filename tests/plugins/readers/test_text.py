"""Plain text is read in paragraphs, and no encoding is ever guessed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from plait.contracts import Document, Reader, ReadReport
from plait.contracts.errors import ReadError
from plait.readers.text import Config, TextReader, paragraphs

Write = Callable[[str, str | bytes], Path]


def read(path: Path, report: ReadReport | None = None, encoding: str = "auto") -> Document:
    (document,) = TextReader(Config(encoding=encoding)).read(path, ReadReport() if report is None else report)
    return document


def test_the_reader_satisfies_the_contract(write: Write) -> None:
    assert isinstance(TextReader(), Reader)
    assert TextReader().accepts(write("a.TXT", "x"))
    assert not TextReader().accepts(write("a.md", "x"))


def test_paragraphs_stand_between_blank_lines_and_a_lone_first_line_is_the_title(write: Write) -> None:
    document = read(write("note.txt", "On braids\n\nOne.\n \nTwo,\nstill two.\n"))
    assert (document.id, document.title) == ("note", "On braids")
    assert [block.text for block in document.sections[0].blocks] == ["One.", "Two,\nstill two."]


def test_one_paragraph_is_text_and_the_file_name_the_title(write: Write) -> None:
    assert read(write("note.txt", "Only one line")).text == "note\n\nOnly one line"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_utf_8_and_byte_order_marks_are_understood(write: Write, encoding: str) -> None:
    assert read(write("a.txt", "Größe 漢字".encode(encoding))).text == "a\n\nGröße 漢字"


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16-le", "shift_jis"])
def test_a_named_encoding_is_used(write: Write, encoding: str) -> None:
    text = "漢字" if encoding == "shift_jis" else "Größe"
    assert read(write("a.txt", text.encode(encoding)), encoding=encoding).text == f"a\n\n{text}"


@pytest.mark.parametrize(
    ("data", "encoding", "match"),
    [
        (b"", "auto", "empty"),
        (b"\n \n", "auto", "nothing but white space"),
        (b"\x7fELF\x00\x01", "auto", "byte 4 is NUL: this is a binary file"),
        (b"\xef\xbb\xbfab\x00", "auto", "byte 5 is NUL"),
        ("Größe".encode("cp1252"), "auto", r"byte 2 \(0xf6\) is not UTF-8"),
        (b"ab\xe2\x82", "auto", "byte 2 .*is not UTF-8"),
        (b"\xff\xfea\x00\x00\xd8", "auto", "is not UTF-16"),
        ("漢字".encode(), "ascii", "is not ASCII"),
        (b"a\x00b\x00", "cp1252", "is NUL when read as cp1252"),
    ],
)
def test_what_is_no_text_is_refused(write: Write, data: bytes, encoding: str, match: str) -> None:
    path = write("a.txt", data)
    with pytest.raises(ReadError, match=match) as caught:
        read(path, encoding=encoding)
    assert str(path) in str(caught.value)
    assert caught.value.fix


def test_an_unknown_encoding_is_refused_in_the_settings() -> None:
    with pytest.raises(ValidationError, match="no text encoding 'utf-9'"):
        Config(encoding="utf-9")
    with pytest.raises(ValidationError, match="no text encoding 'rot13'"):
        Config(encoding="rot13")


def test_a_missing_file_and_one_too_large_are_refused(tmp_path: Path, write: Write) -> None:
    with pytest.raises(ReadError, match="cannot be opened: No such file"):
        read(tmp_path / "none.txt")
    with pytest.raises(ReadError, match="at most 1 are read"):
        list(TextReader(Config(max_megabytes=1)).read(write("a.txt", b"a" * 1_000_001), ReadReport()))


def test_control_characters_are_left_out_and_counted(write: Write) -> None:
    report = ReadReport()
    path = write("a.txt", "a\x07b\x0bc\x1b\n\x07d")
    assert read(path, report).text == "a\n\na b c\nd"
    assert report.skipped[path.as_posix(), "control character"] == 4


@given(st.text(alphabet=st.sampled_from("ab-1. \n\t\fé"), max_size=300))
def test_no_visible_character_is_lost(text: str) -> None:
    assert "".join("".join(paragraphs(text)).split()) == "".join(text.split())
