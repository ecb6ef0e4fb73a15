"""``plait train docgraph`` keeps what is better than text beyond chance, and leaves everything else as it was."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plait.config import Pipeline, use
from plait.contracts.errors import ConfigError, IdentityError
from plait.gnn.trained import load
from plait.rag import Rag, open_index
from plait.retrievers.graph_model import MODEL
from plait.training.docgraph import DocgraphReport, docgraph_of, train_docgraph

pytestmark = pytest.mark.slow


def files(folder: Path) -> dict[str, str]:
    """Every file of an index with the hash of its content; the lock says nothing."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "index.lock"
    }


def model_files(rag: Rag) -> dict[str, bytes]:
    folder = rag.index.view().model(MODEL)
    assert folder is not None
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def column(rag: Rag, name: str) -> np.ndarray[Any, np.dtype[np.float32]]:
    """A vector column in the order of passage ids: rows of two commits may stand in another order."""
    view = rag.index.view()
    order = np.argsort(np.array(view.passage_ids))
    return view.vectors(name)[order]


class StopError(Exception):
    """Stands for the person who presses Ctrl-C."""


def stop_after(steps: int) -> Any:
    def told(what: str, done: int, total: int | None) -> None:
        if what == "training the graph encoder" and done == steps:
            raise StopError

    return told


def test_communities_that_no_text_tells_of_are_learnt_and_kept(trained: Path, training_report: DocgraphReport) -> None:
    encoder = training_report.encoder
    assert encoder is not None
    assert encoder.reason == ""
    assert encoder.scores["fused"].auc > encoder.scores["text"].auc + 0.05
    assert abs(encoder.scores["text"].auc - 0.5) < 0.1
    assert encoder.scores["shuffled, fused"].auc < encoder.scores["fused"].auc
    gained = encoder.scores["fused"].auc - encoder.scores["text"].auc
    assert encoder.gain.value == pytest.approx(gained, abs=1e-6)
    assert len(encoder.gain.controls) == 5 and max(encoder.gain.controls) < encoder.gain.bound < gained
    with open_index(trained) as rag:
        assert rag.index.commit.number == training_report.commit == 2
        assert not np.array_equal(column(rag, "gated"), column(rag, "dense"))
        assert {"encoder.json", "encoder.safetensors", "gated.safetensors"} <= model_files(rag).keys()
        assert rag.index.check() == []


def test_citations_by_chance_teach_nothing_and_the_index_stays_as_it_was_in_every_file(chance: Path) -> None:
    before = files(chance)
    with open_index(chance) as rag:
        report = train_docgraph(rag, seed=0)  # one seed: of forty random splits one passes two standard errors
        assert report.encoder is not None
        assert report.commit is None
        assert "link AUC" in report.encoder.reason or "Hits@10" in report.encoder.reason
        assert report.to_json()["encoder"]["kept"] is False
    assert files(chance) == before
    assert not (chance / "training").exists()


def test_a_gain_within_its_error_is_no_gain(training_report: DocgraphReport) -> None:
    encoder = training_report.encoder
    assert encoder is not None
    gain = encoder.gain
    assert "no more than chance" in replace(encoder, gain=replace(gain, error=gain.value / 1.9)).reason
    assert replace(encoder, gain=replace(gain, error=gain.value / 2.1)).reason == ""


def test_a_gain_that_shuffled_graphs_have_as_well_is_no_gain(training_report: DocgraphReport) -> None:
    encoder = training_report.encoder
    assert encoder is not None
    gain = encoder.gain
    alike = tuple(gain.value + step * gain.error for step in (-1.0, -0.5, 0.0, -2.0, -1.5))
    assert "no more than degrees alone may give" in replace(encoder, gain=replace(gain, controls=alike)).reason


def test_two_runs_give_the_same_checkpoints_byte_for_byte(community: Path, trained: Path) -> None:
    with open_index(community) as rag, open_index(trained) as other:
        train_docgraph(rag, seed=1)
        assert model_files(rag) == model_files(other)
        assert np.array_equal(column(rag, "gated"), column(other, "gated"))


@pytest.mark.parametrize("steps", [20, 25])
def test_an_interrupted_training_goes_on_to_the_same_bytes(community: Path, trained: Path, steps: int) -> None:
    before = files(community)
    with open_index(community) as rag:
        with pytest.raises(StopError):
            train_docgraph(rag, seed=1, told=stop_after(steps))
        assert rag.index.commit.number == 1
        saved = {name for name in files(community) if name not in before}
        assert saved == {"training/docgraph.safetensors"}
        seen: list[int] = []
        train_docgraph(
            rag, seed=1, resume=True, told=lambda what, done, _: seen.append(done) if what.endswith("encoder") else None
        )
        assert min(done for done in seen if done) == 21, "it began anew instead of going on from step 20"
        with open_index(trained) as other:
            assert model_files(rag) == model_files(other)
    assert not (community / "training").exists()


