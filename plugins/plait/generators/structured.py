"""Answers of a given form: one of several choices, or JSON of a schema. Servers promise them; here they are checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from plait.contracts import GenerationRequest
from plait.contracts.errors import GenerationError
from plait.generators.json_values import parsed

__all__ = ["check_form", "choice_schema", "chosen", "schema_fault", "valid_json"]

_TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


def check_form(request: GenerationRequest, where: str) -> bool:
    """Whether the request asks for an answer of a given form.

    Raises:
        GenerationError: it asks for two forms, or for choices that are not distinct texts.
    """
    if request.choices and request.json_schema is not None:
        raise GenerationError(
            "the request has both choices and a json_schema", where=where, fix="an answer has one form: leave one out"
        )
    if request.choices and (not all(request.choices) or len(set(request.choices)) < len(request.choices)):
        raise GenerationError(
            "the choices are not distinct texts", where=where, choices=map(repr, request.choices), fix="correct them"
        )
    return bool(request.choices) or request.json_schema is not None


def choice_schema(choices: Sequence[str]) -> dict[str, Any]:
    """A JSON schema for one of several texts, for servers that know no plain choice.

    Example:
        >>> choice_schema(["yes", "no"])["properties"]
        {'choice': {'type': 'string', 'enum': ['yes', 'no']}}
    """
    return {
        "type": "object",
        "properties": {"choice": {"type": "string", "enum": list(choices)}},
        "required": ["choice"],
        "additionalProperties": False,
    }


def chosen(text: str, choices: Sequence[str], where: str, *, cut: bool = False) -> str:
    """The choice that an answer is, or names in JSON of :func:`choice_schema`.

    Args:
        text: the answer.
        choices: what it may be.
        where: for messages.
        cut: whether it ended because it was full. "yes" may then have become "yes and no".

    Raises:
        GenerationError: it is none of them, or may have become another.

    Example:
        >>> chosen('{"choice": "yes"}', ["yes", "no"], "generator"), chosen("no", ["yes", "no"], "generator")
        ('yes', 'no')
    """
    if text in choices and not (cut and any(other.startswith(text) for other in choices if other != text)):
        return text
    try:
        value = parsed(text)
    except ValueError:
        value = None
    found = value.get("choice") if isinstance(value, dict) else None
    if isinstance(found, str) and found in choices:
        return found
    if cut:
        raise GenerationError(
            f"the answer was cut off before it was one of the choices for certain: {text[:60]!r}",
            where=where,
            choices=choices,
            fix="raise max_tokens",
        )
    raise GenerationError(
        f"the answer is none of the choices: {text[:60]!r}",
        where=where,
        choices=choices,
        fix="this server ignores or does not know the form of an answer: use a generator that has choices",
    )


def valid_json(text: str, schema: Mapping[str, Any], where: str, *, cut: bool = False) -> str:
    """``text`` if it is JSON that :func:`schema_fault` finds nothing against.

    Args:
        text: the answer.
        schema: what it was to follow.
        where: for messages.
        cut: whether it ended because it was full. 12 may then have become 120; brackets and quotes close themselves.

    Raises:
        GenerationError: it is not.
    """
    try:
        value = parsed(text)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        fault = "it was cut off" if cut and number else schema_fault(value, schema)
    except (ValueError, RecursionError) as error:
        fault = "it was cut off" if cut else f"it is not JSON ({error})"
    if fault is None:
        return text
    raise GenerationError(
        f"the answer does not follow the json_schema: {fault}",
        where=where,
        fix="raise answer.max_tokens if it was cut off; else this server ignores json_schema",
    )


def schema_fault(value: Any, schema: Any, path: str = "$") -> str | None:
    """What is wrong with a value, by the keywords that shape it; None when nothing is.

    Checks ``type``, ``enum``, ``const``, ``properties``, ``required``, ``additionalProperties`` and ``items``. What
    else a schema may say (patterns, limits, references, alternatives) is left to the server that wrote the value.

    Example:
        >>> schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
        >>> schema_fault({"n": 3}, schema), schema_fault({"n": "3"}, schema)
        (None, '$.n is not of type integer')
    """
    if not isinstance(schema, Mapping):
        return f"{path} is not allowed" if schema is False else None
    kinds = schema.get("type", ())
    kinds = [kinds] if isinstance(kinds, str) else list(kinds)
    if kinds and not any(_is(value, kind) for kind in kinds):
        return f"{path} is not of type {' or '.join(kinds)}"
    if "enum" in schema and value not in schema["enum"]:
        return f"{path} is none of the allowed values"
    if "const" in schema and value != schema["const"]:
        return f"{path} is not {schema['const']!r}"
    if isinstance(value, dict):
        return _object_fault(value, schema, path)
    if isinstance(value, list) and "items" in schema:
        faults = (schema_fault(item, schema["items"], f"{path}[{place}]") for place, item in enumerate(value))
        return next((fault for fault in faults if fault), None)
    return None


def _object_fault(value: dict[str, Any], schema: Mapping[str, Any], path: str) -> str | None:
    properties = schema.get("properties", {})
    missing = [key for key in schema.get("required", ()) if key not in value]
    if missing:
        return f"{path}.{missing[0]} is missing"
    for key, item in value.items():
        inner = properties.get(key, schema.get("additionalProperties", True))
        fault = schema_fault(item, inner, f"{path}.{key}")
        if fault:
            return fault
    return None


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if kind == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES.get(kind, (object,)))
