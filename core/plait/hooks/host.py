"""The plugin host: loads plugins one by one, keeps the broken ones apart, and says who offers which component."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pluggy
from pydantic import BaseModel

from plait.config import Use
from plait.contracts.errors import (
    ApiVersionError,
    DuplicateComponentError,
    PlaitError,
    PluginError,
    UnknownComponentError,
    nearest,
)
from plait.hooks import specs
from plait.hooks.component import API_VERSION, BUILT_IN, KINDS, Kind, Problem, Registered
from plait.hooks.discovery import (
    allowed_by_environment,
    components_of,
    distribution_of,
    find_entry_points,
    register_hooks,
)
from plait.hooks.resolving import component_settings
from plait.hooks.stages import StageHooks

__all__ = [
    "PluginHost",
    "Registry",
    "check_api",
]


class PluginHost:
    """Holds the loaded plugins. An object like any other: nothing loads at import, and nothing is global.

    ``PluginHost()`` is empty; :meth:`discover` loads what is installed; :meth:`register` adds one plugin.

    Attributes:
        hook: the stage hooks of all loaded plugins, see :class:`~plait.hooks.StageHooks`.

    Example:
        >>> host = PluginHost.discover(third_party=False)
        >>> {registered.distribution for registered in host.components()} <= {"plait"}
        True
    """

    def __init__(self) -> None:
        self._manager = pluggy.PluginManager(specs.PROJECT)
        self._manager.add_hookspecs(specs)
        self._registry = Registry()
        self._problems: list[Problem] = []
        self.hook = StageHooks(self._manager)

    @classmethod
    def discover(cls, *, third_party: bool = True, allow: Collection[str] | None = None) -> PluginHost:
        """A host with the installed plugins: Plait's own, then third parties.

        One broken plugin disturbs nothing: it is in :attr:`problems`, and the rest goes on.

        Args:
            third_party: whether to load distributions other than Plait.
            allow: distribution or entry point names of the third parties to load; by default those in the
                environment variable ``PLAIT_PLUGINS`` (between commas), or all when it is not set.
        """
        host = cls()
        points, problems = find_entry_points(third_party, allowed_by_environment() if allow is None else allow)
        host._problems += problems
        for point in points:
            distribution, version = distribution_of(point)
            try:
                name = f"{distribution}:{point.name}"
                errors: Sequence[BaseException] = host._load(point.load(), name, distribution, version, point.name)
            except BaseException as error:  # a plugin may raise anything, Rust panics included
                if isinstance(error, KeyboardInterrupt):
                    raise
                errors = [error]
            host._problems += [Problem(distribution, point.name, _sentence(error), error) for error in errors]
        return host

    def register(self, plugin: object, *, name: str) -> None:
        """Adds a plugin of this process: a module, or an object with ``@hookimpl`` methods.

        Args:
            plugin: the plugin.
            name: who offers its components, as errors and listings say it.

        Raises:
            PluginError: it is no plugin, or clashes with what is loaded; nothing of it stays.

        Example:
            >>> from plait.hooks import Component, hookimpl
            >>> class Plugin:
            ...     @hookimpl
            ...     def plait_components(self):
            ...         return [Component("ranker", "newest", factory="my_plugin.newest:Newest")]
            >>> host = PluginHost()
            >>> host.register(Plugin(), name="my-plugin")
            >>> [str(registered) for registered in host.components("ranker")]
            ["ranker 'newest' (my-plugin)"]
        """
        if name == BUILT_IN:
            raise PluginError("this name belongs to Plait itself", where=f"plugin {name!r}", fix="choose another name")
        errors = self._load(plugin, name, name, "", "")
        if errors:
            self.unregister(name)
            raise errors[0]

    def unregister(self, name: str) -> None:
        """Takes a plugin out again that :meth:`register` added under ``name``.

        Raises:
            PluginError: no such plugin is registered.
        """
        if not self._manager.has_plugin(name):
            raise PluginError("no such plugin is registered", where=f"plugin {name!r}")
        self._manager.unregister(name=name)
        self._registry.withdraw(name, "")

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What could not be loaded, and why."""
        return tuple(self._problems)

    def components(self, kind: str | None = None) -> list[Registered]:
        """The usable components, by kind and name; of one kind only, when it is given.

        Raises:
            UnknownComponentError: there is no such kind.
        """
        return self._registry.usable(kind)

    def component(self, kind: str, name: str) -> Registered:
        """The component of that kind and name.

        Raises:
            UnknownComponentError: nobody offers it; the message names the choices, the nearest, and plugins that
                failed to load.
            DuplicateComponentError: two third parties offer it.
            ApiVersionError: it was written for another plugin API.

        Example:
            >>> PluginHost().component("fusion", "rrf")
            Traceback (most recent call last):
            ...
            plait.contracts.errors.UnknownComponentError: there is no fusion 'rrf'. Fix: install a plugin that \
offers it; `plait plugins` lists what is there.
        """
        try:
            return self._registry.find(kind, name)
        except UnknownComponentError as error:
            if not self._problems:
                raise
            failed = "; ".join(str(problem).rstrip(".") for problem in self._problems)
            message = f"{error.message} (could not be loaded: {failed})"
            raise UnknownComponentError(message, choices=error.choices, fix=error.fix) from None

    def settings(self, kind: str, use: Use) -> BaseModel:
        """The validated settings of a component; only its light config module is imported.

        The settings of its parts are checked too. A component without settings gets an empty model.

        Raises:
            PluginError: the component or one of its parts is unknown or cannot be used.
            ConfigError: a setting is unknown or has a wrong value.
        """
        return component_settings(self, kind, use)

    def _load(
        self, plugin: object, plugin_name: str, distribution: str, version: str, entry_point: str
    ) -> list[PluginError]:
        """Takes in one plugin; returns what is wrong with single components of it.

        Raises:
            Exception: the plugin as a whole is unusable; nothing of it stays.
        """
        register_hooks(self._manager, plugin, plugin_name)
        try:
            declared = components_of(self._manager, plugin)
        except BaseException:
            self._manager.unregister(name=plugin_name)
            raise
        offers = [Registered(component, distribution, version, entry_point) for component in declared]
        return [error for error in map(self._registry.offer, offers) if error]


def _sentence(error: BaseException) -> str:
    return str(error) if isinstance(error, PlaitError) else f"{type(error).__name__}: {error}".rstrip(": ")


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
