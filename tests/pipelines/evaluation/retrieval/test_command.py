"""From a collection on disk to figures, a JSON report and a TREC run, with real parts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from plait.config import Pipeline, use
from plait.contracts.errors import ConfigError, IdentityError, IndexStoreError, PlaitError, ReadError
from plait.evaluation import per_query, read_run
from plait.evaluation.retrieval.command import evaluate_collection

LEXICAL = Pipeline(readers=[use("beir")], retrievers=[use("lexical")])
HYBRID = Pipeline(readers=[use("beir")], retrievers=[use("dense"), use("lexical")])

CORPUS = {
    "braids": ("Braid groups", "Strands that cross over one another form a group under concatenation."),
    "soft": (
        "Soft tokens",
        "A soft token carries the structural embedding of a document into a frozen language model.",
    ),
    "bm25": ("Okapi BM25", "Term frequency saturates and long documents are normalised by their length."),
    "pools": ("Pooling", "Mean pooling averages the hidden states of all tokens into one embedding."),
    "blank": ("", " "),
}
QUERIES = {
    "q1": "How does a soft token reach the language model?",
    "q2": "length normalisation of long documents",
    "soft": "structural embedding of a document",
    "q4": "never judged",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A tiny collection with two splits."""
    place = tmp_path / "tiny"
    (place / "qrels").mkdir(parents=True)
    corpus = [{"_id": name, "title": title, "text": text} for name, (title, text) in CORPUS.items()]
    (place / "corpus.jsonl").write_text("".join(json.dumps(line) + "\n" for line in corpus))
    queries = [{"_id": name, "text": text} for name, text in QUERIES.items()]
    (place / "queries.jsonl").write_text("".join(json.dumps(line) + "\n" for line in queries))
    header = "query-id\tcorpus-id\tscore\n"
    (place / "qrels" / "test.tsv").write_text(header + "q1\tsoft\t1\nq2\tbm25\t2\nsoft\tpools\t1\nsoft\tgone\t1\n")
    (place / "qrels" / "train.tsv").write_text(header + "q2\tbm25\t1\n")
    return place


def test_every_leg_and_the_fused_list_are_measured_and_written_out(folder: Path, tmp_path: Path) -> None:
    out, run = tmp_path / "out.json", tmp_path / "out.trec"
    evaluation = evaluate_collection(folder, pipeline=HYBRID, json_out=out, run_out=run, resamples=200)
    assert list(evaluation.legs) == ["dense", "lexical"]
    for system in evaluation.systems:
        assert system.values["MRR@10"]["q1"] == 1.0, system.label
        assert system.values["MRR@10"]["q2"] == 1.0, system.label
        assert system.values["recall@100"]["soft"] <= 1 / 2, system.label  # one of its two documents is not there
    assert evaluation.legs["dense"].encode_ms is not None
    assert evaluation.legs["lexical"].encode_ms is None
    notes = " ".join(evaluation.notes)
    assert "1 judged documents are not in the corpus (gone)" in notes
    assert "1 documents of the corpus have neither title nor text" in notes
    assert "not in the index" not in notes

    written = read_run(run)
    assert set(written) == {"q1", "q2", "soft"}
    qrels = {"q1": {"soft": 1}, "q2": {"bm25": 2}, "soft": {"pools": 1, "gone": 1}}
    again = per_query(qrels, written, evaluation.measures)
    assert again == evaluation.fused.values

    report = json.loads(out.read_text())
    assert report["fused"]["measures"]["nDCG@10"]["mean"] == evaluation.fused.mean("nDCG@10")
    assert report["settings"]["pipeline"]["retrievers"] == [{"use": "dense"}, {"use": "lexical"}]
    assert report["collection"]["path"] == str(folder)
    assert "plait-evaluate-" not in out.read_text()


def test_the_paper_that_is_the_query_is_left_out_of_its_own_run(folder: Path) -> None:
    kept = evaluate_collection(folder, pipeline=LEXICAL, resamples=50)
    left_out = evaluate_collection(folder, pipeline=LEXICAL, resamples=50, exclude_self=True)
    assert kept.fused.run["soft"][0][0] == "soft"
    assert "soft" not in dict(left_out.fused.run["soft"])
    assert left_out.fused.run["soft"] == [pair for pair in kept.fused.run["soft"] if pair[0] != "soft"]
    assert left_out.fused.run["q1"] == kept.fused.run["q1"]
    assert left_out.fused.values["MRR@10"]["soft"] > kept.fused.values["MRR@10"]["soft"]