def test_a_state_of_another_seed_or_graph_is_not_gone_on_from(community: Path, tmp_path: Path) -> None:
    with open_index(community) as rag:
        with pytest.raises(StopError):
            train_docgraph(rag, seed=1, told=stop_after(20))
        with pytest.raises(ConfigError, match="of another run: seed, graph differ"):
            train_docgraph(rag, seed=2, resume=True)
        rag.remove("d050")
        with pytest.raises(ConfigError, match="of another run: settings, graph"):
            train_docgraph(rag, seed=1, resume=True)
        assert train_docgraph(rag, seed=1).encoder is not None


def test_a_rollback_undoes_model_and_vectors(trained: Path) -> None:
    with open_index(trained) as rag:
        fused = column(rag, "gated")
        rag.index.rollback(1)
        assert rag.index.view().model(MODEL) is None
        assert np.array_equal(column(rag, "gated"), column(rag, "dense"))
        rag.index.rollback(2)
        assert np.array_equal(column(rag, "gated"), fused)
        assert rag.index.check() == []


def test_what_is_added_later_is_encoded_by_the_model_in_use(trained: Path, papers: Any, tmp_path: Path) -> None:
    late = [
        {"_id": "late", "title": "A late paper", "text": "Of yeast.", "metadata": {"references": ["d003", "d010"]}},
        {"_id": "lone", "title": "A paper alone", "text": "Of comets.", "metadata": {}},
    ]
    with open_index(trained) as rag:
        before = model_files(rag)
        structure = dict(zip(rag.view.passage_ids, rag.view.vectors("docgraph"), strict=True))
        rag.add(papers.write(tmp_path / "late", late))
        assert model_files(rag) == before
        view, retriever = rag.view, docgraph_of(rag)
        folder = view.model(MODEL)
        assert folder is not None
        at_once = load(folder, retriever.encoder_identity()).encode(retriever.graph(view), retriever.text_vectors(view))
        assert np.array_equal(view.vectors("docgraph"), at_once.vectors[view.document_numbers])
        rows = {view.document_ids[number]: row for row, number in enumerate(view.document_numbers)}
        tied = np.asarray(view.values("docgraph.tied"))
        assert tied[rows["late"]] == 1.0
        assert tied[rows["lone"]] == 0.0
        text = retriever.text_vectors(view)
        assert np.array_equal(view.vectors("docgraph")[rows["lone"]], text[view.document_ids.index("lone")])
        assert np.array_equal(view.vectors("gated")[rows["lone"]], view.vectors("dense")[rows["lone"]])
        assert not np.array_equal(view.vectors("gated")[rows["late"]], view.vectors("dense")[rows["late"]])
        # Depth 1: only those whose neighbours changed come out otherwise.
        new = dict(zip(view.passage_ids, view.vectors("docgraph"), strict=True))
        changed = {name.partition("#")[0] for name in structure if not np.allclose(structure[name], new[name])}
        assert changed == {"d003", "d010"}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"min_confidence": 0.9},
            "another settings of the graph: {'min_confidence': 0.5}, not {'min_confidence': 0.9}",
        ),
        ({"relations": ["cites", "cited_by", "co_author"]}, "another relations of the graph"),
        ({"relations": ["cites", "cited_by"], "encoder": "propagation"}, "is 'sage' of depth 1, not 'propagation'"),
        ({"relations": ["cites", "cited_by"], "depth": 2}, "is 'sage' of depth 1, not 'sage' of depth 2"),
        ({"relations": ["cites", "cited_by"], "embedder": use("minilm", max_tokens=64)}, "another text encoder"),
    ],
)
def test_a_checkpoint_of_other_settings_is_refused_and_a_rebuild_takes_it_out_of_use(
    trained: Path, settings: dict[str, Any], said: str
) -> None:
    settings = {"relations": ["cites", "cited_by"]} | settings
    embedder = {"embedder": settings["embedder"]} if "embedder" in settings else {}
    changed = Pipeline(
        retrievers=(use("dense", **embedder), use("lexical"), use("docgraph", **settings)),
        fusion=use("gated", **embedder),
    )
    with open_index(trained, changed) as rag:
        with pytest.raises(IdentityError, match="plait index rebuild"):
            rag.retrieve("moon")
        with pytest.raises(IdentityError) as refused:
            docgraph_of(rag).structural(rag.index.view())
        assert said in str(refused.value)
        summary = rag.rebuild()
        (told,) = [what for _, what in summary.report.skipped]
        assert told.startswith("trained model out of use: ")
        assert said in told
        assert rag.index.view().model(MODEL) is None
        assert np.array_equal(column(rag, "gated"), column(rag, "dense"))
        assert rag.retrieve("moon")


