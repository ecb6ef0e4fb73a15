"""Models trained for late interaction: a vector for every token, by a transformer and a projection behind it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from plait.contracts.errors import ModelError
from plait.embedders.late_recipe import Projection, read_late_recipe, read_projection
from plait.embedders.model_folder import find_model, weights_digest
from plait.embedders.pretrained import Dtype, choose_device, choose_dtype, load_pretrained

if TYPE_CHECKING:
    from plait.embedders.text_encoders import PaddedEncoder

__all__ = ["ColBERT"]

_log = logging.getLogger(__name__)


class ColBERT:
    """Vectors of tokens by a late interaction model; satisfies :class:`plait.contracts.TokenVectors`.

    Args:
        model: a local folder or Hugging Face id. Safetensors weights only; code in the model's folder never runs.
        dtype: the number format of weights and states; ``auto`` is bfloat16 where the hardware multiplies it.
        device: where to run, as torch names it; ``auto`` chooses.

    Raises:
        ModelError: the model is missing, is none of late interaction, or has pickled weights only.
    """

    def __init__(self, model: str, dtype: Dtype = "auto", device: str = "auto") -> None:
        self.name = model
        self._dtype: Dtype = dtype
        self._device = device
        self.recipe = read_late_recipe(find_model(model))
        folders = dict.fromkeys((self.recipe.folder, *self.recipe.projections))
        self._digests = [f"sha256:{weights_digest(folder)}" for folder in folders]

    @property
    def token_dimension(self) -> int:
        """Width of the vectors: what the last projection gives."""
        return len(self._projections[-1].weight)

    def fingerprint(self) -> Mapping[str, Any]:
        """All that decides where a token lands."""
        recipe = self.recipe
        return {
            "model": self.name,
            "weights": self._digests,
            "markers": [recipe.query_marker, recipe.passage_marker],
            "tokens": [recipe.query_tokens, recipe.passage_tokens],
            "expanded": recipe.expanded,
            "attended": recipe.attended,
            "skipped": "".join(recipe.skipped),
        }

    def embed_tokens(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> list[NDArray[np.float32]]:
        """Projected states of length 1, one array (tokens, token_dimension) a text.

        Questions keep all their tokens, passages leave out those that are skipped. A question is cut to the length
        that the model was trained for, and a warning logged; of a passage nothing is, but each window sees only itself.

        Raises:
            ModelError: the model cannot be loaded, or gave no usable vector for a token.
        """
        if not texts:
            return []
        return self._questions(texts) if kind == "query" else self._passages(texts)

    def _questions(self, texts: Sequence[str]) -> list[NDArray[np.float32]]:
        recipe, marker = self.recipe, self._number(self.recipe.query_marker)
        most = recipe.query_tokens - len(marker)
        longest = max(map(len, self._tokenizer(list(texts), verbose=False)["input_ids"]))
        if longest > most:
            _log.warning(
                "%s: a question of %d tokens was cut to %d, which the model was trained for", self.name, longest, most
            )
        read = self._tokenizer(list(texts), truncation=True, max_length=most)
        ids = [[*numbers[:1], *marker, *numbers[1:]] for numbers in read["input_ids"]]
        seen = [len(numbers) for numbers in ids]
        if recipe.expanded:
            filling = self._filling
            ids = [numbers + filling * (recipe.query_tokens - len(numbers)) for numbers in ids]
        states = self._encoder.encode_tokens(ids, None if recipe.attended else seen)
        return [self._projected(found, text) for found, text in zip(states, texts, strict=True)]

    def _passages(self, texts: Sequence[str]) -> list[NDArray[np.float32]]:
        marker = self._number(self.recipe.passage_marker)
        read = self._tokenizer(
            list(texts),
            truncation=True,
            max_length=self.recipe.passage_tokens - len(marker),
            return_overflowing_tokens=True,
        )
        ids = [[*numbers[:1], *marker, *numbers[1:]] for numbers in read["input_ids"]]
        parts: list[list[NDArray[np.float32]]] = [[] for _ in texts]
        owners = read["overflow_to_sample_mapping"]
        for numbers, owner, states in zip(ids, owners, self._encoder.encode_tokens(ids), strict=True):
            parts[owner].append(self._projected(states[~np.isin(numbers, self._skipped)], texts[owner]))
        return [np.concatenate(part) for part in parts]

    def _projected(self, states: NDArray[np.float32], text: str) -> NDArray[np.float32]:
        for projection in self._projections:
            states = projection(states)
        lengths = np.linalg.norm(states, axis=1, keepdims=True)
        if not (np.isfinite(lengths) & (lengths > 0)).all():
            raise ModelError(
                f"no usable vector (not finite, or zero) for a token of {text[:80]!r}", where=self.name,
                fix="check the model and its weights",
            )  # fmt: skip
        scaled: NDArray[np.float32] = states / lengths
        return scaled

    @cached_property
    def _projections(self) -> list[Projection]:
        return [read_projection(folder) for folder in self.recipe.projections]

    @cached_property
    def _tokenizer(self) -> Any:
        return load_pretrained("AutoTokenizer", self.recipe.folder, where=self.name)

    @cached_property
    def _encoder(self) -> PaddedEncoder:
        from plait.embedders.text_encoders import PaddedEncoder

        device = choose_device(self._device)
        return PaddedEncoder(self.recipe.folder, "mean", device, choose_dtype(self._dtype, device))

    @cached_property
    def _filling(self) -> list[int]:
        """What questions are filled up with: the mask token, or the last of a text where there is none."""
        number = self._tokenizer.mask_token_id
        return [self._tokenizer.eos_token_id if number is None else number]

    @cached_property
    def _skipped(self) -> list[int]:
        tokenizer = self._tokenizer
        numbers = tokenizer.convert_tokens_to_ids(list(self.recipe.skipped))
        return [number for number in numbers if number is not None and number != tokenizer.unk_token_id]

    def _number(self, marker: str) -> list[int]:
        """The token of a marker; none where the model has no marker."""
        if not marker:
            return []
        number = self._tokenizer.convert_tokens_to_ids(marker)
        if number is None or number == self._tokenizer.unk_token_id:
            raise ModelError(
                f"its tokenizer has no token for the marker {marker!r}", where=self.name, fix="fetch the model again"
            )
        return [int(number)]
