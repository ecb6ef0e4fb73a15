"""Fused vectors as a column of the index: text in every bit before training, refused where they do not belong."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load, save

from plait.config import Pipeline, use
from plait.contracts import Structural
from plait.contracts.errors import ConfigError, IdentityError, ModelError
from plait.fusion.vectors import FusedColumn
from plait.rag import Rag, open_index

QUESTIONS = ("yeast in the oven", "a comet near the moon", "which opening gives up a pawn", "packets")
GRAPH = use("docgraph", relations=["cites", "cited_by"])
RETRIEVERS = (use("dense"), use("lexical"), GRAPH)


def piped(fusion: Any, *retrievers: Any) -> Pipeline:
    return Pipeline(retrievers=retrievers or RETRIEVERS, fusion=fusion)


def found(rag: Rag, k: int = 20) -> list[list[tuple[str, float]]]:
    return [[(hit.passage_id, hit.score) for hit in rag.retrieve(question, k)] for question in QUESTIONS]


def leg(rag: Rag) -> FusedColumn:
    assert isinstance(rag.parts.fusion, FusedColumn)
    return rag.parts.fusion


@pytest.mark.parametrize("name", ["gated", "concatenated"])
def test_an_untrained_fusion_is_the_text_column_in_every_bit_and_finds_what_is_found_without_it(
    community: Path, name: str
) -> None:
    with open_index(community, piped(use("scores"))) as plain:
        expected = found(plain)
    with open_index(community, piped(use(name))) as rag:
        if name != "gated":
            with pytest.raises(IdentityError, match=f"columns.{name}: not in the index"):
                rag.retrieve("yeast")
            rag.rebuild()
        view = rag.view
        assert view.vectors(name).tobytes() == view.vectors("dense").tobytes()
        assert found(rag) == expected
        retrieval = rag.retrieve_all(QUESTIONS[0])
        assert list(retrieval.runs) == ["dense", name, "lexical", "docgraph"]
        assert retrieval.runs[name] == retrieval.runs["dense"]


def test_the_leg_that_is_replaced_does_not_count_twice(trained: Path) -> None:
    with open_index(trained) as rag:
        for question in QUESTIONS:
            retrieval = rag.retrieve_all(question, 20)
            assert retrieval.runs["dense"] != retrieval.runs["gated"]
            for hit in retrieval.fused:
                assert {strand.retriever for strand in hit.strands} <= {"gated", "lexical", "docgraph"}
                assert hit.score == sum(strand.share for strand in hit.strands)


def test_a_weight_of_its_own_lets_the_replaced_leg_count(trained: Path) -> None:
    ranks = use("rrf", weights={"dense": 0.5, "docgraph": 0.0})
    with open_index(trained, piped(use("gated", ranks=ranks))) as rag:
        hits = rag.retrieve(QUESTIONS[0], 20)
        weights = {"dense": 0.5, "gated": 1.0, "lexical": 1.0, "docgraph": 0.0}
        assert any(strand.retriever == "dense" for hit in hits for strand in hit.strands)
        for hit in hits:
            assert hit.score == pytest.approx(sum(weights[s.retriever] / (60 + s.rank) for s in hit.strands))


def test_the_fused_leg_is_the_nearest_rows_of_its_column_also_under_a_filter(trained: Path) -> None:
    from plait.contracts import Query

    with open_index(trained) as rag:
        view, fusion = rag.view, leg(rag)
        vector = fusion.embedder.embed_queries([QUESTIONS[1]])[0]
        cosines = view.vectors("gated") @ vector
        years = np.array([view.metadata(view.document_ids[number])["year"] for number in view.document_numbers])
        for filters, allowed in (({}, years > 0), ({"year": {"min": 1970}}, years >= 1970)):
            query = Query(QUESTIONS[1], filters=filters)
            hits = fusion.search(query, {"dense": []}, view, 10)["gated"]
            rows = np.flatnonzero(allowed)
            assert [hit.row for hit in hits] == rows[np.argsort(-cosines[rows], kind="stable")[:10]].tolist()


def test_the_stored_column_is_what_the_checkpoint_computes_in_numpy(trained: Path) -> None:
    """norm(t + tanh(a) W g), and the text itself where there is no structure."""
    with open_index(trained) as rag:
        view = rag.view
        folder = view.model("docgraph")
        assert folder is not None
        weights = load((folder / "gated.safetensors").read_bytes())
        text, structure = view.vectors("dense").astype(np.float64), view.vectors("docgraph").astype(np.float64)
        sums = text + np.tanh(float(weights["gate"])) * structure @ weights["weight"].astype(np.float64).T
        expected = sums / np.linalg.norm(sums, axis=1, keepdims=True)
        tied = np.asarray(view.values("docgraph.tied")) > 0
        assert view.vectors("gated")[tied] == pytest.approx(expected[tied], abs=1e-5)
        assert np.array_equal(view.vectors("gated")[~tied], view.vectors("dense")[~tied])


def test_a_trained_model_of_the_other_fusion_leaves_this_one_untrained(trained: Path) -> None:
    with open_index(trained, piped(use("concatenated"))) as rag:
        rag.rebuild()
        assert rag.view.model("docgraph") is not None, "the graph encoder still belongs to this index"
        assert np.array_equal(rag.view.vectors("concatenated"), rag.view.vectors("dense"))


def changed(file: Path, change: Callable[[dict[str, Any], dict[str, Any]], None]) -> None:
    """Writes a checkpoint again after a change to its tensors or what it says of itself."""
    content = file.read_bytes()
    length = int.from_bytes(content[:8], "little")
    about = json.loads(json.loads(content[8 : 8 + length])["__metadata__"]["about"])
    tensors = dict(load(content))
    change(tensors, about)
    file.write_bytes(save(tensors, metadata={"about": json.dumps(about)}))


def stored(rag: Rag, folder: Path) -> None:
    """Puts a changed model into use as if it had been made so."""
    made = folder.with_name("made")
    shutil.copytree(folder, made)
    with rag.index.writer() as writer:
        writer.keep_model("docgraph", made)
        writer.commit("changed")


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        (lambda t, a: a["identity"]["text encoder"].update(pooling="max"), IdentityError, "another text encoder"),
        (lambda t, a: a["identity"].update({"graph encoder": "0" * 64}), IdentityError, "another graph encoder"),
        (lambda t, a: t.update(gate=np.array(np.nan, np.float32)), ModelError, "not a finite number"),
        (lambda t, a: t["weight"].__setitem__((3, 5), np.inf), ModelError, "not a finite number"),
        (lambda t, a: t.pop("gate"), ModelError, "gate"),
        (lambda t, a: t.update(weight=t["weight"][:7]), ModelError, "size mismatch"),
        (lambda t, a: a.update(fusion="concatenated"), ModelError, "it is 'concatenated', not 'gated'"),
        (lambda t, a: a.pop("text"), ModelError, "text"),
    ],
    ids=["text-encoder", "graph-encoder", "nan", "inf", "missing", "shape", "kind", "about"],
)
def test_a_checkpoint_that_does_not_belong_here_is_refused(
    trained: Path, change: Any, error: type[Exception], said: str
) -> None:
    with open_index(trained) as rag:
        folder = rag.view.model("docgraph")
        assert folder is not None
        changed(folder / "gated.safetensors", change)
        stored(rag, folder)
        with pytest.raises(error, match=said) as refused:
            leg(rag).encode_corpus(rag.index.view())
        assert "gated.safetensors" in str(refused.value)
        assert "Fix: train again" in str(refused.value)


@pytest.mark.parametrize("file", ["gated.safetensors", "encoder.safetensors", "encoder.json"])
@pytest.mark.parametrize("share", [None, 0.0, 0.5, 0.99])
def test_a_truncated_or_lost_file_keeps_no_document_out_and_is_named(
    trained: Path, tmp_path: Path, file: str, share: float | None
) -> None:
    (tmp_path / "new.md").write_text("---\nid: new\n---\n\nNew.\n")
    with open_index(trained) as rag:
        before = found(rag)
        folder = rag.view.model("docgraph")
        assert folder is not None
        content = (folder / file).read_bytes()
        if share is None:
            (folder / file).unlink()
        else:
            (folder / file).write_bytes(content[: int(share * len(content))])
        assert ["not those that were stored" in finding.what for finding in rag.index.check()] == [True]
        summary = rag.add(tmp_path / "new.md")
        assert summary.added == ["new"]
        (failure,) = summary.failures
        assert re.search(r"'docgraph' is out of use.*is damaged: its files are not those.*train again", str(failure))
        view = rag.view
        assert view.model("docgraph") is None
        # What the model made before goes with it: nothing is searched that no part of the commit explains.
        assert view.vectors("gated").tobytes() == view.vectors("dense").tobytes()
        (folder / file).write_bytes(content)
        rag.index.rollback(2)
    with open_index(trained) as rag:
        assert found(rag) == before


def test_nan_in_the_graph_encoder_is_refused(trained: Path) -> None:
    import hashlib

    with open_index(trained) as rag:
        folder = rag.view.model("docgraph")
        assert folder is not None
        tensors = dict(load((folder / "encoder.safetensors").read_bytes()))
        name = next(iter(tensors))
        tensors[name] = np.full_like(tensors[name], np.nan)
        content = save(tensors)
        (folder / "encoder.safetensors").write_bytes(content)
        about = json.loads((folder / "encoder.json").read_text())
        about["sha256"] = hashlib.sha256(content).hexdigest()
        (folder / "encoder.json").write_text(json.dumps(about))
        stored(rag, folder)
        walker: Any = rag.parts.retrievers["docgraph"]
        with pytest.raises(ModelError, match=r"no usable graph encoder .a weight is not a finite number"):
            walker.encode_corpus(rag.index.view())


def test_structure_of_another_width_is_refused(trained: Path) -> None:
    with open_index(trained) as rag:
        folder = rag.view.model("docgraph")
        assert folder is not None
        fusion = leg(rag).layer()(384, 384)
        text = rag.view.vectors("dense")
        with pytest.raises(ModelError, match=r"structure \(120, 8\).*takes \(n, 384\) and \(n, 384\)"):
            fusion.fuse(text, Structural(np.eye(8, dtype=np.float32)[np.arange(120) % 8], np.ones(120, bool)))


@pytest.mark.parametrize(
    ("pipeline", "said"),
    [
        (piped(use("gated", replaces="nothing")), r"no retriever 'nothing'.*Choices: dense, lexical, docgraph"),
        (piped(use("gated"), use("dense"), use("lexical")), "no structural vectors 'docgraph' to fuse"),
        (piped(use("gated"), use("lexical")), "no text vectors 'dense' to fuse"),
        (piped(use("gated", column="dense")), "fusion 'gated' and retriever 'dense' both write the column 'dense'"),
        (piped(use("gated", ranks=use("rrf", weights={"denze": 1}))), r"'denze' that this pipeline does not have"),
    ],
)
def test_a_pipeline_it_cannot_work_in_is_an_error_that_names_what_is_missing(
    papers: Any, tmp_path: Path, pipeline: Pipeline, said: str
) -> None:
    corpus = papers.write(tmp_path / "few", papers.records([(1, 0)], 3))
    with pytest.raises(ConfigError, match=said), open_index(tmp_path / "index", pipeline) as rag:
        rag.add(corpus)
        rag.retrieve("yeast")
