"""Whether a component was written for the plugin API that this Plait speaks."""

from __future__ import annotations

from plait.contracts.errors import ApiVersionError, PluginError
from plait.hooks.component import API_VERSION
from plait.hooks.registered import Registered

__all__ = ["check_api"]


def check_api(registered: Registered, api: str = API_VERSION) -> None:
    """Refuses a component whose ``api`` specifier excludes version ``api`` of the plugin contracts.

    Raises:
        ApiVersionError: it was written for an older or a newer API; the message says which side to upgrade.
        PluginError: its specifier is not one.

    Example:
        >>> from plait.hooks import Component
        >>> check_api(Registered(Component("fusion", "sum", factory="m:Sum", api=">=2"), "plait-sum", "3.1"))
        Traceback (most recent call last):
        ...
        plait.contracts.errors.ApiVersionError: fusion 'sum' (plait-sum 3.1): it was written for plugin API >=2, \
this Plait speaks 1.0. Fix: upgrade Plait: pip install --upgrade plait.
    """
    # Imported late: it costs 30 ms, which `import plait.rag` can do without.
    from packaging.specifiers import InvalidSpecifier, SpecifierSet
    from packaging.version import Version

    try:
        wanted = SpecifierSet(registered.component.api)
    except (InvalidSpecifier, TypeError, AttributeError) as error:
        raise PluginError(
            f"api={registered.component.api!r} is not a version specifier",
            where=str(registered),
            fix="write, for example, api='>=1,<2'",
        ) from error
    if wanted.contains(api, prereleases=True):
        return
    # A lower bound above this host's API means that the plugin is ahead of Plait; anything else, that it is behind.
    lower = [Version(part.version.removesuffix(".*")) for part in wanted if part.operator in {">=", ">", "==", "~="}]
    if any(bound >= Version(api) for bound in lower):
        fix = "upgrade Plait: pip install --upgrade plait"
    else:
        fix = f"upgrade the plugin: pip install --upgrade {registered.distribution}"
    raise ApiVersionError(
        f"it was written for plugin API {wanted}, this Plait speaks {api}", where=str(registered), fix=fix
    )
