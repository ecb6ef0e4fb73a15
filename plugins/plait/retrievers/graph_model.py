"""What ``plait train docgraph`` leaves in an index: one trained model, its files, and how they are read.

Graph encoder and vector fusion belong together, for the one was fitted to the other's vectors; the weights of the walk
stand on their own.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from plait.contracts import IndexView
from plait.contracts.errors import ConfigError, ModelError

if TYPE_CHECKING:
    from plait.docgraph.traversal import TraversalWeights

__all__ = ["MODEL", "TRAVERSAL", "encoder_digest", "has_encoder", "save_traversal_weights", "traversal_weights"]

MODEL = "docgraph"
"""The name of the trained model in the index."""
TRAVERSAL = "traversal.json"
"""The file of learnt traversal weights in the model's folder."""


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
    from plait.docgraph.traversal import TraversalWeights
    from plait.docgraph.weighing import DEFAULT_WEIGHTS

    def read() -> TraversalWeights:
        folder = view.model(MODEL)
        file = None if folder is None else folder / TRAVERSAL
        if file is None or not file.is_file():
            return DEFAULT_WEIGHTS
        try:
            weights = TraversalWeights(**json.loads(file.read_text(encoding="utf-8")))
            if not np.isfinite(weights.vector).all():
                raise ValueError("a weight is not a finite number")
        except (OSError, ValueError, TypeError, AttributeError, ArithmeticError, ConfigError) as error:
            raise ModelError(
                f"the traversal weights cannot be read ({error})", where=str(file), fix="train again"
            ) from error
        return weights

    return view.derived("traversal weights", read)


def save_traversal_weights(weights: TraversalWeights, folder: Path) -> None:
    """Writes weights into a model's folder, as :func:`traversal_weights` reads them."""
    (folder / TRAVERSAL).write_text(json.dumps(asdict(weights), indent=2), encoding="utf-8")
