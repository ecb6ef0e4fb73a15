"""Entries of a bibliography are told apart however they are set."""

from __future__ import annotations

from plait.readers.pdf_document import references_in, split_bibliography
from plait.readers.pdf_lines import Fragment, TextLine
from plait.readers.pdf_paragraphs import Part


def lines(*placed: tuple[float, str], leading: float = 12) -> list[TextLine]:
    return [
        TextLine(0, [Fragment(x, x + 5 * len(text), 700 - leading * index, 10, False, text)])
        for index, (x, text) in enumerate(placed)
    ]


def test_marks_in_brackets_begin_entries() -> None:
    found = references_in(
        lines(
            (50, "[1] A. Byron, “Notes on the engine,” Memoirs,"),
            (66, "vol. 3, 1843."),
            (50, "[2] A. Turing, “Computing machinery,” Mind, 1950. arXiv:2401.00001"),
        ),
        set(),
    )
    assert [reference.title for reference in found] == ["Notes on the engine", "Computing machinery"]
    assert [reference.year for reference in found] == [1843, 1950]
    assert found[1].identifiers == {"arxiv": "2401.00001"}
    assert found[0].text.startswith("A. Byron")


def test_hanging_indents_begin_entries_also_where_a_page_starts_inside_one() -> None:
    first = lines((50, "Byron, A. (1843). Notes."), (70, "Memoirs."), (50, "Turing, A. (1950). On computing and"))
    second = lines((70, "machinery. Mind."), (50, "Zuse, K. (1945). Plankalkül."), (70, "Hopferau."))
    for line in second:
        line.page = 1
    found = references_in([*first, *second], set())
    assert [reference.text for reference in found] == [
        "Byron, A. (1843). Notes. Memoirs.",
        "Turing, A. (1950). On computing and machinery. Mind.",
        "Zuse, K. (1945). Plankalkül. Hopferau.",
    ]
    assert found[1].title == "On computing and machinery"


def test_entries_set_flush_are_told_by_their_ends() -> None:
    found = references_in(
        lines((50, "Byron, A. (1843). Notes."), (50, "Turing, A. (1950). On"), (50, "machinery. Mind.")), set()
    )
    assert [reference.year for reference in found] == [1843, 1950]


def test_no_lines_are_no_references() -> None:
    assert references_in([], set()) == []


def test_a_list_without_heading_at_the_end_is_a_bibliography() -> None:
    body = Part("text", lines((50, "We thank everyone (2020).")))
    entries = [
        Part("text", lines((50, f"Byron, A. (18{year}). Notes {year}. https://doi.org/10.1000/{year}")))
        for year in (41, 42, 43)
    ]
    parts, found = split_bibliography([body, *entries], set())
    assert parts == [body]
    assert [reference.year for reference in found] == [1841, 1842, 1843]
    few, none = split_bibliography([body, *entries[:2]], set())
    assert (len(few), none) == (3, [])
