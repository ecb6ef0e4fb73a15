"""Shows ``:class:`plait.config.Pipeline``` in docstrings as a link on the site, as editors do."""

from __future__ import annotations

import re
from typing import Any

import griffe

_ROLE = re.compile(r":(?:attr|class|data|exc|func|meth|mod):`~?([^`]+)`")
_CODE = re.compile(r"``([^`]+)``")


class Roles(griffe.Extension):
    """Turns cross-references of docstrings into code that Markdown shows."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Called for everything that is read."""
        if obj.docstring:
            obj.docstring.value = _CODE.sub(r"`\1`", _ROLE.sub(r"`\1`", obj.docstring.value))
