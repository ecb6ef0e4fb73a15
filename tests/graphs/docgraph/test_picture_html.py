"""The page needs nothing but itself, and no title can put anything into it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from lxml import etree, html

from plait.contracts.errors import IndexWriteError
from plait.docgraph.neighbourhood import Neighbour, Neighbourhood, Tie
from plait.docgraph.picture_html import draw_html, html_of

ATTACKS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</title><svg onload=alert(1)>",
    "' onmouseover='alert(1)",
    "]]><!-- ${x} {{y}}",
    "javascript:alert(1)",
)


def _around(*titles: str) -> Neighbourhood:
    documents = [Neighbour(f"{title}-id", title, 2000, min(n, 1), 1.0) for n, title in enumerate(titles)]
    ties = tuple(Tie(0, n, "cites", 1.0, True) for n in range(1, len(titles)))
    return Neighbourhood(tuple(documents), ties, 1)


def test_no_title_or_id_becomes_markup() -> None:
    page = html.document_fromstring(html_of(_around("Middle", *ATTACKS)))
    assert len(page.xpath("//script")) == 1
    assert page.xpath("//img | //iframe | //object | //embed | //link | //a") == []
    assert [name for element in page.iter() for name in element.attrib if name.lower().startswith("on")] == []
    shown = ["".join(title.itertext()) for title in page.iter("title")]
    assert all(any(attack in title for title in shown) for attack in ATTACKS)  # as text, whole


def test_a_relation_of_ones_own_becomes_no_markup() -> None:
    found = _around("a", "b")
    odd = Neighbourhood(found.documents, (Tie(0, 1, '"><script>x</script>', 1.0, True),))
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


def test_the_picture_is_well_formed_with_a_box_a_document() -> None:
    page = html_of(_around("Middle", *ATTACKS))
    picture = etree.fromstring(re.search(r"<svg.*</svg>", page, re.DOTALL).group().encode())
    assert len(picture.findall(".//{*}rect")) == len(ATTACKS) + 1
    assert {g.get("data-n") for g in picture.findall(".//{*}g")} == {str(n) for n in range(len(ATTACKS) + 1)}


def test_it_is_written_or_refused(tmp_path: Path) -> None:
    draw_html(_around("Größe"), tmp_path / "a.html")
    assert "Größe" in (tmp_path / "a.html").read_text(encoding="utf-8")
    with pytest.raises(IndexWriteError):
        draw_html(_around("a"), tmp_path)
