"""Reads a prompt into the model, block by block, starting behind what it has read before, and answers to it.

Blocks begin at multiples of :data:`BLOCK`, whatever was remembered. So each block is computed by the same operations on
the same numbers with and without a remembered beginning, and reuse changes no bit of the answer.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from plait.contracts.errors import GenerationError
from plait.generators.local.model import CausalModel, checked_logits

if TYPE_CHECKING:
    import torch

__all__ = [
    "BLOCK",
    "EndedError",
    "Layers",
    "PrefixStore",
    "ReadPrompt",
    "TokenPrompt",
    "log_likelihoods",
    "read_prompt",
]

BLOCK = 128
"""Positions read at once. Larger blocks are read a little faster (256 saves 15 %), smaller ones reuse more."""

_TOGETHER = 16
"""Answers scored in one pass: each needs a copy of the prompt's cache."""

Layers = list[tuple["torch.Tensor", "torch.Tensor"]]
"""Keys and values of each layer, (1, heads, positions, width of a head). Never changed in place: they are shared."""


class EndedError(GenerationError):
    """Nobody waits for the answer any more."""


@dataclass(frozen=True, slots=True)
class TokenPrompt:
    """Token numbers, with vectors added to the embeddings at some positions.

    Args:
        tokens: the whole prompt.
        positions: (rows,), ascending.
        vectors: (rows, width), none of them zero: a prompt without additions is read as plain token numbers.
    """

    tokens: tuple[int, ...]
    positions: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    vectors: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0), dtype=np.float32))

    def __len__(self) -> int:
        return len(self.tokens)

    def key(self, start: int, end: int) -> bytes:
        """Equal for equal content: a digest of the tokens, and of what is added where."""
        first, last = np.searchsorted(self.positions, (start, end))
        added = (self.positions[first:last] - start, self.vectors[first:last])
        parts = (np.array(self.tokens[start:end], dtype=np.int64), *(added if first < last else ()))
        return hashlib.sha256(b"".join(part.tobytes() for part in parts)).digest()

    def inputs(self, model: CausalModel, start: int, end: int) -> torch.Tensor:
        """What :meth:`CausalModel.step` reads: token numbers where nothing is added, else embeddings."""
        import torch

        tokens = torch.tensor([self.tokens[start:end]], dtype=torch.long, device=model.model.device)
        first, last = np.searchsorted(self.positions, (start, end))
        if first == last:
            return tokens
        embeddings = model.embed(tokens)
        rows = torch.from_numpy(self.positions[first:last] - start).to(embeddings.device)
        added = torch.from_numpy(self.vectors[first:last]).to(embeddings.device)
        embeddings[0, rows] = (embeddings[0, rows].float() + added).to(embeddings.dtype)
        return embeddings


@dataclass(frozen=True, slots=True)
class ReadPrompt:
    """A prompt that the model has read: the cache to go on with, and the logits (vocabulary,) behind its end."""

    cache: Any
    logits: torch.Tensor
    length: int
    reused: int
    """Positions that were not read again."""


