import types

import pytest

from plait.contracts import GenerationRequest, Query
from plait.contracts.errors import GenerationError
from plait.generators.structured import check_form, chosen, schema_fault, valid_json

WHERE = "generator tiny"
SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer", "minimum": 1}, "kind": {"enum": ["a", "b"]}, "tags": {"$ref": "#/$defs/t"}},
    "required": ["n"],
    "additionalProperties": False,
    "$defs": {"t": {"type": "array", "items": {"type": "string", "pattern": "^x"}, "maxItems": 2}},
}


def _request(**settings):
    return GenerationRequest(Query("q"), (), (), **settings)


@pytest.mark.parametrize("settings", [{"choices": ("a", "b")}, {"json_schema": {}}, {"json_schema": SCHEMA}])
def test_a_form_in_order_passes(settings):
    assert check_form(_request(**settings), WHERE)
    assert not check_form(_request(), WHERE)


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"choices": ("a", "")}, "a choice is blank: ''"),
        ({"choices": ("a", " \n")}, "a choice is blank"),
        ({"choices": ("a", "b", "a")}, "stands there twice"),
        ({"choices": ("a",), "json_schema": {}}, "both choices and a json_schema"),
        ({"json_schema": {"type": "thing"}}, r"no JSON schema: \$\.type: 'thing'"),
        ({"json_schema": {"pattern": "("}}, r"no JSON schema: \$\.pattern"),
        ({"json_schema": {"enum": {1, 2}}}, "no JSON schema"),
    ],
)
def test_what_is_no_form_is_refused_before_anything_is_asked(settings, fault):
    with pytest.raises(GenerationError, match=rf"generator tiny: .*{fault}"):
        check_form(_request(**settings), WHERE)


def test_a_schema_of_tuples_and_read_only_mappings_is_one():
    schema = types.MappingProxyType(
        {"required": ("n",), "properties": types.MappingProxyType({"n": {"type": "integer"}})}
    )
    assert check_form(_request(json_schema=schema), WHERE)
    assert schema_fault({}, schema) == "$: 'n' is a required property"


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ({"n": 3, "kind": "b", "tags": ["x", "xy"]}, None),
        ({"n": 3.0}, None),
        ({"n": True}, r"$.n: True is not of type 'integer'"),
        ({"n": 0}, "$.n: 0 is less than the minimum of 1"),
        ({"n": 1, "kind": "c"}, "$.kind: 'c' is not one of ['a', 'b']"),
        ({"kind": "a"}, "$: 'n' is a required property"),
        ({"n": 1, "m": 2}, "$: Additional properties are not allowed ('m' was unexpected)"),
        ({"n": 1, "tags": ["x", 5]}, "$.tags[1]: 5 is not of type 'string'"),
        ({"n": 1, "tags": ["y"]}, "$.tags[0]: 'y' does not match '^x'"),
        ([], "$: [] is not of type 'object'"),
    ],
)
def test_a_value_is_held_to_all_of_its_schema(value, fault):
    assert schema_fault(value, SCHEMA) == fault


def test_a_reference_out_of_the_schema_is_not_followed():
    with pytest.raises(GenerationError, match=r"refers to 'http://127\.0\.0\.1:9/s', which is not inside it"):
        schema_fault(1, {"$ref": "http://127.0.0.1:9/s"}, WHERE)


@pytest.mark.parametrize("text", ['{"n": 1', "{'n': 1}", '{"n": NaN}', '{"n": 1} and more', "[" * 10_000, ""])
def test_what_is_no_json_is_no_answer(text):
    with pytest.raises(GenerationError, match="it is not JSON"):
        valid_json(text, SCHEMA, WHERE)


def test_a_number_that_may_have_been_cut_off_is_no_answer():
    assert valid_json("12", {}, WHERE) == "12"
    assert valid_json("[12]", {}, WHERE, cut=True) == "[12]"
    with pytest.raises(GenerationError, match=r"cut off.*max_tokens"):
        valid_json("12", {}, WHERE, cut=True)
    with pytest.raises(GenerationError, match=r"cut off"):
        valid_json('{"n": 1', SCHEMA, WHERE, cut=True)


def test_a_choice_is_recognised_plain_and_in_json():
    assert chosen("no", ("yes", "no"), WHERE) == chosen('{"choice": "no"}', ("yes", "no"), WHERE) == "no"
    with pytest.raises(GenerationError, match="none of the choices"):
        chosen("no!", ("yes", "no"), WHERE)
    with pytest.raises(GenerationError, match="cut off before"):
        chosen("yes", ("yes", "yes and no"), WHERE, cut=True)
