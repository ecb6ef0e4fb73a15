"""Answers of a given form: one of several choices, or JSON of a schema. Servers promise them; here they are checked.

JSON comes from servers and models, who may write anything: it is read without surprises.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Never

from plait.contracts import GenerationRequest
from plait.contracts.errors import GenerationError

__all__ = [
    "check_form",
    "choice_schema",
    "chosen",
    "parsed",
    "refuse_form",
    "schema_fault",
    "valid_json",
    "whole_number",
]


def check_form(request: GenerationRequest, where: str) -> bool:
    """Whether the request asks for an answer of a given form.

    Raises:
        GenerationError: it asks for two forms, for choices that could not be told apart, or for a schema that is none.
    """
    if request.choices and request.json_schema is not None:
        raise GenerationError(
            "the request has both choices and a json_schema", where=where, fix="an answer has one form: leave one out"
        )
    blank = [choice for choice in request.choices if not choice.strip()]
    if blank or len(set(request.choices)) < len(request.choices):
        raise GenerationError(
            f"a choice is blank: {blank[0]!r}" if blank else "a choice stands there twice",
            where=where,
            choices=map(repr, request.choices),
            fix="give different words",
        )
    if request.json_schema is not None:
        _validator(request.json_schema, where)
    return bool(request.choices) or request.json_schema is not None


def refuse_form(request: GenerationRequest, where: str) -> None:
    """For backends that can hold an answer to no form: one in another form than asked for is no answer.

    Raises:
        GenerationError: the request has choices or a schema.
    """
    forms = {
        "choices": ("answer with one of given choices", bool(request.choices)),
        "json_schema": ("write JSON of a given schema", request.json_schema is not None),
    }
    for name, (what, asked) in forms.items():
        if asked:
            raise GenerationError(
                f"this generator cannot {what}",
                where=where,
                choices=["transformers", "vllm", "vllm-server", "openai-compatible"],
                fix=f"use one of these generators, or leave {name} out of the request",
            )


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
        fault = "it was cut off" if cut and number else schema_fault(value, schema, where)
    except (ValueError, RecursionError) as error:
        fault = "it was cut off" if cut else f"it is not JSON ({error})"
    if fault is None:
        return text
    raise GenerationError(
        f"the answer does not follow the json_schema: {fault}",
        where=where,
        fix="raise answer.max_tokens if it was cut off; else this server ignores json_schema",
    )


def schema_fault(value: Any, schema: Mapping[str, Any], where: str = "json_schema") -> str | None:
    """What is wrong with a value, where several things are the one that says most; None when nothing is.

    All of JSON Schema counts, of the draft that the schema names, by the package jsonschema. Formats such as ``date``
    are notes to the reader there and not checked.

    Raises:
        GenerationError: the schema is none, or refers to one that is not inside it.

    Example:
        >>> schema = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}, "required": ["n"]}
        >>> schema_fault({"n": 3}, schema), schema_fault({"n": "3"}, schema), schema_fault({"n": 0}, schema)
        (None, "$.n: '3' is not of type 'integer'", '$.n: 0 is less than the minimum of 1')
    """
    from jsonschema.exceptions import best_match
    from referencing.exceptions import Unresolvable

    try:
        fault = best_match(_validator(schema, where).iter_errors(value))
    except Unresolvable as error:
        raise GenerationError(
            f"the json_schema refers to {error.ref!r}, which is not inside it",
            where=where,
            fix="put it under $defs: nothing is fetched",
        ) from error
    return None if fault is None else f"{fault.json_path}: {fault.message[:200]}"


def _validator(schema: Mapping[str, Any], where: str) -> Any:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError
    from jsonschema.validators import validator_for
    from referencing import Registry

    try:
        plain = json.loads(json.dumps(schema, default=dict))  # tuples and mappings of other kinds become JSON's own
        kind: Any = validator_for(plain, default=Draft202012Validator)
        kind.check_schema(plain, format_checker=kind.FORMAT_CHECKER)  # a pattern that is none, too
    except (SchemaError, TypeError, ValueError) as error:
        fault = f"{error.json_path}: {error.message[:200]}" if isinstance(error, SchemaError) else error
        raise GenerationError(
            f"the json_schema is no JSON schema: {fault}", where=where, fix="correct it; see json-schema.org"
        ) from error
    return kind(plain, registry=Registry())  # an empty one: the package would else fetch references from their address


def parsed(text: str | bytes) -> Any:
    r"""The value of a JSON text.

    Only what JSON itself knows: Python would also take ``NaN`` and ``Infinity``, which no other reader does, and make
    infinity of a number that is too large.

    Raises:
        ValueError: it is no JSON, or nested too deeply to be read; never anything else.

    Example:
        >>> parsed('{"strands": 3}')
        {'strands': 3}
        >>> parsed("[" * 100_000)
        Traceback (most recent call last):
        ...
        ValueError: it is nested without end
        >>> parsed("[NaN]")
        Traceback (most recent call last):
        ...
        ValueError: NaN is no JSON
    """
    try:
        return json.loads(text, parse_constant=_no_constant, parse_float=_finite)
    except RecursionError:
        pass
    raise ValueError("it is nested without end")


def whole_number(value: Any, least: int = 0) -> int | None:
    """``value`` if it is a whole number of at least ``least``; None for all else, ``true`` included.

    Example:
        >>> [whole_number(value) for value in (7, True, -1, 7.0, "7", None)]
        [7, None, None, None, None, None]
    """
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= least else None


def _no_constant(name: str) -> Never:
    raise ValueError(f"{name} is no JSON")


def _finite(text: str) -> float:
    number = float(text)
    if abs(number) == float("inf"):
        raise ValueError("a number is too large")
    return number
