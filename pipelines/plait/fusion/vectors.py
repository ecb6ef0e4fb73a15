"""Fused vectors as a column of the index, searched in place of the text vectors they improve upon.

The components ``gated`` and ``concatenated``. Before anything is trained the column holds the text vectors themselves,
bit for bit, so that a pipeline with structure starts exactly where the one without it stands.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from plait.config import Settings, Use, use
from plait.contracts import (
    Column,
    ColumnValues,
    Embedder,
    Fold,
    Fusion,
    Hit,
    IndexView,
    IngestBatch,
    Query,
    Structural,
    WeighsRuns,
    WeightedFusion,
)
from plait.contracts.errors import ConfigError
from plait.retrievers.graph_model import MODEL, encoder_digest
from plait.retrievers.query_adapter import adapted

if TYPE_CHECKING:
    from plait.fusion.vector_layers import FusionLayer

__all__ = ["ConcatenatedConfig", "ConcatenatedFusion", "Config", "FusedColumn", "GatedFusion"]


class Config(Settings):
    """Settings of ``gated``."""

    embedder: Use = use("minilm")
    """The encoder of the text vectors."""
    text: str = "dense"
    """The column of text vectors."""
    structure: str = "docgraph"
    """The column of structural vectors."""
    column: str = Field(default="gated", pattern=r"^[a-z][a-z0-9_]*$")
    """The index column of fused vectors, and the label of their leg."""
    replaces: str = "dense"
    """The retriever whose leg the fused one stands in for: its hits are shown, but count only where ``ranks`` gives it
    a weight of its own."""
    ranks: Use = use("scores")
    """How the legs' ranks are merged."""
    adapter: bool = True
    """Whether questions go through what ``plait train retriever`` has learnt for the column; without, as embedded."""


class ConcatenatedConfig(Config):
    """Settings of ``concatenated``: those of ``gated``, in a column of its own."""

    column: str = Field(default="concatenated", pattern=r"^[a-z][a-z0-9_]*$")
    """The index column of fused vectors, and the label of their leg."""


