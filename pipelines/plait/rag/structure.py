"""How the document graph reaches the generator: as soft tokens, as structural vectors, or in words.

Soft tokens are for generators that take embeddings, vectors for those that read them themselves, words for all others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from plait.contracts import (
    EmbeddingGenerator,
    Evidence,
    Generator,
    IndexView,
    StructureGenerator,
    StructureWeights,
)
from plait.fusion.tokens.checkpoint import PROJECTOR, READER
from plait.prompts import Ties
from plait.rag.parts import Parts

__all__ = ["ReadStructure", "read_structure", "structure_of", "ties_of"]


@dataclass(frozen=True, slots=True)
class ReadStructure:
    """What a request tells a generator about structure.

    Args:
        told: of how many passages, or why of none.
        soft_tokens: number of the passage -> offsets (k, width), without those whose documents have no structure.
        weights: of a generator that reads structural vectors itself.
    """

    told: str
    soft_tokens: Mapping[int, NDArray[np.float32]] = field(default_factory=dict)
    weights: StructureWeights | None = None


def structure_of(parts: Parts, view: IndexView) -> Callable[[int], NDArray[np.float32] | None]:
    """Gives the structural vector of a row's document, None where it has none."""
    source = parts.structure_source
    if source is None:
        return lambda _row: None
    vectors, tied = view.vectors(source.structure_column), view.values(f"{source.structure_column}.tied")
    return lambda row: vectors[row] if tied[row] else None


def read_structure(parts: Parts, evidence: Sequence[Evidence], view: IndexView) -> ReadStructure:
    """How the pipeline's generator is to read the structure of the passages in a prompt.

    Args:
        parts: the pipeline's components.
        evidence: the passages, as they are numbered in the prompt.
        view: the snapshot that they come from.

    Raises:
        IdentityError: what is trained is for another language model or another graph encoder.
        ModelError: its file is damaged.
    """
    generator, source = parts.generator, parts.structure_source
    name = _file_of(generator)
    if not name:
        return ReadStructure("off")
    if source is None:
        return ReadStructure("the pipeline has no document graph")
    file = _trained(view, name)
    if file is None:
        return ReadStructure(f"nothing is trained: 'plait train {READER}' teaches the generator to read it")
    given = [item for item in evidence if item.structure is not None]
    told, identity = f"{len(given)} of {len(evidence)} passages", source.structure_identity(view)
    if not isinstance(generator, EmbeddingGenerator):
        return ReadStructure(told, weights=StructureWeights(file, identity))
    from plait.fusion.tokens.projector import Projector

    space, k = generator.embedding_space(), generator.soft_tokens
    projector: Projector = view.derived(
        f"projector:{space.model}:{k}", lambda: Projector.load(file, space, identity, k)
    )
    vectors = {item.number: item.structure for item in given if item.structure is not None}
    return ReadStructure(told, projector.soft_tokens(vectors))


def _file_of(generator: Generator) -> str:
    """The file that has to be trained for a generator to read structure; empty where it reads text only."""
    if isinstance(generator, EmbeddingGenerator):
        return PROJECTOR if generator.soft_tokens else ""
    return generator.structure_file if isinstance(generator, StructureGenerator) else ""


def _trained(view: IndexView, name: str) -> Path | None:
    """The file in the view's model; None also where that was trained for another kind of generator."""
    folder = view.model(READER)
    return folder / name if folder is not None and (folder / name).is_file() else None


def ties_of(parts: Parts, view: IndexView) -> Ties | None:
    """What tells in words how papers are tied; None where the settings or the pipeline have no use for it."""
    source, wanted = parts.structure_source, parts.pipeline.answer.ties
    if source is None or wanted == "never":
        return None
    if wanted == "auto":
        name = _file_of(parts.generator)
        if name and _trained(view, name) is not None:
            return None

    def told(documents: Sequence[str], limit: int, count: Callable[[str], int]) -> str:
        from plait.fusion.tokens.verbalised import verbalised

        return verbalised(source.graph(view), documents, limit=limit, count=count) if limit > 0 else ""

    return told
