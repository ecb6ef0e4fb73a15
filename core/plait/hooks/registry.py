"""Who offers which component, for which plugin API, and who wins when two do."""

from __future__ import annotations

from plait.contracts.errors import ApiVersionError, DuplicateComponentError, PluginError, UnknownComponentError, nearest
from plait.hooks.component import API_VERSION, KINDS, Kind, Registered

__all__ = ["Registry", "check_api"]


class Registry:
    """The components on offer. A built-in keeps its name against everyone; among third parties nobody wins.

    Example:
        >>> from plait.hooks import Component
        >>> registry = Registry()
        >>> longest = Component("fusion", "longest", factory="m:Longest")
        >>> registry.offer(Registered(longest, "plait-a", "1.0"))
        >>> print(registry.offer(Registered(longest, "plait-b", "2.0")))
        both plait-a 1.0 and plait-b 2.0 offer the fusion 'longest'. Fix: uninstall one of them, or set \
PLAIT_PLUGINS to leave one out.
    """

    def __init__(self) -> None:
        self._offers: list[tuple[Registered, PluginError | None]] = []

    def offer(self, new: Registered) -> PluginError | None:
        """Adds a component; returns what is wrong with that, if anything is."""
        try:
            check_api(new)
        except PluginError as error:
            self._offers.append((new, error))
            return error
        rivals = self._acceptable(new.kind, new.name)
        self._offers.append((new, None))
        return _clash(rivals[0], new) if rivals else None

    def withdraw(self, distribution: str, entry_point: str) -> None:
        """Takes out everything that one plugin offers."""
        plugin = (distribution, entry_point)
        self._offers = [pair for pair in self._offers if (pair[0].distribution, pair[0].entry_point) != plugin]

    def usable(self, kind: str | None = None) -> list[Registered]:
        """The components that can be used, by kind and name."""
        wanted = KINDS if kind is None else (as_kind(kind),)
        keys = {(offer.kind, offer.name) for offer, error in self._offers if error is None and offer.kind in wanted}
        found = [self._acceptable(*key) for key in sorted(keys, key=lambda key: (KINDS.index(key[0]), key[1]))]
        return [rivals[0] for rivals in found if len(rivals) == 1 or rivals[0].built_in]

    def find(self, kind: str, name: str) -> Registered:
        """The component of that kind and name; see :meth:`plait.hooks.PluginHost.component` for the errors."""
        wanted = as_kind(kind)
        rivals = self._acceptable(wanted, name)
        if rivals and (len(rivals) == 1 or rivals[0].built_in):
            return rivals[0]
        if rivals:
            raise _clash(rivals[0], rivals[1])
        for offer, error in self._offers:
            if error is not None and (offer.kind, offer.name) == (wanted, name):
                raise error
        choices = [offer.name for offer in self.usable(wanted)]
        likely = nearest(name, choices)
        fix = f"write {likely!r}" if likely else "install a plugin that offers it; `plait plugins` lists what is there"
        raise UnknownComponentError(f"there is no {kind} {name!r}", choices=choices, fix=fix)

    def _acceptable(self, kind: Kind, name: str) -> list[Registered]:
        """Everyone who offers it for this API, built-ins first."""
        found = [offer for offer, error in self._offers if error is None and (offer.kind, offer.name) == (kind, name)]
        return sorted(found, key=lambda offer: not offer.built_in)


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
this Plait speaks 1.1. Fix: upgrade Plait: pip install --upgrade plait.
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


def as_kind(kind: str) -> Kind:
    """``kind`` if it is one.

    Raises:
        UnknownComponentError: it is not.
    """
    for known in KINDS:
        if kind == known:
            return known
    likely = nearest(kind, KINDS)
    fix = f"write {likely!r}" if likely else "use one of the choices"
    raise UnknownComponentError(f"there is no kind {kind!r}", choices=KINDS, fix=fix)


def _clash(first: Registered, second: Registered) -> DuplicateComponentError:
    if first.built_in:
        fix = f"rename it in {second.distribution}; what comes with Plait cannot be replaced"
    else:
        fix = "uninstall one of them, or set PLAIT_PLUGINS to leave one out"
    message = f"both {first.owner} and {second.owner} offer the {first.kind} {first.name!r}"
    return DuplicateComponentError(message, fix=fix)
