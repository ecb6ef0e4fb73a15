"""How a text becomes the token numbers that an encoder reads: tokenisers, and windows of what is longer than it reads.

A tokeniser is made of ``tokenizer.json`` alone, or through transformers. A text longer than the encoder's window is cut
at white space into as few windows of about equal length as it takes, each with the prefix and the special tokens of a
text of its own. Its vector is the mean of its windows', weighted by their tokens; where token states are pooled by
their mean, that is the mean of the states of all of them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from plait.config import require
from plait.contracts import Coverage
from plait.contracts.errors import ModelError
from plait.embedders.pretrained import load_pretrained

__all__ = ["FileTokeniser", "LibraryTokeniser", "Tokeniser", "Windows", "windows_of"]

_WORD = re.compile(r"\S+")
_SPACES = (" ", "\n", "\t")
Tokenise = Callable[[Sequence[str]], list[list[int]]]


class Tokeniser(Protocol):
    """Tokens of texts, however long these are."""

    def __call__(self, texts: Sequence[str], /) -> list[list[int]]:
        """Token numbers of each text, special tokens included."""
        ...

    def starts(self, texts: Sequence[str], /) -> list[NDArray[np.int64]]:
        """The character at which each token of each text starts, shape (tokens,); without special tokens."""
        ...


class FileTokeniser:
    """The tokenizer of a ``tokenizer.json`` alone: the same numbers without importing transformers.

    Args:
        folder: the model's.

    Raises:
        ModelError: the file is missing or broken.
        MissingDependencyError: tokenizers is not installed.
    """

    def __init__(self, folder: Path) -> None:
        file = folder / "tokenizer.json"
        tokenizers = require("tokenizers", "plait[models]", needed_by=str(folder))
        try:
            self._tokenizer: Any = tokenizers.Tokenizer.from_file(str(file))
        except Exception as error:  # the Rust side raises bare Exception for every failure
            raise ModelError(
                f"cannot read the tokenizer: {error}", where=str(file), fix="install the model again"
            ) from error
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()

    def __call__(self, texts: Sequence[str]) -> list[list[int]]:
        """Token numbers of each text, special tokens included."""
        return [encoding.ids for encoding in self._tokenizer.encode_batch_fast(list(texts))]

    def starts(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        """The character at which each token of each text starts, shape (tokens,); without special tokens."""
        encodings = self._tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return [np.array([start for start, _ in encoding.offsets], dtype=np.int64) for encoding in encodings]


class LibraryTokeniser:
    """The tokenizer that transformers makes of a model's folder.

    Args:
        folder: the model's.

    Raises:
        ModelError: transformers cannot read it.
        MissingDependencyError: transformers is not installed.
    """

    def __init__(self, folder: Path) -> None:
        self._tokenizer = load_pretrained("AutoTokenizer", folder, where=str(folder))

    def __call__(self, texts: Sequence[str]) -> list[list[int]]:
        """Token numbers of each text, special tokens included."""
        found: list[list[int]] = self._tokenizer(list(texts), verbose=False)["input_ids"]
        return found

    def starts(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        """The character at which each token of each text starts, shape (tokens,); without special tokens.

        A tokenizer written in Python tells no places: there every token of a word is said to start with it.
        """
        return [self._starts(text) for text in texts]

    def _starts(self, text: str) -> NDArray[np.int64]:
        if self._tokenizer.is_fast:
            read = self._tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
            return np.array([start for start, _ in read["offset_mapping"]], dtype=np.int64)
        words = list(_WORD.finditer(text))
        tokens = (
            self._tokenizer([word.group() for word in words], add_special_tokens=False)["input_ids"] if words else []
        )
        return np.repeat(
            np.array([word.start() for word in words], dtype=np.int64), [len(own) for own in tokens] if words else 0
        )


@dataclass(frozen=True, slots=True)
class Windows:
    """What an encoder reads of some texts.

    Args:
        tokens: token numbers of each window, special tokens and prefix included; windows of a text stand together.
        owners: which text each window belongs to, ascending, shape (windows,).
        around: tokens of a window that are not the text's: special ones, and the prefix.
        lost: tokens that not even a window of their own could hold.
    """

    tokens: list[list[int]]
    owners: NDArray[np.int64]
    around: int
    lost: int = 0

    def join(self, vectors: NDArray[np.float32], texts: int) -> NDArray[np.float32]:
        """One vector a text out of one a window, shape (windows, d) to (texts, d).

        That of a text with one window is the window's, bit for bit.
        """
        first = np.searchsorted(self.owners, np.arange(texts))  # (texts,)
        joined = vectors[first]
        counts = np.bincount(self.owners, minlength=texts)
        lengths = np.array([len(own) for own in self.tokens], dtype=np.float32)
        for text in np.flatnonzero(counts > 1):
            own = slice(first[text], first[text] + counts[text])
            joined[text] = lengths[own] @ vectors[own] / lengths[own].sum()  # (windows,) @ (windows, d)
        return joined

    def coverage(self, texts: int) -> Coverage:
        """How much of the texts is read."""
        read = sum(len(own) for own in self.tokens) - self.around * len(self.tokens)
        windowed = int((np.bincount(self.owners, minlength=texts) > 1).sum())
        return Coverage(read + self.lost, windowed, self.lost)


def windows_of(texts: Sequence[str], tokenise: Tokenise, most: int, prefix: str = "") -> Windows:
    """Cuts what is longer than ``most`` tokens.

    Args:
        texts: of any length.
        tokenise: gives token numbers, special tokens included.
        most: tokens of a window, special tokens and prefix included; more than those two take.
        prefix: put before each window.

    Example:
        >>> letters = lambda texts: [[0, *map(ord, text)] for text in texts]
        >>> found = windows_of(["one two", "six"], letters, most=5)
        >>> ["".join(map(chr, own[1:])) for own in found.tokens], found.owners.tolist()
        (['one', ' two', 'six'], [0, 0, 1])
    """
    around = len(tokenise([prefix])[0])
    tokens: list[list[int]] = []
    owners: list[int] = []
    lost = 0
    for number, own in enumerate(tokenise([prefix + text for text in texts] if prefix else texts)):
        windows, over = (
            ([own], 0) if len(own) <= most else _cut(texts[number], len(own), tokenise, most, prefix, around)
        )
        tokens += windows
        owners += [number] * len(windows)
        lost += over
    return Windows(tokens, np.array(owners, dtype=np.int64), around, lost)


def _cut(
    text: str, length: int, tokenise: Tokenise, most: int, prefix: str, around: int
) -> tuple[list[list[int]], int]:
    """Windows of a text of ``length`` tokens, and how many tokens are lost."""
    windows: list[list[int]] = []
    lost = 0
    pieces = _pieces(text, max(2, math.ceil((length - around) / (most - around))))
    for piece, own in zip(pieces, tokenise([prefix + piece for piece in pieces]), strict=True):
        if len(own) <= most:
            windows.append(own)
        elif len(piece) > 1:
            found, over = _cut(piece, len(own), tokenise, most, prefix, around)
            windows += found
            lost += over
        else:  # one character of more tokens than the encoder reads
            windows.append(own[:most])
            lost += len(own) - most
    return windows, lost


def _pieces(text: str, parts: int) -> list[str]:
    """About equal pieces, cut before white space where there is any."""
    cuts = [0]
    for part in range(1, parts):
        target = max(len(text) * part // parts, cuts[-1] + 1)
        before = max(text.rfind(mark, cuts[-1] + 1, target + 1) for mark in _SPACES)
        behind = min((place for mark in _SPACES if (place := text.find(mark, target)) >= 0), default=-1)
        spaces = [place for place in (before, behind) if place > 0]
        cuts.append(min(spaces, key=lambda place: abs(place - target), default=target))
    cuts.append(len(text))
    return [text[start:end] for start, end in pairwise(cuts) if text[start:end]]
