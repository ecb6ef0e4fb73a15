import pytest

from plait.contracts.errors import GenerationError
from plait.generators.local.sampling import checked_logits, next_token

torch = pytest.importorskip("torch")


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
