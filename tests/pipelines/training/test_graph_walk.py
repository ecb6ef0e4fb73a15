"""The walk is kept where hidden references show that it helps, and never where only degrees are left of a graph."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plait.config import Pipeline, use
from plait.contracts import Query
from plait.docgraph.rewiring import rewired
from plait.rag import Rag, open_index
from plait.retrievers.graph_model import TRAVERSAL, walk_weights
from plait.training.docgraph import docgraph_of, train_docgraph
from plait.training.graph_walk import WalkReport, learn_walk

pytestmark = pytest.mark.slow

TOPICS = ("compiler grammar token", "whale ocean reef", "violin opera choir", "bread yeast oven")
CLASSICS = 40
PAPERS = 140
PIPELINE = Pipeline(
    retrievers=(use("dense"), use("lexical"), use("docgraph", relations=["cites", "cited_by"])), fusion=use("weighted")
)


def records() -> list[dict[str, Any]]:
    """Papers whose titles tell their topic cite classics of the topic, whose own words tell nothing."""
    chance = np.random.default_rng(5)
    names = ["amber", "brook", "cedar", "dune", "ember", "fjord", "grove", "heath", "islet", "jetty"]
    made: list[dict[str, Any]] = []
    for number in range(PAPERS):
        topic = number % len(TOPICS)
        metadata: dict[str, Any] = {"year": 1950 + number // 4}
        if number < CLASSICS:
            title = " ".join(chance.permutation(names)[:3])
        else:
            title = " ".join([*chance.permutation(TOPICS[topic].split()), *chance.permutation(names)[:2]])
            own = [classic for classic in range(CLASSICS) if classic % len(TOPICS) == topic]
            weights = 1.0 / (1.0 + np.arange(len(own)))  # some are cited often
            cited = chance.choice(own, size=4, replace=False, p=weights / weights.sum())
            metadata["references"] = [f"d{classic:03}" for classic in sorted(cited.tolist())]
        made.append({"_id": f"d{number:03}", "title": f"{title} {number}", "text": "", "metadata": metadata})
    return made


@pytest.fixture(scope="module")
def index(papers: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of them; nothing is trained on it."""
    folder = tmp_path_factory.mktemp("schools")
    with open_index(folder / "index", PIPELINE) as rag:
        assert not rag.add(papers.write(folder / "papers", records())).failures
    return folder / "index"


def learnt(rag: Rag, seed: int | None = None) -> WalkReport:
    """Of the index's own citations, or of these dealt out anew."""
    source = docgraph_of(rag)
    graph = source.graph(rag.view)
    return learn_walk(rag, source, graph=graph if seed is None else rewired(graph, (7, seed)))


def test_citations_that_follow_topics_are_kept_and_weigh_what_hidden_references_say(index: Path) -> None:
    with open_index(index) as rag:
        report = learnt(rag)
    assert report.reason == ""
    assert report.scores["fused"] > report.scores["text"] + 0.2
    assert report.scores["fused"] > report.scores["walk"] - 0.02
    gain = report.gains["fused"]
    assert len(gain.controls) == 9 and max(gain.controls) < gain.bound < gain.value
    assert report.earned.titles > 1.0
    # A quarter of a voice changes nothing here: so little helps no question.
    assert report.gains["questions"].reason("nDCG@10") and report.earned.questions == 0.0
    json.dumps(report.to_json(), allow_nan=False)


def test_the_same_citations_dealt_out_anew_are_refused_although_degrees_alone_find_some(index: Path) -> None:
    with open_index(index) as rag:
        reports = [learnt(rag, seed) for seed in range(3)]
    assert all(report.reason for report in reports)
    assert any(report.gains["fused"].value > 0.05 for report in reports), "a control that nothing passes shows nothing"


def test_what_is_kept_has_its_say_in_the_index_and_a_title_finds_its_document_first(index: Path) -> None:
    with open_index(index) as rag:
        title = rag.view.title("d100")
        before = [hit.document_id for hit in rag.retrieve(title)]
        report = train_docgraph(rag)
        assert report.walk.reason == "" and report.commit is not None
        view = rag.view
        folder = view.model("docgraph")
        assert folder is not None and (folder / TRAVERSAL).is_file()
        assert walk_weights(view) == report.walk.earned
        source = docgraph_of(rag)
        assert source.earned_weight(Query(title), view) == report.walk.earned.titles  # type: ignore[attr-defined]
        assert source.earned_weight(Query("whales?"), view) == report.walk.earned.questions  # type: ignore[attr-defined]
        found = rag.retrieve_all(title)
        assert found.fused[0].document_id == found.runs["docgraph"][0].document_id == "d100"
        ranked = [hit.document_id for hit in found.fused]
        classics = {f"d{number:03}" for number in range(CLASSICS)}
        assert len(classics & {*ranked[:6]}) > len(classics & {*before[:6]})