class FusedColumn:
    """Fuses text and structural vectors and searches the result; the base of the components.

    Attributes:
        model: name of the trained model in the index.

    Args:
        config: the settings.
        embedder: the encoder named by ``config.embedder``.
        ranks: the fusion named by ``config.ranks``.
    """

    name: ClassVar[str]
    model: ClassVar[str] = MODEL

    def __init__(self, config: Config, embedder: Embedder, ranks: Fusion) -> None:
        self.config = config
        self.embedder = embedder
        self.ranks = ranks

    @classmethod
    def layer(cls) -> type[FusionLayer]:
        """What is trained."""
        raise NotImplementedError

    @property
    def columns(self) -> Sequence[Column]:
        """Fused vectors, as wide as the text's."""
        return (Column(self.config.column, "vector", self.embedder.dimension),)

    @property
    def vector_column(self) -> str:
        """The index column of fused vectors."""
        return self.config.column

    @property
    def stands_in_for(self) -> Sequence[str]:
        """The retriever that the fused vectors replace."""
        return (self.config.replaces,)

    @property
    def weights(self) -> Mapping[str, float]:
        """Those that the settings of ``ranks`` give to runs."""
        return self.ranks.weights if isinstance(self.ranks, WeightedFusion) else {}

    def fingerprint(self) -> Mapping[str, Any]:
        """Which vectors are fused, and how; the trained weights are noted by the index itself."""
        config = self.config
        made_of = {"fusion": self.name, "text": config.text, "structure": config.structure}
        return {**made_of, "embedder": dict(self.embedder.fingerprint())}

    def encode(self, batch: IngestBatch) -> Mapping[str, ColumnValues]:
        """The text vectors: passages that are not linked yet have nothing to fuse.

        Raises:
            ConfigError: no retriever has filled the columns of text or structural vectors.
        """
        self._check({*batch.columns})
        return {self.config.column: np.asarray(batch.columns[self.config.text], dtype=np.float32)}

    def encode_corpus(self, view: IndexView) -> Mapping[str, ColumnValues]:
        """Fused vectors of all passages; the text vectors as long as nothing is trained.

        Raises:
            IdentityError: the fusion was trained with another text or graph encoder.
        """
        text = view.vectors(self.config.text)
        file = self._file(view)
        if file is None or not len(text):
            return {self.config.column: text}
        fusion = self.layer().load(file, self.weights_identity(file.parent))
        tied = np.asarray(view.values(f"{self.config.structure}.tied")) > 0
        return {self.config.column: fusion.fuse(text, Structural(view.vectors(self.config.structure), tied))}

    def made_by(self, view: IndexView) -> Mapping[str, Any]:
        """What the fused vectors of a view depend on beside the embedder: the trained fusion (JSON)."""

        def digest() -> str:
            file = self._file(view)
            return "none" if file is None else hashlib.sha256(file.read_bytes()).hexdigest()

        return {"fusion": view.derived(f"fusion:{self.name}", digest)}

    def fit(
        self, text: NDArray[np.float32], folds: Sequence[Fold], *, seed: int = 0, device: str = "cpu"
    ) -> FittedLayer:
        """Trains a new fusion of this kind to predict links, see :mod:`plait.fusion.vector_layers`."""
        from plait.fusion.vector_layers import fit

        layer = self.layer()(text.shape[1], folds[0].structure.vectors.shape[1]).to(device)
        return FittedLayer(fit(layer, text, folds, seed=seed), self)

    def adapted(self, vector: NDArray[np.float32], view: IndexView) -> NDArray[np.float32]:
        """A question's vector as the column is searched with it, shape (dimension,).

        Raises:
            IdentityError: the adapter that ``plait train retriever`` has left belongs to other vectors.
        """
        return adapted(vector, view, self) if self.config.adapter else vector

    def search(
        self, query: Query, runs: Mapping[str, Sequence[Hit]], view: IndexView, k: int
    ) -> Mapping[str, Sequence[Hit]]:
        """The runs with that of the fused vectors right behind the one it stands in for.

        Raises:
            ConfigError: the pipeline has no retriever of the label ``replaces``.
        """
        config = self.config
        if config.replaces not in runs:
            raise ConfigError(
                f"there is no retriever {config.replaces!r} for the fused vectors to stand in for",
                where=f"fusion {self.name!r}",
                choices=runs,
                fix="set replaces to one of them",
            )
        found: list[Hit] = []
        if len(view) and k > 0:
            vector = self.adapted(self.embedder.embed_queries([query.text])[0], view)
            found = view.hits(*view.nearest(config.column, vector, k, view.allowed(query.filters)))
        merged: dict[str, Sequence[Hit]] = {}
        for label, hits in runs.items():
            merged[label] = hits
            if label == config.replaces:
                merged[config.column] = found
        return merged

    def fuse(self, query: Query, runs: Mapping[str, Sequence[Hit]], k: int) -> Sequence[Hit]:
        """The k best of the runs' ranks, the replaced one left out."""
        return self.ranks.fuse(query, self._counting(runs), k)

    def fuse_weighted(
        self, query: Query, runs: Mapping[str, Sequence[Hit]], k: int, weights: Mapping[str, float]
    ) -> Sequence[Hit]:
        """The same, where runs have a weight and ``ranks`` knows what to do with it."""
        if isinstance(self.ranks, WeighsRuns):
            return self.ranks.fuse_weighted(query, self._counting(runs), k, weights)
        return self.fuse(query, runs, k)

    def _counting(self, runs: Mapping[str, Sequence[Hit]]) -> dict[str, Sequence[Hit]]:
        """The runs without the one that the fused vectors stand in for, unless ``ranks`` gives it a weight."""
        replaced = self.config.column in runs and self.config.replaces not in self.weights
        return {label: hits for label, hits in runs.items() if not (replaced and label == self.config.replaces)}

    def _file(self, view: IndexView) -> Path | None:
        """The trained fusion that is in use."""
        folder = view.model(MODEL)
        file = None if folder is None else folder / f"{self.name}.safetensors"
        return file if file is not None and file.is_file() else None

    def weights_identity(self, folder: Path) -> dict[str, Any]:
        """What a trained fusion belongs to (JSON): the graph encoder beside it, and the text encoder."""
        return {"graph encoder": encoder_digest(folder), "text encoder": dict(self.embedder.fingerprint())}

    def _check(self, filled: set[str]) -> None:
        for what, column in (("text", self.config.text), ("structural", self.config.structure)):
            if column not in filled:
                raise ConfigError(
                    f"there are no {what} vectors {column!r} to fuse",
                    where=f"fusion {self.name!r}",
                    choices=sorted(filled),
                    fix="have use('dense') and use('docgraph') among the retrievers",
                )


@dataclass(frozen=True, slots=True)
class FittedLayer:
    """A trained layer of a component, before it is put into use."""

    layer: FusionLayer
    column: FusedColumn

    def fuse(self, text: NDArray[np.float32], structure: Structural) -> NDArray[np.float32]:
        """Fused vectors, shape of ``text``."""
        return self.layer.fuse(text, structure)

    def save(self, folder: Path) -> None:
        """Writes it into the folder of a trained model, beside the graph encoder that it was trained with."""
        self.layer.save(folder / f"{self.column.name}.safetensors", self.column.weights_identity(folder))


class GatedFusion(FusedColumn):
    """Text and structure by a gated residual, see :mod:`plait.fusion.vector_layers`."""

    name: ClassVar[str] = "gated"

    @classmethod
    def layer(cls) -> type[FusionLayer]:
        """:class:`~plait.fusion.vector_layers.Gated`."""
        from plait.fusion.vector_layers import Gated

        return Gated


class ConcatenatedFusion(FusedColumn):
    """Text and structure side by side, projected, see :mod:`plait.fusion.vector_layers`."""

    name: ClassVar[str] = "concatenated"

    @classmethod
    def layer(cls) -> type[FusionLayer]:
        """:class:`~plait.fusion.vector_layers.Concatenated`."""
        from plait.fusion.vector_layers import Concatenated

        return Concatenated
