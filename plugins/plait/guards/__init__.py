"""A plugin on the public hooks: finds what in retrieved text gives orders to whoever answers from it.

What it finds is quoted nowhere, helps no question past the gate and supports no sentence. A pipeline that runs without
it treats such text like any other; a plugin of your own may implement the same hook.
"""

from __future__ import annotations

from collections.abc import Sequence

from plait.hooks import hookimpl

__all__ = ["plait_steering"]


@hookimpl
def plait_steering(texts: Sequence[str]) -> list[tuple[tuple[int, int], ...]]:
    """Orders and forged turns in each text, see :mod:`plait.guards.directives`."""
    from plait.guards.directives import directives  # its rules take a while to compile

    return [directives(text) for text in texts]
