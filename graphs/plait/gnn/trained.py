"""A trained encoder with what it belongs to; checkpoints."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from plait.contracts.errors import IdentityError, ModelError
from plait.gnn.encoders import Encoder, build_encoder, device_of
from plait.gnn.encoding import Structural, encode
from plait.gnn.settings import TrainingSettings
from plait.gnn.structure import Graph

__all__ = ["GraphIdentity", "Trained", "load"]

_FORMAT = 1
_WEIGHTS, _ABOUT = "encoder.safetensors", "encoder.json"


@dataclass(frozen=True, slots=True)
class GraphIdentity:
    """What an encoder was trained on. Documents may come and go; these may not change.

    Args:
        relations: the relations of the graph that the encoder reads, in order.
        graph: how the graph was built (JSON): its settings, and what tells corpora apart where that matters.
        text: fingerprint of the embedder that made the text features (JSON).
    """

    relations: tuple[str, ...]
    graph: Mapping[str, Any] = field(default_factory=dict)
    text: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained encoder. ``measured`` is free for figures that should be kept with it (JSON)."""

    encoder: Encoder
    settings: TrainingSettings
    dimension: int
    seed: int
    measured: Mapping[str, Any] = field(default_factory=dict)

    def encode(self, graph: Graph, features: NDArray[np.float32]) -> Structural:
        """Structural vectors of all documents of a graph, those unseen in training included.

        Raises:
            ModelError: features have another width than in training, or do not fit the graph.
            ConfigError: the graph lacks a relation.
        """
        if features.ndim == 2 and features.shape[1] != self.dimension:
            raise ModelError(
                f"the graph encoder was trained on text vectors of {self.dimension} numbers, these have "
                f"{features.shape[1]}",
                fix="use the text encoder it was trained with, or train it again",
            )
        return encode(self.encoder, graph, features, self.settings.relations)

    def save(self, folder: Path, identity: GraphIdentity) -> None:
        """Writes ``encoder.safetensors`` and ``encoder.json``; the second names the first's hash and comes last."""
        from safetensors.torch import save

        folder.mkdir(parents=True, exist_ok=True)
        weights = save({name: value.detach().cpu().contiguous() for name, value in self.encoder.state_dict().items()})
        about = {
            "format": _FORMAT,
            "settings": self.settings.model_dump(mode="json"),
            "dimension": self.dimension,
            "seed": self.seed,
            "measured": dict(self.measured),
            "identity": _plain(identity),
            "sha256": hashlib.sha256(weights).hexdigest(),
        }
        for name, content in ((_WEIGHTS, weights), (_ABOUT, json.dumps(about, indent=2).encode())):
            unfinished = folder / f"{name}.part"
            unfinished.write_bytes(content)
            unfinished.replace(folder / name)


def load(folder: Path, expect: GraphIdentity, *, device: str = "auto") -> Trained:
    """Opens a checkpoint.

    Args:
        folder: where :meth:`Trained.save` wrote it.
        expect: what the caller is going to use it with.
        device: as in the settings.

    Raises:
        ModelError: files are missing, broken, of a newer format, or do not belong together.
        IdentityError: it was trained on another graph or another text encoder; the message names what differs.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load as load_tensors

    try:
        about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
        weights = (folder / _WEIGHTS).read_bytes()
        if about["format"] != _FORMAT:
            raise ValueError(f"it has format {about['format']}, this Plait reads {_FORMAT}")
        if hashlib.sha256(weights).hexdigest() != about["sha256"]:
            raise ValueError(f"{_WEIGHTS} is not the file that {_ABOUT} describes")
        _compare(about["identity"], _plain(expect), str(folder))
        settings = TrainingSettings(**about["settings"])
        encoder = build_encoder(settings, about["dimension"], about["seed"])
        tensors = load_tensors(weights)
        if not all(tensor.isfinite().all() for tensor in tensors.values()):
            raise ValueError("a weight is not a finite number")
        encoder.load_state_dict(tensors)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, ValidationError, SafetensorError) as error:
        raise ModelError(
            f"this is no usable graph encoder ({error})", where=str(folder), fix="train it again"
        ) from error
    encoder.to(device_of(device)).eval()
    return Trained(encoder, settings, about["dimension"], about["seed"], about["measured"])


def _plain(identity: GraphIdentity) -> dict[str, Any]:
    """The identity as JSON gives it back."""
    plain: dict[str, Any] = json.loads(
        json.dumps(
            {"relations": identity.relations, "graph": dict(identity.graph), "text": dict(identity.text)},
            sort_keys=True,
            default=str,
        )
    )
    return plain


_PARTS = {
    "relations": "relations of the graph",
    "graph": "settings of the graph",
    "text": "text encoder",
}


def _compare(theirs: Mapping[str, Any], ours: Mapping[str, Any], where: str) -> None:
    for part, name in _PARTS.items():
        if theirs[part] == ours[part]:
            continue
        trained, given = theirs[part], ours[part]
        if isinstance(trained, dict):
            keys = sorted(key for key in {*trained, *given} if trained.get(key) != given.get(key))
            trained = {key: trained.get(key) for key in keys}
            given = {key: given.get(key) for key in keys}
        raise IdentityError(
            f"this graph encoder was trained with another {name}: {trained}, not {given}",
            where=where,
            fix="train it again on this index, or go back to what it was trained with",
        )
