"""Errors that a plugin did not mean to raise, turned into ones that name it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from plait.contracts.errors import PlaitError, PluginError

__all__ = ["plugin_errors"]


@contextmanager
def plugin_errors(who: str) -> Iterator[None]:
    """Lets Plait's own errors pass; anything else a component raises becomes a PluginError that says who.

    Example:
        >>> with plugin_errors("chunker 'mine'"):
        ...     raise ValueError("no words")
        Traceback (most recent call last):
        ...
        plait.contracts.errors.PluginError: chunker 'mine' failed (ValueError: no words). Fix: report this to its \
authors, or take it out of the pipeline.
    """
    try:
        yield
    except PlaitError:
        raise
    except Exception as error:
        raise PluginError(
            f"{who} failed ({type(error).__name__}: {error})",
            fix="report this to its authors, or take it out of the pipeline",
        ) from error
