"""How the document graph reaches the generator: as soft tokens where it takes embeddings, else in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from plait.contracts import EmbeddingGenerator, Evidence, IndexView
from plait.fusion.vectors.fused_leg import encoder_identity
from plait.prompts import Ties
from plait.rag.parts import Parts
from plait.retrievers.docgraph import MODEL, DocGraph

if TYPE_CHECKING:
    from plait.fusion.tokens.projector import Projector

__all__ = ["PROJECTOR", "READER", "soft_tokens_of", "structural_identity", "structure_of", "ties_of", "walker_of"]

READER = "reader"
"""The name of the trained projector in the index."""
PROJECTOR = "projector.safetensors"
"""The file of its weights in the model's folder."""


def walker_of(parts: Parts) -> DocGraph | None:
    """The pipeline's retriever that reads the document graph, or None."""
    return next((r for r in parts.retrievers.values() if isinstance(r, DocGraph)), None)


def structural_identity(walker: DocGraph, view: IndexView) -> dict[str, Any]:
    """What the structural vectors of a view were made by (JSON): graph, encoder with its weights, text encoder."""
    folder = view.model(MODEL)
    weights = "none" if folder is None else encoder_identity(folder, walker.embedder)["graph encoder"]
    return {**walker.fingerprint(), "weights": weights}


def structure_of(parts: Parts, view: IndexView) -> Callable[[int], NDArray[np.float32] | None]:
    """Gives the structural vector of a row's document, None where it has none."""
    walker = walker_of(parts)
    if walker is None:
        return lambda _row: None
    vectors, tied = view.vectors(walker.config.column), view.values(f"{walker.config.column}.tied")
    return lambda row: vectors[row] if tied[row] else None


def soft_tokens_of(
    parts: Parts, evidence: Sequence[Evidence], view: IndexView
) -> tuple[Mapping[int, NDArray[np.float32]], str]:
    """Soft tokens of the passages in a prompt, and what there is to say about them.

    Args:
        parts: the pipeline's components.
        evidence: the passages, as they are numbered in the prompt.
        view: the snapshot that they come from.

    Returns:
        Number of the passage -> offsets (k, width), without those whose documents have no structure; and why there are
        none, or how many there are.

    Raises:
        IdentityError: the projector was trained for another language model or another graph encoder.
        ModelError: its file is damaged.
    """
    generator, walker = parts.generator, walker_of(parts)
    if not isinstance(generator, EmbeddingGenerator) or not generator.accepts_embeddings or not generator.soft_tokens:
        return {}, "off"
    if walker is None:
        return {}, "the pipeline has no document graph"
    folder = view.model(READER)
    if folder is None:
        return {}, f"nothing is trained: 'plait train {READER}' teaches the generator to read them"
    from plait.fusion.tokens.projector import Projector

    space, identity, k = generator.embedding_space(), structural_identity(walker, view), generator.soft_tokens
    projector: Projector = view.derived(
        f"projector:{space.model}:{k}", lambda: Projector.load(folder / PROJECTOR, space, identity, k)
    )
    given = [item for item in evidence if item.structure is not None]
    vectors = np.array([item.structure for item in given], dtype=np.float32).reshape(len(given), -1)
    tied = np.ones(len(given), dtype=np.bool_)
    tokens = projector.soft_tokens({item.number: row for row, item in enumerate(given)}, vectors, tied) if given else {}
    return tokens, f"{len(tokens)} of {len(evidence)} passages"


def ties_of(parts: Parts, view: IndexView) -> Ties | None:
    """What tells in words how papers are tied; None where the settings or the pipeline have no use for it."""
    walker, wanted = walker_of(parts), parts.pipeline.answer.ties
    if walker is None or wanted == "never":
        return None
    if wanted == "auto":
        generator = parts.generator
        reads = isinstance(generator, EmbeddingGenerator) and generator.accepts_embeddings and generator.soft_tokens
        if reads and view.model(READER) is not None:
            return None

    def told(documents: Sequence[str], limit: int, count: Callable[[str], int]) -> str:
        from plait.fusion.tokens.verbalised import verbalised

        return verbalised(walker.graph(view), documents, limit=limit, count=count).text if limit > 0 else ""

    return told
