"""JSON of a schema: whatever a model would rather write."""

import asyncio
import json

import pytest

from plait.contracts import GenerationRequest, Message, Query
from plait.contracts.errors import GenerationError
from plait.generators.local.generator import Config, Transformers
from plait.generators.local.model import find_causal_model, load_causal_model
from plait.generators.local.writing import JsonGrammar, grammar_vocabulary

torch = pytest.importorskip("torch")
WHERE = "generator tiny"
SCHEMA = {
    "type": "object",
    "properties": {
        "found": {"type": "boolean"},
        "kind": {"enum": ["method", "result"]},
        "n": {"type": "integer", "maximum": 9, "minimum": 0},
    },
    "required": ["found", "kind", "n"],
    "additionalProperties": False,
}


def _request(schema, content="Describe tea.", **settings):
    turns = (Message("user", content),)
    return GenerationRequest(Query("q"), (), turns, **{"max_tokens": 96, "json_schema": schema, **settings})


def _text(chunks):
    return "".join(chunk.text for chunk in chunks)


@pytest.fixture(scope="module")
def tiny(chat_folder):
    return Transformers(Config(model=str(chat_folder), dtype="float32", threads=1))


@pytest.fixture(scope="module")
def model(folder):
    return load_causal_model(find_causal_model(str(folder)), "tiny", "float32", "cpu")


@pytest.fixture(scope="module")
def vocabulary(model):
    return grammar_vocabulary(model, WHERE)


@pytest.mark.parametrize("settings", [{}, {"temperature": 1.5, "seed": 3}, {"stop": ("found",)}])
def test_a_model_with_random_weights_writes_json_of_the_schema(tiny, settings):
    chunks = list(tiny.stream(_request(SCHEMA, **settings)))
    assert len(chunks) == 1
    value = json.loads(chunks[0].text)
    assert set(value) == {"found", "kind", "n"}
    assert value["n"] in range(10)
    assert chunks[0].finish_reason == "stop"
    assert chunks[0].usage.completion_tokens == len(chunks[0].text)


def test_a_model_without_chat_template_too(folder):
    plain = Transformers(Config(model=str(folder), dtype="float32", threads=1))
    assert json.loads(_text(plain.stream(_request(SCHEMA))))["kind"] in {"method", "result"}


def test_smollm2_fills_a_schema_from_the_passage(smollm2_model):
    form = {"capital": {"type": "string"}}
    schema = {"type": "object", "properties": form, "required": ["capital"], "additionalProperties": False}
    content = "The capital of France is Paris.\n\nQuestion: What is the capital of France? Answer in JSON."
    generator = Transformers(Config(threads=1))
    generator._engine._loaded = smollm2_model
    assert json.loads(_text(generator.stream(_request(schema, content, max_tokens=24)))) == {"capital": "Paris"}


def test_answers_with_and_without_a_form_are_written_together(tiny):
    requests = [
        _request(None, max_tokens=9),
        _request(SCHEMA),
        _request(None, choices=("yes", "no")),
        _request(SCHEMA, "?"),
    ]
    together = tiny.generate(requests)
    assert [generation.text for generation in together] == [_text(tiny.stream(request)) for request in requests]
    assert json.loads(together[1].text)


def test_an_event_loop_gets_the_same_answer(tiny):
    async def main():
        return [chunk async for chunk in tiny.astream(_request(SCHEMA))]

    assert asyncio.run(main()) == list(tiny.stream(_request(SCHEMA)))


def test_json_that_does_not_fit_is_an_error_and_no_half_answer(tiny):
    with pytest.raises(GenerationError, match=r"cut off.*max_tokens"):
        list(tiny.stream(_request(SCHEMA, max_tokens=8)))
    assert json.loads(_text(tiny.stream(_request(SCHEMA))))


def test_only_what_the_grammar_allows_is_left(model, vocabulary):
    grammar = JsonGrammar(vocabulary, {"enum": ["yes", "no"]}, WHERE)
    [quote], [y], [n] = (model.tokenizer(character)["input_ids"] for character in '"yn')
    logits = torch.zeros(260)  # three more than the tokenizer knows
    assert grammar.allowed(logits).isfinite().nonzero().ravel().tolist() == [quote]
    grammar.take(quote)
    assert grammar.allowed(logits).isfinite().nonzero().ravel().tolist() == sorted((y, n))
    for character in 'no"':
        grammar.take(model.tokenizer(character)["input_ids"][0])
    assert grammar.allowed(logits).isfinite().nonzero().ravel().tolist() == [256]
    assert logits.isfinite().all()


def test_a_schema_that_no_grammar_can_express_is_refused_before_the_model_runs(tiny):
    with pytest.raises(GenerationError, match=r"no answer can be held to this json_schema.*simpler"):
        list(tiny.stream(_request({"type": "array", "uniqueItems": True})))
    assert _text(tiny.stream(_request(None, max_tokens=4)))


def test_a_tokenizer_written_in_python_is_refused(model):
    class Slow:
        pass

    other = type("Model", (), {"tokenizer": Slow(), "ends": model.ends, "name": "slow"})()
    with pytest.raises(GenerationError, match=r"tokenizer of slow.*tokenizer\.json"):
        grammar_vocabulary(other, WHERE)
