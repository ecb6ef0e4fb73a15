"""Fusion-in-Decoder as a generator: a T5 model that answers from all passages of the evidence at once.

See :mod:`plait.fusion.tokens.fid`. Plait brings no T5 model along; any one in a local folder, or by Hugging Face id
where a hub can be reached, will do. Structure is read by weights that ``plait train reader`` leaves in the index; until
then the answer is the model's own, bit for bit.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from plait.config import Settings, check_request
from plait.contracts import Chunk, GenerationRequest, Message, StructureWeights, Usage
from plait.contracts.errors import ConfigError, GenerationError, ModelError
from plait.embedders.model_folder import find_model, weight_files, weights_digest
from plait.embedders.pretrained import Dtype, choose_device, choose_dtype, load_pretrained
from plait.fusion.tokens.checkpoint import FID
from plait.fusion.tokens.tasks import numbered

if TYPE_CHECKING:
    from plait.fusion.tokens.fid import FusionInDecoder
    from plait.fusion.tokens.fusion_reader import FusionReader

__all__ = ["Config", "FusionInDecoderGenerator"]

_WHERE = "generator 'fusion-in-decoder'"
_KEPT = 4  # sets of structural weights, of the commits that questions are asked of


class Config(Settings):
    """Settings of ``fusion-in-decoder``."""

    model: str
    """A local folder, or a Hugging Face id, of a T5 model."""
    mode: Literal["prefix", "additive", "concatenate"] = "prefix"
    """How structure joins: ``prefix``, ``additive`` or ``concatenate``."""
    weights: str = ""
    """File of structural weights in place of those trained on the index, as ``FusionInDecoder.save`` writes it; they
    belong to every structural encoder of that width."""
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
        self._loaded: tuple[Any, Any] | None = None
        self._readers: OrderedDict[tuple[Path | None, str], FusionInDecoder] = OrderedDict()

    @property
    def structure_file(self) -> str:
        """Where ``plait train reader`` puts the structural weights; empty where the settings name others."""
        return "" if self.config.weights else FID

    @property
    def context_tokens(self) -> int | None:
        """None: passages are read apart, so their number is bound by the pipeline's ``answer.passages`` alone."""
        return None

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
        tokenizer, _ = self._model()
        reader = self._reader(request.structure)
        passages = [(numbered(item.number, item.title), item.passage.text) for item in request.evidence]
        batch = passage_batch(tokenizer, [request.query.text], [passages], longest=self.config.longest)
        structure, present = self._structure(request)
        with self._lock:
            device = reader.model.device
            vectors = None if structure is None else structure.to(device)
            found = reader.generate(batch.to(device), vectors, present.to(device), max_tokens=request.max_tokens)
        written = found[0].tolist()
        ends = {reader.model.config.eos_token_id, tokenizer.eos_token_id}
        tokens = [token for token in written[1:] if token != tokenizer.pad_token_id]
        finished = bool(tokens) and tokens[-1] in ends
        text = tokenizer.decode([token for token in tokens if token not in ends], skip_special_tokens=True)
        for stop in request.stop:
            if stop and stop in text:
                text, finished = text[: text.index(stop)], True
        usage = Usage(int(batch.mask.sum()), len(tokens))
        read = 0 if structure is None else int(present.sum())
        detail = {"model": self.config.model, "structure": read, "cut": batch.cut}
        yield Chunk(text, "stop" if finished else "length", usage, detail)

    def _check(self, request: GenerationRequest) -> None:
        check_request(request, _WHERE, lacks=("choices", "json_schema", "soft_tokens"))
        if request.temperature > 0:
            raise GenerationError(
                "this generator does not take a temperature above 0",
                where=_WHERE,
                fix="use the generator 'transformers'",
            )
        if not request.evidence:
            raise GenerationError("there is no passage to answer from", where=_WHERE, fix="retrieve some first")

    def untrained(self, width: int, seed: int = 0) -> FusionReader:
        """A reader of this model that has not learnt anything yet, for structural vectors of that width.

        Raises:
            ConfigError: the settings tell of another width.
            ModelError: the model cannot be loaded.
        """
        if width != self.config.dimension:
            raise ConfigError(
                f"the structural vectors have {width} numbers, and 'dimension' is {self.config.dimension}",
                where=_WHERE,
                fix=f"write use('fusion-in-decoder', dimension={width}, ...)",
            )
        from plait.fusion.tokens.fid import FusionInDecoder
        from plait.fusion.tokens.fusion_reader import FusionReader

        tokenizer, model = self._model()
        part = FusionInDecoder(model, self.config.dimension, self.config.mode, seed=seed).to(model.device)
        name, identity, longest = self.config.model, self._identity(), self.config.longest
        return FusionReader(part, tokenizer, name, identity, longest=longest, lock=self._lock)

    def answer_reader(self) -> FusionReader:
        """A reader that leaves structure out, and tells how likely answers are.

        Raises:
            ModelError: the model cannot be loaded.
        """
        return self.untrained(self.config.dimension)

    def _identity(self) -> dict[str, Any]:
        """Its weights alone: the same model may lie elsewhere."""
        return {"weights": weights_digest(self._folder)}

    def _structure(self, request: GenerationRequest) -> tuple[Any, Any]:
        """Vectors (1, passages, dimension) and flags (1, passages); None and flags without trained weights."""
        import torch

        evidence = request.evidence
        present = torch.tensor([[item.structure is not None for item in evidence]])
        if not self.config.weights and request.structure is None:
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

    def _reader(self, given: StructureWeights | None) -> FusionInDecoder:
        """The model with these structural weights, those of the settings first; none leave it as it is."""
        from plait.fusion.tokens.fid import FusionInDecoder

        _, model = self._model()
        file = Path(self.config.weights) if self.config.weights else None if given is None else given.file
        own = {"dimension": self.config.dimension}
        encoder = own if self.config.weights or given is None else given.encoder
        # A file stays where it is when the encoder whose vectors it reads is trained anew.
        key = (file, json.dumps(encoder, sort_keys=True, default=str))
        with self._lock:
            if key not in self._readers:
                reader = FusionInDecoder(model, self.config.dimension, self.config.mode).to(model.device)
                if file is not None:
                    reader.restore(file, self._identity(), encoder)
                self._readers[key] = reader.eval()
                while len(self._readers) > _KEPT:
                    self._readers.popitem(last=False)
            self._readers.move_to_end(key)
            return self._readers[key]

    def _model(self) -> tuple[Any, Any]:
        """Tokenizer and model."""
        with self._lock:
            if self._loaded is None:
                self._loaded = self._load()
            return self._loaded

    def _load(self) -> tuple[Any, Any]:
        device, where = choose_device(self.config.device), str(self._folder)
        tokenizer = load_pretrained("AutoTokenizer", self._folder, where=where)
        dtype = choose_dtype(self.config.dtype, device)
        model = load_pretrained("AutoModelForSeq2SeqLM", self._folder, where=where, dtype=dtype)
        return tokenizer, model.to(device).eval()
