"""Each invariant is broken by hand, behind the writer's back, and check names it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from plait.index import Finding, Index
from plait.index.store import Store


def _change(index: Index, name: str, change: Callable[[pa.Table], pa.Table]) -> None:
    """Rewrites a table and has the current commit name the new version."""
    store = Store(index.path / "tables")
    table = store.writable(name, index.commit.tables[name])
    rows = table.to_arrow()
    changed = change(rows).cast(rows.schema)
    table = store.create(name, rows.schema, kept=True)
    store.append(table, changed)
    record = json.loads((index.path / "index.json").read_text())
    record["tables"][name] = table.version
    (index.path / "index.json").write_text(json.dumps(record))


def _replace(column: str, row: int, value: Any) -> Callable[[pa.Table], pa.Table]:
    def change(rows: pa.Table) -> pa.Table:
        records = rows.to_pylist()
        records[row][column] = value
        return pa.Table.from_pylist(records, rows.schema)

    return change


def _twice(rows: pa.Table) -> pa.Table:
    return pa.concat_tables([rows, rows.slice(0, 1)])


def _without_first(rows: pa.Table) -> pa.Table:
    return rows.slice(1)


def _other_document(rows: pa.Table) -> pa.Table:
    records = rows.to_pylist()
    records[0]["document"] = records[0]["document"].replace("First", "Faust")
    return pa.Table.from_pylist(records, rows.schema)


@pytest.mark.parametrize(
    ("table", "change", "what"),
    [
        ("documents", _twice, "1 ids that occur twice"),
        ("documents", _without_first, "2 passages of documents that are not stored"),
        ("documents", _replace("document", 0, "{"), "cannot be read"),
        ("documents", _replace("metadata", 0, "{}"), "id, title or metadata"),
        ("documents", _replace("title", 0, "Other"), "id, title or metadata"),
        ("documents", _replace("content_hash", 0, "00"), "content hashes"),
        ("documents", _other_document, "spans that do not open"),
        ("passages", _twice, "1 ids that occur twice"),
        ("passages", _without_first, "not numbered 0, 1, 2"),
        ("passages", _replace("text", 0, "Something else"), "spans that do not open"),
        ("passages", _replace("end", 0, 10_000), "spans that do not open"),
        ("passages", _replace("document_id", 0, "zz"), "passages of documents that are not stored"),
        ("passages", _replace("id", 0, "a-0"), "id is not document#ordinal"),
        ("passages", _replace("ordinal", 0, 7), "not numbered 0, 1, 2"),
        ("column.dense.vector", _without_first, "1 passages without a value"),
        ("column.dense.vector", _twice, "1 ids that occur twice"),
        ("column.dense.vector", _replace("passage_id", 0, "zz#0"), "values of passages that are not stored"),
        ("column.dense.vector", _replace("document_id", 0, "c"), "filed under another document"),
        ("column.dense.vector", _replace("value", 0, [2.0] * 8), "not finite and of length 1"),
        ("column.dense.vector", _replace("value", 0, [float("inf")] * 8), "not finite and of length 1"),
        ("column.lexical.terms", _replace("weights", 0, [1.0]), "terms without a finite weight"),
        ("column.lexical.terms", _replace("terms", 0, ["x"] * 4), "terms without a finite weight"),
    ],
)
def test_each_broken_invariant_is_named(
    filled: Index, table: str, change: Callable[[pa.Table], pa.Table], what: str
) -> None:
    assert filled.check() == []
    _change(filled, table, change)
    found = Index.open(filled.path).check()
    assert any(what in finding.what for finding in found), found
    assert all(finding.severity == "error" and finding.fix and finding.where for finding in found)


def test_wrong_counts_are_named(filled: Index) -> None:
    _edit(filled, counts={"documents": 3, "passages": 7})
    assert [finding.what for finding in filled.check()] == ["6 rows, the commit counts 7"]


def test_a_finding_reads_as_one_line() -> None:
    finding = Finding("error", "passages", "6 rows, the commit counts 7", "commit 1", "run 'plait index rebuild'")
    assert str(finding) == ("error: passages: 6 rows, the commit counts 7 (commit 1). Fix: run 'plait index rebuild'.")


def test_a_missing_identity_is_named(filled: Index) -> None:
    _edit(filled, identity={})
    assert ["identity" in finding.what for finding in filled.check()] == [True]


@pytest.mark.parametrize("table", ["documents", "passages", "column.dense.vector"])
def test_a_missing_version_or_table_is_named(filled: Index, table: str) -> None:
    tables = dict(filled.commit.tables)
    _edit(filled, tables={**tables, table: 99})
    assert [(f.severity, table in f.table) for f in filled.check()] == [("error", True)]
    _edit(filled, tables={name: version for name, version in tables.items() if name != table})
    assert [(f.severity, table in f.table) for f in filled.check()] == [("error", True)]


def test_a_damaged_data_file_is_named(filled: Index) -> None:
    for path in (filled.path / "tables" / "passages.lance" / "data").iterdir():
        path.write_bytes(path.read_bytes()[:50])
    found = Index.open(filled.path).check()
    assert [("passages" in f.table, f.severity) for f in found] == [(True, "error")]


def test_numbers_that_are_not_finite_are_named(index: Index, corpus: Any) -> None:
    from plait.contracts import Column

    document = corpus.document("a")
    with index.writer() as writer:
        writer.declare([Column("n", "number")])
        writer.put([document], corpus.passages([document]), {"n": np.array([1.0, 2.0])})
        writer.commit("a", identity={"n": 1})
    assert index.check() == []
    _change(index, "column.n", _replace("value", 1, float("inf")))
    assert ["numbers that are not finite" in f.what for f in index.check()] == [True]
    assert index.check()[0].to_json()["where"] == "a#1"


def _edit(index: Index, **changes: Any) -> None:
    record = json.loads((index.path / "index.json").read_text())
    (index.path / "index.json").write_text(json.dumps({**record, **changes}))
