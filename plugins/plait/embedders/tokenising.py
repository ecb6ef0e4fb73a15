"""From text to token numbers, cut at a length."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from plait.contracts.errors import MissingDependencyError, ModelError

__all__ = ["Tokeniser", "fast_tokeniser", "load_tokeniser"]

Tokeniser = Callable[[Sequence[str]], list[list[int]]]
"""Token numbers of each text, special tokens included, at most as many as it was made for."""


def load_tokeniser(folder: Path, max_tokens: int) -> Tokeniser:
    """The tokenizer of any transformers model.

    Raises:
        ModelError: the folder holds no tokenizer that transformers can load.
        MissingDependencyError: transformers is not installed.
    """
    try:
        from transformers import AutoTokenizer
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            "this model's tokenizer needs transformers", where=str(folder), fix='pip install "plait[models]"'
        ) from error
    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).strip().split("\n")[0]
        raise ModelError(
            f"transformers cannot load this model's tokenizer: {reason}", where=str(folder), fix="fetch it again"
        ) from error
    return lambda texts: tokenizer(list(texts), truncation=True, max_length=max_tokens)["input_ids"]


def fast_tokeniser(folder: Path, max_tokens: int) -> Tokeniser:
    """The tokenizer of a ``tokenizer.json`` alone: the same numbers without importing transformers.

    Raises:
        ModelError: the file is missing or broken.
        MissingDependencyError: tokenizers is not installed.
    """
    try:
        from tokenizers import Tokenizer
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            "this model's tokenizer needs tokenizers", where=str(folder), fix='pip install "plait[models]"'
        ) from error
    file = folder / "tokenizer.json"
    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception as error:  # the Rust side raises bare Exception for every failure
        raise ModelError(
            f"cannot read the tokenizer: {error}", where=str(file), fix="install the model again"
        ) from error
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    return lambda texts: [encoding.ids for encoding in tokenizer.encode_batch_fast(list(texts))]
