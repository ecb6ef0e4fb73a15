"""Takes the error of a generator that must fail, and makes sure that nothing was passed off as a whole answer."""

from __future__ import annotations

import time

import pytest

from plait.contracts import GenerationRequest, Generator
from plait.contracts.errors import GenerationError

__all__ = ["fault_of"]


def fault_of(generator: Generator, request: GenerationRequest, *, seconds: float = 10.0) -> tuple[GenerationError, str]:
    """The error of a request that fails, and how much of an answer was shown before.

    Args:
        generator: what is asked.
        request: what must end in a :class:`~plait.contracts.errors.GenerationError`.
        seconds: within which it must.
    """
    shown = ""
    started = time.monotonic()
    with pytest.raises(GenerationError) as caught:
        for chunk in generator.stream(request):
            shown += chunk.text
            assert chunk.finish_reason is None, "a broken answer was passed off as whole"
    assert time.monotonic() - started < seconds
    return caught.value, shown
