"""A whole pipeline is checked against what is installed, every mistake in one message."""

from __future__ import annotations

import pytest

from plait.config import Pipeline, Settings, Use, named_components, use, validate_pipeline
from plait.contracts.errors import ConfigError, UnknownComponentError


class Plain(Settings):
    """The settings every component of this test has."""

    size: int = 3


class Catalogue:
    """Knows the names in ``known``, each with the settings of :class:`Plain`."""

    known = ("markdown", "sections", "dense", "scores", "similarity", "extractive", "words")

    def settings(self, kind: str, use: Use) -> Plain:
        if use.name not in self.known:
            raise UnknownComponentError(f"there is no {kind} {use.name!r}", choices=self.known, fix="write another")
        if set(use.settings) - {"size"}:
            raise ConfigError(f"unknown key {min(use.settings)!r}", where=f"{kind} {use.name!r}", choices=["size"])
        return Plain(**use.settings)


GOOD = Pipeline(readers=[use("markdown")], retrievers=[use("dense", size=5)], chunker=use("sections"))


def test_a_good_pipeline_passes() -> None:
    validate_pipeline(GOOD, Catalogue())


def test_one_mistake_is_named_with_its_place() -> None:
    pipeline = GOOD.model_copy(update={"retrievers": (use("dense"), use("dens"))})
    with pytest.raises(ConfigError) as caught:
        validate_pipeline(pipeline, Catalogue(), where="pipeline.toml")
    assert caught.value.where == "pipeline.toml: retrievers[1]"
    assert caught.value.choices == Catalogue.known


def test_all_mistakes_come_in_one_message() -> None:
    pipeline = GOOD.model_copy(
        update={"readers": (use("markdwn"),), "ranker": use("mmr"), "generator": use("extractive", sise=3)}
    )
    with pytest.raises(ConfigError) as caught:
        validate_pipeline(pipeline, Catalogue(), where="pipeline.toml")
    lines = str(caught.value).splitlines()
    assert lines[0] == "pipeline.toml: 3 problems"
    assert lines[1].startswith("  1. readers[0]: there is no reader 'markdwn'. Choices: ")
    assert lines[2].startswith("  2. ranker: there is no ranker 'mmr'")
    assert lines[3].startswith("  3. generator: generator 'extractive': unknown key 'sise'. Choices: size")


def test_every_component_of_a_pipeline_is_visited() -> None:
    pipeline = GOOD.model_copy(update={"ranker": use("mmr")})
    places = [place for place, _, _ in named_components(pipeline)]
    assert places == ["readers[0]", "chunker", "retrievers[0]", "fusion", "ranker", "gate", "generator", "verifiers[0]"]
