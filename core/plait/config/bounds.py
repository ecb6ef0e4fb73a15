"""What may be asked of a generator, in one place for pipelines and for requests that code makes."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar

from plait.contracts import GenerationRequest
from plait.contracts.errors import GenerationError

__all__ = ["bound_fault", "check_request", "within"]

T = TypeVar("T")
_MOST_TOKENS = 2**31 - 1
_MOST_SEED = 2**63 - 1
"""Torch, vLLM and JSON readers in other languages take no larger ones."""
_TEMPERATURES = (0.01, 2.0)
"""Below, dividing by it comes near to what a logit cannot hold; some backends quietly take another instead."""


def _whole(value: Any, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _temperature(value: Any) -> bool:
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        return False
    return value == 0 or _TEMPERATURES[0] <= value <= _TEMPERATURES[1]


_ALLOWED: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "max_tokens": (lambda value: _whole(value, 1, _MOST_TOKENS), f"a whole number from 1 to {_MOST_TOKENS:,}"),
    "temperature": (_temperature, "0 (greedy), or a number from {:g} to {:g}".format(*_TEMPERATURES)),
    "seed": (lambda value: _whole(value, 0, _MOST_SEED), f"a whole number from 0 to {_MOST_SEED:,}"),
}
"""For each value whether it is allowed, and what would be."""


def bound_fault(name: str, value: Any) -> str | None:
    """What ``max_tokens``, ``temperature`` or ``seed`` has to be, if the value is not that.

    Example:
        >>> bound_fault("temperature", 0.0), bound_fault("temperature", float("nan"))
        (None, '0 (greedy), or a number from 0.01 to 2')
    """
    allowed, what = _ALLOWED[name]
    return None if allowed(value) else what


def within(name: str) -> Callable[[T], T]:
    """A validator for pydantic: the value itself, if it is allowed.

    Raises:
        ValueError: it is not; the message says what would be.
    """

    def checked(value: T) -> T:
        if fault := bound_fault(name, value):
            raise ValueError(fault)
        return value

    return checked


_FORMS = (
    "use one of these generators, or leave {} out of the request",
    ("transformers", "vllm", "vllm-server", "openai-compatible"),
)
_LACKS: Mapping[str, tuple[str, str, Sequence[str]]] = {
    "choices": ("this generator cannot answer with one of given choices", *_FORMS),
    "json_schema": ("this generator cannot write JSON of a given schema", *_FORMS),
    "soft_tokens": (
        "the request has soft tokens, and this generator takes none, or they are off",
        "set soft_tokens to the number the projector was trained with, where the generator has that setting; "
        "else leave {} out of the request",
        ("transformers", "vllm", "vllm-server"),
    ),
}
"""For each part of a request that some generators lack: what to say, what to do, and which built-in ones have it."""


def check_request(request: GenerationRequest, where: str, *, lacks: Collection[str] = ()) -> None:
    """Refuses a request that the backend cannot serve; a generator calls it before it loads or sends anything.

    Args:
        request: what is asked.
        where: the generator, for messages.
        lacks: what this one has not, of ``choices``, ``json_schema`` and ``soft_tokens``: an answer in another form
            than asked for, or to another prompt, is no answer.

    Raises:
        GenerationError: ``max_tokens``, ``temperature`` or ``seed`` is outside what is allowed, or the request has what
            the generator lacks.

    Example:
        >>> from plait.contracts import Query
        >>> check_request(GenerationRequest(Query("q"), (), (), max_tokens=0), "generator tiny")
        Traceback (most recent call last):
        ...
        plait.contracts.errors.GenerationError: generator tiny: max_tokens is 0, but it must be: a whole number from 1 \
to 2,147,483,647. Fix: correct the request, or answer.max_tokens in the pipeline.
    """
    for name in _ALLOWED:
        value = getattr(request, name)
        if fault := bound_fault(name, value):
            # A whole number of thousands of digits cannot even be written.
            shown = "far too large" if isinstance(value, int) and abs(value) > 10**30 else repr(value)
            raise GenerationError(
                f"{name} is {shown}, but it must be: {fault}",
                where=where,
                fix=f"correct the request, or answer.{name} in the pipeline",
            )
    for name in lacks:
        value = getattr(request, name)
        if value is not None if name == "json_schema" else value:  # an empty schema is one, too
            fault, fix, having = _LACKS[name]
            raise GenerationError(fault, where=where, choices=having, fix=fix.format(name))
