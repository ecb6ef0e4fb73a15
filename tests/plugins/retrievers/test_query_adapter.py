from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from plait.contracts.errors import IdentityError, ModelError
from plait.embedders.transformers import MiniLM, MiniLMConfig
from plait.retrievers.dense import Config as DenseConfig
from plait.retrievers.dense import Dense
from plait.retrievers.query_adapter import QueryAdapter, adapted

EMBEDDER = MiniLM(MiniLMConfig())
RANDOM = np.random.default_rng(0)
MATRIX = RANDOM.normal(size=(6, 6)).astype(np.float32)


WIDE = (0.1 * RANDOM.normal(size=(384, 384))).astype(np.float32)


class View:
    """What an index with an adapter for one column says."""

    def __init__(self, folder: Path | None) -> None:
        self.folder, self.kept = folder, dict[str, Any]()

    def model(self, name: str) -> Path | None:
        assert name == "retriever"
        return self.folder

    def derived(self, key: str, build: Any) -> Any:
        return self.kept.setdefault(key, build())


def unit(table: Any) -> Any:
    return (table / np.linalg.norm(table, axis=-1, keepdims=True)).astype(np.float32)


def test_it_is_a_normalised_linear_residual() -> None:
    queries = unit(RANDOM.normal(size=(5, 6)))
    wanted = queries.astype(np.float64) @ (np.eye(6) + MATRIX.astype(np.float64)).T
    np.testing.assert_allclose(QueryAdapter(MATRIX)(queries), unit(wanted), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(QueryAdapter(MATRIX)(queries[0])), 1.0, atol=1e-6)


def test_it_is_saved_and_read_again_for_its_column_alone(tmp_path: Path) -> None:
    QueryAdapter(WIDE).save(tmp_path, "dense", EMBEDDER)
    again = QueryAdapter.load(tmp_path, "dense", EMBEDDER)
    assert again is not None and np.array_equal(again.matrix, WIDE)
    assert QueryAdapter.load(tmp_path, "gated", EMBEDDER) is None
    vector = unit(RANDOM.normal(size=384))
    view: Any = View(tmp_path)
    assert np.array_equal(Dense(DenseConfig(), EMBEDDER).adapted(vector, view), again(vector))
    assert Dense(DenseConfig(column="other"), EMBEDDER).adapted(vector, view) is vector
    assert Dense(DenseConfig(adapter=False), EMBEDDER).adapted(vector, view) is vector
    nothing: Any = View(None)
    assert adapted(vector, nothing, Dense(DenseConfig(), EMBEDDER)) is vector


def test_another_embedder_is_refused(tmp_path: Path) -> None:
    QueryAdapter(MATRIX).save(tmp_path, "dense", EMBEDDER)
    with pytest.raises(IdentityError, match="trained with another embedder"):
        QueryAdapter.load(tmp_path, "dense", MiniLM(MiniLMConfig(max_tokens=64)))


def test_vectors_that_something_else_has_made_are_refused(tmp_path: Path) -> None:
    QueryAdapter(WIDE).save(tmp_path, "gated", EMBEDDER, {"fusion": "a"})
    assert QueryAdapter.load(tmp_path, "gated", EMBEDDER, {"fusion": "a"}) is not None
    with pytest.raises(IdentityError, match="trained with another fusion"):
        QueryAdapter.load(tmp_path, "gated", EMBEDDER, {"fusion": "b"})


def test_a_matrix_of_another_width_is_refused(tmp_path: Path) -> None:
    QueryAdapter(MATRIX).save(tmp_path, "dense", EMBEDDER)
    with pytest.raises(ModelError, match="another width than 384"):
        QueryAdapter.load(tmp_path, "dense", EMBEDDER)


@pytest.mark.parametrize("matrix", [np.full((2, 2), np.nan, np.float32), np.zeros((2, 3), np.float32)])
def test_matrices_that_turn_nothing_are_refused(matrix: Any) -> None:
    with pytest.raises(ModelError, match=r"not all finite|turns no vectors"):
        QueryAdapter(matrix)


def test_damaged_files_end_in_an_error(tmp_path: Path) -> None:
    file = tmp_path / "dense.safetensors"
    file.write_bytes(b"nothing of the kind")
    with pytest.raises(ModelError, match="no usable query adapter"):
        QueryAdapter.load(tmp_path, "dense", EMBEDDER)
    save_file({"matrix": MATRIX}, file, metadata={"about": "{}"})
    with pytest.raises(ModelError, match="no usable query adapter"):
        QueryAdapter.load(tmp_path, "dense", EMBEDDER)
