"""Late imports of optional packages: what is missing is named with the line that installs it."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from plait.contracts.errors import MissingDependencyError

__all__ = ["missing", "require"]


def require(module: str, extra: str, *, needed_by: str | None = None) -> ModuleType:
    """Imports ``module``, or says how to install it.

    An installed module that fails while it is imported raises its own error: reinstalling it would not help.

    Args:
        module: dotted name of the module.
        extra: the pip requirement that brings it, such as ``"plait[models]"``.
        needed_by: what asked for it, for the message.

    Raises:
        MissingDependencyError: the module, or a module it imports, is not installed.

    Example:
        >>> require("json", "plait[models]").dumps([1])
        '[1]'
        >>> require("no_such_module", "plait[models]", needed_by="retriever 'dense'")
        Traceback (most recent call last):
        ...
        plait.contracts.errors.MissingDependencyError: retriever 'dense': the Python module 'no_such_module' is \
not installed. Fix: pip install "plait[models]".
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise missing(error.name or module, extra, needed_by) from error


def missing(module: str, extra: str, needed_by: str | None = None) -> MissingDependencyError:
    """The error for a module that is not installed; ``extra`` may be empty when nobody said what brings it."""
    fix = f'pip install "{extra}"' if extra else f"install the package that provides the module {module!r}"
    return MissingDependencyError(f"the Python module {module!r} is not installed", where=needed_by, fix=fix)
