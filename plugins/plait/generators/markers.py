"""From messages with slots to token numbers with markers: where structure enters a prompt.

A marker is an ordinary token of the model. A backend looks up the embeddings of the whole prompt and adds a passage's
soft tokens to the rows of its markers; with nothing to add the prompt is plain token numbers. Works with any tokenizer
of transformers and knows nothing of the model, so every backend that takes embeddings shares it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plait.contracts import Message
from plait.contracts.errors import GenerationError
from plait.generators.conversation import prompt_text, prompt_tokens

__all__ = ["MarkedPrompt", "following_tokens", "marked_prompt", "marker_token"]

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
