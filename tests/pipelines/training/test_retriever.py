"""Distilling a retriever from a reader of random weights: what it learns is its taste, whatever that is worth."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers import LlamaForCausalLM  # noqa: F401 - before torch is asked for threads

from plait.config import Pipeline, use
from plait.contracts.errors import ConfigError, IdentityError, ReadError
from plait.fusion.tokens.distillation import DistillationSettings
from plait.rag import Rag, open_index
from plait.retrievers.query_adapter import MODEL
from plait.training import retriever as training
from plait.training.retriever import searched_column, train_retriever
from plait.training.retriever_report import Found, decide

COLOURS = ("red", "green", "blue", "grey", "brown", "white", "black", "pink", "gold", "lime")
THINGS = ("river", "castle", "engine", "garden", "bridge", "market")


class Taste:
    """A teacher that likes passages by one word in them, which questions do not mention: a rule that can be learnt."""

    name = "taste"

    def answers(self, texts: Any) -> Any:
        return [(1,) for _ in texts]

    def read(self, prompts: Any, answers: Any) -> Any:
        import torch

        return [torch.tensor([[0.0 if "castle" in prompt.texts[0] else -3.0]]) for prompt in prompts]


def write_papers(folder: Path) -> Path:
    folder.mkdir()
    for n, colour in enumerate(COLOURS):
        for m, thing in enumerate(THINGS):
            (folder / f"{colour}-{thing}.md").write_text(
                f"---\nid: {colour}-{thing}\ntitle: The {colour} {thing}\n---\n\n"
                f"The {colour} {thing} stands on square {n} {m}.\n"
            )
    return folder


def write_pairs(path: Path, *, document: str | None = None, each: int = 4) -> Path:
    shapes = ("Where is the {}?", "On which square does the {} stand?", "Tell me about the {}.", "Is there a {}?")
    lines = [
        {"question": shape.format(f"{colour} one"), "answer": "There."}
        | ({} if document is None else {"documents": [f"{colour}-{document}"]})
        for colour in COLOURS
        for shape in shapes[:each]
    ]
    path.write_text("\n".join(map(json.dumps, lines)))
    return path


@pytest.fixture
def rag(tmp_path: Path) -> Iterator[Rag]:
    pipeline = Pipeline(retrievers=[use("dense"), use("lexical")], answer={"passages": 2})
    with open_index(tmp_path / "papers.plait", pipeline) as opened:
        assert not opened.add(write_papers(tmp_path / "papers")).failures
        yield opened


@pytest.fixture
def taste(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the teacher is made up; retrieval, folds, distillation, controls and the index are the real ones."""
    monkeypatch.setattr(training, "answer_reader", lambda _rag: Taste())


LEARNS = DistillationSettings(gold_temperature=0.5, prior=0.5, steps=200, learning_rate=2e-3)


def _cosines_first(rag: Rag, question: str) -> list[str]:
    return [hit.document_id for hit in rag.retrieve_all(question, 5).runs["dense"]][:5]


@pytest.mark.usefixtures("taste")
def test_a_retriever_that_finds_what_helps_is_kept_and_searched_with(rag: Rag, tmp_path: Path) -> None:
    question = "Where is the red one?"
    before = _cosines_first(rag, question)
    found = train_retriever(rag, write_pairs(tmp_path / "pairs.jsonl", document="castle"), settings=LEARNS)
    rows = found.report.rows
    assert rows["distilled"].best > rows["shuffled"].best
    assert rows["distilled"].best > rows["untrained"].best
    assert rows["distilled"].ndcg is not None and rows["untrained"].ndcg is not None
    assert rows["distilled"].ndcg > rows["untrained"].ndcg
    assert found.commit is not None, found.report.reasons
    assert _cosines_first(rag, question)[0] == "red-castle"
    explained = rag.explain(question, 1).hits[0]
    assert explained.text == pytest.approx(
        next(hit.score for hit in rag.retrieve_all(question).runs["dense"] if hit.row == explained.hit.row), abs=1e-5
    )
    rag.index.rollback(found.commit - 1)
    assert _cosines_first(rag, question) == before


@pytest.mark.usefixtures("taste")
def test_what_makes_documents_harder_to_find_is_not_kept(rag: Rag, tmp_path: Path) -> None:
    before = rag.index.commit
    found = train_retriever(rag, write_pairs(tmp_path / "pairs.jsonl", document="river"), settings=LEARNS)
    assert found.report.gain[1] > 0
    assert found.commit is None
    assert "documents that hold the answer are found worse" in found.report.reasons[-1]
    assert rag.index.commit == before


def test_a_real_reader_is_asked_and_its_report_is_json(tmp_path: Path, tiny_t5: Path) -> None:
    generator = use("fusion-in-decoder", model=str(tiny_t5))
    with open_index(tmp_path / "papers.plait", Pipeline(generator=generator, answer={"passages": 2})) as rag:
        rag.add(write_papers(tmp_path / "papers"))
        found = train_retriever(rag, write_pairs(tmp_path / "pairs.jsonl", each=2))
    told = json.loads(json.dumps(found.to_json()))
    assert set(told["rows"]) == {"untrained", "distilled", "shuffled"}
    assert told["rows"]["untrained"]["ndcg"] is None
    assert (told["questions"], told["folds"], told["passages"], told["column"]) == (20, 5, 2, "dense")
    assert told["scored"] >= 20 * 10


