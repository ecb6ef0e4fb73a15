r"""From a passage's structural vector to soft tokens in front of its words.

He et al. 2024, *G-Retriever* (arXiv:2402.07630), put one token made of a graph in front of a prompt whose language
model stays frozen. Here every passage gets its own :math:`k \le 8`, made from its document's structural vector g:

.. math::
    o = \tanh(a) \cdot \rho \cdot \frac{m}{\mathrm{rms}(m)}, \qquad
    m = W_2\, \mathrm{gelu}(W_1\, \mathrm{norm}(g) + b_1) + b_2, \qquad a = 0 \text{ at the start}

with :math:`\rho` the root mean square of the model's embedding matrix, row by row, so that an open gate makes a token
as loud as the model's own words and never louder. The result is an *offset*: it is added to the embedding of a marker
token of the prompt (see :mod:`plait.contracts.generator`). With the gate closed it is exactly zero, and so is it
always for a document without structure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from plait.contracts import EmbeddingSpace
from plait.contracts.errors import ConfigError, ModelError
from plait.fusion.tokens.checkpoint import compare_identity, read_checkpoint, write_checkpoint

__all__ = ["MOST_TOKENS", "Projector"]

MOST_TOKENS = 8
_KIND = "soft-token projector"
_TINY = 1e-12


class Projector(nn.Module):
    """Structural vectors (n, structure) to soft-token offsets (n, k, width); see the module for the formula.

    Args:
        structure: width of the structural vectors.
        space: of the language model.
        k: soft tokens per passage, 1 to 8.
        hidden: width of the hidden layer.
        seed: of the weights; torch's global generator is left alone.

    Raises:
        ConfigError: k or a width is out of range, or the space is not usable.

    Example:
        >>> projector = Projector(4, EmbeddingSpace("tiny", width=6, rms=0.02), k=2)
        >>> offsets = projector.offsets(np.eye(3, 4, dtype=np.float32), np.array([True, True, False]))
        >>> offsets.shape, bool(offsets.any())
        ((3, 2, 6), False)
    """

    def __init__(self, structure: int, space: EmbeddingSpace, *, k: int = 1, hidden: int = 256, seed: int = 0) -> None:
        super().__init__()
        if not 1 <= k <= MOST_TOKENS:
            raise ConfigError(f"{k} soft tokens per passage", where=_KIND, choices=map(str, range(1, MOST_TOKENS + 1)))
        if structure < 1 or hidden < 1 or space.width < 1 or not 0.0 < space.rms < float("inf"):
            raise ConfigError(
                f"structural vectors of {structure} numbers, {hidden} hidden ones, embeddings of {space.width} with a "
                f"root mean square of {space.rms} make no projector",
                where=_KIND,
                fix="take the space from the generator's embedding_space(), and vectors from a graph encoder",
            )
        self.structure, self.space, self.k, self.hidden = structure, space, k, hidden
        self.gate = nn.Parameter(torch.zeros(()))
        with torch.random.fork_rng(devices=[]):  # torch draws weights before anyone can ask for others
            self.inner = nn.Linear(structure, hidden)
            self.outer = nn.Linear(hidden, k * space.width)
        random = torch.Generator().manual_seed(seed)
        for layer in (self.inner, self.outer):
            nn.init.normal_(layer.weight, std=layer.in_features**-0.5, generator=random)
            nn.init.zeros_(layer.bias)

    def centre(self, structure: NDArray[np.float32]) -> None:
        """Sets scale and biases so that the tokens of these documents point in all directions. Before training only.

        Structural vectors share a direction (on CACM a quarter of their squared length), and so does what gelu makes
        of anything: with weights from a normal distribution alone the tokens of all documents are much alike, and
        training has to pull them apart first. Salimans & Kingma 2016 (arXiv:1602.07868) start weights from data for
        the same reason.

        Args:
            structure: vectors of documents to learn from, shape (documents, structure); fewer than two change nothing.
        """
        with torch.no_grad():
            scaled = self._scaled(torch.from_numpy(np.ascontiguousarray(structure)).to(self.gate.device))
            if len(scaled) < 2:
                return
            mean = scaled.mean(dim=0)
            spread = (scaled - mean).square().mean().sqrt()
            if not bool(spread > _TINY):
                return
            self.inner.weight /= spread
            self.inner.bias.copy_(-self.inner.weight @ mean)
            self.outer.bias.copy_(-self.outer.weight @ functional.gelu(self.inner(scaled)).mean(dim=0))

    def forward(self, structure: Tensor, has_structure: Tensor) -> Tensor:
        """Offsets (n, k, width) of vectors (n, structure); exact zeros where ``has_structure`` (n,) is False."""
        made = self.outer(functional.gelu(self.inner(self._scaled(structure)))).unflatten(
            -1, (self.k, self.space.width)
        )
        size = (made.square().mean(dim=-1, keepdim=True) + _TINY).sqrt()  # (n, k, 1)
        offsets = torch.tanh(self.gate) * (self.space.rms / size) * made
        return torch.where(has_structure[:, None, None], offsets, torch.zeros_like(offsets))

    def _scaled(self, structure: Tensor) -> Tensor:
        """Lengths are the encoder's business: only the direction counts, brought to numbers of about 1."""
        scaled: Tensor = functional.normalize(structure, dim=-1) * float(self.structure**0.5)
        return scaled

    def offsets(self, structure: NDArray[np.float32], has_structure: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Offsets of documents, float32 of shape (documents, k, width), without gradients.

        Args:
            structure: vectors of the documents, shape (documents, structure).
            has_structure: which of them mean anything, shape (documents,).

        Raises:
            ModelError: the vectors have another width, or are not finite.
        """
        if structure.ndim != 2 or structure.shape[1] != self.structure or has_structure.shape != structure.shape[:1]:
            raise ModelError(
                f"structural vectors have the shape {structure.shape} and flags {has_structure.shape}; this projector "
                f"takes (n, {self.structure}) and (n,)",
                where=_KIND,
                fix="use the graph encoder it was trained with",
            )
        if not np.isfinite(structure).all():
            raise ModelError(
                "structural vectors are not finite", where=_KIND, fix="train the graph encoder again, or encode again"
            )
        device = self.gate.device
        with torch.inference_mode():
            rows = torch.tensor(structure, dtype=torch.float32, device=device)
            found: NDArray[np.float32] = self(rows, torch.from_numpy(has_structure).to(device)).float().cpu().numpy()
        return found

    def soft_tokens(self, vectors: Mapping[int, NDArray[np.float32]]) -> dict[int, NDArray[np.float32]]:
        """What a :class:`~plait.contracts.GenerationRequest` takes: offsets (k, width) by number of the passage.

        Args:
            vectors: number of the passage in the prompt -> structural vector of its document, shape (structure,).
                Passages whose documents have no structure are left out, which is the plain prompt for them.

        Raises:
            ModelError: as :meth:`offsets`.
        """
        # One by one: a matrix product's last digits depend on its other rows, and a document's token should not.
        has = np.ones(1, dtype=np.bool_)
        return {number: self.offsets(vector[None], has)[0] for number, vector in vectors.items()}

    def save(self, path: Path, structural: Mapping[str, Any]) -> None:
        """Writes one safetensors file.

        Args:
            path: of the file.
            structural: identity of the structural encoder (JSON).

        Raises:
            ModelError: a weight is not finite.
        """
        about = {
            "structure": self.structure,
            "hidden": self.hidden,
            "k": self.k,
            "space": asdict(self.space),
            "structural": dict(structural),
        }
        write_checkpoint(path, _KIND, about, self.state_dict())

    @classmethod
    def load(cls, path: Path, space: EmbeddingSpace, structural: Mapping[str, Any], k: int | None = None) -> Projector:
        """Opens a saved projector.

        Args:
            path: of the file.
            space: of the language model that is going to read the tokens.
            structural: identity of the structural encoder in use.
            k: markers that the generator puts in front of a passage; None where that follows the projector.

        Raises:
            ModelError: the file is missing, broken, or holds weights that are not finite.
            IdentityError: it was trained for another language model, structural encoder or k.
        """
        about, tensors = read_checkpoint(path, _KIND)
        # The size of the embeddings depends a little on the number format they are held in; the model's name does not.
        for part, theirs, ours in (
            ("language model", _named(about.get("space", {})), _named(asdict(space))),
            ("structural encoder", about.get("structural", {}), structural),
            ("number of soft tokens", {"k": about.get("k")}, {"k": about.get("k") if k is None else k}),
        ):
            compare_identity(theirs, ours, part, _KIND, path)
        try:
            trained = EmbeddingSpace(**about["space"])
            projector = cls(about["structure"], trained, k=about["k"], hidden=about["hidden"])
            projector.load_state_dict(tensors)
        except (KeyError, TypeError, ValueError, RuntimeError, ConfigError) as error:
            raise ModelError(f"this is no usable {_KIND} ({error})", where=str(path), fix="train it again") from error
        return projector.eval()


def _named(space: Mapping[str, Any]) -> dict[str, Any]:
    return {"model": space.get("model"), "width": space.get("width")}
