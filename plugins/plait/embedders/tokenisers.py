"""Text to token numbers, and where each token starts; from ``tokenizer.json`` alone, or through transformers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from plait.config import require
from plait.contracts.errors import ModelError
from plait.embedders.pretrained import load_pretrained

__all__ = ["FileTokeniser", "LibraryTokeniser", "Tokeniser"]

_WORD = re.compile(r"\S+")


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
