"""Resolves the import strings of a component when it is used, with errors that name its owner."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from plait.config.extras import missing
from plait.contracts.errors import PlaitError, PluginError, nearest
from plait.hooks.registered import Registered

__all__ = ["import_attribute"]


def import_attribute(path: str, owner: Registered) -> Any:
    """What ``"module:name"`` stands for.

    Raises:
        MissingDependencyError: a module it imports is not installed; the fix is the pip line of its extra.
        PluginError: the module does not exist, fails, or has no such name.

    Example:
        >>> from plait.hooks import Component
        >>> owner = Registered(Component("fusion", "sum", factory="json:dumps"), "plait-sum")
        >>> import_attribute("json:dumps", owner)([1])
        '[1]'
    """
    module_name, _, attribute = path.partition(":")
    try:
        found: Any = import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and (module_name == error.name or module_name.startswith(f"{error.name}.")):
            raise PluginError(
                f"it names the module {module_name!r}, which does not exist", where=str(owner), fix=_reinstall(owner)
            ) from error
        raise missing(error.name or module_name, owner.component.extra, str(owner)) from error
    except PlaitError:
        raise
    except (Exception, SystemExit) as error:
        message = f"importing {module_name!r} raised {type(error).__name__}: {error}".rstrip(": ")
        raise PluginError(message, where=str(owner), fix=_reinstall(owner)) from error
    for name in attribute.split("."):
        if not hasattr(found, name):
            likely = nearest(name, dir(found))
            hint = f"; did its author mean {likely!r}?" if likely else ""
            raise PluginError(f"{module_name!r} has no {attribute!r}{hint}", where=str(owner), fix=_reinstall(owner))
        found = getattr(found, name)
    return found


def _reinstall(owner: Registered) -> str:
    return f"upgrade or reinstall {owner.distribution}, or report this to its authors"
