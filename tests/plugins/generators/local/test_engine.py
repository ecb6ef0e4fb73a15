import threading

import pytest

from plait.contracts.errors import GenerationError
from plait.generators.local.engine import Engine
from plait.generators.local.model import find_causal_model, load_causal_model
from plait.generators.local.prefill import BLOCK, TokenPrompt

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


def test_a_step_continues_each_row(engine):
    with engine.running():
        read = engine.read(PROMPT)
        logits = engine.step(read.cache, [5])
    reference = engine.model.model(input_ids=torch.tensor([[*PROMPT.tokens, 5]])).logits[0, -1]
    assert torch.allclose(logits[0], reference, atol=1e-4)
