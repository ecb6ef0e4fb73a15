"""Writes docs/settings.md from the models that validate settings.

    python docs/make/settings.py [--check]

``--check`` writes nothing and exits with 1 where the page is not what the code says.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from importlib import import_module
from itertools import groupby
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from plait.config import Pipeline, Use
from plait.hooks import PluginHost, Registered

PAGE = Path(__file__).resolve().parents[1] / "settings.md"
INTRODUCTION = """# Settings

What a pipeline and every built-in component can be told. In Python a setting is an argument, `use("lexical", k1=0.9)`;
in TOML a key, `{ use = "lexical", k1 = 0.9 }`. `plait pipeline FILE` checks a file and prints it in full. An unknown
key or a value out of range is an error that names the file, the key and the nearest valid one.

This page is made by `python docs/make/settings.py`.
"""
SIGNS = {"ge": "≥ {}", "gt": "> {}", "le": "≤ {}", "lt": "< {}", "min_length": "at least {} long", "pattern": "`{}`"}


def main() -> int:
    parser = argparse.ArgumentParser(description="Write docs/settings.md from the models that validate settings.")
    parser.add_argument("--check", action="store_true", help="only say whether the page is what the code says")
    options = parser.parse_args()
    text = page(PluginHost.discover(third_party=False))
    if not options.check:
        PAGE.write_text(text, encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
        print("docs/settings.md is not what the code says. Fix: python docs/make/settings.py", file=sys.stderr)
        return 1
    return 0


def page(host: PluginHost) -> str:
    """The whole page: the pipeline's own keys, then the components by kind."""
    parts = [INTRODUCTION, *section("Pipeline", Pipeline, 2)]
    parts += [
        block
        for name, field in Pipeline.model_fields.items()
        for model in nested(field)
        for block in section(f"`{name}`", model, 3)
    ]
    for kind, components in groupby(host.components(), key=lambda one: one.kind):
        parts.append(f"\n## {kind.capitalize()}\n")
        for registered in components:
            parts.append(
                f"\n### {kind} `{registered.name}`\n\n{sentence(registered.component.summary)}{needs(registered)}\n"
            )
            model = config_of(registered)
            parts.append(table(model) if model else "\nIt has no settings.\n")
    return "".join(parts)


def section(title: str, model: type[BaseModel], level: int) -> list[str]:
    said = (model.__doc__ or "").strip().split("\n")[0]
    return [f"\n{'#' * level} {title}\n\n{said}\n", table(model)]


def config_of(registered: Registered) -> type[BaseModel] | None:
    module, _, name = registered.component.config.partition(":")
    return getattr(import_module(module), name) if name else None


def needs(registered: Registered) -> str:
    extra = registered.component.extra
    return f' Needs `pip install "{extra}"`.' if extra else ""


def table(model: type[BaseModel]) -> str:
    lines = ["", "| setting | type | default | range | what it does |", "|---|---|---|---|---|"]
    for name, field in model.model_fields.items():
        cells = (
            f"`{name}`",
            type_of(field.annotation),
            default(field),
            bounds(field),
            sentence(field.description or ""),
        )
        lines.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
    return "\n".join([*lines, ""])


def type_of(annotation: Any) -> str:
    """The type in words a pipeline's author knows."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if annotation is type(None):
        return "none"
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in inner)
    if annotation is Use:
        return "component"
    if origin is None or not inner:
        return getattr(annotation, "__name__", str(annotation))
    if getattr(origin, "__name__", "") in ("Union", "UnionType"):
        return " or ".join(type_of(one) for one in inner)
    if hasattr(annotation, "__metadata__"):
        return type_of(inner[0])
    if len(inner) == 2 and inner[1] is not Ellipsis:
        return f"table of {type_of(inner[1])}" if inner[1] is not Any else "table"
    return f"list of {type_of(inner[0])}"


def default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is PydanticUndefined:
        return "**required**"
    return "see below" if isinstance(value, BaseModel) and not isinstance(value, Use) else f"`{written(value)}`"


def written(value: Any) -> str:
    """The value as Python would write it, components by their name where nothing is set in them."""
    if isinstance(value, Use):
        settings = "".join(f", {name}={setting!r}" for name, setting in value.settings.items())
        return f'use("{value.name}"{settings})' if settings else f'"{value.name}"'
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, list | tuple):
        return "[" + ", ".join(written(one) for one in value) + "]"
    return repr(dict(value)) if hasattr(value, "items") else repr(value)


def bounds(field: FieldInfo) -> str:
    found = []
    for rule in field.metadata:
        found += [
            sign.format(getattr(rule, name)) for name, sign in SIGNS.items() if getattr(rule, name, None) is not None
        ]
        if (check := getattr(rule, "func", None)) is not None:
            try:
                check(None)  # a check that refuses says what it would take
            except (TypeError, ValueError) as error:
                found += [str(error)] if isinstance(error, ValueError) else []
    return ", ".join(found)


def nested(field: FieldInfo) -> Iterator[type[BaseModel]]:
    """The models that a key of the pipeline holds itself, components apart."""
    for one in (field.annotation, *get_args(field.annotation)):
        if isinstance(one, type) and issubclass(one, BaseModel) and one is not Use:
            yield one


def sentence(text: str) -> str:
    """On one line and with a full stop; two backticks become one."""
    text = " ".join(text.replace("``", "`").split())
    return text + ("" if not text or text.endswith((".", "?", "!")) else ".")


if __name__ == "__main__":
    sys.exit(main())
