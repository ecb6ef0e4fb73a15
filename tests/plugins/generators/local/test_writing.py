import pytest

from plait.contracts import GenerationRequest, Query
from plait.generators.local.model import find_causal_model, load_causal_model
from plait.generators.local.writing import Writing

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def model(folder):
    return load_causal_model(find_causal_model(str(folder)), "tiny", "float32", "cpu")


def _write(model, text, stops=(), **settings):
    """Pushes logits that leave no doubt about each next byte; ``~`` stands for the end token."""
    writing = Writing(model, GenerationRequest(Query("q"), (), (), **settings), stops, 1.0)
    shown = ""
    for character in text:
        [token] = [256] if character == "~" else model.tokenizer(character)["input_ids"]
        shown += writing.push(torch.nn.functional.one_hot(torch.tensor(token), 257).float() * 9)
        if writing.finish:
            break
    return shown + writing.rest(), writing


def test_an_end_token_ends_the_answer_and_is_not_part_of_it(model):
    text, writing = _write(model, "so~more")
    assert (text, writing.finish, len(writing.tokens)) == ("so", "stop", 2)


def test_the_limit_ends_it_with_what_was_held_back(model):
    text, writing = _write(model, "a EN", stop=("END",), max_tokens=4)
    assert (text, writing.finish) == ("a EN", "length")


def test_stop_strings_of_request_and_template_are_not_shown(model):
    assert _write(model, "one END two", stop=("END",))[0] == "one "
    assert _write(model, "one\nQ: two", stops=("\nQ:",))[0] == "one"


def test_white_space_before_the_first_word_is_not_shown(model):
    assert _write(model, "  \n yes no~")[0] == "yes no"


def test_it_goes_on_while_nothing_ends_it(model):
    assert _write(model, "and")[1].finish is None
