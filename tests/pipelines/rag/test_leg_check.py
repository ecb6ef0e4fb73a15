"""A retriever whose vectors mean nothing has no say; one that is merely weaker keeps its own."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from plait.config import Pipeline, use
from plait.contracts import Hit, Query
from plait.hooks import Component, PluginHost, hookimpl
from plait.rag import open_index
from plait.rag.leg_check import LegCheck, check_legs, stored_check

PAPERS = Path(__file__).parents[3] / "examples" / "papers"
QUESTION = "How does ATLANTIC bring document structure to the language model?"


class Guessing:
    """Vectors that depend on nothing but chance."""

    dimension = 32

    def fingerprint(self) -> Mapping[str, Any]:
        return {"model": "guessing"}

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        seeds = [int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) for text in texts]
        made = np.array([np.random.default_rng(seed).normal(size=32) for seed in seeds], np.float32).reshape(-1, 32)
        return made / np.linalg.norm(made, axis=1, keepdims=True)

    embed_queries = embed_passages


@pytest.fixture(scope="module")
def host() -> Iterator[PluginHost]:
    module = ModuleType("guessing_embedder")
    module.Guessing = Guessing  # type: ignore[attr-defined]

    class Plugin:
        @hookimpl
        def plait_components(self) -> list[Component]:
            return [Component("embedder", "guessing", factory="guessing_embedder:Guessing")]

    sys.modules["guessing_embedder"] = module
    made = PluginHost.discover(third_party=False)
    made.register(Plugin(), name="guessing")
    yield made
    del sys.modules["guessing_embedder"]


@pytest.fixture(scope="module")
def guessed(host: PluginHost, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("legs") / "guessed.plait"
    pipeline = Pipeline(retrievers=[use("dense", embedder=use("guessing")), use("lexical")], gate=use("open"))
    with open_index(place, pipeline, host=host) as rag:
        summary = rag.add(PAPERS)
        told = [what for where, what in summary.report.skipped if where == "retriever 'dense'"]
        assert len(told) == 1 and "has no say in the fusion" in told[0]
    return place


def test_a_leg_that_guesses_changes_nothing_of_what_the_other_finds(host: PluginHost, guessed: Path) -> None:
    with open_index(guessed, host=host) as rag:
        found = rag.retrieve_all(QUESTION, 20)
        assert found.earned["dense"] == 0.0
        assert len(found.runs["dense"]) > 0
        assert [hit.passage_id for hit in found.fused] == [hit.passage_id for hit in found.runs["lexical"]][:20]


def test_explain_says_why(host: PluginHost, guessed: Path) -> None:
    with open_index(guessed, host=host) as rag:
        why = rag.explain(QUESTION, 3).broken["dense"]
    assert "asked for passages by their own words it finds 0.1" in why and "'lexical' " in why


def test_a_weight_in_the_settings_comes_first(host: PluginHost, guessed: Path) -> None:
    pipeline = Pipeline(
        retrievers=[use("dense", embedder=use("guessing")), use("lexical")],
        fusion=use("scores", weights={"dense": 1.0}),
        gate=use("open"),
    )
    with open_index(guessed, pipeline, host=host) as rag:
        assert "dense" not in rag.retrieve_all(QUESTION, 20).earned


def test_two_working_legs_keep_their_say(tmp_path: Path) -> None:
    with open_index(tmp_path / "index.plait", Pipeline()) as rag:
        rag.add(PAPERS)
        check = stored_check(rag.view)
        assert check is not None and check.broken == {} and min(check.values.values()) > 0.3
        assert check == check_legs(rag.parts.retrievers, rag.view)  # the same passages are asked for each time
        assert "dense" not in rag.retrieve_all(QUESTION, 20).earned
        commit = rag.view.commit
        (tmp_path / "one.md").write_text("# On braids\n\n" + "Three strands make one braid. " * 8)
        rag.add(tmp_path / "one.md")
        again = stored_check(rag.view)
        assert rag.view.commit > commit and again == check  # not made again for one document


def test_too_few_passages_say_nothing(tmp_path: Path) -> None:
    (tmp_path / "one.md").write_text("# On braids\n\n" + "Three strands make one braid. " * 8)
    with open_index(tmp_path / "index.plait", Pipeline()) as rag:
        rag.add(tmp_path / "one.md")
        assert stored_check(rag.view) is None


def test_where_none_finds_much_none_is_judged_by_it() -> None:
    assert LegCheck(100, {"dense": 0.0, "lexical": 0.4}).broken == {}
    assert set(LegCheck(100, {"dense": 0.1, "lexical": 0.9}).broken) == {"dense"}


def test_a_retriever_that_fails_is_not_judged_and_keeps_no_document_out(tmp_path: Path) -> None:
    class Failing:
        def retrieve(self, query: Query, view: Any, k: int) -> list[Hit]:
            raise RuntimeError("the wires are cut")

    with open_index(tmp_path / "index.plait", Pipeline()) as rag:
        rag.add(PAPERS)
        legs: dict[str, Any] = {**rag.parts.retrievers, "failing": Failing()}
        assert set(check_legs(legs, rag.view).values) == {"dense", "lexical"}
