"""A causal model at work: loaded once, its memory of prompts, its threads, its faults, and the canary behind them.

The loop is our own. ``generate`` of transformers runs every row of a batch until the last has ended (20 % more CPU for
16 answers of 4 to 96 tokens, 2 % for one alone), draws all rows from the process's one random state, and can be read
piece by piece only from a thread of its own. ``generate_batch``, where rows leave, takes no embeddings.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from plait.contracts import Chunk, GenerationRequest, Usage
from plait.contracts.errors import GenerationError
from plait.generators.canary import Canary
from plait.generators.local.model import CausalModel, checked_logits
from plait.generators.local.prompt_reading import (
    EndedError,
    PrefixStore,
    ReadPrompt,
    TokenPrompt,
    log_likelihoods,
    read_prompt,
)
from plait.generators.local.writing import Writing
from plait.generators.soft_tokens import following_tokens

if TYPE_CHECKING:
    import torch

__all__ = ["Engine", "PaddedBatch"]


class PaddedBatch:
    """The caches of several prompts as one, right-aligned; what lies left of a shorter prompt is masked.

    Prompts are read one by one, for reading is bound by arithmetic and gains nothing from company, and each can start
    from a remembered beginning. Writing is bound by memory: one pass over the weights serves every row.

    Args:
        model: what reads and writes.
        prompts: as they were read. The cache of one alone is gone on with as it is; several are copied.
    """

    def __init__(self, model: CausalModel, prompts: Sequence[ReadPrompt]) -> None:
        import torch
        from transformers import DynamicCache

        longest = max(prompt.length for prompt in prompts)
        self._model = model
        self._cache: Any = prompts[0].cache
        if len(prompts) > 1:
            layers = zip(*(prompt.cache.layers for prompt in prompts), strict=True)
            self._cache = DynamicCache(
                (_aligned([layer.keys for layer in one], longest), _aligned([layer.values for layer in one], longest))
                for one in layers
            )
        self._mask = torch.tensor([[0] * (longest - prompt.length) + [1] * prompt.length for prompt in prompts])

    def step(self, tokens: Sequence[int]) -> torch.Tensor:
        """Reads one token for each row; returns logits (rows, vocabulary)."""
        import torch

        self._mask = torch.cat([self._mask, torch.ones(len(tokens), 1, dtype=torch.long)], dim=1)
        padded = not bool(self._mask.all())
        inputs = torch.tensor(tokens, dtype=torch.long, device=self._model.model.device)[:, None]
        return self._model.step(self._cache, inputs, self._mask if padded else None)[:, -1]

    def keep(self, rows: Sequence[int]) -> None:
        """Goes on with these rows only, without the columns that only the others needed."""
        import torch

        if len(rows) == len(self._mask):
            return
        mask = self._mask[list(rows)]
        first = int(mask.any(dim=0).long().argmax())
        self._mask = mask[:, first:]
        self._cache.batch_select_indices(torch.tensor(rows, device=self._model.model.device))
        for layer in self._cache.layers:
            layer.keys, layer.values = layer.keys[:, :, first:], layer.values[:, :, first:]


def _aligned(tensors: Sequence[torch.Tensor], longest: int) -> torch.Tensor:
    """Keys or values of one layer, (rows, heads, ``longest``, width of a head)."""
    import torch
    from torch.nn.functional import pad

    return torch.cat([pad(tensor, (0, 0, longest - tensor.shape[2], 0)) for tensor in tensors])


_CANARY = "The capital of France is"
_CANARY_TOKENS = 4


class Engine:
    """Runs a model that is loaded when it is first needed.

    Args:
        load: loads the model.
        where: for messages.
        threads: processor threads while the model runs; None leaves the process's number alone.
        prefix_bytes: memory for the beginnings of prompts.
    """

    def __init__(self, load: Callable[[], CausalModel], where: str, threads: int | None, prefix_bytes: int) -> None:
        self._load = load
        self._where = where
        self._threads = threads
        self._lock = threading.Lock()
        self._loaded: CausalModel | None = None
        self._store = PrefixStore(prefix_bytes)
        self._canary = Canary(self._sing, where, "restart the process")

    @property
    def model(self) -> CausalModel:
        """The model, loaded by now.

        Raises:
            ModelError: it cannot be loaded.
        """
        with self._lock:
            if self._loaded is None:
                self._loaded = self._load()
            return self._loaded

    @contextmanager
    def running(self) -> Iterator[None]:
        """Around everything that runs the model.

        Raises:
            GenerationError: the model failed, now or so badly before that it is no longer itself.
        """
        with self._with_threads(), self._canary.watching(harmless=(EndedError,)):
            try:
                yield
            except GenerationError:
                self._store.clear()  # what was read may be spoilt
                raise
            except (RuntimeError, ValueError, IndexError, MemoryError) as error:
                self._store.clear()
                raise GenerationError(
                    f"the model failed: {str(error) or type(error).__name__}",
                    where=self._where,
                    fix="if memory ran out, lower batch or answer.prompt_tokens",
                ) from error

    def read(self, prompt: TokenPrompt, ended: Callable[[], bool] = lambda: False) -> ReadPrompt:
        """Reads a prompt, from the longest beginning that is remembered; inside :meth:`running`."""
        return read_prompt(self.model, prompt, self._store, ended)

    def write(
        self,
        writings: Sequence[Writing],
        prompts: Sequence[TokenPrompt],
        ended: Callable[[], bool] = lambda: False,
    ) -> Generator[tuple[int, Chunk], None, None]:
        """Writes one answer or several, one token of each in a step; who has ended leaves.

        Args:
            writings: the answers.
            prompts: what each of them answers; models that carry a state write one alone.
            ended: whether nobody waits any more; asked before each block of a prompt and each step.

        Yields:
            The place of an answer, and its next piece. The last piece of each says how it ended.

        Raises:
            GenerationError: the model failed; nothing is an answer then.
            EndedError: ``ended`` said so.
        """
        import torch

        with self.running():
            reads = [self.read(prompt, ended) for prompt in prompts]
            logits = torch.stack([read.logits for read in reads])
            reused = [read.reused for read in reads]
            batch = PaddedBatch(self.model, reads)
            del reads  # their caches live on in the batch's alone
        rows = list(range(len(prompts)))
        while rows:
            if ended():
                raise EndedError("the request was ended while its answer was written")
            with self.running():
                pieces = [writings[row].push(values) for row, values in zip(rows, logits.float().cpu(), strict=True)]
            for row, piece in zip(rows, pieces, strict=True):
                if piece:
                    yield row, Chunk(piece)
                if finish := writings[row].finish:
                    usage = Usage(len(prompts[row]), len(writings[row].tokens))
                    detail = {"model": self.model.name, "reused_tokens": reused[row]}
                    yield row, Chunk(writings[row].rest(), finish, usage, detail)
            going = [place for place, row in enumerate(rows) if writings[row].finish is None]
            rows = [rows[place] for place in going]
            if rows:
                with self.running():
                    batch.keep(going)
                    logits = batch.step([writings[row].tokens[-1] for row in rows])

    def choose(
        self,
        request: GenerationRequest,
        prompt: TokenPrompt,
        answers: Sequence[Sequence[int]],
        ends: Collection[int],
        ended: Callable[[], bool],
    ) -> Chunk:
        """Answers with one of the request's choices, by the likelihood of the whole choice.

        Args:
            request: the choices, the temperature and the seed.
            prompt: what they answer.
            answers: token numbers of each choice.
            ends: tokens that may follow a choice.
            ended: whether nobody waits any more.

        Raises:
            GenerationError: the model failed.
        """
        import torch

        with self.running():
            read = self.read(prompt, ended)
            scores = log_likelihoods(self.model, read, answers, ends)
        place = scores.index(max(scores))
        if request.temperature > 0:
            random = torch.Generator(device="cpu").manual_seed(request.seed)
            chances = torch.softmax(torch.tensor(scores, dtype=torch.float64) / request.temperature, dim=-1)
            place = int(torch.multinomial(chances, 1, generator=random))
        detail = {
            "model": self.model.name,
            "reused_tokens": read.reused,
            "log_likelihoods": dict(zip(request.choices, scores, strict=True)),
        }
        return Chunk(request.choices[place], "stop", Usage(len(prompt), len(answers[place])), detail)

    def _sing(self) -> tuple[int, ...]:
        """The canary's answer: a few greedy tokens, from nothing that was remembered."""
        prompt = TokenPrompt(tuple(following_tokens(self.model.tokenizer, _CANARY)) or (0,))
        read = read_prompt(self.model, prompt, PrefixStore(0))
        batch, tokens = PaddedBatch(self.model, [read]), [int(checked_logits(read.logits).argmax())]
        while len(tokens) < _CANARY_TOKENS:
            tokens.append(int(checked_logits(batch.step(tokens[-1:])[0]).argmax()))
        return tuple(tokens)

    @contextmanager
    def _with_threads(self) -> Iterator[None]:
        """The configured number of threads while the model runs, the caller's own afterwards."""
        if self._threads is None:
            yield
            return
        import torch

        before = torch.get_num_threads()
        torch.set_num_threads(self._threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)