def test_another_split_has_other_queries(folder: Path) -> None:
    evaluation = evaluate_collection(folder, split="train", pipeline=LEXICAL, resamples=50)
    assert evaluation.queries == 1
    assert evaluation.collection["unjudged_queries"] == 3


def test_a_named_index_is_kept_and_used_again(folder: Path, tmp_path: Path) -> None:
    index = tmp_path / "tiny.plait"
    told: list[str] = []
    first = evaluate_collection(folder, pipeline=LEXICAL, index=index, resamples=50)
    again = evaluate_collection(folder, index=index, resamples=50, progress=lambda what, _done, _all: told.append(what))
    assert index.is_dir()
    assert not any("encoding" in what for what in told)
    assert [system.label for system in again.systems] == ["lexical", "fused"]  # the pipeline it was written with
    assert again.fused.values == first.fused.values


def test_an_index_built_by_other_parts_is_refused(folder: Path, tmp_path: Path) -> None:
    index = tmp_path / "tiny.plait"
    evaluate_collection(folder, pipeline=LEXICAL, index=index, resamples=50)
    with pytest.raises(IdentityError):
        evaluate_collection(folder, pipeline=HYBRID, index=index, resamples=50)


def test_documents_of_another_collection_in_the_index_are_noted(folder: Path, tmp_path: Path) -> None:
    index, other = tmp_path / "tiny.plait", tmp_path / "other"
    evaluate_collection(folder, pipeline=LEXICAL, index=index, resamples=50)
    (other / "qrels").mkdir(parents=True)
    (other / "corpus.jsonl").write_text('{"_id": "new", "text": "tokens"}\n')
    (other / "queries.jsonl").write_text('{"_id": "q", "text": "tokens"}\n')
    (other / "qrels" / "test.tsv").write_text("q\tnew\t1\n")
    evaluation = evaluate_collection(other, index=index, resamples=50)
    assert any("holds 4 documents that are not of this collection" in note for note in evaluation.notes)


def test_a_pipeline_that_cannot_read_the_corpus_says_what_to_do(folder: Path) -> None:
    pipeline = Pipeline(readers=[use("markdown")], retrievers=[use("lexical")])
    with pytest.raises(IndexStoreError, match=r"no document of the corpus is in the index.*reader 'beir'"):
        evaluate_collection(folder, pipeline=pipeline)


def test_outputs_that_have_nowhere_to_go_are_refused_before_the_work(folder: Path, tmp_path: Path) -> None:
    index = tmp_path / "tiny.plait"
    for target in (tmp_path / "nowhere" / "out", tmp_path):
        with pytest.raises(PlaitError, match="cannot be written"):
            evaluate_collection(folder, pipeline=LEXICAL, index=index, json_out=target)
        with pytest.raises(PlaitError, match="cannot be written"):
            evaluate_collection(folder, pipeline=LEXICAL, index=index, run_out=target)
    assert not index.exists()


def test_ids_that_a_run_cannot_hold_are_refused_before_the_work(folder: Path, tmp_path: Path) -> None:
    with (folder / "corpus.jsonl").open("a") as file:
        file.write('{"_id": "my paper", "text": "x"}\n')
    index = tmp_path / "tiny.plait"
    with pytest.raises(PlaitError, match="cannot hold the id 'my paper'"):
        evaluate_collection(folder, pipeline=LEXICAL, index=index, run_out=tmp_path / "out.trec")
    assert not index.exists()
    assert evaluate_collection(folder, pipeline=LEXICAL, resamples=50).queries == 3


def test_wrong_collections_splits_and_measures_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="no such folder"):
        evaluate_collection(tmp_path / "nowhere", pipeline=LEXICAL)
    with pytest.raises(ReadError, match=r"no split 'dev'.*Choices: test, train"):
        evaluate_collection(folder, split="dev", pipeline=LEXICAL)
    with pytest.raises(ConfigError, match="there is no measure 'accuracy'"):
        evaluate_collection(folder, pipeline=LEXICAL, measures=["accuracy"])


