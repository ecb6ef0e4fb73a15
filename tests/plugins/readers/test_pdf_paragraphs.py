"""Printed lines become running text again."""

import pytest

from plait.readers.pdf_paragraphs import join_lines, vocabulary


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (["a line", "and another"], "a line and another"),
        (["repre-", "sentation"], "representation"),
        (["well-", "known"], "well-known"),
        (["soft\u00ad", "ness"], "softness"),
        (["marked\u0002", "by PDFium"], "markedby PDFium"),
        (["Hewlett-", "Packard"], "Hewlett-Packard"),
        (["state-of-the-", "art"], "state-of-the-art"),
        (["in 2019-", "2020"], "in 2019-2020"),
        (["three- and four-", "velocities"], "three- and four-velocities"),
        (["pre- and", "post-training"], "pre- and post-training"),
        (["see https://doi.org/10.1088/", "1748-9326"], "see https://doi.org/10.1088/1748-9326"),
        (["see https:", "//doi.org/10.1/x"], "see https://doi.org/10.1/x"),
        (["at https://a.org/b.", "The next sentence"], "at https://a.org/b. The next sentence"),
        (["", "only", " "], "only"),
        ([], ""),
    ],
)
def test_lines_are_joined_as_a_reader_would(lines: list[str], text: str) -> None:
    assert join_lines(lines, set()) == text


def test_a_word_that_the_document_writes_with_its_hyphen_keeps_it() -> None:
    words = vocabulary(["A point-wise loss and a broken repre-", "sentation, whole: bitwise"])
    assert join_lines(["point-", "wise"], words) == "point-wise"
    assert join_lines(["bit-", "wise"], words) == "bitwise"
    assert "repre" not in words
