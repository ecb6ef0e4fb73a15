"""Distilling a retriever from a reader of random weights: what it learns is its taste, whatever that is worth."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers import LlamaForCausalLM  # noqa: F401 - before torch is asked for threads

from plait.config import Pipeline, use
from plait.contracts.errors import ConfigError, IdentityError, IndexCorruptError, ReadError
from plait.fusion.tokens.distillation import DistillationSettings
from plait.rag import Rag, open_index
from plait.retrievers.query_adapter import MODEL
from plait.training import committing
from plait.training import retriever as training
from plait.training.docgraph import train_docgraph
from plait.training.retriever import searched_column, train_retriever
from plait.training.retriever_report import FoundPassages, decide

pytestmark = pytest.mark.slow

COLOURS = ("red", "green", "blue", "grey", "brown", "white", "black", "pink", "gold", "lime")
THINGS = ("river", "castle", "engine", "garden", "bridge", "market")


class Taste:
    """A teacher that likes passages by one word in them, which questions do not mention: a rule that can be learnt."""

    name = "taste"

    def answers(self, texts: Any) -> Any:
        return [(1,) for _ in texts]

    cut = 0

    def check(self, prompt: Any, answer: Any) -> None:
        pass

    def log_likelihoods(self, tasks: Any, answers: Any) -> Any:
        import torch

        return [torch.tensor([[0.0 if "castle" in task.prompt.texts[0] else -3.0]]) for task in tasks]


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
        assert any("'plait train retriever' makes another" in what for what in _skipped(summary))
        assert changed.view.model(MODEL) is None
        assert changed.retrieve("Where is the red one?")


def _skipped(summary: Any) -> list[str]:
    return [str(one) for one in summary.report.skipped]


@pytest.mark.usefixtures("taste")
def test_a_damaged_adapter_is_named_and_keeps_no_document_out(rag: Rag, tmp_path: Path) -> None:
    found = train_retriever(rag, write_pairs(tmp_path / "pairs.jsonl"), settings=LEARNS)
    folder = rag.view.model(MODEL)
    assert found.commit is not None and folder is not None
    (folder / "dense.safetensors").write_bytes(b"nothing of the kind")
    with open_index(rag.path) as again:
        with pytest.raises(IndexCorruptError, match="'retriever'"):
            again.retrieve("Where is the red one?")
        more = tmp_path / "more.md"
        more.write_text("---\nid: more\ntitle: More\n---\n\nThe mauve river stands nowhere.\n")
        (failure,) = again.add(more).failures
        assert "the trained model 'retriever' is out of use" in str(failure)
        assert again.retrieve("Where is the red one?")


@pytest.mark.usefixtures("taste")
def test_fused_vectors_are_searched_with_an_adapter_of_their_own(tmp_path: Path) -> None:
    pipeline = Pipeline(retrievers=[use("dense"), use("lexical"), use("docgraph")], fusion=use("gated"))
    with open_index(tmp_path / "papers.plait", pipeline) as rag:
        rag.add(write_papers(tmp_path / "papers"))
        assert searched_column(rag).vector_column == "gated"
        before = rag.retrieve_all("Where is the red one?", 5).runs
        assert train_retriever(rag, write_pairs(tmp_path / "pairs.jsonl"), settings=LEARNS).commit is not None
        after = rag.retrieve_all("Where is the red one?", 5).runs
    assert [hit.row for hit in after["dense"]] == [hit.row for hit in before["dense"]]
    assert [hit.row for hit in after["gated"]] != [hit.row for hit in before["gated"]]


@pytest.mark.usefixtures("taste")
def test_training_the_graph_takes_an_adapter_of_the_old_fused_vectors_out_of_use(
    community: Path, tmp_path: Path
) -> None:
    with open_index(community) as rag:
        found = train_retriever(rag, write_pairs(tmp_path / "pairs.jsonl"), settings=LEARNS)
        if found.commit is None:  # by these made-up likelihoods nothing may be better: put one into use by hand
            searched = searched_column(rag)
            with committing(rag, 1.0) as writer:
                place = tmp_path / MODEL
                place.mkdir()
                found.report.adapter.save(place, "gated", searched.embedder, searched.made_by(rag.view))
                writer.keep_model(MODEL, place)
                writer.commit("by hand")
        assert rag.view.model(MODEL) is not None
        report = train_docgraph(rag, seed=1)
        assert report.commit is not None
        assert any("trained with another fusion" in what for what in report.out_of_use)
        assert rag.view.model(MODEL) is None
        assert rag.retrieve("yeast")


@pytest.mark.usefixtures("taste")
def test_adapters_of_other_columns_stay_in_use(tmp_path: Path) -> None:
    def pipeline(tokens: int) -> Pipeline:
        second = use("dense", column="second", embedder=use("minilm", max_tokens=tokens))
        return Pipeline(retrievers=[use("dense"), second, use("lexical")])

    pairs = write_pairs(tmp_path / "pairs.jsonl")
    with open_index(tmp_path / "papers.plait", pipeline(64)) as rag:
        rag.add(write_papers(tmp_path / "papers"))
        for label in ("dense", "dense-2"):
            assert train_retriever(rag, pairs, retriever=label, settings=LEARNS).commit is not None
    with open_index(tmp_path / "papers.plait", pipeline(32)) as rag:
        rag.rebuild()
        folder = rag.view.model(MODEL)
        assert folder is not None
        assert sorted(file.name for file in folder.iterdir()) == ["dense.json", "dense.safetensors"]
        assert rag.retrieve("Where is the red one?")


@pytest.mark.usefixtures("taste")
def test_an_index_that_was_rebuilt_meanwhile_is_left_alone(
    rag: Rag, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = rag.pipeline.model_copy(
        update={"retrievers": (use("dense", embedder=use("minilm", max_tokens=64)), use("lexical"))}
    )

    def rebuilt(*given: Any, **more: Any) -> Any:
        with open_index(rag.path, other) as changed:
            changed.rebuild()
        monkeypatch.setattr(training, "decide", decide)
        return decide(*given, **more)

    monkeypatch.setattr(training, "decide", rebuilt)
    with pytest.raises(IdentityError, match="max_tokens"):
        train_retriever(rag, write_pairs(tmp_path / "pairs.jsonl"), settings=LEARNS)
    with open_index(rag.path, other) as changed:
        assert changed.view.model(MODEL) is None
        assert changed.retrieve("Where is the red one?")


@pytest.mark.usefixtures("taste")
def test_what_another_training_has_kept_meanwhile_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = Pipeline(retrievers=[use("dense"), use("dense", column="second"), use("lexical")])
    pairs = write_pairs(tmp_path / "pairs.jsonl")
    with open_index(tmp_path / "papers.plait", pipeline) as rag:
        rag.add(write_papers(tmp_path / "papers"))

        def meanwhile(*given: Any, **more: Any) -> Any:
            monkeypatch.setattr(training, "decide", decide)
            with open_index(rag.path, pipeline) as other:
                assert train_retriever(other, pairs, retriever="dense-2", settings=LEARNS).commit is not None
            return decide(*given, **more)

        monkeypatch.setattr(training, "decide", meanwhile)
        assert train_retriever(rag, pairs, settings=LEARNS).commit is not None
        folder = rag.view.model(MODEL)
        assert folder is not None
        assert {"dense.safetensors", "second.safetensors"} <= {file.name for file in folder.iterdir()}


@pytest.mark.usefixtures("taste")
def test_questions_asked_twice_are_judged_once(rag: Rag, tmp_path: Path) -> None:
    once = write_pairs(tmp_path / "once.jsonl", document="castle")
    lines = [json.loads(line) for line in once.read_text().splitlines()]
    again = [line | {"question": line["question"].upper() + " " * n} for n, line in enumerate(lines * 4)]
    twice = tmp_path / "twice.jsonl"
    twice.write_text("\n".join(map(json.dumps, [*lines, *again])))
    few = LEARNS.model_copy(update={"steps": 5})
    first, second = (train_retriever(rag, file, settings=few).report for file in (once, twice))
    assert first.questions == second.questions == first.told == second.told == 40
    assert second.gain[2] - second.gain[1] > 0.5 * (first.gain[2] - first.gain[1])


def test_an_adapter_can_be_left_out_of_a_search(rag: Rag, tmp_path: Path) -> None:
    from plait.retrievers.query_adapter import QueryAdapter

    place = tmp_path / "made"
    place.mkdir()
    turned = np.random.default_rng(0).normal(size=(384, 384)).astype(np.float32)
    (dense,) = (made for made in rag.parts.retrievers.values() if hasattr(made, "embedder"))
    before = _cosines_first(rag, "Where is the red one?")
    QueryAdapter(turned).save(place, "dense", dense.embedder)
    with rag.index.writer() as writer:
        writer.keep_model(MODEL, place)
        writer.commit("by hand")
    assert _cosines_first(rag, "Where is the red one?") != before
    plain = rag.pipeline.model_copy(update={"retrievers": (use("dense", adapter=False), use("lexical"))})
    with open_index(rag.path, plain) as without:
        assert _cosines_first(without, "Where is the red one?") == before


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
    with pytest.raises(ConfigError, match=r"none of the 10 documents that the pairs name, such as 'black-boat'"):
        train_retriever(rag, write_pairs(tmp_path / "boats.jsonl", document="boat"))


def test_it_is_kept_only_if_it_beats_both_controls_and_finds_documents_no_worse() -> None:
    def found(mean: float, ndcg: float | None = None) -> FoundPassages:
        spread = np.random.default_rng(0).normal(size=(100, 2)) * 0.1
        return FoundPassages(mean + spread, None if ndcg is None else np.full(100, ndcg))

    assert decide(found(-2.0), found(-1.9), found(-2.0), 0)[0]
    assert not decide(found(-2.0), found(-2.1), found(-2.2), 0)[0]
    assert not decide(found(-2.0), found(-1.9), found(-1.9), 0)[0]
    assert decide(found(-2.0, 0.5), found(-1.9, 0.5), found(-2.0, 0.5), 0)[0]
    assert not decide(found(-2.0, 0.5), found(-1.9, 0.45), found(-2.0, 0.5), 0)[0]


def test_an_adapter_for_another_embedder_is_refused_when_it_is_searched_with(rag: Rag, tmp_path: Path) -> None:
    from plait.embedders.transformers import MiniLM, MiniLMConfig
    from plait.retrievers.query_adapter import QueryAdapter

    place = tmp_path / "made"
    place.mkdir()
    QueryAdapter(np.zeros((384, 384), np.float32)).save(place, "dense", MiniLM(MiniLMConfig(max_tokens=64)))
    with rag.index.writer() as writer:
        writer.keep_model(MODEL, place)
        writer.commit("by hand")
    with pytest.raises(IdentityError, match="trained with another embedder"):
        rag.retrieve("Where is the red one?")
