"""Prompts as embeddings, for engines that hold their own copy of a model: its tokenizer and its embedding matrix."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from plait.contracts import EmbeddingSpace, Message
from plait.contracts.errors import GenerationError
from plait.generators.local.model import find_causal_model, load_causal_model
from plait.generators.soft_tokens import MarkedPrompt, check_prompt_embeddings, check_soft_tokens, marked_prompt

if TYPE_CHECKING:
    import torch

__all__ = ["PromptEmbeddings"]


class PromptEmbeddings:
    """Renders messages, marks slots, and looks up embeddings as an engine elsewhere would.

    The model is loaded in full once, to know it by its weights; its layers are let go afterwards and the embedding
    matrix stays. It is held in float32: an engine that computes in another format rounds these rows as it would have
    rounded its own.

    Args:
        model: ``smollm2-135m``, a local folder, a GGUF file, or a Hugging Face id that is on disk.
        k: markers in a slot; 0 when soft tokens are off.
        where: the generator, for messages.

    Raises:
        ModelError: the model is missing.
    """

    def __init__(self, model: str, k: int, where: str) -> None:
        self._place = find_causal_model(model)
        self._name = model
        self._k = k
        self._where = where
        self._lock = threading.Lock()
        self._loaded: tuple[Any, EmbeddingSpace, torch.Tensor] | None = None

    @property
    def tokenizer(self) -> Any:
        """The model's tokenizer."""
        return self._load()[0]

    @property
    def space(self) -> EmbeddingSpace:
        """The space of its token embeddings, the same as that of the ``transformers`` generator."""
        return self._load()[1]

    def marked(self, messages: Sequence[Message]) -> MarkedPrompt:
        """The prompt as token numbers with markers in its slots.

        Raises:
            GenerationError: the model has no chat template, or a slot is out of place.
        """
        if not self.tokenizer.chat_template:
            raise GenerationError(
                f"{self._name} has no chat template", where=self._where, fix="use a chat model, or soft_tokens = 0"
            )
        return marked_prompt(self.tokenizer, messages, chat=True, k=self._k)

    def prompt(
        self, messages: Sequence[Message], soft_tokens: Mapping[int, NDArray[np.float32]]
    ) -> tuple[tuple[int, ...], NDArray[np.float32] | None]:
        """The prompt's token numbers, and its embeddings where soft tokens change any: (positions, width), float32.

        Raises:
            GenerationError: the soft tokens or the slots are not in order.
        """
        marked = self.marked(messages)
        space = self.space if soft_tokens and self._k else None
        checked = check_soft_tokens(soft_tokens, marked.places, self._k, space, self._where)
        positions, vectors = marked.additions(checked)
        if not len(positions):
            return marked.tokens, None
        embeddings = self.embedded(marked.tokens)
        embeddings[positions] += vectors
        return marked.tokens, check_prompt_embeddings(embeddings, self.space, self._where)

    def embedded(self, tokens: Sequence[int]) -> NDArray[np.float32]:
        """Embeddings of tokens: (tokens, width), float32."""
        import torch

        rows: NDArray[np.float32] = self._load()[2][torch.as_tensor(tokens, dtype=torch.long)].numpy()
        return rows

    def _load(self) -> tuple[Any, EmbeddingSpace, torch.Tensor]:
        with self._lock:
            if self._loaded is None:
                import torch

                model = load_causal_model(self._place, self._name, "float32", "cpu")
                with torch.inference_mode():
                    matrix = model.embed(torch.arange(model.model.get_input_embeddings().weight.shape[0])).clone()
                self._loaded = model.tokenizer, model.space, matrix
            return self._loaded
