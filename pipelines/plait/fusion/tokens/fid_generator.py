"""Fusion-in-Decoder as a generator: a T5 model that answers from all passages of the evidence at once.

See :mod:`plait.fusion.tokens.fid`. Plait brings no T5 model along; any one in a local folder, or by Hugging Face id
where a hub can be reached, will do. Without trained structural weights the answer is the model's own, bit for bit.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from plait.config import Settings, check_request
from plait.config.extras import require
from plait.contracts import Chunk, Evidence, GenerationRequest, Message, Usage
from plait.contracts.errors import GenerationError, ModelError
from plait.embedders.location import find_model
from plait.embedders.precision import Dtype, choose_device, choose_dtype
from plait.embedders.quiet import without_bars
from plait.embedders.weights import weight_files, weights_digest

if TYPE_CHECKING:
    from plait.fusion.tokens.fid import FusionInDecoder

__all__ = ["Config", "FusionInDecoderGenerator"]

_WHERE = "generator 'fusion-in-decoder'"


class Config(Settings):
    """Settings of ``fusion-in-decoder``."""

    model: str
    """A local folder, or a Hugging Face id, of a T5 model."""
    mode: Literal["prefix", "additive", "concatenate"] = "prefix"
    """How structure joins: ``prefix``, ``additive`` or ``concatenate``."""
    weights: str = ""
    """File of trained structural weights, as ``FusionInDecoder.save`` writes it; empty leaves structure out."""
    dimension: int = Field(default=384, ge=1)
    """Width of the structural vectors."""
    longest: int = Field(default=256, ge=16)
    """Most tokens of a passage with its question; the end of a longer one is cut off, and the answer's detail says of
    how many."""
    dtype: Dtype = "float32"
    """T5 was trained in bfloat16 and overflows float16."""
    device: str = "auto"
    """``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``."""


class FusionInDecoderGenerator:
    """Answers greedily from the evidence of a request; the messages, made for models of one prompt, are left aside.

    Args:
        config: the settings.

    Raises:
        ModelError: the model is missing or has pickled weights only.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self._folder = find_model(config.model)
        weight_files(self._folder)  # refuses pickles before anything opens them
        self._lock = threading.Lock()
        self._loaded: tuple[Any, FusionInDecoder] | None = None

    @property
    def context_tokens(self) -> int | None:
        """None: passages are read apart, so their number is bound by the pipeline's ``answer.passages`` alone."""
        return None

    @property
    def accepts_embeddings(self) -> bool:
        """False: structure enters between encoder and decoder, not as embeddings of the prompt."""
        return False

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of the messages' texts."""
        tokenizer, _ = self._model()
        return sum(len(tokenizer(message.content)["input_ids"]) for message in messages)

    def stream(self, request: GenerationRequest) -> Iterator[Chunk]:
        """Yields the answer in one piece.

        Raises:
            GenerationError: there is no evidence, or the request asks for sampling, choices or JSON.
            ModelError: the model or its structural weights cannot be loaded, or do not belong together.
        """
        from plait.fusion.tokens.fid import passage_batch

        self._check(request)
        tokenizer, reader = self._model()
        passages = [(item.title, item.passage.text) for item in request.evidence]
        batch = passage_batch(tokenizer, [request.query.text], [passages], longest=self.config.longest)
        cut = int((batch.mask.sum(dim=-1) >= self.config.longest).sum())
        structure, present = self._structure(request.evidence)
        with self._lock:
            device = reader.model.device
            moved = type(batch)(batch.tokens.to(device), batch.mask.to(device))
            vectors = None if structure is None else structure.to(device)
            written = reader.generate(moved, vectors, present.to(device), max_tokens=request.max_tokens)[0].tolist()
        ends = {reader.model.config.eos_token_id, tokenizer.eos_token_id}
        tokens = [token for token in written[1:] if token != tokenizer.pad_token_id]
        finished = bool(tokens) and tokens[-1] in ends
        text = tokenizer.decode([token for token in tokens if token not in ends], skip_special_tokens=True)
        for stop in request.stop:
            if stop and stop in text:
                text, finished = text[: text.index(stop)], True
        usage = Usage(int(batch.mask.sum()), len(tokens))
        detail = {"model": self.config.model, "structure": 0 if structure is None else int(present.sum()), "cut": cut}
        yield Chunk(text, "stop" if finished else "length", usage, detail)

    def _check(self, request: GenerationRequest) -> None:
        check_request(request, _WHERE)
        asked = {
            "choices": bool(request.choices),
            "json_schema": request.json_schema is not None,
            "a temperature above 0": request.temperature > 0,
            "soft tokens": bool(request.soft_tokens),
        }
        for what, wanted in asked.items():
            if wanted:
                raise GenerationError(
                    f"this generator does not take {what}", where=_WHERE, fix="use the generator 'transformers'"
                )
        if not request.evidence:
            raise GenerationError("there is no passage to answer from", where=_WHERE, fix="retrieve some first")

    def _structure(self, evidence: Sequence[Evidence]) -> tuple[Any, Any]:
        """Vectors (1, passages, dimension) and flags (1, passages); None and flags without trained weights."""
        import torch

        present = torch.tensor([[item.structure is not None for item in evidence]])
        if not self.config.weights:
            return None, present
        vectors = torch.zeros(1, len(evidence), self.config.dimension)
        for place, item in enumerate(evidence):
            if item.structure is None:
                continue
            if item.structure.shape != (self.config.dimension,):
                raise ModelError(
                    f"passage {item.number} has a structural vector of shape {item.structure.shape}, not "
                    f"({self.config.dimension},)",
                    where=_WHERE,
                    fix="set dimension to that of the pipeline's 'docgraph'",
                )
            vectors[0, place] = torch.from_numpy(item.structure.copy())
        return vectors, present

    def _model(self) -> tuple[Any, FusionInDecoder]:
        with self._lock:
            if self._loaded is None:
                self._loaded = self._load()
            return self._loaded

    def _load(self) -> tuple[Any, FusionInDecoder]:
        transformers = require("transformers", "plait[models]", needed_by=_WHERE)
        from plait.fusion.tokens.fid import FusionInDecoder

        config = self.config
        device = choose_device(config.device)
        options: Mapping[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        try:
            tokenizer = transformers.AutoTokenizer.from_pretrained(self._folder, **options)
            with without_bars():
                model = transformers.AutoModelForSeq2SeqLM.from_pretrained(
                    self._folder, dtype=choose_dtype(config.dtype, device), use_safetensors=True, **options
                )
        except (OSError, ValueError, KeyError, RuntimeError, TypeError) as error:
            raise ModelError(
                f"the model cannot be loaded: {str(error).splitlines()[0] if str(error) else type(error).__name__}",
                where=str(self._folder),
                fix="name a folder with config.json, tokenizer.json and model.safetensors of a T5 model",
            ) from error
        reader = FusionInDecoder(model.to(device).eval(), config.dimension, config.mode).to(device)
        if config.weights:
            identity = {"model": config.model, "weights": weights_digest(self._folder)}
            reader.restore(Path(config.weights), identity, {"dimension": config.dimension})
        return tokenizer, reader.eval()