def test_the_fusion_is_fitted_on_another_split_and_then_measured(folder: Path, tmp_path: Path) -> None:
    (folder / "qrels" / "train.tsv").write_text("q2\tbm25\t1\nq4\tpools\t1\n")
    out = tmp_path / "out.json"
    told: list[str] = []
    evaluation = evaluate_collection(
        folder,
        pipeline=HYBRID,
        calibrate="train",
        resamples=50,
        json_out=out,
        progress=lambda what, _done, _all: told.append(what),
    )
    report = json.loads(out.read_text())["settings"]
    fitted = report["calibration"]
    assert (fitted["split"], fitted["queries"], fitted["left_out"]) == ("train", 1, 1)  # q2 is measured too
    assert set(fitted["legs"]) == {"dense", "lexical"}
    assert fitted["fused"] >= max(fitted["legs"].values())
    assert report["pipeline"]["fusion"] == fitted["fusion"]
    assert any("fusion fitted on the 1 queries of split train (1 that" in note for note in evaluation.notes)
    assert "calibration queries" in told
    assert evaluation.queries == 3


def test_a_fusion_of_vectors_stays_and_only_its_merging_of_ranks_is_fitted(folder: Path, tmp_path: Path) -> None:
    (folder / "qrels" / "train.tsv").write_text("q4\tpools\t1\n")
    retrievers = [use("dense"), use("lexical"), use("docgraph", relations=["cites"])]
    pipeline = Pipeline(readers=[use("beir")], retrievers=retrievers, fusion=use("gated", column="gated"))
    out = tmp_path / "out.json"
    evaluation = evaluate_collection(folder, pipeline=pipeline, calibrate="train", resamples=50, json_out=out)
    report = json.loads(out.read_text())["settings"]
    fusion = report["pipeline"]["fusion"]
    assert (fusion["use"], fusion["column"]) == ("gated", "gated")
    assert fusion["ranks"] == report["calibration"]["fusion"]
    assert list(evaluation.legs) == ["dense", "gated", "lexical", "docgraph"]
    assert fusion["ranks"]["weights"]["dense"] == 0.0
    assert any("ranks=use(" in note for note in evaluation.notes)


def test_fitting_on_what_is_measured_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"would measure what was fitted.*another split"):
        evaluate_collection(folder, pipeline=LEXICAL, calibrate="test")
    with pytest.raises(ConfigError, match="all 1 queries of split 'train' are also in 'test'"):
        evaluate_collection(folder, pipeline=LEXICAL, calibrate="train")
    with pytest.raises(ReadError, match="no split 'dev'"):
        evaluate_collection(folder, pipeline=LEXICAL, calibrate="dev")


def test_where_documents_cite_each_other_their_coherence_is_measured(folder: Path, tmp_path: Path) -> None:
    plain = evaluate_collection(folder, pipeline=LEXICAL, resamples=50)
    assert plain.coherence == {}
    corpus = [json.loads(line) for line in (folder / "corpus.jsonl").read_text().splitlines()]
    for line in corpus:
        if line["_id"] == "soft":
            line["metadata"] = {"references": ["pools"], "topics": ["fusion"]}
        if line["_id"] == "pools":
            line["metadata"] = {"topics": ["fusion"]}
    (folder / "corpus.jsonl").write_text("".join(json.dumps(line) + "\n" for line in corpus))
    out = tmp_path / "out.json"
    found = evaluate_collection(folder, pipeline=HYBRID, resamples=50, json_out=out)
    assert list(found.coherence) == ["dense", "lexical", "fused"]
    dense = found.coherence["dense"]
    # Four documents are found for every query: one pair of six is linked, and both topics are one.
    assert dense.linked is not None and dense.linked.mean == pytest.approx(1 / 6)
    assert dense.entropy is not None and dense.entropy.mean == 0.0
    assert json.loads(out.read_text())["coherence"]["dense"]["linked"]["mean"] == pytest.approx(1 / 6)
