"""PDF files become documents in reading order; hostile ones are refused and the process goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plait.contracts import Document, Figure, Reader, ReadReport
from plait.contracts.errors import ReadError
from plait.readers.pdf import Config, PdfReader

Write = Callable[[str, str | bytes], Path]
Make = Callable[..., Any]

LINES = [
    "Retrieval finds the passages that bear on a question, and a generator",
    "writes an answer from them. The quality of the answer is bounded by the",
    "quality of what was found, so that most of the effort goes into finding.",
    "Structure helps: papers that cite each other tend to speak of one thing.",
]


def paper(column: Make) -> list[list[Any]]:
    """Three pages with title, authors, abstract, sections, running head, page numbers, footnote and references."""
    head = (72, 760, 8, False, "Proceedings of the Braid Workshop 2024")
    first = [
        (72, 720, 18, False, "On Braiding Text and Structure"),
        (72, 695, 11, False, "Ada Byron and Alan Turing"),
        (72, 660, 10, True, "Abstract"),
        *column(["We braid text with structure and measure what this brings. It brings two", "points."], top=644),
        (72, 600, 13, True, "1 Introduction"),
        *column(LINES, top=580),
        *column(["   A second paragraph is indented and ends with a hyphen in the word repre-"], top=532),
        *column(["sentation, and it goes on over the"], top=520),
        (72, 90, 7, False, "1 This is a footnote about braids."),
    ]
    second = [
        *column(["page. Nothing is lost there."], top=720),
        (72, 690, 13, True, "2 Method"),
        *column(LINES, top=670),
        (72, 610, 11, True, "2.1 Fusion"),
        *column(["We add the vectors with a gate. " + LINES[0], *LINES[1:]], top=594),
        (72, 500, 9, False, "Figure 1: The two strands of the braid."),
        *column(LINES, top=460),
    ]
    third = [
        (72, 720, 13, True, "References"),
        *column(["Byron, A. (1843). Notes on the analytical engine and what it weaves. Scientific"], top=700),
        *column(["Memoirs, 3, 666-731. https://doi.org/10.1000/memoirs.3"], x=90, top=688),
        *column(["Turing, A. M. (1950). Computing machinery and intelligence. Mind, 59(236),"], top=676),
        *column(["433-460."], x=90, top=664),
    ]
    return [
        [head, *page, (300, 40, 8, False, str(number))] for number, page in enumerate((first, second, third), start=1)
    ]


@pytest.fixture
def document(write: Write, read_one: Make, pdf_bytes: Make, column: Make) -> Document:
    made = read_one(PdfReader(), write("braid.pdf", pdf_bytes(paper(column))))
    assert isinstance(made, Document)
    return made


def test_the_reader_satisfies_the_contract(write: Write) -> None:
    assert isinstance(PdfReader(), Reader)
    assert PdfReader().accepts(write("A.PDF", b"x"))
    assert not PdfReader().accepts(write("a.txt", b"x"))
    assert not PdfReader().accepts(write("folder.pdf/a.txt", b"x").parent)


def test_title_headings_and_levels_are_found(document: Document) -> None:
    assert document.title == "On Braiding Text and Structure"
    found = [(section.title, section.level, section.role) for section in document.sections]
    assert found == [
        ("", 1, "front"),
        ("Abstract", found[1][1], "abstract"),
        ("1 Introduction", 1, "body"),
        ("2 Method", 1, "body"),
        ("2.1 Fusion", 2, "body"),
        ("Notes", 1, "body"),
    ]


def test_a_paragraph_goes_on_over_the_page_and_its_hyphen_is_closed(document: Document) -> None:
    (introduction,) = (section for section in document.sections if section.title == "1 Introduction")
    assert [block.text for block in introduction.blocks] == [
        " ".join(LINES),
        "A second paragraph is indented and ends with a hyphen in the word representation, "
        "and it goes on over the page. Nothing is lost there.",
    ]


def test_captions_become_figures_and_footnotes_are_kept_apart(document: Document) -> None:
    blocks = [block for section in document.sections for block in section.blocks]
    assert Figure("", "Figure 1: The two strands of the braid.") in blocks
    assert document.sections[-1].blocks[0].text == "1 This is a footnote about braids."


def test_the_bibliography_is_no_text_but_references(document: Document) -> None:
    assert "Computing machinery" not in document.text
    first, second = document.references
    assert first.identifiers == {"doi": "10.1000/memoirs.3"}
    assert first.title == "Notes on the analytical engine and what it weaves"
    assert (first.year, second.year) == (1843, 1950)
    assert second.text.endswith("Mind, 59(236), 433-460.")


def test_running_heads_and_page_numbers_are_left_out_and_counted(write: Write, pdf_bytes: Make, column: Make) -> None:
    report = ReadReport()
    path = write("braid.pdf", pdf_bytes(paper(column)))
    (made,) = PdfReader().read(path, report)
    assert "Braid Workshop" not in made.text
    assert report.skipped[path.as_posix(), "running head or page number"] == 6


def test_source_names_file_hash_and_reader(document: Document, tmp_path: Path) -> None:
    import hashlib

    assert document.source is not None
    assert document.source.uri == (tmp_path / "braid.pdf").as_posix()
    assert document.source.sha256 == hashlib.sha256((tmp_path / "braid.pdf").read_bytes()).hexdigest()
    assert document.source.reader == "pdf"


def test_two_columns_are_read_one_after_the_other(write: Write, read_one: Make, pdf_bytes: Make, column: Make) -> None:
    left = [f"left line {index} of the first column goes on" for index in range(20)]
    right = [f"right line {index} of the second column goes" for index in range(20)]
    interleaved = [
        placed
        for pair in zip(column(left, x=72, top=640), column(right, x=320, top=640), strict=True)
        for placed in pair
    ]
    title = (72, 700, 18, False, "A Title that Spans Both of the Columns on the Page")
    document = read_one(PdfReader(), write("two.pdf", pdf_bytes([[title, *interleaved]])))
    assert document.text.index("left line 19") < document.text.index("right line 0")
    assert document.text.index("left line 1 ") < document.text.index("left line 2 ")


def test_rows_of_a_table_stay_together(write: Write, read_one: Make, pdf_bytes: Make, column: Make) -> None:
    cells = [
        (x, 500 - 12 * row, 10, False, f"{word}{row}")
        for row in range(8)
        for x, word in ((72, "model"), (250, "score"), (400, "time"))
    ]
    document = read_one(PdfReader(), write("table.pdf", pdf_bytes([[*column(LINES), *cells]])))
    assert "model3 score3 time3" in document.text


def test_a_margin_column_is_set_apart_from_the_text(
    write: Write, read_one: Make, pdf_bytes: Make, column: Make
) -> None:
    margin = column([f"note {index}" for index in range(8)], x=40, size=7)
    text = column(LINES * 4, x=170)
    document = read_one(PdfReader(), write("margin.pdf", pdf_bytes([[*margin, *text]])))
    assert document.sections[-1].role == "front"
    assert "note 3" in document.sections[-1].blocks[0].text
    assert "note" not in document.sections[0].blocks[0].text


def test_ligatures_are_taken_apart(write: Write, read_one: Make) -> None:
    from plait.readers.pdf_lines import Fragment, TextLine

    assert TextLine(0, [Fragment(0, 1, 0, 10, False, "e\ufb03cient ﬁt")]).text == "efficient fit"


def test_the_metadata_title_is_believed_only_if_it_stands_on_the_page(
    write: Write, read_one: Make, pdf_bytes: Make, column: Make
) -> None:
    pages = [[(72, 720, 18, False, "On Braiding"), *column(LINES)]]
    assert read_one(PdfReader(), write("a.pdf", pdf_bytes(pages, title="ON BRAIDING"))).title == "ON BRAIDING"
    assert (
        read_one(PdfReader(), write("b.pdf", pdf_bytes(pages, title="Microsoft Word - x.doc"))).title == "On Braiding"
    )
    assert read_one(PdfReader(), write("c.pdf", pdf_bytes(pages, title="Something else"))).title == "On Braiding"


def test_a_text_without_any_heading_keeps_all_its_words(
    write: Write, read_one: Make, pdf_bytes: Make, column: Make
) -> None:
    document = read_one(PdfReader(), write("plain.pdf", pdf_bytes([column(LINES)])))
    assert document.title == "plain"
    assert document.sections[0].blocks[0].text == " ".join(LINES)
    assert document.sections[0].role == "body"


def refused(path: Path, match: str, **settings: Any) -> None:
    with pytest.raises(ReadError, match=match) as caught:
        list(PdfReader(Config(**settings)).read(path, ReadReport()))
    assert str(path) in str(caught.value)
    assert caught.value.fix


def test_an_empty_file_is_refused(write: Write) -> None:
    refused(write("a.pdf", b""), "empty")


def test_what_is_no_pdf_is_refused(write: Write) -> None:
    refused(write("a.pdf", b"<html>404</html>"), "not a PDF")


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_pdf_that_was_cut_off_is_refused(write: Write, pdf_bytes: Make, column: Make, share: float) -> None:
    data = pdf_bytes(paper(column))
    refused(write("cut.pdf", data[: int(len(data) * share)]), "cut off")


def test_a_scan_without_text_is_refused(write: Write, pdf_bytes: Make) -> None:
    refused(write("scan.pdf", pdf_bytes([[], []])), "2 pages hold no text")


def test_a_file_beyond_the_size_limit_is_refused(write: Write) -> None:
    refused(write("big.pdf", b"%PDF-1.4" + b"\0" * 1_100_000 + b"%%EOF"), "at most 1 are read", max_megabytes=1)


def test_metadata_that_cannot_be_decoded_is_left_out(
    write: Write, read_one: Make, pdf_bytes: Make, column: Make
) -> None:
    data = pdf_bytes(paper(column), title="x").replace(b"/Title (x)", b"/Title <FEFFD8000041>")
    assert read_one(PdfReader(), write("a.pdf", data)).text


@pytest.mark.parametrize("padding", [b"\0" * 5_000, b" \r\n\0" * 4_096])
def test_padding_after_the_end_mark_is_allowed(
    write: Write, read_one: Make, pdf_bytes: Make, column: Make, padding: bytes
) -> None:
    data = pdf_bytes(paper(column))
    assert read_one(PdfReader(), write("a.pdf", data + padding)).text
    refused(write("cut.pdf", data[:-40] + padding), "cut off")
