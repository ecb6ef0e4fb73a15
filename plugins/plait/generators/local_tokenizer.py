"""The tokenizer of a model on disk, without the model."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from plait.config import require
from plait.contracts.errors import ModelError
from plait.generators.local.model import find_causal_model

__all__ = ["local_tokenizer"]


@lru_cache(maxsize=4)
def local_tokenizer(model: str, where: str) -> Any:
    """The tokenizer of a model: ``smollm2-135m``, a local folder, a GGUF file, or a Hugging Face id that is on disk.

    Raises:
        MissingDependencyError: transformers is not installed.
        ModelError: the model is missing or its tokenizer damaged.
    """
    transformers = require("transformers", "plait[models]", needed_by=where)
    place = find_causal_model(model)
    options = {"gguf_file": place.gguf} if place.gguf else {}
    try:
        return transformers.AutoTokenizer.from_pretrained(
            place.folder, local_files_only=True, trust_remote_code=False, **options
        )
    except (OSError, ValueError, KeyError, RuntimeError, TypeError) as error:
        raise ModelError(
            f"the tokenizer cannot be loaded: {str(error).splitlines()[0] if str(error) else type(error).__name__}",
            where=f"{where}: {place.folder}",
            fix="name a folder with tokenizer.json",
        ) from error