def test_text_vectors_of_another_encoder_put_a_fusion_out_of_use_also_without_an_encoder_to_train(
    trained: Path,
) -> None:
    small = use("minilm", max_tokens=64)
    changed = Pipeline(
        retrievers=(
            use("dense", embedder=small),
            use("lexical"),
            use("docgraph", relations=["cites", "cited_by"], encoder="propagation", embedder=small),
        ),
        fusion=use("gated", embedder=small),
    )
    with open_index(trained, changed) as rag:
        rag.rebuild()
        assert rag.index.view().model(MODEL) is None
        assert np.array_equal(column(rag, "gated"), column(rag, "dense"))
        assert not np.array_equal(column(rag, "docgraph"), column(rag, "dense"))


def test_too_few_citations_are_an_error_that_counts_them(papers: Any, tmp_path: Path) -> None:
    links = [(number, number - 1) for number in range(1, 20)]
    with open_index(tmp_path / "few.plait", papers.gated) as rag:
        rag.add(papers.write(tmp_path / "few", papers.records(links, 24)))
        with pytest.raises(ConfigError, match=r"has 19 links of the relation 'cites'.*takes 20.*plait graph stats"):
            train_docgraph(rag)


@pytest.mark.parametrize("share", [0.0, 1.0, -1.0, float("nan"), float("inf")])
def test_an_impossible_share_is_refused(community: Path, share: float) -> None:
    with open_index(community) as rag, pytest.raises(ConfigError, match="no share of the citations"):
        train_docgraph(rag, held_out=share)


def test_a_pipeline_without_a_graph_says_how_to_get_one(tmp_path: Path, papers: Any) -> None:
    with open_index(tmp_path / "plain.plait", Pipeline(retrievers=(use("lexical"),))) as rag:
        rag.add(papers.write(tmp_path / "plain", papers.records([], 3)))
        with pytest.raises(ConfigError, match=r"no retriever that reads the document graph.*use\('docgraph'\)"):
            train_docgraph(rag)


def test_the_closed_form_has_no_encoder_to_train(community: Path) -> None:
    closed = Pipeline(
        retrievers=(
            use("dense"),
            use("lexical"),
            use("docgraph", relations=["cites", "cited_by"], encoder="propagation"),
        )
    )
    with open_index(community, closed) as rag:
        rag.rebuild()
        assert train_docgraph(rag).encoder is None
        assert docgraph_of(rag).training_settings is None


def test_what_was_not_bettered_is_taken_over_from_the_model_in_use(
    trained: Path, training_report: DocgraphReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second training with a worse encoder and a better walk must not lose the encoder of the first."""
    encoder, walk = training_report.encoder, training_report.walk
    assert encoder is not None
    worse = replace(encoder, gain=replace(encoder.gain, value=0.0))
    monkeypatch.setattr("plait.training.docgraph.train_encoder", lambda *_, **__: worse)
    with open_index(trained) as rag:
        from plait.docgraph.weighing import DEFAULT_WEIGHTS

        better = replace(walk, weights=DEFAULT_WEIGHTS, reason="")
        monkeypatch.setattr("plait.training.docgraph.learn_walk", lambda *_, **__: better)
        before, fused = model_files(rag), column(rag, "gated")
        assert train_docgraph(rag).commit == 3
        after = model_files(rag)
        assert {name: after[name] for name in before if name != "traversal.json"} == {
            name: content for name, content in before.items() if name != "traversal.json"
        }
        assert "traversal.json" in after
        assert np.array_equal(column(rag, "gated"), fused)


def test_the_report_is_json_and_every_link_is_learnt_from_or_measured_on(
    training_report: DocgraphReport, papers: Any
) -> None:
    told = json.loads(json.dumps(training_report.to_json(), allow_nan=False))
    assert set(told["encoder"]["scores"]) == {"text", "structure", "fused", "shuffled", "shuffled, fused"}
    assert told["encoder"]["links"] + told["encoder"]["held_out"] == len(papers.community())


@pytest.mark.parametrize("lost", [True, False])
def test_training_again_makes_a_damaged_model_whole(trained: Path, training_report: DocgraphReport, lost: bool) -> None:
    """Training is deterministic: the new model is stored under the name of the damaged one."""
    with open_index(trained) as rag:
        before = model_files(rag)
        folder = rag.index.view().model(MODEL)
        assert folder is not None
        if lost:
            shutil.rmtree(folder)
        else:
            (folder / "encoder.json").write_text("{}")
    with open_index(trained) as rag:
        report = train_docgraph(rag, seed=training_report.seed)
        assert report.commit is not None
        assert model_files(rag) == before
        assert rag.index.check() == []
