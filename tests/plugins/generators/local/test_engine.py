import threading

import pytest

from plait.contracts import GenerationRequest, Query
from plait.contracts.errors import GenerationError
from plait.generators.local.engine import Engine
from plait.generators.local.model import find_causal_model, load_causal_model
from plait.generators.local.prompt_reading import BLOCK, EndedError, TokenPrompt
from plait.generators.local.writing import Writing

torch = pytest.importorskip("torch")
PROMPT = TokenPrompt(tuple(range(1, 2 * BLOCK)))


@pytest.fixture
def loads():
    return []


@pytest.fixture
def engine(folder, loads):
    def load():
        loads.append(True)
        return load_causal_model(find_causal_model(str(folder)), "tiny", "float32", "cpu")

    return Engine(load, "generator tiny", 1, 2**24)


def test_nothing_is_loaded_before_it_is_needed_and_then_once(engine, loads):
    assert loads == []
    threads = [threading.Thread(target=lambda: engine.model) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert loads == [True]


def test_it_remembers_what_it_read_until_something_fails(engine):
    def reused():
        with engine.running():
            return engine.read(PROMPT).reused

    assert (reused(), reused()) == (0, BLOCK)
    with pytest.raises(GenerationError, match="the model failed: broken"), engine.running():
        raise RuntimeError("broken")
    assert reused() == 0


def test_the_callers_threads_come_back_also_after_a_failure(engine):
    before = torch.get_num_threads()
    with pytest.raises(GenerationError), engine.running():
        assert torch.get_num_threads() == 1
        raise RuntimeError("broken")
    assert torch.get_num_threads() == before


def test_faults_that_are_not_the_models_pass_unchanged(engine):
    with pytest.raises(KeyError), engine.running():
        raise KeyError("a mistake in the program")


def _writings(engine, *lengths):
    return [Writing(engine.model, GenerationRequest(Query("q"), (), (), max_tokens=length)) for length in lengths]


def test_each_answer_ends_by_itself_and_says_so(engine):
    prompts = [TokenPrompt(tuple(range(start, 40))) for start in (1, 9, 20)]
    writings = _writings(engine, 2, 7, 4)
    pieces = list(engine.write(writings, prompts))
    lasts = [(row, chunk) for row, chunk in pieces if chunk.finish_reason]
    assert [row for row, _ in lasts] == [0, 2, 1]
    assert [chunk.usage.completion_tokens for _, chunk in lasts] == [2, 4, 7]
    assert [chunk.usage.prompt_tokens for _, chunk in lasts] == [39, 20, 31]


def test_a_writing_that_nobody_waits_for_stops_before_the_next_step(engine):
    asked = []

    def ended():
        asked.append(True)
        return len(asked) > 4

    [writing] = _writings(engine, 100)
    with pytest.raises(EndedError, match="while its answer"):
        list(engine.write([writing], [PROMPT], ended))
    assert len(writing.tokens) == 2  # two blocks were asked for, then two steps
    assert next(engine.write(_writings(engine, 1), [PROMPT]))  # that says nothing against the model
