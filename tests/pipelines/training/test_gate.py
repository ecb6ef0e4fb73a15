"""The gate is calibrated for an embedder that nobody has measured, and says so where it is not."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from plait.config import Pipeline, use
from plait.contracts import Answer
from plait.contracts.errors import ConfigError
from plait.embedders.transformers import MiniLM, MiniLMConfig
from plait.hooks import Component, PluginHost, hookimpl
from plait.rag import Rag, open_index
from plait.training.gate import train_gate

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[3] / "examples"
QUESTIONS = [json.loads(line) for line in (EXAMPLES / "questions.jsonl").read_text(encoding="utf-8").splitlines()]
UNANSWERABLE = [one["text"] for one in QUESTIONS if one["kind"] == "unanswerable"]
ANSWERABLE = [one["text"] for one in QUESTIONS if one["kind"] != "unanswerable"][:20]


class Shifted:
    """MiniLM with one constant direction added to every vector: the order of all hits is the same, no cosine is."""

    def __init__(self) -> None:
        self.inner = MiniLM(MiniLMConfig())
        self.dimension = self.inner.dimension + 1

    def fingerprint(self) -> Mapping[str, Any]:
        return {"model": "shifted"}

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self._shifted(self.inner.embed_passages(texts))

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self._shifted(self.inner.embed_queries(texts))

    @staticmethod
    def _shifted(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.hstack([vectors, np.ones((len(vectors), 1), np.float32)]) / np.float32(np.sqrt(2))


@pytest.fixture(scope="module")
def host() -> Iterator[PluginHost]:
    """What is installed, and a plugin with that embedder; its factory is imported by name, as any other."""
    module = ModuleType("shifted_embedder")
    module.Shifted = Shifted  # type: ignore[attr-defined]

    class Plugin:
        @hookimpl
        def plait_components(self) -> list[Component]:
            return [Component("embedder", "shifted", factory="shifted_embedder:Shifted")]

    sys.modules["shifted_embedder"] = module
    host = PluginHost.discover(third_party=False)
    host.register(Plugin(), name="shifted")
    yield host
    del sys.modules["shifted_embedder"]


@pytest.fixture(scope="module")
def indexed(host: PluginHost, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("gate") / "papers.plait"
    with open_index(place, PIPELINE, host=host) as rag:
        rag.add(EXAMPLES / "papers")
    return place


RANKS = use("rrf")
"""Sums of scores hear the offset of cosines; that the gate hears it no longer is what is shown here."""
PIPELINE = Pipeline(retrievers=[use("dense", embedder=use("shifted")), use("lexical")], fusion=RANKS)


@pytest.fixture
def rag(indexed: Path, host: PluginHost, tmp_path: Path) -> Iterator[Rag]:
    shutil.copytree(indexed, tmp_path / "papers.plait")
    with open_index(tmp_path / "papers.plait", PIPELINE, host=host) as rag:
        yield rag


def calibration(answer: Answer) -> str:
    return next(str(stage.detail["calibration"]) for stage in answer.trace.stages if stage.name == "gate")


def test_an_embedder_that_nobody_measured_is_judged_by_words_and_the_trace_says_so(rag: Rag) -> None:
    said = calibration(rag.ask(UNANSWERABLE[0]))
    assert "no threshold is known for shifted" in said
    assert "plait train gate" in said


@pytest.mark.slow
def test_after_training_a_constant_direction_changes_no_decision(rag: Rag, tmp_path: Path) -> None:
    found = train_gate(rag)
    assert found.commit is not None
    # cos' = (cos + 1) / 2, so cos = 2 cos' - 1
    assert found.report["scale"] == pytest.approx(2.0, abs=0.02)
    assert found.report["offset"] == pytest.approx(-1.0, abs=0.02)
    assert found.report["agreement"] > 0.99
    with open_index(tmp_path / "plain.plait", Pipeline(fusion=RANKS)) as plain:
        plain.add(EXAMPLES / "papers")
        declined = [answer.declined for answer in plain.ask_many(UNANSWERABLE + ANSWERABLE)]
    answers = rag.ask_many(UNANSWERABLE + ANSWERABLE)
    assert calibration(answers[0]) == "measured on this index"
    assert [answer.declined for answer in answers] == declined
    assert all(declined[: len(UNANSWERABLE)])
    rag.index.rollback(1)
    assert "words alone" in calibration(rag.ask(ANSWERABLE[0]))


def test_a_gate_that_learns_nothing_and_an_index_that_is_too_small_are_named(rag: Rag, host: PluginHost) -> None:
    unlearning = PIPELINE.model_copy(update={"gate": use("open")})
    with (
        open_index(rag.path, unlearning, host=host) as other,
        pytest.raises(ConfigError, match="the gate 'open' learns nothing"),
    ):
        train_gate(other)
    small = rag.path.parent / "small"
    small.mkdir()
    (small / "one.md").write_text("# Tea\n\nGreen tea is steamed after it was picked.\n")
    with open_index(rag.path.parent / "small.plait", PIPELINE, host=host) as other:
        other.add(small)
        with pytest.raises(ConfigError, match="at least 20 are needed"):
            train_gate(other)
