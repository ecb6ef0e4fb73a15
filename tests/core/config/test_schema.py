"""Settings have one normal form, however they were written."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from plait.config import Settings, Use, use
from plait.config.schema import plain
from plait.contracts.errors import ConfigError


def test_a_part_is_the_table_that_toml_holds() -> None:
    assert use("dense", embedder=use("minilm", max_tokens=9)).settings == {
        "embedder": {"use": "minilm", "max_tokens": 9}
    }


def test_a_part_reads_back_as_a_use() -> None:
    part = use("dense", embedder=use("minilm", max_tokens=9)).settings["embedder"]
    assert Use.model_validate(part) == use("minilm", max_tokens=9)


@pytest.mark.parametrize(
    "written",
    [
        Use(name="dense", settings={"sizes": (1, 2)}),
        Use.model_validate({"use": "dense", "sizes": [1, 2]}),
        use("dense", sizes=[1, 2]),
    ],
)
def test_every_way_of_writing_a_use_is_equal(written: Use) -> None:
    assert written == use("dense", sizes=(1, 2))


def test_a_bare_name_is_a_use() -> None:
    assert Use.model_validate("dense") == use("dense")


def test_a_use_keeps_no_hold_on_what_it_was_given() -> None:
    relations = ["cites"]
    written = use("docgraph", relations=relations)
    relations.append("co_author")
    assert written.settings == {"relations": ["cites"]}


def test_paths_dates_and_settings_become_plain_values() -> None:
    class Inner(Settings):
        size: int = 3

    given = {"folder": Path("a/b"), "day": date(2024, 5, 1), "inner": Inner(), "deep": ({"x": (1.5, None)},)}
    assert plain(given, "") == {
        "folder": "a/b",
        "day": date(2024, 5, 1),
        "inner": {"size": 3},
        "deep": [{"x": [1.5, None]}],
    }


@pytest.mark.parametrize(
    ("value", "where"),
    [
        (print, "use(...).key"),
        ({"inner": [1, {2}]}, "use(...).key.inner[1]"),
        ({1: "one"}, "use(...).key"),
        (float("nan"), "use(...).key"),
        (b"bytes", "use(...).key"),
    ],
)
def test_a_value_that_no_file_could_hold_is_refused_with_its_key(value: Any, where: str) -> None:
    with pytest.raises(ConfigError) as caught:
        use("dense", key=value)
    assert caught.value.where == where


def test_use_is_no_setting() -> None:
    with pytest.raises(ConfigError, match="'use' names the component"):
        use("dense", use="minilm")


@pytest.mark.parametrize("value", [{"name": ""}, {"use": 3}, {}, 7, {"name": "dense", "size": 3}])
def test_what_is_no_use_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError):
        Use.model_validate(value)
