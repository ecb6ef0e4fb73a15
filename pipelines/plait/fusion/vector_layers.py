r"""What joins text ``t`` and structure ``g`` into one vector: layers of torch that are exact no-ops before training.

``gated``, a gated residual, is the default:

.. math:: z = \mathrm{norm}\big(t + \tanh(a)\, W g\big), \qquad a = 0,\; W = 4 I \text{ at the start}

The gate alone makes it a no-op at the start, so that W can begin as a plain copy: with W = 0 as well no gradient would
reach either. The factor 4 lets an open gate hand the vector over to structure, which a factor of 1 could at most mix
in halves.

``concatenated`` is a concatenation with a projection, as in ATLANTIC (Munikoti et al. 2023, arXiv:2311.12289):

.. math:: z = \mathrm{norm}\big(W\, [t; g]\big), \qquad W = [I \,|\, 0] \text{ at the start}

W is kept as its distance from [I | 0], so that the start is exact in every bit. Both are trained by link prediction.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from plait.config import Settings
from plait.contracts import Fold, Structural
from plait.contracts.errors import ConfigError, IdentityError, ModelError
from plait.gnn.encoder_graph import Graph, pair_keys
from plait.gnn.layers import unit
from plait.gnn.links import info_nce, true_elsewhere
from plait.gnn.trained import Trained
from plait.gnn.training import supervision_pairs

__all__ = ["Concatenated", "FittingSettings", "FusionLayer", "Gated", "cross_fitted", "fit"]

_ROWS = 65_536
_REACH = 4.0


class FusionLayer(nn.Module):
    """Text ``t`` and structure ``g`` to ``norm(t + change(t, g))``; the change is zero before training.

    Args:
        text: width of the text vectors, and of the fused ones.
        structure: width of the structural vectors.
    """

    name: ClassVar[str]

    def __init__(self, text: int, structure: int) -> None:
        super().__init__()
        self.text, self.structure = text, structure

    def change(self, text: Tensor, structure: Tensor) -> Tensor:
        """What structure adds: (n, text) and (n, structure) -> (n, text)."""
        raise NotImplementedError

    def forward(self, text: Tensor, structure: Tensor, has_structure: Tensor) -> Tensor:
        """Fused vectors of length 1, shape (n, text); rows without structure are their text, bit for bit."""
        change = self.change(text, structure)
        return unit(text, torch.where(has_structure[:, None], change, torch.zeros_like(change)))

    def fuse(self, text: NDArray[np.float32], structure: Structural) -> NDArray[np.float32]:
        """Fused vectors of all documents.

        Args:
            text: unit vectors, shape (documents, text).
            structure: of the same documents.

        Raises:
            ModelError: the shapes do not fit.
        """
        expected = (len(text), self.structure)
        if text.ndim != 2 or text.shape[1] != self.text or structure.vectors.shape != expected:
            raise ModelError(
                f"text has the shape {text.shape} and structure {structure.vectors.shape}; this fusion takes "
                f"(n, {self.text}) and (n, {self.structure})",
                where=f"vector fusion {self.name!r}",
                fix="use the text encoder and the graph encoder it was trained with",
            )
        fused = np.empty_like(text, dtype=np.float32)
        device = next(self.parameters()).device
        with torch.inference_mode():
            for start in range(0, len(text), _ROWS):
                rows = slice(start, start + _ROWS)
                parts = (text[rows], structure.vectors[rows], structure.has_structure[rows])
                tensors = (torch.from_numpy(np.require(part, None, ["C", "W"])).to(device) for part in parts)
                fused[rows] = self(*tensors).cpu().numpy()
        return fused

    def save(self, path: Path, identity: Mapping[str, Any]) -> None:
        """Writes one safetensors file; ``identity`` (JSON) says which text and graph encoder it belongs to."""
        from safetensors.torch import save

        about = {"fusion": self.name, "text": self.text, "structure": self.structure, "identity": dict(identity)}
        tensors = {name: value.detach().cpu().contiguous() for name, value in self.state_dict().items()}
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(path.name + ".part")
        unfinished.write_bytes(save(tensors, metadata={"about": json.dumps(about, sort_keys=True)}))
        unfinished.replace(path)

    @classmethod
    def load(cls, path: Path, expect: Mapping[str, Any]) -> Self:
        """Opens a saved fusion.

        Raises:
            ModelError: the file is missing, broken, or of another kind of fusion.
            IdentityError: it was trained with another text or graph encoder.
        """
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, framework="pt", device="cpu") as file:
                about = json.loads((file.metadata() or {})["about"])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
            if about["fusion"] != cls.name:
                raise ValueError(f"it is {about['fusion']!r}, not {cls.name!r}")
            fusion = cls(about["text"], about["structure"])
            fusion.load_state_dict(tensors)
            if not all(tensor.isfinite().all() for tensor in tensors.values()):
                raise ValueError("a weight is not a finite number")
        except (SafetensorError, OSError, KeyError, ValueError, TypeError, RuntimeError) as error:
            raise ModelError(
                f"this is no usable vector fusion ({error})", where=str(path), fix="train again"
            ) from error
        theirs, ours = about["identity"], json.loads(json.dumps(dict(expect)))
        if theirs != ours:
            keys = sorted(key for key in {*theirs, *ours} if theirs.get(key) != ours.get(key))
            raise IdentityError(
                f"this vector fusion was trained with another {', '.join(keys)}", where=str(path), fix="train again"
            )
        return fusion.eval()


class Gated(FusionLayer):
    """norm(t + tanh(a) W g); see the module.

    Args:
        text: width of the text vectors.
        structure: width of the structural vectors.
    """

    name: ClassVar[str] = "gated"

    def __init__(self, text: int, structure: int) -> None:
        super().__init__(text, structure)
        self.gate = nn.Parameter(torch.zeros(()))
        self.weight = nn.Parameter(_REACH * torch.eye(text, structure))

    def change(self, text: Tensor, structure: Tensor) -> Tensor:  # noqa: ARG002 - the text only gets something added
        """tanh(a) W g."""
        return torch.tanh(self.gate) * (structure @ self.weight.T)


class Concatenated(FusionLayer):
    """norm(W [t; g]); see the module.

    Args:
        text: width of the text vectors.
        structure: width of the structural vectors.
    """

    name: ClassVar[str] = "concatenated"

    def __init__(self, text: int, structure: int) -> None:
        super().__init__(text, structure)
        self.distance = nn.Parameter(torch.zeros(text, text + structure))  # W - [I | 0]

    def change(self, text: Tensor, structure: Tensor) -> Tensor:
        """(W - [I | 0]) [t; g]."""
        return torch.cat([text, structure], dim=-1) @ self.distance.T


class FittingSettings(Settings):
    """How a vector fusion is trained. Rates as in :class:`plait.gnn.encoders.Sage`, for the same reason."""

    steps: int = Field(default=40, ge=1)
    """Steps of AdamW."""
    batch: int = Field(default=512, ge=2)
    """Pairs per step."""
    temperature: float = Field(default=0.05, gt=0.0)
    """Divides cosines in the loss."""
    learning_rate: float = Field(default=1e-4, gt=0.0)
    """Of matrices."""
    gate_rate: float = Field(default=0.03, gt=0.0)
    """Of the gate."""


def cross_fitted(
    trained: Trained, graph: Graph, text: NDArray[np.float32], *, folds: int = 2, seed: int = 0
) -> list[Fold]:
    """Splits the training links into folds, each with the structure of the graph without that fold.

    Structure that was computed through a link gives that link away: a gate trained on it would open too far.

    Raises:
        ConfigError: there are fewer links than folds.
    """
    pairs = supervision_pairs(graph, trained.settings.supervision)
    if not 2 <= folds <= len(pairs):
        raise ConfigError(f"{len(pairs)} links cannot be split into {folds} folds", where="vector fusion")
    order = np.random.default_rng(seed).permutation(len(pairs))
    parts = [pairs[np.sort(part)] for part in np.array_split(order, folds)]
    return [Fold(trained.encode(graph.without(part), text), part) for part in parts]


def fit(
    fusion: FusionLayer,
    text: NDArray[np.float32],
    folds: Sequence[Fold],
    settings: FittingSettings | None = None,
    *,
    seed: int = 0,
) -> FusionLayer:
    """Trains ``fusion`` in place and returns it. Deterministic under a seed.

    Args:
        fusion: what to train.
        text: unit vectors of all documents, shape (documents, text).
        folds: links and structure computed without them, see :func:`cross_fitted`.
        settings: how.
        seed: of the batches.
    """
    settings = settings or FittingSettings()
    gates = [value for name, value in fusion.named_parameters() if name == "gate"]
    others = [value for name, value in fusion.named_parameters() if name != "gate"]
    groups = [{"params": others, "lr": settings.learning_rate}, {"params": gates, "lr": settings.gate_rate}]
    optimiser = torch.optim.AdamW([group for group in groups if group["params"]], weight_decay=0.0)
    device = next(fusion.parameters()).device
    generator = np.random.default_rng([seed, 3])
    linked = pair_keys(np.concatenate([fold.pairs for fold in folds]), len(text))
    fusion.train()

    def fused(fold: Fold, documents: NDArray[np.int64]) -> Tensor:
        structure = fold.structure
        rows = (text[documents], structure.vectors[documents], structure.has_structure[documents])
        result: Tensor = fusion(*(torch.from_numpy(part).to(device) for part in rows))
        return result

    for _, fold in zip(range(settings.steps), cycle(folds), strict=False):
        size = min(settings.batch, len(fold.pairs))
        batch = fold.pairs[generator.permutation(len(fold.pairs))[:size]]
        ignored = torch.from_numpy(true_elsewhere(batch, linked, len(text))).to(device)
        loss = info_nce(fused(fold, batch[:, 0]), fused(fold, batch[:, 1]), settings.temperature, ignored)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        optimiser.step()
    return fusion.eval()
