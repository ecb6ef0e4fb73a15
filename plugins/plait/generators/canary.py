"""A fixed prompt that tells, after a failure, whether an engine is still itself."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from plait.contracts.errors import GenerationError

__all__ = ["Canary"]


class Canary:
    """Remembers an engine's first answer to a fixed prompt and asks again whenever a request has failed.

    One bad request can leave an engine that answers on, but wrongly. An engine that answers the canary otherwise than
    at first, or fails at it, is refused from then on.

    Args:
        answer: asks the engine a short fixed prompt, greedily; equal answers compare equal.
        where: the engine, for messages.
        fix: what makes it sane again.

    Example:
        >>> answers = iter(["4", "4"])
        >>> canary = Canary(lambda: next(answers), "generator tiny", "restart the process")
        >>> with canary.watching():
        ...     raise ValueError("one request fails, the engine is sane")
        Traceback (most recent call last):
        ...
        ValueError: one request fails, the engine is sane
        >>> with canary.watching():
        ...     raise ValueError("the canary now fails as well")
        Traceback (most recent call last):
        ...
        plait.contracts.errors.GenerationError: generator tiny: the engine failed (the canary now fails as well) and ...
    """

    def __init__(self, answer: Callable[[], object], where: str, fix: str) -> None:
        self._answer = answer
        self._where = where
        self._fix = fix
        self._first: object | None = None
        self._refusal: str | None = None
        self._lock = threading.Lock()

    @contextmanager
    def watching(self, harmless: tuple[type[Exception], ...] = ()) -> Iterator[None]:
        """Stands around everything that runs the engine.

        Args:
            harmless: exceptions that say nothing about the engine.

        Raises:
            GenerationError: the engine is no longer sane, now or since an earlier request.
        """
        with self._lock:
            self._refuse_insane()
            if self._first is None:
                self._first = self._answer()
        try:
            yield
        except harmless:
            raise
        except Exception as error:
            self._judge(error)
            raise

    def _judge(self, error: Exception) -> None:
        with self._lock:
            if self._refusal is None:
                try:
                    sane = self._answer() == self._first
                except Exception:  # whatever it is, an engine that cannot answer the canary is not sane
                    sane = False
                if sane:
                    return
                text = str(error) or type(error).__name__
                self._refusal = f"the engine failed ({text}) and no longer answers a fixed prompt as it did at first"
            try:
                self._refuse_insane()
            except GenerationError as refusal:
                raise refusal from error

    def _refuse_insane(self) -> None:
        if self._refusal is not None:
            raise GenerationError(self._refusal, where=self._where, fix=self._fix)
