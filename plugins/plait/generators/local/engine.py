"""A causal model at work: loaded once, its memory of prompts, its threads, its faults, and the canary behind them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from plait.contracts.errors import GenerationError
from plait.generators.canary import Canary
from plait.generators.local.model import CausalModel
from plait.generators.local.prefill import BLOCK, EndedError, Prompt, ReadPrompt, TokenPrompt, read_prompt
from plait.generators.local.prefixes import PrefixStore
from plait.generators.local.sampling import checked_logits
from plait.generators.markers import following_tokens

if TYPE_CHECKING:
    import torch

__all__ = ["Engine"]

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
        self._store = PrefixStore(prefix_bytes, BLOCK)
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

    def read(self, prompt: Prompt, ended: Callable[[], bool] = lambda: False) -> ReadPrompt:
        """Reads a prompt, from the longest beginning that is remembered; inside :meth:`running`."""
        return read_prompt(self.model, prompt, self._store, ended)

    def step(self, cache: Any, tokens: Sequence[int]) -> torch.Tensor:
        """Reads one token for each row of a cache; returns logits (rows, vocabulary); inside :meth:`running`."""
        import torch

        column = torch.tensor(tokens, dtype=torch.long, device=self.model.model.device)[:, None]
        return self.model.step(cache, column)[:, -1]

    def _sing(self) -> tuple[int, ...]:
        """The canary's answer: a few greedy tokens, from nothing that was remembered."""
        prompt = TokenPrompt(tuple(following_tokens(self.model.tokenizer, _CANARY)) or (0,))
        read = read_prompt(self.model, prompt, PrefixStore(0, BLOCK))
        tokens = [int(checked_logits(read.logits).argmax())]
        while len(tokens) < _CANARY_TOKENS:
            tokens.append(int(checked_logits(self.step(read.cache, tokens[-1:])[0]).argmax()))
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
