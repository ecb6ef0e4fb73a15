"""The page needs nothing but itself, and no title can put anything into it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from lxml import etree, html

from plait.contracts.errors import IndexWriteError, QueryError
from plait.docgraph import EgoGraph, Neighbour, Tie, draw
from plait.docgraph.pictures import _width, html_of, shortened, svg_of, wrapped

ATTACKS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</title><svg onload=alert(1)>",
    "' onmouseover='alert(1)",
    "]]><!-- ${x} {{y}}",
    "javascript:alert(1)",
)


def _around(*titles: str) -> EgoGraph:
    documents = [Neighbour(f"{title}-id", title, 2000, min(n, 1), 1.0) for n, title in enumerate(titles)]
    ties = tuple(Tie(0, n, "cites", 1.0, True) for n in range(1, len(titles)))
    return EgoGraph(tuple(documents), ties, 1)


def test_no_title_or_id_becomes_markup() -> None:
    page = html.document_fromstring(html_of(_around("Middle", *ATTACKS)))
    assert len(page.xpath("//script")) == 1
    assert page.xpath("//img | //iframe | //object | //embed | //link | //a") == []
    assert [name for element in page.iter() for name in element.attrib if name.lower().startswith("on")] == []
    shown = ["".join(title.itertext()) for title in page.iter("title")]
    assert all(any(attack in title for title in shown) for attack in ATTACKS)  # as text, whole


def test_a_relation_of_ones_own_becomes_no_markup() -> None:
    found = _around("a", "b")
    odd = EgoGraph(found.documents, (Tie(0, 1, '"><script>x</script>', 1.0, True),))
    assert len(html.document_fromstring(html_of(odd)).xpath("//script")) == 1


def test_nothing_is_loaded_from_elsewhere_and_only_its_own_script_may_run() -> None:
    page = html_of(_around("Middle", "Other"))
    assert "default-src 'none'" in page
    assert re.search(r"script-src 'sha256-[\w+/=]{44}'", page)
    assert set(re.findall(r"https?://[^\"' ]+", page)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"\b(src|href)=", page)


def test_the_policy_names_the_script_that_is_there() -> None:
    import base64
    import hashlib

    page = html_of(_around("Middle"))
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in page


@pytest.mark.parametrize(
    "titles", [ATTACKS, ("nul \x00", "half \ud800", "not \uffff a \ufdd0 letter", "学习 \u202e back")]
)
def test_the_picture_is_well_formed_with_a_box_a_document(titles: tuple[str, ...]) -> None:
    picture = etree.fromstring(svg_of(_around("Middle", *titles)).encode())
    assert len(picture.findall(".//{*}rect")) == len(titles) + 1
    assert {g.get("data-n") for g in picture.findall(".//{*}g")} == {str(n) for n in range(len(titles) + 1)}
    assert picture.findall(".//{*}script") == []


def test_text_stays_inside_its_box() -> None:
    """A line that may be too wide in the viewer's font is told its room."""
    picture = etree.fromstring(
        svg_of(_around("Middle", "W" * 90, "学习" * 60, "a title of several words " * 9)).encode()
    )
    for box in picture.findall(".//{*}g"):
        rect = box.find("{*}rect")
        left, top = float(rect.get("x")), float(rect.get("y"))
        for text in box.findall("{*}text"):
            x, wide = float(text.get("x")), float(text.get("textLength", _width(text.text)))
            assert left < x
            assert x + wide < left + float(rect.get("width"))
            assert top < float(text.get("y")) < top + float(rect.get("height"))


def test_titles_break_between_words_and_end_in_an_ellipsis() -> None:
    room = 9 * _width("n")
    assert wrapped("one two nun", room, 2) == ["one two", "nun"]
    assert wrapped("nunu nun nunu nun nunu", room, 2) == ["nunu nun", "nunu nun…"]
    assert wrapped("n" * 40, room, 3) == ["n" * 9, "n" * 9, "n" * 8 + "…"]
    assert wrapped("学" * 40, 5 * _width("学"), 3) == ["学" * 5, "学" * 5, "学" * 4 + "…"]
    assert wrapped("", room, 2) == []
    assert shortened("n" * 50, 4 * _width("n")) == "nnn…"


@pytest.mark.parametrize("name", ["a.html", "a.HTM", "a.svg"])
def test_it_is_written_or_refused(name: str, tmp_path: Path) -> None:
    draw(_around("Größe"), tmp_path / name)
    assert "Größe" in (tmp_path / name).read_text(encoding="utf-8")
    with pytest.raises(IndexWriteError, match="cannot be written"):
        draw(_around("a"), tmp_path / "nowhere" / name)


def test_another_format_is_refused_with_what_there_is_instead(tmp_path: Path) -> None:
    with pytest.raises(QueryError, match=r"no picture is written as '\.png'.*\.html, \.svg.*write \.svg"):
        draw(_around("a"), tmp_path / "a.png")
