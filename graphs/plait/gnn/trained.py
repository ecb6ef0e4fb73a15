"""What an encoder makes of a graph: structural vectors of all documents; trained encoders and their checkpoints."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ValidationError
from torch import Tensor

from plait.contracts import Structural
from plait.contracts.errors import IdentityError, ModelError
from plait.gnn import TrainingSettings
from plait.gnn.encoder_graph import Graph
from plait.gnn.encoders import Encoder, build_encoder, device_of
from plait.gnn.sampling import Block, NeighbourSampler

__all__ = ["GraphIdentity", "Trained", "check_features", "encode", "load"]

_EDGES = 500_000  # most edges of one chunk, beyond a single document's own
_TARGETS = 16_384  # most documents of one chunk: at 384 dimensions 25 MB of states

_FORMAT = 1
_WEIGHTS, _ABOUT = "encoder.safetensors", "encoder.json"


def encode(encoder: Encoder, graph: Graph, features: NDArray[np.float32], relations: Sequence[str]) -> Structural:
    """Structural vectors of every document of a graph, also of documents that were not there in training.

    Exact: all neighbours are used. Each layer is computed for all documents before the next, in chunks, so memory
    holds two layers' states and one chunk's neighbours.

    Args:
        encoder: an encoder, trained or not.
        graph: the graph.
        features: text vectors of length 1, shape (documents, dimension).
        relations: the relations that the encoder knows, in its order.

    Raises:
        ModelError: features do not fit the graph, or are not finite vectors of length 1.
        ConfigError: the graph lacks a relation.
    """
    check_features(graph, features)
    sampler = NeighbourSampler(graph, relations)
    device = next((value.device for value in encoder.parameters()), torch.device("cpu"))
    text = np.require(features, np.float32, ["C", "W"])  # torch warns of memory that must not be written
    tied = sampler.tied
    with torch.inference_mode():
        states = _rows(len(text), lambda chunk: encoder.begin(torch.from_numpy(text[chunk]).to(device)))
        for number in range(encoder.depth):
            following: NDArray[np.float32] | None = None
            for block in _chunks(sampler):
                own = block.nodes[: block.targets]
                found = encoder.layer(
                    number,
                    torch.from_numpy(states[block.nodes]).to(device),
                    torch.from_numpy(text[own]).to(device),
                    block.to(device),
                )
                if following is None:
                    following = np.empty((len(text), found.shape[1]), np.float32)
                following[own] = found.cpu().numpy()
            states = states if following is None else following
        vectors = _rows(
            len(text),
            lambda chunk: encoder.finish(
                torch.from_numpy(states[chunk]).to(device), torch.from_numpy(text[chunk]).to(device)
            ),
        )
    vectors[~tied] = text[~tied]
    if not np.isfinite(vectors).all():
        raise ModelError("the graph encoder gave vectors that are not finite", fix="train it again")
    return Structural(vectors, tied)


def check_features(graph: Graph, features: NDArray[np.float32]) -> None:
    """One finite vector of length 1 per document.

    Raises:
        ModelError: they are not.
    """
    if features.ndim != 2 or len(features) != len(graph.ids):
        raise ModelError(
            f"the graph has {len(graph.ids)} documents, but the text features have the shape {features.shape}",
            where="graph encoder",
            fix="give one text vector per document, in the order of the graph's ids",
        )
    lengths = np.linalg.norm(features, axis=1)
    if not (np.abs(lengths - 1.0) < 1e-2).all():
        wrong = int(np.argmin(np.abs(lengths - 1.0) < 1e-2))
        raise ModelError(
            f"the text vector of document {graph.ids[wrong]!r} has length {lengths[wrong]:.3g}, not 1",
            where="graph encoder",
            fix="give vectors as an embedder makes them",
        )


def _chunks(sampler: NeighbourSampler) -> Iterator[Block]:
    """Blocks of one layer over all documents."""
    edges = np.cumsum(sampler.degrees)
    start = 0
    while start < sampler.documents:
        before = int(edges[start - 1]) if start else 0
        end = int(np.searchsorted(edges, before + _EDGES, side="right"))
        end = min(max(end, start + 1), start + _TARGETS)
        yield sampler.blocks(np.arange(start, end), 1)[0]
        start = end


def _rows(count: int, compute: Callable[[slice], Tensor]) -> NDArray[np.float32]:
    """Calls ``compute`` for slices of the documents and puts the results below each other."""
    parts = [compute(slice(start, start + _TARGETS)).cpu().numpy() for start in range(0, max(count, 1), _TARGETS)]
    return np.concatenate(parts).astype(np.float32, copy=True)


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
