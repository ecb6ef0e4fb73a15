"""Collections in the BEIR layout and judgements in BEIR's and TREC's columns, and how broken ones are refused."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from plait.contracts.errors import QueryError, ReadError
from plait.evaluation import load_collection, read_qrels

HEADER = "query-id\tcorpus-id\tscore\n"


def lay(
    folder: Path,
    qrels: str = HEADER + "q1\td1\t1\n",
    corpus: Sequence[object] = ({"_id": "d1", "title": "One", "text": "Strands."}, {"_id": "d2", "text": "Braids."}),
    queries: Sequence[object] = (
        {"_id": "q1", "text": "strands?", "metadata": {"kind": "a"}},
        {"_id": "q2", "text": "?"},
    ),
    split: str = "test.tsv",
) -> Path:
    """Writes a small collection."""
    (folder / "qrels").mkdir(parents=True, exist_ok=True)
    (folder / "corpus.jsonl").write_text("".join(json.dumps(line) + "\n" for line in corpus))
    (folder / "queries.jsonl").write_text("".join(json.dumps(line) + "\n" for line in queries))
    (folder / "qrels" / split).write_text(qrels)
    return folder


def test_a_collection_holds_its_judged_queries_and_counts_the_others(tmp_path: Path) -> None:
    collection = load_collection(lay(tmp_path / "tiny"))
    assert collection.name == "tiny"
    assert collection.qrels == {"q1": {"d1": 1}}
    assert collection.document_ids == {"d1", "d2"}
    assert list(collection.queries) == ["q1"]
    assert collection.queries["q1"].query().text == "strands?"
    assert collection.queries["q1"].metadata == {"kind": "a"}
    assert collection.unjudged == 1
    assert collection.absent == ()


def test_numbers_as_ids_are_read_as_text(tmp_path: Path) -> None:
    folder = lay(tmp_path, HEADER + "1\t7\t1\n", [{"_id": 7, "text": "x"}], [{"_id": 1, "text": "y"}])
    collection = load_collection(folder)
    assert collection.absent == ()
    assert list(collection.queries) == ["1"]


def test_judged_documents_that_are_not_in_the_corpus_are_named_and_kept(tmp_path: Path) -> None:
    collection = load_collection(lay(tmp_path, HEADER + "q1\td1\t1\nq1\tgone\t1\nq2\tgone\t2\n"))
    assert collection.absent == ("gone",)
    assert collection.qrels["q1"]["gone"] == 1


def test_documents_with_neither_title_nor_text_are_named(tmp_path: Path) -> None:
    corpus = [
        {"_id": "d1", "text": "x"},
        {"_id": "d2", "title": "", "text": " "},
        {"_id": "d3", "title": "T", "text": ""},
    ]
    assert load_collection(lay(tmp_path, corpus=corpus)).blank == ("d2",)


def test_queries_without_a_relevant_document_are_named(tmp_path: Path) -> None:
    assert load_collection(lay(tmp_path, HEADER + "q1\td1\t1\nq2\td1\t0\n")).without_relevant == ("q2",)


def test_a_missing_split_lists_those_that_exist(tmp_path: Path) -> None:
    lay(tmp_path, split="train.tsv")
    lay(tmp_path, split="dev.tsv")
    with pytest.raises(ReadError, match=r"no split 'test'.*Choices: dev, train") as caught:
        load_collection(tmp_path)
    assert caught.value.choices == ("dev", "train")


def test_a_split_in_trec_columns_is_read_too(tmp_path: Path) -> None:
    lay(tmp_path, "q1 0 d1 2\nq1 0 d2 0\n", split="other.qrels")
    assert load_collection(tmp_path, "other").qrels == {"q1": {"d1": 2, "d2": 0}}


@pytest.mark.parametrize("missing", ["corpus.jsonl", "queries.jsonl"])
def test_a_missing_file_is_named(tmp_path: Path, missing: str) -> None:
    (lay(tmp_path) / missing).unlink()
    with pytest.raises(ReadError, match=missing):
        load_collection(tmp_path)


@pytest.mark.parametrize("empty", ["corpus.jsonl", "queries.jsonl"])
def test_an_empty_file_is_named(tmp_path: Path, empty: str) -> None:
    (lay(tmp_path) / empty).write_text("\n")
    with pytest.raises(ReadError, match=rf"{empty}: this file is empty"):
        load_collection(tmp_path)


def test_a_missing_folder_says_what_belongs_there(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"no such folder.*corpus\.jsonl, queries\.jsonl and qrels/"):
        load_collection(tmp_path / "nowhere")
    with pytest.raises(ReadError, match="not a folder"):
        load_collection(lay(tmp_path) / "corpus.jsonl")


def test_a_folder_without_judgements_says_where_they_belong(tmp_path: Path) -> None:
    (lay(tmp_path) / "qrels" / "test.tsv").unlink()
    with pytest.raises(ReadError, match="no judgement file"):
        load_collection(tmp_path)
    (tmp_path / "qrels").rmdir()
    with pytest.raises(ReadError, match="no folder qrels/"):
        load_collection(tmp_path)


def test_judged_queries_that_are_not_in_the_collection_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"2 judged queries are not in queries\.jsonl: q8, q9"):
        load_collection(lay(tmp_path, HEADER + "q1\td1\t1\nq8\td1\t1\nq9\td1\t1\n"))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{broken", "not JSON"),
        ('{"text": "x"}', "no '_id'"),
        ("[1]", "not a JSON object"),
        ('{"_id": "d1"}', "here twice"),
    ],
)
def test_a_broken_record_is_named_by_file_and_line(tmp_path: Path, line: str, message: str) -> None:
    with (lay(tmp_path) / "corpus.jsonl").open("a") as file:
        file.write("\n" + line)
    with pytest.raises(ReadError, match=rf"corpus\.jsonl:4: .*{message}"):
        load_collection(tmp_path)


def test_a_query_whose_text_is_not_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="query 'q1' needs a 'text'"):
        load_collection(lay(tmp_path, queries=[{"_id": "q1", "text": 3}]))


def test_a_blank_query_loads_but_cannot_be_asked(tmp_path: Path) -> None:
    collection = load_collection(lay(tmp_path, queries=[{"_id": "q1", "text": " "}]))
    with pytest.raises(QueryError):
        collection.queries["q1"].query()


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    (lay(tmp_path) / "queries.jsonl").write_bytes('{"_id": "q1", "text": "Größe"}'.encode("latin-1"))
    with pytest.raises(ReadError, match="not UTF-8"):
        load_collection(tmp_path)


def written(folder: Path, text: str | bytes) -> Path:
    """A judgement file."""
    path = folder / "test.tsv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    "text",
    [
        "query-id\tcorpus-id\tscore\nq1\td1\t1\nq1\td2\t0\n",
        "q1\td1\t1\nq1\td2\t0",
        "\ufeffquery-id\tcorpus-id\tscore\r\nq1\td1\t1.0\r\n\r\nq1\td2\t0.0\r\n",
        "q1 0 d1 1\nq1 0 d2 0\n",
        "q1\tQ0\td1\t1\nq1\tQ0\td2\t0\n",
    ],
    ids=["header", "no header", "marks and floats", "trec", "trec with tabs"],
)
def test_each_layout_gives_the_same_judgements(tmp_path: Path, text: str) -> None:
    assert read_qrels(written(tmp_path, text)) == {"q1": {"d1": 1, "d2": 0}}


def test_grades_and_ids_with_blanks_are_kept_between_tabs(tmp_path: Path) -> None:
    text = "query-id\tcorpus-id\tscore\nq 1\tmy paper\t3\nq 1\tother\t-1\n"
    assert read_qrels(written(tmp_path, text)) == {"q 1": {"my paper": 3, "other": -1}}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("q1\td2", "this line is broken"),
        ("q1 d2 1", "this line is broken"),
        ("q1\t\t1", "this line is broken"),
        ("q1\td2\t1\t1\t1", "this line is broken"),
        ("q1\td2\tyes", "the grade 'yes' is not a whole number"),
        ("q1\td2\t0.5", "the grade '0.5' is not a whole number"),
        ("q1\td2\tnan", "the grade 'nan' is not a whole number"),
        ("q1\td2\tinf", "the grade 'inf' is not a whole number"),
        ("q1\td1\t2", "document 'd1' is judged 1 and 2"),
    ],
)
def test_a_broken_line_is_named_by_file_and_line(tmp_path: Path, line: str, message: str) -> None:
    path = written(tmp_path, f"query-id\tcorpus-id\tscore\nq1\td1\t1\n{line}\n")
    with pytest.raises(ReadError, match=rf"test\.tsv:3: {message}"):
        read_qrels(path)


def test_a_pair_judged_twice_alike_counts_once(tmp_path: Path) -> None:
    assert read_qrels(written(tmp_path, "q1\td1\t1\nq1\td1\t1\n")) == {"q1": {"d1": 1}}


@pytest.mark.parametrize("text", ["", "\n\n", "query-id\tcorpus-id\tscore\n"])
def test_a_file_without_a_judgement_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ReadError, match="holds no judgement"):
        read_qrels(written(tmp_path, text))


def test_a_missing_or_wrongly_encoded_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"gone\.tsv: cannot be read"):
        read_qrels(tmp_path / "gone.tsv")
    with pytest.raises(ReadError, match="not UTF-8"):
        read_qrels(written(tmp_path, "q1\tdü\t1\n".encode("latin-1")))


def test_several_splits_are_judged_together_and_remembered_apart(tmp_path: Path) -> None:
    folder = lay(tmp_path, HEADER + "q1\td1\t1\n", split="dev.tsv")
    lay(folder, HEADER + "q2\td2\t2\nq1\td1\t1\nq1\td2\t0\n", split="test.tsv")
    together = load_collection(folder, ["dev", "test"])
    assert together.qrels == {"q1": {"d1": 1, "d2": 0}, "q2": {"d2": 2}}
    assert together.split == "dev+test"
    assert together.splits == {"dev": {"q1": {"d1": 1}}, "test": {"q2": {"d2": 2}, "q1": {"d1": 1, "d2": 0}}}
    alone = load_collection(folder, "dev")
    assert (alone.split, alone.splits, alone.qrels) == ("dev", {"dev": {"q1": {"d1": 1}}}, {"q1": {"d1": 1}})
    assert load_collection(folder, ["dev", "dev"]).splits == alone.splits


def test_splits_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    folder = lay(tmp_path, HEADER + "q1\td1\t1\n", split="dev.tsv")
    lay(folder, HEADER + "q1\td1\t2\n", split="test.tsv")
    with pytest.raises(ReadError, match=r"'d1' is judged 1 and, in split 'test', 2 for query 'q1'.*one at a time"):
        load_collection(folder, ["dev", "test"])
    with pytest.raises(ReadError, match=r"no split 'train'.*Choices: dev, test"):
        load_collection(folder, ["dev", "train"])


def test_without_a_name_the_split_is_test_or_the_only_one(tmp_path: Path) -> None:
    folder = lay(tmp_path, split="dev.tsv")
    assert load_collection(folder).split == "dev"
    lay(folder, split="train.tsv")
    with pytest.raises(ReadError, match=r"no split 'test'.*Choices: dev, train"):
        load_collection(folder)
    lay(folder, split="test.tsv")
    assert load_collection(folder).split == "test"
