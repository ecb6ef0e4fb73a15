"""Where structure enters a prompt: markers in its slots, and the checks that embeddings pass before any backend.

A marker is an ordinary token of the model. A backend looks up the embeddings of the whole prompt and adds a passage's
soft tokens to the rows of its markers; with nothing to add the prompt is plain token numbers. Works with any tokenizer
of transformers and knows nothing of the model, so every backend that takes embeddings shares it.

The checks are strict because backends are not: a wrong width ends an engine that runs in this process, and one row that
is not finite, or too large to square, spoils the answers to later requests of a server that still calls itself healthy.
Pure NumPy: nothing here loads a model.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plait.contracts import EmbeddingSpace, GenerationRequest, Message
from plait.contracts.errors import GenerationError
from plait.generators.conversation import prompt_text, prompt_tokens

__all__ = [
    "LARGEST",
    "MOST_SOFT_TOKENS",
    "MarkedPrompt",
    "check_prompt_embeddings",
    "check_soft_tokens",
    "following_tokens",
    "marked_prompt",
    "marker_token",
    "refuse_soft_tokens",
]

_MARKER_TEXTS = ("\n", " ", ".")
"""A line break changes a prompt least: passages begin on a new line anyway."""


@dataclass(frozen=True, slots=True)
class MarkedPrompt:
    """A prompt as token numbers that knows where its markers are.

    Args:
        tokens: the whole prompt, markers included.
        places: passage number to the positions of its markers, ``k`` for each of its slots.
        k: markers in a slot; 0 when there are none.
    """

    tokens: tuple[int, ...]
    places: Mapping[int, tuple[int, ...]]
    k: int

    def additions(
        self, soft_tokens: Mapping[int, NDArray[np.float32]]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """What is to be added to which rows of the prompt's embeddings; rows of zeros are left out.

        Args:
            soft_tokens: passage number to (k, width), as the gate let them through.

        Returns:
            Positions (rows,), ascending, and vectors (rows, width): ``embeddings[positions] += vectors``.

        Example:
            >>> prompt = MarkedPrompt((5, 13, 13, 7), {1: (1, 2)}, 2)
            >>> positions, vectors = prompt.additions({1: np.array([[0, 0], [0.5, 1]], dtype=np.float32)})
            >>> positions.tolist(), vectors.tolist()
            ([2], [[0.5, 1.0]])
        """
        rows = {
            position: soft_tokens[number][place % self.k]
            for number, positions in self.places.items()
            if number in soft_tokens
            for place, position in enumerate(positions)
        }
        kept = sorted(position for position, row in rows.items() if row.any())
        vectors = np.stack([rows[position] for position in kept]) if kept else np.zeros((0, 0), dtype=np.float32)
        return np.array(kept, dtype=np.int64), vectors


def marker_token(tokenizer: Any) -> int:
    """The number of the token that marks a slot: a line break, or what comes closest in this vocabulary.

    Raises:
        GenerationError: the tokenizer writes none of the candidates.
    """
    unknown = getattr(tokenizer, "unk_token_id", None)
    for text in _MARKER_TEXTS:
        tokens = tokenizer(text, add_special_tokens=False)["input_ids"]
        if tokens and tokens[-1] != unknown:
            return int(tokens[-1])
    raise GenerationError(
        "the tokenizer has no token for a line break, a space or a full stop to mark passages with",
        fix="set soft_tokens = 0 for this model",
    )


def marked_prompt(tokenizer: Any, messages: Sequence[Message], *, chat: bool, k: int) -> MarkedPrompt:
    """The prompt as token numbers, with ``k`` markers at every slot.

    The turns are rendered as one text with an unforgeable sign at each slot, the text is cut at the signs and turned
    into tokens piece by piece, so that no token reaches across a slot and the markers are where the slots were. With
    ``k`` = 0, or without slots, the tokens are those of :func:`~plait.generators.conversation.prompt_tokens`.

    Args:
        tokenizer: of the model, from transformers.
        messages: the turns. Control tokens inside them lose their power first.
        chat: whether to use the tokenizer's chat template.
        k: markers in a slot.

    Raises:
        GenerationError: a slot lies outside its message or out of order, the chat template does not accept the turns
            or loses a slot, or no token can serve as marker.
    """
    numbers = [slot.number for message in messages for slot in message.slots]
    if k < 1 or not numbers:
        return MarkedPrompt(tuple(prompt_tokens(tokenizer, messages, chat=chat)), {}, 0)
    text, sign = _signed(tokenizer, messages, chat)
    pieces = re.split(rf"{sign}n(\d+)e", text)  # text, slot, text, slot, ..., text
    if lost := set(range(len(numbers))) - {int(slot) for slot in pieces[1::2]}:
        raise GenerationError(
            f"the model's chat template leaves out or rewrites the text in front of passage {numbers[min(lost)]}",
            fix='set chat="plain", or soft_tokens = 0',
        )
    front, back = _ends(tokenizer, chat)
    marker = marker_token(tokenizer)
    tokens = [*front, *_tokens(tokenizer, pieces[0])]
    places: dict[int, list[int]] = {}
    for slot, piece in zip(pieces[1::2], pieces[2::2], strict=True):
        places.setdefault(numbers[int(slot)], []).extend(range(len(tokens), len(tokens) + k))
        tokens += [marker] * k + following_tokens(tokenizer, piece)
    return MarkedPrompt((*tokens, *back), {number: tuple(found) for number, found in places.items()}, k)


def following_tokens(tokenizer: Any, text: str) -> list[int]:
    """Tokens of a text that continues another: some tokenizers put a space in front of whatever comes first."""
    lead, whole = _tokens(tokenizer, "\n"), _tokens(tokenizer, "\n" + text)
    return whole[len(lead) :] if whole[: len(lead)] == lead else _tokens(tokenizer, text)


def _signed(tokenizer: Any, messages: Sequence[Message], chat: bool) -> tuple[str, str]:
    """The rendered prompt with a sign at each slot, and the sign.

    The sign is letters and digits, which no template escapes or trims, and it is chosen after looking at the texts: it
    stands in none of them.
    """
    contents = "\0".join(message.content for message in messages)
    sign = hashlib.sha256(contents.encode("utf-8", "surrogatepass")).hexdigest()
    while sign in contents:
        sign = hashlib.sha256(sign.encode()).hexdigest()
    signed, count = [], 0
    for message in messages:
        parts, end = [], 0
        for slot in message.slots:
            if not end <= slot.offset <= len(message.content):
                raise GenerationError(
                    f"the slot of passage {slot.number} is at character {slot.offset} of a message of "
                    f"{len(message.content)} characters, behind a slot at {end}",
                    fix="give slots in order of their offsets, inside their message",
                )
            parts += [message.content[end : slot.offset], f"{sign}n{count}e"]
            end, count = slot.offset, count + 1
        signed.append(replace(message, content="".join([*parts, message.content[end:]]), slots=()))
    return prompt_text(tokenizer, signed, chat=chat), sign


def _tokens(tokenizer: Any, text: str) -> list[int]:
    return [int(token) for token in tokenizer(text, add_special_tokens=False)["input_ids"]] if text else []


def _ends(tokenizer: Any, chat: bool) -> tuple[list[int], list[int]]:
    """What the tokenizer itself puts before and behind a text; a chat template writes its own."""
    if chat:
        return [], []
    bare = _tokens(tokenizer, "a")
    whole = [int(token) for token in tokenizer("a")["input_ids"]]
    for start in range(len(whole) - len(bare) + 1):
        if whole[start : start + len(bare)] == bare:
            return whole[:start], whole[start + len(bare) :]
    return [], []


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
