"""The checks that embeddings pass before they reach any backend.

They are strict because backends are not: a wrong width ends an engine that runs in this process, and one row that is
not finite, or too large to square, spoils the answers to later requests of a server that still calls itself healthy.
Pure NumPy: nothing here loads a model.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plait.contracts import EmbeddingSpace, GenerationRequest
from plait.contracts.errors import GenerationError

__all__ = ["LARGEST", "MOST_SOFT_TOKENS", "check_prompt_embeddings", "check_soft_tokens", "refuse_soft_tokens"]

LARGEST = 65504.0
"""The largest number of half precision. Beyond it an embedding overflows in some backend and its logits are no numbers;
token embeddings are of the size 0.01 to 10."""
MOST_SOFT_TOKENS = 8
"""Most markers in front of one passage."""


def check_prompt_embeddings(array: Any, space: EmbeddingSpace, where: str) -> NDArray[np.float32]:
    """A prompt given as embeddings, if a backend may have it.

    Args:
        array: one row per position, float32 of shape (positions, ``space.width``).
        space: the model's.
        where: the backend, for messages.

    Returns:
        The same numbers, contiguous.

    Raises:
        GenerationError: it is no array, has another shape, is empty, is not float32, or holds a number that is not
            finite or beyond :data:`LARGEST`.

    Example:
        >>> space = EmbeddingSpace("tiny", 4, 0.02)
        >>> check_prompt_embeddings(np.zeros((3, 4), dtype=np.float32), space, "generator tiny").shape
        (3, 4)
        >>> check_prompt_embeddings(np.zeros((3, 5), dtype=np.float32), space, "generator tiny")
        Traceback (most recent call last):
        ...
        plait.contracts.errors.GenerationError: generator tiny: the prompt embeddings have width 5, ...
    """
    return _checked(array, None, space, where, "the prompt embeddings")


def check_soft_tokens(
    soft_tokens: Mapping[int, Any], numbers: Collection[int], k: int, space: EmbeddingSpace | None, where: str
) -> dict[int, NDArray[np.float32]]:
    """The soft tokens of a request, if a backend may have them.

    Args:
        soft_tokens: passage number to what is added to its markers, float32 of shape (``k``, ``space.width``).
        numbers: the passages that have a slot in the prompt.
        k: markers in each slot; 0 when the backend's soft tokens are off.
        space: the model's; None only where ``k`` is 0, when nothing passes anyway.
        where: the backend, for messages.

    Returns:
        The same numbers, contiguous. Empty when there are none, which every backend accepts.

    Raises:
        GenerationError: soft tokens are off, a passage has no slot, or an array is not what
            :func:`check_prompt_embeddings` lets through with exactly ``k`` rows.

    Example:
        >>> space = EmbeddingSpace("tiny", 4, 0.02)
        >>> offsets = {2: np.zeros((1, 4), dtype=np.float32)}
        >>> sorted(check_soft_tokens(offsets, {1, 2}, 1, space, "generator tiny"))
        [2]
        >>> check_soft_tokens(offsets, {1}, 1, space, "generator tiny")
        Traceback (most recent call last):
        ...
        plait.contracts.errors.GenerationError: generator tiny: there are soft tokens for passage 2, ...
    """
    if not soft_tokens:
        return {}
    if k < 1 or space is None:
        raise GenerationError(
            "the request has soft tokens, and this generator's soft tokens are off",
            where=where,
            choices=[f"soft_tokens = {count}" for count in range(1, MOST_SOFT_TOKENS + 1)],
            fix="set soft_tokens to the number the projector was trained with, where the generator has that setting; "
            "else send none",
        )
    strangers = [number for number in soft_tokens if number not in numbers]
    if strangers:
        raise GenerationError(
            f"there are soft tokens for passage {strangers[0]}, which has no slot in the prompt",
            where=where,
            choices=[f"passage {number}" for number in sorted(numbers)],
            fix="give the message a Slot right in front of that passage's text, or leave its soft tokens out",
        )
    return {
        number: _checked(array, k, space, where, f"the soft tokens of passage {number}")
        for number, array in soft_tokens.items()
    }


def refuse_soft_tokens(request: GenerationRequest, where: str) -> None:
    """For backends that take no embeddings.

    Raises:
        GenerationError: the request has soft tokens.
    """
    check_soft_tokens(request.soft_tokens, (), 0, None, where)


def _checked(array: Any, rows: int | None, space: EmbeddingSpace, where: str, what: str) -> NDArray[np.float32]:
    wanted = f"float32 of shape ({'positions' if rows is None else rows}, {space.width})"

    def refuse(fault: str, fix: str) -> GenerationError:
        return GenerationError(f"{what} {fault}", where=where, choices=[wanted], fix=fix)

    if not isinstance(array, np.ndarray):
        raise refuse(f"are a {type(array).__name__}, not a NumPy array", "convert them with numpy.asarray")
    if array.ndim != 2:
        raise refuse(f"have {array.ndim} dimensions, not 2", "give one row per position, without a batch dimension")
    if array.size == 0:
        raise refuse(f"are empty, of shape {array.shape}", "give at least one row, or leave them out")
    if array.shape[1] != space.width:
        raise refuse(
            f"have width {array.shape[1]}, and {space.model} has token embeddings of width {space.width}",
            "they were made for another model: project them for this one",
        )
    if rows is not None and len(array) != rows:
        raise refuse(
            f"have {len(array)} rows, and there are {rows} markers in a slot",
            f"set soft_tokens = {len(array)}, or use a projector for {rows}",
        )
    if array.dtype != np.float32:
        raise refuse(f"are {array.dtype}, not float32", "convert them with .astype(numpy.float32)")
    if not np.isfinite(array).all():
        row = int(np.argmin(np.isfinite(array).all(axis=1)))
        raise refuse(
            f"hold a number that is not finite, in row {row}", "look for a division by zero or weights that diverged"
        )
    largest = float(np.abs(array).max())
    if largest > LARGEST:
        raise refuse(
            f"hold a number of size {largest:.3g}, beyond {LARGEST:,.0f}",
            f"scale them to the model's embeddings, of root mean square {space.rms:.3g}",
        )
    return np.ascontiguousarray(array)