@pytest.mark.usefixtures("taste")
def test_distilling_is_deterministic_under_a_seed(rag: Rag, tmp_path: Path) -> None:
    pairs, short = write_pairs(tmp_path / "pairs.jsonl"), LEARNS.model_copy(update={"steps": 5})
    runs = [train_retriever(rag, pairs, settings=short, seed=seed).report for seed in (3, 3, 4)]
    assert np.array_equal(runs[0].adapter.matrix, runs[1].adapter.matrix)
    assert runs[0].rows == runs[1].rows
    assert not np.array_equal(runs[0].adapter.matrix, runs[2].adapter.matrix)


@pytest.mark.usefixtures("taste")
def test_rebuilding_with_another_embedder_takes_it_out_of_use_and_says_so(rag: Rag, tmp_path: Path) -> None:
    found = train_retriever(rag, write_pairs(tmp_path / "pairs.jsonl"), settings=LEARNS)
    assert found.commit is not None
    shorter = use("dense", embedder=use("minilm", max_tokens=64))
    with open_index(rag.path, rag.pipeline.model_copy(update={"retrievers": (shorter, use("lexical"))})) as changed:
        summary = changed.rebuild()
        assert any("trained with another embedder" in what for what in _skipped(summary))
        assert changed.view.model(MODEL) is None
        assert changed.retrieve("Where is the red one?")


def _skipped(summary: Any) -> list[str]:
    return [str(one) for one in summary.report.skipped]


@pytest.mark.usefixtures("taste")
def test_fused_vectors_are_searched_with_an_adapter_of_their_own(tmp_path: Path) -> None:
    pipeline = Pipeline(retrievers=[use("dense"), use("lexical"), use("docgraph")], fusion=use("gated"))
    with open_index(tmp_path / "papers.plait", pipeline) as rag:
        rag.add(write_papers(tmp_path / "papers"))
        assert searched_column(rag).column == "gated"
        before = rag.retrieve_all("Where is the red one?", 5).runs
        assert train_retriever(rag, write_pairs(tmp_path / "pairs.jsonl"), settings=LEARNS).commit is not None
        after = rag.retrieve_all("Where is the red one?", 5).runs
    assert [hit.row for hit in after["dense"]] == [hit.row for hit in before["dense"]]
    assert [hit.row for hit in after["gated"]] != [hit.row for hit in before["gated"]]


Change = Callable[[dict[str, Any]], None]


def test_what_cannot_be_distilled_says_why(rag: Rag, tmp_path: Path) -> None:
    pairs = write_pairs(tmp_path / "pairs.jsonl")
    with pytest.raises(ConfigError, match="'extractive' cannot be taught from here, nor teach"):
        train_retriever(rag, pairs)
    with pytest.raises(ConfigError, match="no dense retriever 'lexical'"):
        train_retriever(rag, pairs, retriever="lexical")
    with pytest.raises(ConfigError, match="10 different questions"):
        train_retriever(rag, write_pairs(tmp_path / "few.jsonl", each=1))
    with pytest.raises(ReadError, match="cannot be read"):
        train_retriever(rag, tmp_path / "none.jsonl")


def test_it_is_kept_only_if_it_beats_both_controls_and_finds_documents_no_worse() -> None:
    def found(mean: float, ndcg: float | None = None) -> Found:
        spread = np.random.default_rng(0).normal(size=(100, 2)) * 0.1
        return Found(mean + spread, None if ndcg is None else np.full(100, ndcg))

    assert decide(found(-2.0), found(-1.9), found(-2.0), 0)[0]
    assert not decide(found(-2.0), found(-2.1), found(-2.2), 0)[0]
    assert not decide(found(-2.0), found(-1.9), found(-1.9), 0)[0]
    assert decide(found(-2.0, 0.5), found(-1.9, 0.5), found(-2.0, 0.5), 0)[0]
    assert not decide(found(-2.0, 0.5), found(-1.9, 0.45), found(-2.0, 0.5), 0)[0]


def test_an_adapter_for_another_embedder_is_refused_when_it_is_searched_with(rag: Rag, tmp_path: Path) -> None:
    from plait.embedders.minilm import Config, MiniLM
    from plait.retrievers.query_adapter import QueryAdapter

    place = tmp_path / "made"
    place.mkdir()
    QueryAdapter(np.zeros((384, 384), np.float32)).save(place, "dense", MiniLM(Config(max_tokens=64)))
    with rag.index.writer() as writer:
        writer.keep_model(MODEL, place)
        writer.commit("by hand")
    with pytest.raises(IdentityError, match="trained with another embedder"):
        rag.retrieve("Where is the red one?")
