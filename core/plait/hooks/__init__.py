"""The plugin host: discovers components by entry point, isolates broken plugins, runs stage hooks."""

from plait.hooks.assembly import Assembly
from plait.hooks.component import API_VERSION, KINDS, Component, Kind, Problem, Registered
from plait.hooks.discovery import ALLOW_VARIABLE
from plait.hooks.host import PluginHost
from plait.hooks.specs import hookimpl, hookspec
from plait.hooks.stages import StageHooks, plugin_errors

__all__ = [
    "ALLOW_VARIABLE",
    "API_VERSION",
    "KINDS",
    "Assembly",
    "Component",
    "Kind",
    "PluginHost",
    "Problem",
    "Registered",
    "StageHooks",
    "hookimpl",
    "hookspec",
    "plugin_errors",
]
