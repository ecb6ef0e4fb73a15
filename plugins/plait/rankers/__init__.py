"""The rankers that come with Plait. All are optional: a pipeline has none unless it names one."""

from plait.hooks import Component, hookimpl

__all__ = ["plait_components"]


@hookimpl
def plait_components() -> list[Component]:
    """Declares the rankers."""
    return []