class PrefixStore:
    """Remembers the beginnings of prompts, whole blocks of positions, within a number of bytes.

    Two prompts share a block when its key and the keys of all blocks before it are equal; a key says all that the
    block's numbers depend on. The beginnings used least recently make room.

    Args:
        limit: most bytes of keys and values; 0 remembers nothing.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._kept: OrderedDict[tuple[Hashable, ...], Layers] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def bytes(self) -> int:
        """Bytes of the keys and values that are held."""
        with self._lock:
            return sum(map(_size, self._kept.values()))

    def find(self, keys: Sequence[Hashable]) -> tuple[int, Layers]:
        """The longest known beginning: how many blocks, and their keys and values."""
        with self._lock:
            best = max(self._kept, key=lambda kept: _shared(kept, keys), default=())
            blocks = _shared(best, keys)
            if not blocks:
                return 0, []
            self._kept.move_to_end(best)
            end = blocks * BLOCK
            return blocks, [(one[..., :end, :], other[..., :end, :]) for one, other in self._kept[best]]

    def keep(self, keys: Sequence[Hashable], layers: Layers) -> None:
        """Remembers a beginning of ``len(keys)`` blocks. One that continues a known one takes its place."""
        new = tuple(keys)
        if not new or _size(layers) > self.limit:
            return
        with self._lock:
            shared = {kept: _shared(kept, new) for kept in self._kept}
            if len(new) in shared.values():
                return
            for kept in (kept for kept, blocks in shared.items() if blocks == len(kept)):
                del self._kept[kept]
            self._kept[new] = layers
            while sum(map(_size, self._kept.values())) > self.limit:
                self._kept.popitem(last=False)

    def clear(self) -> None:
        """Forgets everything."""
        with self._lock:
            self._kept.clear()


def read_prompt(
    model: CausalModel, prompt: TokenPrompt, store: PrefixStore, ended: Callable[[], bool] = lambda: False
) -> ReadPrompt:
    """Reads a prompt, from the longest beginning that ``store`` remembers.

    Models that carry a state from position to position (state space, recurrent and convolutional layers) can neither
    go back to the end of a beginning nor be read in blocks: their prompts are read at once and not remembered.

    Args:
        model: what reads.
        prompt: what to read, at least one position.
        store: beginnings read before; the new one is added.
        ended: asked before each block; when it says True, reading stops.

    Raises:
        EndedError: ``ended`` said so.
    """
    from transformers import DynamicCache

    cache: Any
    length = len(prompt)
    if model.carries_state:
        cache = DynamicCache(config=model.model.config)
        return ReadPrompt(cache, model.step(cache, prompt.inputs(model, 0, length))[0, -1], length, 0)
    # The last position is always read: its logits are what the answer begins with.
    whole = (length - 1) // BLOCK
    keys = [prompt.key(start, start + BLOCK) for start in range(0, whole * BLOCK, BLOCK)]
    known, layers = store.find(keys)
    cache = DynamicCache(layers) if known else DynamicCache()
    for start in range(known * BLOCK, length, BLOCK):
        if ended():
            raise EndedError("the request was ended while its prompt was read")
        if start == whole * BLOCK and whole > known:
            # The cache grows by new tensors: those it has now stay as they are.
            store.keep(keys, [(layer.keys, layer.values) for layer in cache.layers])
        logits = model.step(cache, prompt.inputs(model, start, min(start + BLOCK, length)))
    return ReadPrompt(cache, logits[0, -1], length, known * BLOCK)


def log_likelihoods(
    model: CausalModel, prompt: ReadPrompt, answers: Sequence[Sequence[int]], ends: Collection[int]
) -> list[float]:
    r"""Natural logarithm of the probability that the answer is exactly this one.

    .. math:: \sum_t \log p(a_t \mid \text{prompt}, a_{<t}) + \log \sum_{e \in \text{ends}} p(e \mid \text{prompt}, a)

    It is a total and not a mean: each further token costs, and because the end counts too, an answer that merely begins
    another has no advantage over it.

    Args:
        model: what judges.
        prompt: as it was read; its cache is left alone, and read once for all answers.
        answers: token numbers of each, at least one.
        ends: tokens that may follow; with none the end is not counted.

    Raises:
        GenerationError: a logit is no number, or the model's layers cannot take up a prompt again.
    """
    if model.carries_state:
        raise GenerationError(
            f"{model.name} carries a state along its prompt, which choices cannot start from again",
            fix="leave choices out, or use a model with attention in every layer",
        )
    return [
        score
        for start in range(0, len(answers), _TOGETHER)
        for score in _scores(model, prompt, answers[start : start + _TOGETHER], sorted(ends))
    ]


def _scores(
    model: CausalModel, prompt: ReadPrompt, answers: Sequence[Sequence[int]], ends: Sequence[int]
) -> Iterator[float]:
    import torch

    longest = max(map(len, answers))
    # Padding on the right: it comes after all that counts, and no position looks ahead.
    rows = torch.tensor([[*answer, *[answer[-1]] * (longest - len(answer))] for answer in answers])
    logits = model.step(_repeated(prompt.cache, len(answers)), rows.to(model.model.device), keep=0)
    first = torch.log_softmax(checked_logits(prompt.logits), dim=-1)
    later = torch.log_softmax(checked_logits(logits), dim=-1)  # (answers, positions, vocabulary)
    for row, answer in enumerate(answers):
        score = float(first[answer[0]])
        score += sum(float(later[row, place, token]) for place, token in enumerate(answer[1:]))
        if ends:
            score += float(torch.logsumexp(later[row, len(answer) - 1, list(ends)], dim=-1))
        yield score


def _repeated(cache: Any, rows: int) -> Any:
    from transformers import DynamicCache

    return DynamicCache(
        (layer.keys.expand(rows, -1, -1, -1), layer.values.expand(rows, -1, -1, -1)) for layer in cache.layers
    )


def _shared(one: Sequence[Hashable], other: Sequence[Hashable]) -> int:
    """How many blocks two prompts begin with."""
    differing = (at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
    return next(differing, min(len(one), len(other)))


def _size(layers: Layers) -> int:
    return sum(tensor.nbytes for pair in layers for tensor in pair)
