"""Settings are checked before anything is imported, and what is wrong is named."""

from __future__ import annotations

from typing import Any

import pytest

from plait.config import use
from plait.contracts.errors import ConfigError, PluginError, UnknownComponentError
from plait.hooks import Assembly


def test_settings_are_validated(assembly: Assembly) -> None:
    settings: Any = assembly.settings("chunker", use("sized", window=5, words=["a"]))
    assert (settings.window, settings.words) == (5, ("a",))


def test_an_unknown_setting_names_component_key_choices_and_nearest(assembly: Assembly) -> None:
    with pytest.raises(ConfigError) as caught:
        assembly.settings("chunker", use("sized", windw=5))
    error = caught.value
    assert error.where == "chunker 'sized' (test-parts)"
    assert error.message == "unknown key 'windw'"
    assert error.choices == ("window", "words")
    assert error.fix == "write 'window' instead of 'windw'"


def test_a_wrong_value_is_shown_with_what_was_expected(assembly: Assembly) -> None:
    with pytest.raises(ConfigError, match=r"'window' is 'five', but it must be: a valid integer"):
        assembly.settings("chunker", use("sized", window="five"))


def test_every_wrong_setting_is_named_at_once(assembly: Assembly) -> None:
    with pytest.raises(ConfigError) as caught:
        assembly.settings("chunker", use("sized", window="five", words=[1], other=2))
    assert "3 problems" in str(caught.value)
    assert all(key in str(caught.value) for key in ("'window'", "'words[0]'", "'other'"))


def test_the_settings_of_parts_are_checked_too(assembly: Assembly) -> None:
    with pytest.raises(ConfigError, match=r"chunker 'sized'.*unknown key 'windw'"):
        assembly.settings("chunker", use("pair", first=use("sized", windw=5)))
    with pytest.raises(UnknownComponentError, match="write 'sized'"):
        assembly.settings("chunker", use("pair", second=use("sizd")))


def test_a_component_without_settings_refuses_any(assembly: Assembly) -> None:
    with pytest.raises(ConfigError, match="unknown key 'size'"):
        assembly.settings("chunker", use("blocks", size=3))
    assert assembly.settings("chunker", use("blocks")).model_dump() == {}


def test_checking_settings_does_not_import_the_factory(assembly: Assembly) -> None:
    assembly.settings("chunker", use("absent"))


def test_a_component_that_is_a_part_of_itself_is_refused(assembly: Assembly) -> None:
    with pytest.raises(PluginError, match="part of itself"):
        assembly.settings("chunker", use("circle"))


def test_a_config_that_is_no_model_is_refused(assembly: Assembly) -> None:
    with pytest.raises(PluginError, match="not a pydantic model"):
        assembly.settings("chunker", use("odd"))
