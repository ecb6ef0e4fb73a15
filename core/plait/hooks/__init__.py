"""The plugin host: discovers components by entry point, isolates broken plugins, runs stage hooks."""

from plait.hooks.component import API_VERSION, KINDS, Component, Kind
from plait.hooks.markers import hookimpl, hookspec

__all__ = ["API_VERSION", "KINDS", "Component", "Kind", "hookimpl", "hookspec"]
