from types import SimpleNamespace

import pytest

from plait.contracts import GenerationRequest, Query
from plait.contracts.errors import GenerationError
from plait.generators.local.model import checked_logits, find_causal_model, load_causal_model
from plait.generators.local.writing import Writing, next_token

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


def _random(seed=0):
    return torch.Generator().manual_seed(seed)


def test_cold_takes_the_likeliest_and_the_first_of_equals():
    assert next_token(torch.tensor([1.0, 3.0, 3.0]), [], 0.0, 1.0, _random()) == 1


def test_warm_draws_by_the_softmax_of_what_the_temperature_leaves():
    logits = torch.tensor([0.0, 1.0, 2.0])
    random = _random()
    drawn = torch.tensor([next_token(logits, [], 0.5, 1.0, random) for _ in range(4000)])
    shares = torch.bincount(drawn, minlength=3) / len(drawn)
    assert torch.allclose(shares, torch.softmax(logits / 0.5, dim=-1), atol=0.03)


def test_the_penalty_makes_positive_logits_smaller_and_negative_ones_more_so():
    logits = torch.tensor([3.0, 2.0, -1.0])
    assert next_token(logits, [0], 0.0, 2.0, _random()) == 1
    assert next_token(torch.tensor([-1.5, -2.0]), [0], 0.0, 2.0, _random()) == 1
    assert logits.tolist() == [3.0, 2.0, -1.0]


@pytest.mark.parametrize("bad", [[float("nan"), 1.0], [float("-inf")] * 2])
def test_logits_that_are_no_numbers_are_an_error(bad):
    with pytest.raises(GenerationError, match="not finite"):
        checked_logits(torch.tensor(bad))


def test_single_tokens_may_be_impossible():
    assert checked_logits(torch.tensor([float("-inf"), 1.0], dtype=torch.bfloat16)).dtype == torch.float32


class _Pieces:
    """A tokenizer of a few tokens, each some bytes."""

    def __init__(self, *pieces):
        self.pieces = pieces

    def decode(self, tokens, skip_special_tokens):
        return b"".join(self.pieces[token] for token in tokens).decode("utf-8", "replace")


def _written(*pieces):
    """What is shown at each token, and at the end."""
    model = SimpleNamespace(tokenizer=_Pieces(*pieces), ends=frozenset())
    writing = Writing(model, GenerationRequest(Query("q"), (), ()))
    eye = torch.eye(len(pieces))
    return [*(writing.push(eye[token]) for token in range(len(pieces))), writing.rest()]


def test_pieces_join_to_what_decoding_everything_gives_and_characters_stay_whole():
    pieces = ["Ein Ärger: ".encode(), b"\xe6\x97", b"\xa5", b" end", b"\xf0\x9f", b"\x99\x82"]
    assert _written(*pieces) == ["Ein Ärger: ", "", "日", " end", "", "🙂", ""]


def test_half_a_character_at_the_end_is_shown_as_such():
    assert _written(b"ab", b"\xe6") == ["ab", "", "\ufffd"]
