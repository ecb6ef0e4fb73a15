"""What ``plait train late`` has learnt: a linear residual on the vectors of a question's tokens.

It is the adapter of :mod:`plait.retrievers.query_adapter`, token by token. Those of passages stay as they are, and so
does a column of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plait.contracts import IndexView, TokenVectors
from plait.retrievers.query_adapter import QueryAdapter

__all__ = ["FILE", "MODEL", "adapted_tokens", "load_token_adapter", "save_token_adapter"]

MODEL = "late"
"""The name of the trained model in the index."""
_TOKENS = "tokens"
FILE = f"{_TOKENS}.safetensors"


@dataclass(frozen=True, slots=True)
class _Space:
    """Where the vectors of tokens live, as an adapter asks for it."""

    encoder: TokenVectors

    @property
    def dimension(self) -> int:
        return self.encoder.token_dimension

    def fingerprint(self) -> Mapping[str, Any]:
        return self.encoder.fingerprint()


def save_token_adapter(adapter: QueryAdapter, folder: Path, encoder: TokenVectors) -> Path:
    """Writes it with the identity of its encoder; the file."""
    return adapter.save(folder, _TOKENS, _Space(encoder))


def load_token_adapter(folder: Path, encoder: TokenVectors) -> QueryAdapter | None:
    """Opens what was saved; None where nothing was.

    Raises:
        IdentityError: it was trained with another encoder.
        ModelError: the file is damaged.
    """
    return QueryAdapter.load(folder, _TOKENS, _Space(encoder), command=MODEL)


def adapted_tokens(question: NDArray[np.float32], view: IndexView, encoder: TokenVectors) -> NDArray[np.float32]:
    """Vectors of a question's tokens by what the index has learnt; as they are where it has learnt nothing.

    Args:
        question: of length 1, shape (tokens, dimension).
        view: the index.
        encoder: of question and passages.

    Raises:
        IdentityError: what was trained belongs to another encoder.
        IndexCorruptError: its files are damaged or gone.
        ModelError: its file is of another kind.
    """
    folder = view.model(MODEL)
    if folder is None:
        return question
    key = f"model:{MODEL}:{json.dumps(encoder.fingerprint(), sort_keys=True, default=str)}"
    adapter = view.derived(key, lambda: load_token_adapter(folder, encoder))
    return question if adapter is None else adapter(question)
