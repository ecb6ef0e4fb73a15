from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plait.contracts import Column, Document, Passage, Section, Text
from plait.index import Index, exact
from plait.index.approximate import sample_queries

WIDTH = 32
COLUMN = Column("v", "vector", WIDTH)


def _clustered(rows: int, seed: int = 0) -> np.ndarray:
    """Unit vectors in 40 loose clusters, as text embeddings have."""
    generator = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(40, WIDTH))
    vectors = centres[generator.integers(0, 40, rows)] + 0.5 * generator.normal(size=(rows, WIDTH))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def _put(writer: Any, prefix: str, vectors: np.ndarray) -> None:
    """Documents of one passage, one per vector."""
    documents = [Document(f"{prefix}{n:05}", "", (Section("", (Text("x"),)),)) for n in range(len(vectors))]
    passages = [Passage(f"{d.id}#0", d.id, 0, 0, 1, "x") for d in documents]
    writer.put(documents, passages, {COLUMN.name: vectors})


@pytest.fixture
def big(tmp_path: Path) -> Index:
    """4,000 rows, twice the limit."""
    index = Index.create(tmp_path / "big.plait", exact_limit=2_000)
    with index.writer() as writer:
        writer.declare([COLUMN])
        _put(writer, "d", _clustered(4_000))
        writer.commit("big", identity={"v": 1})
    return index


def _recall(index: Index, depth: int) -> float:
    """Measured here anew, with other queries than the index itself used."""
    view = index.view()
    vectors, shares = view.vectors(COLUMN.name), []
    for query in np.concatenate(sample_queries(vectors, 30, seed=5)):
        rows, scores = view.nearest(COLUMN.name, query, depth)
        wanted, _ = exact.nearest(vectors, query, depth)
        shares.append(len(np.intersect1d(rows, wanted)) / depth)
        np.testing.assert_allclose(scores, vectors[rows] @ query, atol=1e-5)
        assert (np.diff(scores) <= 0).all()
    return float(np.mean(shares))


def test_above_the_limit_search_is_approximate_measured_and_good_enough(big: Index) -> None:
    entry = big.commit.approximate[COLUMN.name]
    assert entry["kind"] == "IVF_SQ"
    assert min(entry["recall"].values()) >= 0.98
    assert entry["settings"]["nprobes"] <= entry["settings"]["partitions"] // 2
    assert _recall(big, 10) >= 0.975
    assert _recall(big, 100) >= 0.97
    assert big.check() == []


def test_the_approximate_index_is_really_used(big: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    view = Index.open(big.path).view()
    monkeypatch.setattr(view, "vectors", lambda column: pytest.fail("the matrix was loaded"))
    assert len(view.nearest(COLUMN.name, _clustered(1)[0], 10)[0]) == 10


def test_below_the_limit_search_is_exact(big: Index) -> None:
    with big.writer() as writer:
        writer.remove([f"d{n:05}" for n in range(2_500)])
        assert dict(writer.commit("small again").approximate) == {}
    view, query = big.view(), _clustered(1, seed=3)[0]
    assert view.nearest(COLUMN.name, query, 50)[0].tolist() == exact.nearest(view.vectors("v"), query, 50)[0].tolist()


def test_rows_added_later_are_found(big: Index) -> None:
    fresh = _clustered(60, seed=8)
    with big.writer() as writer:
        _put(writer, "new", fresh)
        commit = writer.commit("more")
    assert commit.approximate[COLUMN.name]["rows"] == 4_000  # not built anew for so few
    view = big.view()
    for number, vector in enumerate(fresh):
        rows, scores = view.nearest(COLUMN.name, vector, 1)
        assert view.passage_ids[rows[0]] == f"new{number:05}#0"
        assert scores[0] == pytest.approx(1.0, abs=1e-5)
    big.optimize()
    assert _recall(big, 10) >= 0.97
    assert big.view().nearest(COLUMN.name, fresh[7], 1)[0][0] == big.view().row("new00007#0")


def test_removed_rows_are_not_found(big: Index) -> None:
    view, query = big.view(), _clustered(1, seed=3)[0]
    best = view.nearest(COLUMN.name, query, 5)[0]
    gone = [view.document_ids[view.document_numbers[row]] for row in best]
    with big.writer() as writer:
        writer.remove(gone)
        writer.commit("without the best")
    names = [hit.document_id for hit in big.view().hits(*big.view().nearest(COLUMN.name, query, 100))]
    assert not set(gone) & set(names)
    assert view.nearest(COLUMN.name, query, 5)[0].tolist() == best.tolist()  # the old view still finds them


def test_with_a_filter_search_is_exact(big: Index) -> None:
    view, query = big.view(), _clustered(1, seed=3)[0]
    allowed = np.random.default_rng(0).random(len(view)) < 0.01
    rows, _ = view.nearest(COLUMN.name, query, 30, allowed)
    assert rows.tolist() == exact.nearest(view.vectors(COLUMN.name), query, 30, allowed)[0].tolist()


def test_growth_makes_it_measure_anew(big: Index) -> None:
    with big.writer() as writer:
        _put(writer, "e", _clustered(2_500, seed=4))
        commit = writer.commit("half as much again")
    assert commit.approximate[COLUMN.name]["rows"] == 6_500
    assert _recall(big, 10) >= 0.975


def test_what_cannot_reach_the_bar_stays_exact_and_says_so(tmp_path: Path, caplog: Any) -> None:
    noise = np.random.default_rng(0).normal(size=(4_000, WIDTH)).astype(np.float32)
    noise /= np.linalg.norm(noise, axis=1, keepdims=True)
    index = Index.create(tmp_path / "noise.plait", exact_limit=2_000, min_recall=0.9999)
    with caplog.at_level(logging.WARNING), index.writer() as writer:
        writer.declare([COLUMN])
        _put(writer, "d", noise)
        commit = writer.commit("noise")
    entry = commit.approximate[COLUMN.name]
    assert entry["kind"] == "exact"
    assert min(entry["recall"].values()) < 0.9999
    assert "search stays exact" in caplog.text
    view, query = index.view(), noise[0] * 0.5 + noise[1] * 0.5
    unit = query / np.linalg.norm(query)
    assert view.nearest("v", query, 100)[0].tolist() == exact.nearest(noise, unit, 100)[0].tolist()
    caplog.clear()
    with caplog.at_level(logging.WARNING), index.writer() as writer:
        _put(writer, "e", noise[:1])
        assert writer.commit("one more").approximate["v"] == entry
    assert caplog.text == ""  # not tried again for one row


def test_asking_for_more_than_the_partitions_hold_still_finds_all(big: Index) -> None:
    rows, _ = big.view().nearest(COLUMN.name, _clustered(1)[0], 4_000)
    assert sorted(rows.tolist()) == list(range(4_000))


def test_optimize_builds_what_a_lower_limit_asks_for(tmp_path: Path) -> None:
    index = Index.create(tmp_path / "i.plait")
    with index.writer() as writer:
        writer.declare([COLUMN])
        _put(writer, "d", _clustered(4_000))
        assert dict(writer.commit("exact").approximate) == {}
    lower = Index.open(index.path, exact_limit=1_000)
    assert lower.optimize().approximate[COLUMN.name]["kind"] == "IVF_SQ"
    assert _recall(lower, 10) >= 0.975
