"""What ``plait train docgraph`` leaves in an index: one trained model, its files, and how they are read.

Graph encoder and vector fusion belong together, for the one was fitted to the other's vectors; the weights of the walk
stand on their own.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from plait.contracts import IndexView
from plait.contracts.errors import ConfigError, ModelError

if TYPE_CHECKING:
    from plait.docgraph.traversal import TraversalWeights

__all__ = [
    "MODEL",
    "TRAVERSAL",
    "WalkWeights",
    "encoder_digest",
    "has_encoder",
    "save_traversal_weights",
    "traversal_weights",
    "walk_weights",
]

MODEL = "docgraph"
"""The name of the trained model in the index."""
TRAVERSAL = "traversal.json"
"""The file of traversal weights in the model's folder, and of what the run counts in the fusion."""


def has_encoder(view: IndexView) -> bool:
    """Whether the model in use at a view holds a trained graph encoder."""
    folder = view.model(MODEL)
    return folder is not None and (folder / "encoder.json").is_file()


def encoder_digest(folder: Path | None) -> str:
    """SHA-256 of the weights of the graph encoder in a model's folder, as hexadecimal digits; ``none`` without one."""
    encoder = None if folder is None else folder / "encoder.safetensors"
    return hashlib.sha256(encoder.read_bytes()).hexdigest() if encoder is not None and encoder.is_file() else "none"


def traversal_weights(view: IndexView) -> TraversalWeights:
    """What each feature of a walk counts: learnt on this index, or the weights that come with Plait.

    Raises:
        ModelError: the stored weights are damaged.
    """
    return _walk(view)[0]


@dataclass(frozen=True, slots=True)
class WalkWeights:
    """What the run of the walk counts in the fusion, where that of any other retriever counts 1.

    Args:
        titles: for a question that is the title of a document.
        questions: for any other.
    """

    titles: float = 0.0
    questions: float = 0.0

    def __post_init__(self) -> None:
        if not all(math.isfinite(weight) and weight >= 0.0 for weight in (self.titles, self.questions)):
            raise ConfigError(f"{self} are no weights", where="graph traversal", fix="give finite numbers from 0 on")


def walk_weights(view: IndexView) -> WalkWeights:
    """What the run of the walk counts in the fusion; nothing where nothing has shown on this index that it helps.

    Raises:
        ModelError: the stored weights are damaged.
    """
    return _walk(view)[1]


def _walk(view: IndexView) -> tuple[TraversalWeights, WalkWeights]:
    from plait.docgraph.traversal import TraversalWeights
    from plait.docgraph.weighing import DEFAULT_WEIGHTS

    def read() -> tuple[TraversalWeights, WalkWeights]:
        folder = view.model(MODEL)
        file = None if folder is None else folder / TRAVERSAL
        if file is None or not file.is_file():
            return DEFAULT_WEIGHTS, WalkWeights()
        try:
            stored = json.loads(file.read_text(encoding="utf-8"))
            # Releases that kept a walk without comparing the fused list wrote no weight: it has nothing to show.
            earned = WalkWeights(**stored.pop("earned", {}))
            weights = TraversalWeights(**stored)
            if not np.isfinite(weights.vector).all():
                raise ValueError("a weight is not a finite number")
        except (OSError, ValueError, TypeError, AttributeError, ArithmeticError, ConfigError) as error:
            raise ModelError(
                f"the traversal weights cannot be read ({error})", where=str(file), fix="train again"
            ) from error
        return weights, earned

    return view.derived("traversal weights", read)


def save_traversal_weights(weights: TraversalWeights, earned: WalkWeights, folder: Path) -> None:
    """Writes weights into a model's folder, as :func:`traversal_weights` and :func:`walk_weights` read them."""
    stored = {**asdict(weights), "earned": asdict(earned)}
    (folder / TRAVERSAL).write_text(json.dumps(stored, indent=2), encoding="utf-8")
