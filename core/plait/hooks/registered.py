"""What the host knows: components with their owners, and what went wrong while it looked for them."""

from __future__ import annotations

from dataclasses import dataclass, field

from plait.hooks.component import Component, Kind

__all__ = ["BUILT_IN", "Problem", "Registered"]

BUILT_IN = "plait"
"""The distribution whose components nobody may shadow."""


@dataclass(frozen=True, slots=True)
class Registered:
    """A component, and the distribution that offers it.

    Example:
        >>> dense = Component("retriever", "dense", factory="plait.retrievers.dense:Dense")
        >>> str(Registered(dense, "plait", "0.1.0", "retrievers"))
        "retriever 'dense' (plait 0.1.0)"
    """

    component: Component
    distribution: str
    version: str = ""
    entry_point: str = ""

    @property
    def kind(self) -> Kind:
        """The component's kind."""
        return self.component.kind

    @property
    def name(self) -> str:
        """The component's name."""
        return self.component.name

    @property
    def built_in(self) -> bool:
        """Whether it comes with Plait itself."""
        return self.distribution == BUILT_IN

    @property
    def owner(self) -> str:
        """Distribution and version."""
        return f"{self.distribution} {self.version}".rstrip()

    def __str__(self) -> str:
        return f"{self.kind} {self.name!r} ({self.owner})"


@dataclass(frozen=True, slots=True)
class Problem:
    """A plugin, or one component of it, that cannot be used. The others go on.

    ``cause`` is a sentence for people; ``error`` the exception behind it, for ``raise ... from`` and debugging.

    Example:
        >>> print(Problem("plait-ocr", "ocr", "ImportError: no module named 'tesserocr'"))
        plait-ocr, entry point 'ocr': ImportError: no module named 'tesserocr'
    """

    distribution: str
    entry_point: str
    cause: str
    error: BaseException | None = field(default=None, compare=False)

    def __str__(self) -> str:
        place = f"{self.distribution}, entry point {self.entry_point!r}" if self.entry_point else self.distribution
        return f"{place}: {self.cause}"
