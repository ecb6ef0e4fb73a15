"""The command line: ``plait``."""

from plait.cli.app import main

__all__ = ["main"]
