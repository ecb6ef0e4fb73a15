"""What a request may ask of the transformers generator: soft tokens, company, choices, events, and its faults."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from plait.contracts import (
    AsyncGenerator,
    BatchGenerator,
    EmbeddingGenerator,
    GenerationRequest,
    Message,
    Query,
    Slot,
)
from plait.contracts.errors import GenerationError
from plait.generators.local.generator import Config, Transformers
from plait.generators.local.prompt_reading import BLOCK
from plait.testing.conformance import GeneratorConformance

CONTEXT = "Tea is steamed soon after picking. " * 20


def _messages(question, context=CONTEXT, numbers=(1, 2)):
    content, slots = "", []
    for number in numbers:
        content += f'<passage number="{number}">\n'
        slots.append(Slot(len(content), number))
        content += f"{context[: 200 * number]}\n</passage>\n"
    return (Message("system", "Be brief."), Message("user", f"{content}\nQuestion: {question}", tuple(slots)))


def _request(question="Why?", **settings):
    return GenerationRequest(Query(question), (), _messages(question), **{"max_tokens": 12, **settings})


def _soft(seed, k=2, width=32, numbers=(1, 2), scale=0.2):
    rng = np.random.default_rng(seed)
    return {number: (scale * rng.normal(size=(k, width))).astype(np.float32) for number in numbers}


def _text(chunks):
    return "".join(chunk.text for chunk in chunks)


def _generator(folder, **settings):
    return Transformers(Config(model=str(folder), **{"dtype": "float32", "threads": 1, "soft_tokens": 2, **settings}))


@pytest.fixture(scope="module")
def tiny(chat_folder):
    return _generator(chat_folder)


@pytest.fixture(scope="module")
def smollm2(smollm2_model):
    generator = Transformers(Config(threads=1, soft_tokens=1))
    generator._engine._loaded = smollm2_model
    return generator


class TestWithSoftTokens(GeneratorConformance):
    @pytest.fixture
    def generator(self, tiny):
        return tiny


@pytest.mark.parametrize("protocol", [BatchGenerator, AsyncGenerator, EmbeddingGenerator])
def test_it_says_what_it_can_do(tiny, protocol):
    assert isinstance(tiny, protocol)


@pytest.mark.parametrize(("setting", "count"), [(0, 0), (False, 0), (True, 1), (8, 8)])
def test_soft_tokens_are_a_number_or_a_switch(chat_folder, setting, count):
    generator = _generator(chat_folder, soft_tokens=setting)
    assert generator.soft_tokens == count


@pytest.mark.parametrize("setting", [9, -1])
def test_too_many_soft_tokens_are_refused(chat_folder, setting):
    with pytest.raises(ValueError, match="soft_tokens"):
        _generator(chat_folder, soft_tokens=setting)


def test_markers_count_as_tokens_of_the_prompt(chat_folder, tiny):
    plain = _generator(chat_folder, soft_tokens=0)
    messages = _messages("Why?")
    assert tiny.count_tokens(messages) == plain.count_tokens(messages) + 4
    last = list(tiny.stream(_request()))[-1]
    assert last.usage.prompt_tokens == tiny.count_tokens(messages)


def test_a_prompt_that_overflows_by_its_markers_alone_is_refused(chat_folder, tiny):
    exact = tiny.count_tokens(_messages("Why?")) + 12
    assert _text(_generator(chat_folder, window=exact).stream(_request()))
    with pytest.raises(GenerationError, match=rf"the window .* is {exact - 1:,}"):
        list(_generator(chat_folder, window=exact - 1).stream(_request()))


def test_soft_tokens_of_zero_are_the_plain_prompt_in_every_bit(tiny):
    import torch

    engine = tiny._engine
    zero = {number: np.zeros((2, 32), dtype=np.float32) for number in (1, 2)}
    plain, gated, partial = (
        engine.read(tiny._prepared(_request(soft_tokens=soft))).logits for soft in ({}, zero, {2: zero[2]})
    )
    assert torch.equal(plain, gated)
    assert torch.equal(plain, partial)


def test_soft_tokens_change_the_answer_and_swapping_them_changes_it_again(tiny):
    soft = _soft(0, scale=1.0)
    swapped = {1: soft[2], 2: soft[1]}
    first, second, third = (engine_logits(tiny, given) for given in ({}, soft, swapped))
    assert not np.array_equal(first, second)
    assert not np.array_equal(second, third)


def engine_logits(generator, soft):
    return generator._engine.read(generator._prepared(_request(soft_tokens=soft))).logits.numpy()


@pytest.mark.parametrize("penalty", [1.0, 1.2])
def test_sixteen_answers_written_together_are_those_written_one_by_one(chat_folder, penalty):
    generator = _generator(chat_folder, repetition_penalty=penalty)
    requests = [
        _request(
            "Why? " * (1 + n % 5),
            max_tokens=3 + 2 * n,
            soft_tokens={} if n % 3 == 0 else _soft(n),
            temperature=0.8 if n % 4 == 3 else 0.0,
            seed=n,
            stop=("zz",),
        )
        for n in range(16)
    ]
    together = generator.generate(requests)
    for request, generation in zip(requests, together, strict=True):
        chunks = list(generator.stream(request))
        assert generation.text == _text(chunks)
        assert generation.finish_reason == chunks[-1].finish_reason
        assert generation.usage == chunks[-1].usage
    assert len({generation.text for generation in together}) > 8


@pytest.mark.slow
def test_smollm2_in_float32_writes_together_what_it_writes_alone():
    generator = Transformers(Config(threads=1, dtype="float32", soft_tokens=1))
    width = generator.embedding_space().width
    rms = generator.embedding_space().rms
    questions = (
        "Why is tea steamed?",
        "When?",
        "What is steamed soon after it has been picked, and how long does it last?",
    )
    requests = [
        _request(question, max_tokens=10, soft_tokens=_soft(n, 1, width, scale=rms * n))
        for n, question in enumerate(questions)
    ]
    assert [generation.text for generation in generator.generate(requests)] == [
        _text(generator.stream(request)) for request in requests
    ]


def test_more_requests_than_a_batch_and_none_at_all(chat_folder):
    generator = _generator(chat_folder, batch=2)
    requests = [_request("Why? " * n, max_tokens=4) for n in range(1, 6)]
    assert [g.text for g in generator.generate(requests)] == [_text(generator.stream(r)) for r in requests]
    assert generator.generate([]) == []


def test_one_bad_request_in_a_batch_is_named_before_anything_is_written(tiny):
    bad = {1: np.full((2, 32), np.nan, dtype=np.float32)}
    with pytest.raises(GenerationError, match="not finite"):
        tiny.generate([_request(), _request(soft_tokens=bad)])


def test_a_shared_context_is_read_once_and_the_answers_stay_the_same(chat_folder):
    remembering, forgetful = _generator(chat_folder), _generator(chat_folder, prefix_megabytes=0)
    for n, question in enumerate(("Why?", "When is it so?", "Where does it grow, and who drinks it?")):
        chunks = list(remembering.stream(_request(question)))
        other = list(forgetful.stream(_request(question)))
        assert _text(chunks) == _text(other)
        assert chunks[-1].detail["reused_tokens"] == (0 if n == 0 else 5 * BLOCK)
        assert other[-1].detail["reused_tokens"] == 0


def test_every_answer_says_which_model_wrote_it(chat_folder, tiny):
    requests = [_request(), _request(choices=("yes", "no"))]
    details = [generation.detail for generation in tiny.generate(requests)]
    details += [list(tiny.stream(request))[-1].detail for request in requests]
    assert [detail["model"] for detail in details] == [str(chat_folder)] * 4


def test_memory_for_shared_contexts_is_bounded(chat_folder):
    generator = _generator(chat_folder, prefix_megabytes=1)
    for n in range(6):
        request = _request()
        messages = _messages("Why?", f"{n} {CONTEXT}")
        list(generator.stream(replace(request, messages=messages)))
        assert 0 < generator._engine._store.bytes <= 2**20


CHOICES = ("yes", "no", "maybe", "yes, but only in spring")


def test_a_choice_is_the_likeliest_whole_answer_by_an_independent_count(tiny):
    import torch

    request = _request(choices=CHOICES, max_tokens=64)
    [chunk] = list(tiny.stream(request))
    model, prompt = tiny._engine.model, list(tiny._marked(request.messages).tokens)
    expected = {}
    for choice in CHOICES:
        answer = [*model.tokenizer(choice)["input_ids"], 256]
        logits = model.model(input_ids=torch.tensor([prompt + answer])).logits[0].double()
        chances = torch.log_softmax(logits, dim=-1)
        expected[choice] = float(sum(chances[len(prompt) - 1 + n, token] for n, token in enumerate(answer)))
    assert chunk.detail["log_likelihoods"] == pytest.approx(expected, abs=1e-3)
    assert chunk.text == max(expected, key=lambda choice: expected[choice])
    assert chunk.finish_reason == "stop"
    assert chunk.usage.completion_tokens == len(chunk.text)


def test_smollm2_chooses_what_the_passage_says(smollm2):
    content = "The capital of France is Paris.\n\nQuestion: What is the capital of France?"
    request = _request(choices=("Rome", "Paris", "Oslo"))
    request = replace(request, messages=(Message("user", content),))
    assert _text(smollm2.stream(request)) == "Paris"


def test_a_base_model_chooses_with_the_end_of_its_line(folder):
    generator = _generator(folder, soft_tokens=0)
    assert _text(generator.stream(_request(choices=("yes", "no")))) in {"yes", "no"}


def test_choices_draw_by_the_seed_only_when_it_is_warm(tiny):
    cold = {_text(tiny.stream(_request(choices=("a", "b", "c", "d"), seed=seed))) for seed in range(8)}
    warm = [_text(tiny.stream(_request(choices=("a", "b", "c", "d"), seed=seed, temperature=2.0))) for seed in range(8)]
    assert len(cold) == 1
    assert len(set(warm)) > 1
    assert warm[3] == _text(tiny.stream(_request(choices=("a", "b", "c", "d"), seed=3, temperature=2.0)))


def test_choices_and_free_answers_go_in_one_batch(tiny):
    requests = [_request(), _request(choices=CHOICES, max_tokens=64), _request("When?")]
    assert [g.text for g in tiny.generate(requests)] == [_text(tiny.stream(r)) for r in requests]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"choices": ("yes", "yes")}, "a choice stands there twice"),
        ({"choices": ("yes", " ")}, "a choice is blank"),
        ({"choices": ("yes", "absolutely not")}, "a choice has 14 tokens, and the answer may have 12"),
        ({"json_schema": {"type": "thing"}}, "no JSON schema.*type.*thing"),
        ({"json_schema": {}, "choices": ("yes", "no")}, "both choices and a json_schema"),
        ({"soft_tokens": _soft(0, width=31)}, "width 31"),
        ({"soft_tokens": _soft(0, k=1)}, "have 1 rows, and there are 2 markers"),
        ({"soft_tokens": _soft(0, numbers=(3,))}, "passage 3, which has no slot"),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_reason(tiny, settings, message):
    with pytest.raises(GenerationError, match=message):
        list(tiny.stream(_request(**settings)))
    assert _text(tiny.stream(_request()))


def test_soft_tokens_are_refused_where_they_are_off(chat_folder):
    with pytest.raises(GenerationError, match="soft tokens are off"):
        list(_generator(chat_folder, soft_tokens=0).stream(_request(soft_tokens=_soft(0))))


def test_an_event_loop_gets_the_same_answer(tiny):
    async def main():
        return [chunk async for chunk in tiny.astream(_request())]

    chunks = asyncio.run(main())
    assert _text(chunks) == _text(tiny.stream(_request()))
    assert chunks[-1].finish_reason


def test_closing_an_asynchronous_answer_stops_the_model(tiny, monkeypatch):
    steps = []
    step = tiny._engine.model.step
    monkeypatch.setattr(tiny._engine.model, "step", lambda *given, **more: steps.append(1) or step(*given, **more))

    async def main():
        source = tiny.astream(_request(max_tokens=500))
        await anext(source)
        await source.aclose()
        stopped = len(steps)
        await asyncio.sleep(0.1)
        return stopped

    assert asyncio.run(main()) == len(steps) < 100


def test_a_failing_model_is_a_clear_error_and_a_sane_one_goes_on(tiny, monkeypatch):
    before = _text(tiny.stream(_request()))
    forward = tiny._engine.model.model.forward

    def once(*given, **more):
        monkeypatch.setattr(tiny._engine.model.model, "forward", forward)
        raise RuntimeError("out of memory")

    monkeypatch.setattr(tiny._engine.model.model, "forward", once)
    with pytest.raises(GenerationError, match=r"the model failed: out of memory.*lower batch"):
        list(tiny.stream(_request()))
    assert _text(tiny.stream(_request())) == before


def test_weights_that_spoil_while_it_runs_stop_the_engine_for_good(chat_folder):
    import torch

    generator = _generator(chat_folder)
    assert _text(generator.stream(_request()))
    weights = next(iter(generator._engine.model.model.model.layers.parameters()))
    before = weights.clone()
    with torch.no_grad():
        weights.fill_(float("nan"))
    with pytest.raises(GenerationError, match=r"no longer answers a fixed prompt.*restart the process"):
        list(generator.stream(_request()))
    with torch.no_grad():
        weights.copy_(before)
    with pytest.raises(GenerationError, match="no longer answers a fixed prompt"):
        generator.generate([_request()])


def test_weights_that_are_no_numbers_are_found_at_the_first_request(chat_folder, tmp_path):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(chat_folder)
    with torch.no_grad():
        model.model.norm.weight.fill_(float("nan"))
    model.save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(chat_folder).save_pretrained(tmp_path)
    with pytest.raises(GenerationError, match="not finite"):
        list(_generator(tmp_path).stream(_request()))
