"""Markdown files become sections of typed blocks, and broken front matter says where and how to mend it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plait.contracts import Document, Equation, Figure, Reader, ReadReport, Table, Text
from plait.contracts.errors import ReadError
from plait.readers.markdown import Config, MarkdownReader

Write = Callable[[str, str | bytes], Path]

NOTE = r"""---
id: braid
title: "On braids: a note"
authors: [Ada Byron, {name: Alan Turing}]
year: 2024
venue: Braid Letters
topics: fusion
identifiers: {arxiv: "2401.00001"}
references: [bert, 42, {doi: 10.1/x, title: On x}]
read: 2024-05-06
---
# On braids: a note

Three *strands* of `rope` are [braided](https://a.org) with $a_i * b_i$.
The second line goes on.

## Method

1. first
2. second
   - nested

$$
z = t + \tanh(a) \, W g
$$

Table: Scores on SciFact

| model | nDCG@10 |
|-------|--------:|
| BM25  | **.679** |

![The gate](figures/the%20gate.png)

```python
x = 1

y = 2
```

> Quoted.

<div>raw</div>

## References

- Byron, A. (1843). Notes.
- Turing, A. (1950). Machines.
"""


def read(path: Path, report: ReadReport | None = None, **settings: Any) -> Document:
    (document,) = MarkdownReader(Config(**settings)).read(path, ReadReport() if report is None else report)
    return document


def blocks(document: Document) -> list[Any]:
    return [block for section in document.sections for block in section.blocks]


def test_the_reader_satisfies_the_contract(write: Write) -> None:
    assert isinstance(MarkdownReader(), Reader)
    assert MarkdownReader().accepts(write("A.MD", "x"))
    assert not MarkdownReader().accepts(write("a.txt", "x"))


def test_front_matter_becomes_id_title_metadata_and_references(write: Write) -> None:
    document = read(write("note.md", NOTE))
    assert (document.id, document.title) == ("braid", "On braids: a note")
    assert document.metadata == {
        "authors": ["Ada Byron", "Alan Turing"],
        "year": 2024,
        "venue": "Braid Letters",
        "topics": ["fusion"],
        "identifiers": {"arxiv": "2401.00001"},
        "read": "2024-05-06",
    }
    assert [dict(reference.identifiers) for reference in document.references[:3]] == [
        {"id": "bert"},
        {"id": "42"},
        {"doi": "10.1/x"},
    ]


def test_the_body_becomes_sections_of_typed_blocks(write: Write) -> None:
    document = read(write("note.md", NOTE))
    assert [(section.title, section.level) for section in document.sections] == [("", 1), ("Method", 2)]
    assert blocks(document) == [
        Text("Three strands of rope are braided with a_i * b_i. The second line goes on."),
        Text("1. first\n2. second\n  - nested"),
        Equation(r"z = t + \tanh(a) \, W g"),
        Table(("model", "nDCG@10"), (("BM25", ".679"),), "Scores on SciFact"),
        Figure("figures/the gate.png", "The gate"),
        Text("x = 1\n\ny = 2"),
        Text("Quoted."),
    ]


def test_a_bibliography_section_becomes_references_and_no_text(write: Write) -> None:
    document = read(write("note.md", NOTE))
    assert [reference.text for reference in document.references[3:]] == [
        "Byron, A. (1843). Notes.",
        "Turing, A. (1950). Machines.",
    ]
    assert "Machines" not in document.text


def test_raw_html_is_left_out_and_counted(write: Write) -> None:
    report = ReadReport()
    path = write("note.md", NOTE + "\n## More\n\nSome <b>bold</b> text.\n")
    document = read(path, report)
    assert report.skipped[path.as_posix(), "raw HTML"] == 3
    assert "Some bold text." in document.text


def test_without_front_matter_the_file_name_is_the_id_and_the_first_heading_the_title(write: Write) -> None:
    document = read(write("deep/my-note.md", "# A title\n\nText.\n"))
    assert (document.id, document.title, document.text) == ("my-note", "A title", "A title\n\nText.")
    assert read(write("bare.md", "Only text.")).title == "bare"


def test_a_second_level_one_heading_is_a_section(write: Write) -> None:
    document = read(write("a.md", "# Title\n\nOne.\n\n# Second\n\nTwo.\n"))
    assert [section.title for section in document.sections] == ["", "Second"]


def test_an_abstract_and_an_appendix_are_told_by_their_headings(write: Write) -> None:
    document = read(write("a.md", "# T\n\n## Abstract\n\nA.\n\n## Body\n\nB.\n\n## Appendix A\n\nC.\n"))
    assert [section.role for section in document.sections] == ["abstract", "body", "appendix"]


def test_prices_are_no_mathematics(write: Write) -> None:
    assert blocks(read(write("a.md", "It costs $5 and then $6.\n"))) == [Text("It costs $5 and then $6.")]


def test_an_equation_may_stand_right_under_a_paragraph_and_hold_a_line_of_equals_signs(write: Write) -> None:
    document = read(write("a.md", "Before\n$$ a\n= b $$\nafter\n"))
    assert blocks(document) == [Text("Before"), Equation("a\n= b"), Text("after")]


def test_dollars_that_are_never_closed_stay_text(write: Write) -> None:
    assert blocks(read(write("a.md", "$$ a = b\n\nnext\n"))) == [Text("$$ a = b"), Text("next")]


def test_a_caption_line_without_a_table_stays_text(write: Write) -> None:
    assert blocks(read(write("a.md", "Table: nothing follows\n\nText.\n"))) == [
        Text("Table: nothing follows"),
        Text("Text."),
    ]


def test_a_picture_in_running_text_keeps_its_caption_and_is_counted(write: Write) -> None:
    report = ReadReport()
    path = write("a.md", "See ![the gate](g.png) here.\n")
    assert blocks(read(path, report)) == [Text("See the gate here.")]
    assert sum(report.skipped.values()) == 1


def test_a_thematic_break_at_the_top_is_no_front_matter(write: Write) -> None:
    assert read(write("a.md", "---\n\nText.\n\n---\n\nMore.\n")).text == "a\n\nText.\n\nMore."


def test_windows_line_ends_and_a_byte_order_mark_are_understood(write: Write) -> None:
    document = read(write("a.md", b"\xef\xbb\xbf---\r\nid: x\r\n---\r\nText.\r\n"))
    assert (document.id, document.text) == ("x", "a\n\nText.")


def test_only_front_matter_is_a_document_with_a_title(write: Write) -> None:
    assert read(write("a.md", "---\ntitle: T\n---\n")).text == "T"


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("---\nid: a\ntitle: b: c\n---\n", r"a\.md:3: the front matter is not valid YAML.*quotes"),
        ("---\nid: a\nid: b\n---\n", r"a\.md:3: .*'id' is given twice"),
        ("---\nid: a\n\nText without an end.\n", r"a\.md:1: .*never closed.*put a line '---'"),
        ("---\n- a\n- b\n---\n", r"a\.md:2: .*is a list, not keys with values"),
        ("---\nyear: soon\n---\n", r"a\.md \(front matter\): year is 'soon'"),
        ("---\nauthors: [[a]]\n---\n", r"authors holds \['a'\]"),
        ("---\nid: ''\n---\n", "id is '', not an id"),
        ("---\nid: [a]\n---\n", "not an id"),
        ("---\nreferences: {a: b}\n---\n", "not a list of ids"),
        ("---\na: &a [*a]\n---\n", "nested deeper"),
        (
            "---\na: &a [x, x, x, x, x, x, x, x, x]\n"
            + "".join(f"{new}: &{new} [{', '.join(['*' + old] * 9)}]\n" for old, new in zip("abcdefg", "bcdefgh"))  # noqa: B905 - equal by eye
            + "---\n",
            "more than 200,000 values",
        ),
        ("---\na: !!python/object/apply:os.system [id]\n---\n", "not valid YAML"),
        ("", "empty"),
        (" \n\n", "nothing but white space"),
    ],
)
def test_a_broken_file_is_refused_with_place_and_fix(write: Write, text: str, match: str) -> None:
    with pytest.raises(ReadError, match=match) as caught:
        read(write("a.md", text))
    assert caught.value.fix


def test_binary_and_wrongly_encoded_files_are_refused(write: Write) -> None:
    with pytest.raises(ReadError, match="byte 2 is NUL: this is a binary file"):
        read(write("a.md", b"ab\0c"))
    with pytest.raises(ReadError, match=r"byte 1 \(0xf6\) is not UTF-8.*encoding='cp1252'"):
        read(write("a.md", "Höhe".encode("cp1252")))
    assert read(write("a.md", "Höhe".encode("cp1252")), encoding="cp1252").text == "a\n\nHöhe"


def test_lists_nested_beyond_reason_do_not_break_the_reader(write: Write) -> None:
    text = "".join("  " * depth + "- x\n" for depth in range(300))
    document = read(write("a.md", text + "> " * 500 + "deep\n"))
    assert document.text.count("x") >= 1


def test_deep_nesting_keeps_its_text_or_is_counted(write: Write) -> None:
    items = "".join("  " * level + f"- item{level}\n" for level in range(12))
    text = read(write("deep.md", f"{items}\n\n{'>' * 25} quoted\n\n{'>' * 200} far in\n")).text
    assert all(word in text for word in (*(f"item{level}" for level in range(12)), "quoted", "far in"))
    report = ReadReport()
    path = write("too deep.md", "kept\n\n" + ">" * 5_000 + " lost")
    assert read(path, report).text.endswith("kept")
    assert report.skipped[path.as_posix(), "text nested too deeply"] == 1
