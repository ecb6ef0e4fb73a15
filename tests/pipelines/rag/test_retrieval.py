"""A retriever that has to show that it helps has no say before: the fused list is what it is without it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from plait.config import Pipeline, use
from plait.contracts import Hit, Query
from plait.fusion.ranks import ReciprocalRank, ReciprocalRankConfig
from plait.rag import open_index
from plait.rag.retrieval import fuse_earned
from plait.retrievers.graph_model import MODEL, WalkWeights, save_traversal_weights, traversal_weights
from plait.training import committing

QUESTIONS = ("sorting keys", "Which planet has a moon?", "bread", "citations of whales and chess")
TEXT = (use("dense"), use("lexical"))
WALKING = (*TEXT, use("docgraph", relations=["cites", "cited_by"]))


def fused(index: Path, retrievers: tuple[Any, ...], fusion: Any) -> list[Any]:
    with open_index(index, Pipeline(retrievers=retrievers, fusion=fusion)) as rag:
        return [rag.retrieve_all(question, 20).fused for question in QUESTIONS]


def earning(index: Path, weight: float) -> None:
    """Stands for a training that keeps the walk with this weight."""
    with open_index(index) as rag, committing(rag, 10.0) as writer:
        made = index / "made"
        made.mkdir()
        save_traversal_weights(traversal_weights(rag.view), WalkWeights(0.0, weight), made)
        writer.keep_model(MODEL, made)
        writer.commit("train docgraph")


@pytest.mark.parametrize("name", ["rrf", "scores", "gated"])
def test_untrained_the_walk_changes_no_bit_of_the_fused_list(community: Path, name: str) -> None:
    ranks = use("scores") if name == "gated" else use(name)
    assert fused(community, WALKING, use(name)) == [
        # The fused column is the text's: only its label differs from dense's.
        [_labelled(hit, "dense", "gated") if name == "gated" else hit for hit in hits]
        for hits in fused(community, TEXT, ranks)
    ]


def _labelled(hit: Hit, old: str, new: str) -> Hit:
    from dataclasses import replace

    strands = tuple(replace(s, retriever=new if s.retriever == old else s.retriever) for s in hit.strands)
    return replace(hit, strands=strands)


def test_its_run_is_shown_all_the_same_and_why_it_does_not_count(community: Path) -> None:
    with open_index(community, Pipeline(retrievers=WALKING)) as rag:
        found = rag.retrieve_all(QUESTIONS[0], 20)
        assert found.runs["docgraph"]
        assert found.earned == {"docgraph": 0.0}
        assert rag.explain(QUESTIONS[0]).to_json()["earned"] == {"docgraph": 0.0}
        (stage,) = [stage for stage in rag.ask(QUESTIONS[0]).trace.stages if stage.name == "retrieve"]
        assert stage.detail["earned"] == {"docgraph": 0.0}


def test_a_walk_that_has_earned_a_weight_counts_that_much(community: Path) -> None:
    earning(community, 2.0)
    weighed = use("rrf", weights={"docgraph": 2.0})
    assert fused(community, WALKING, use("rrf")) == fused(community, WALKING, weighed)
    assert fused(community, WALKING, use("rrf")) != fused(community, TEXT, use("rrf"))


def test_a_weight_of_the_settings_comes_before_what_was_earned(community: Path) -> None:
    by_hand = use("gated", ranks=use("weighted", weights={"docgraph": 0.5}))
    before = fused(community, WALKING, by_hand)
    with open_index(community, Pipeline(retrievers=WALKING, fusion=by_hand)) as rag:
        assert rag.retrieve_all(QUESTIONS[0]).earned == {}
    earning(community, 4.0)
    assert fused(community, WALKING, by_hand) == before


class Plain:
    """A third party's fusion, which knows nothing of weights."""

    def fuse(self, query: Query, runs: Mapping[str, Sequence[Hit]], k: int) -> Sequence[Hit]:
        return ReciprocalRank(ReciprocalRankConfig()).fuse(query, runs, k)


def test_a_fusion_without_weights_gets_the_runs_that_count() -> None:
    runs = {"a": [Hit("x", "d", 1.0, 0)], "b": [Hit("y", "e", 1.0, 1)]}
    query = Query("?")
    assert fuse_earned(Plain(), query, runs, 5, {"b": 0.0}) == Plain().fuse(query, {"a": runs["a"]}, 5)
    assert fuse_earned(Plain(), query, runs, 5, {"b": 0.5}) == Plain().fuse(query, runs, 5)
