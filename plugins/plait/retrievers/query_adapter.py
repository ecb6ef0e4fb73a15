r"""A linear residual on question vectors, distilled from a reader on one index.

.. math:: q' = \mathrm{norm}(q + A q)

The passages' vectors stay as they are, and so does the index, as in the query-side fine-tuning of Izacard et al. 2022,
*Atlas* (arXiv:2208.03299). ``plait train retriever`` makes it, see :mod:`plait.training.retriever`; what searches a
column of vectors (:class:`~plait.contracts.VectorSearch`) applies it where the index has one for that column.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from plait.config.extras import require
from plait.contracts import IndexView, VectorSearch
from plait.contracts.errors import IdentityError, ModelError

__all__ = ["MODEL", "QueryAdapter", "VectorSpace", "adapted"]

MODEL = "retriever"
"""The name of the trained model in the index; it holds a file per column."""
_KIND = "query adapter"
_FORMAT = 1
_NOTHING: Mapping[str, Any] = {}


class VectorSpace(Protocol):
    """Whose vectors are adapted: an :class:`~plait.contracts.Embedder` is one."""

    @property
    def dimension(self) -> int:
        """Width of the vectors."""
        ...

    def fingerprint(self) -> Mapping[str, Any]:
        """All that decides where a text lands (JSON)."""
        ...


class QueryAdapter:
    """Turns question vectors of length 1 into others of length 1.

    Args:
        matrix: A, shape (dimension, dimension).

    Raises:
        ModelError: the matrix is not square, or not finite.

    Example:
        >>> turn = QueryAdapter(np.array([[-1.0, 0.0], [1.0, 0.0]], np.float32))
        >>> turn(np.array([1.0, 0.0], np.float32)).tolist()
        [0.0, 1.0]
    """

    def __init__(self, matrix: NDArray[np.float32]) -> None:
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
            raise ModelError(f"a matrix of shape {matrix.shape} turns no vectors into others", where=_KIND)
        if not np.isfinite(matrix).all():
            raise ModelError("its numbers are not all finite", where=_KIND, fix="train it again")
        self.matrix = matrix

    def __call__(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Adapted vectors, float32 of shape (dimension,) or (n, dimension) as given."""
        turned = vectors + vectors @ self.matrix.T
        length = np.linalg.norm(turned, axis=-1, keepdims=True)
        found: NDArray[np.float32] = (turned / np.maximum(length, 1e-12)).astype(np.float32)
        return found

    def save(self, folder: Path, column: str, embedder: VectorSpace, made_by: Mapping[str, Any] = _NOTHING) -> Path:
        """Writes ``<column>.safetensors`` with what it belongs to; the file.

        Args:
            folder: where.
            column: of the vectors that the questions are compared with.
            embedder: of questions and passages.
            made_by: what else made the vectors (JSON).
        """
        save = require("safetensors.numpy", "plait[models]", needed_by=_KIND).save_file
        about = {"format": _FORMAT, "kind": _KIND, **_identity(column, embedder, made_by)}
        file = _file(folder, column)
        save({"matrix": self.matrix}, file, metadata={"about": json.dumps(about, sort_keys=True)})
        return file

    @classmethod
    def load(
        cls,
        folder: Path,
        column: str,
        embedder: VectorSpace,
        made_by: Mapping[str, Any] = _NOTHING,
        *,
        command: str = MODEL,
    ) -> QueryAdapter | None:
        """Opens what was saved for a column; None where nothing was.

        Raises:
            IdentityError: it was made for vectors of another embedder, or that something else was made by.
            ModelError: the file is damaged.
        """
        file = _file(folder, column)
        if not file.is_file():
            return None
        safetensors = require("safetensors", "plait[models]", needed_by=_KIND)
        try:
            with safetensors.safe_open(file, framework="numpy") as opened:
                about, matrix = json.loads((opened.metadata() or {})["about"]), opened.get_tensor("matrix")
            if (about["kind"], about["format"]) != (_KIND, _FORMAT):
                raise ValueError(f"it holds a {about['kind']} of format {about['format']}")
        except (safetensors.SafetensorError, OSError, KeyError, ValueError, TypeError) as error:
            raise ModelError(f"this is no usable {_KIND} ({error})", where=str(file), fix="train it again") from error
        wanted = json.loads(json.dumps(_identity(column, embedder, made_by), default=str))
        differing = sorted(key for key in wanted if about.get(key) != wanted[key])
        if differing:
            raise IdentityError(
                f"this {_KIND} was trained with another {differing[0]}",
                where=str(file),
                fix=f"train again with 'plait train {command}', or go back to the {differing[0]} it was trained with",
            )
        if matrix.shape != (embedder.dimension, embedder.dimension):
            raise ModelError(
                f"this {_KIND} turns vectors of another width than {embedder.dimension}", where=str(file),
                fix="train it again",
            )  # fmt: skip
        return cls(np.asarray(matrix, dtype=np.float32))


def adapted(vector: NDArray[np.float32], view: IndexView, source: VectorSearch) -> NDArray[np.float32]:
    """A question's vector by what was learnt for the column that it is compared with; itself where nothing was.

    Args:
        vector: of the question by the source's embedder, shape (dimension,).
        view: the index.
        source: what searches the column.

    Raises:
        IdentityError: what was trained belongs to another embedder, or other vectors.
        IndexCorruptError: its files are damaged or gone.
        ModelError: its file is of another kind.
    """
    folder = view.model(MODEL)
    if folder is None:
        return vector
    column = source.vector_column

    def load() -> QueryAdapter | None:
        return QueryAdapter.load(folder, column, source.embedder, source.made_by(view))

    adapter = view.derived(f"{MODEL}:{column}", load)
    return vector if adapter is None else adapter(vector)


def _file(folder: Path, column: str) -> Path:
    return folder / f"{column}.safetensors"


def _identity(column: str, embedder: VectorSpace, made_by: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"column": column, "embedder": dict(embedder.fingerprint()), **made_by}
