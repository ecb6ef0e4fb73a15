"""The picture is a PNG that shows every box."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from plait.contracts.errors import IndexWriteError, QueryError
from plait.docgraph.drawing import draw
from plait.docgraph.fonts import _fonts
from plait.docgraph.layout import lay_out
from plait.docgraph.neighbourhood import Neighbour, Neighbourhood, Tie

FOUND = Neighbourhood(
    (
        Neighbour("a", "The paper in the middle", 2001, 0, 0.0),
        Neighbour("b", "学习 \u202e<b>odd</b> \x00 title " * 9, None, 1, 0.5),
        Neighbour("c" * 200, "", 1999, 1, 0.5),
    ),
    (Tie(0, 1, "cites", 1.0, True), Tie(1, 2, "a_relation_of_ones_own", 40.0, False)),
    3,
)


def test_it_is_drawn_at_twice_the_size_with_text_in_every_box(tmp_path: Path) -> None:
    draw(FOUND, tmp_path / "a.png")
    picture = lay_out(FOUND)
    with Image.open(tmp_path / "a.png") as image:
        assert image.format == "PNG"
        assert abs(image.width - 2 * picture.width) <= 2
        pixels = image.convert("L")
        for box in picture.boxes:
            inside = pixels.crop((int(2 * box.x - 170), int(2 * box.y - 60), int(2 * box.x + 170), int(2 * box.y + 60)))
            darkest, lightest = inside.getextrema()
            assert darkest < 120 < lightest  # writing on a light ground


def test_text_stays_inside_its_box(tmp_path: Path) -> None:
    """Without lines, nothing dark lies outside boxes and legend."""
    alone = Neighbourhood(FOUND.documents, ())
    draw(alone, tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        pixels = image.convert("L")
        for box in lay_out(alone).boxes:
            pixels.paste(255, (int(2 * box.x - 200), int(2 * box.y - 82), int(2 * box.x + 200), int(2 * box.y + 82)))
        assert pixels.getextrema() == (255, 255)


def test_a_system_without_fonts_uses_the_one_that_comes_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plait.docgraph.fonts._NAMES", ("no such font.ttf",))
    _fonts.cache_clear()
    test_it_is_drawn_at_twice_the_size_with_text_in_every_box(tmp_path)
    _fonts.cache_clear()


def test_letters_that_no_font_has_are_named(tmp_path: Path) -> None:
    odd = "\U0010fffd"  # for private use: no font of the system has it
    one = Neighbourhood((Neighbour("é", f"Ωμέγα {odd}", None, 0, 0.0),), ())
    assert draw(one, tmp_path / "a.png") == odd
    assert draw(one, tmp_path / "a.html") == ""


def test_a_place_that_cannot_be_written_and_another_format_are_refused(tmp_path: Path) -> None:
    with pytest.raises(IndexWriteError, match="cannot be written"):
        draw(FOUND, tmp_path / "nowhere" / "a.png")
    with pytest.raises(QueryError, match=r"\.gif"):
        draw(FOUND, tmp_path / "a.gif")
