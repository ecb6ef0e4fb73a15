from __future__ import annotations

import pytest
import torch

from plait.embedders.pooling import pool
from plait.embedders.recipe import Pooling

STATES = torch.tensor([[[1.0, 0.0], [3.0, 4.0], [9.0, 9.0]], [[9.0, 9.0], [5.0, 1.0], [7.0, 3.0]]])
RIGHT_AND_LEFT = torch.tensor([[1, 1, 0], [0, 1, 1]])


@pytest.mark.parametrize(
    ("how", "expected"),
    [("mean", [[2.0, 2.0], [6.0, 2.0]]), ("cls", [[1.0, 0.0], [5.0, 1.0]]), ("last", [[3.0, 4.0], [7.0, 3.0]])],
)
def test_padding_on_either_side_is_left_out(how: Pooling, expected: list[list[float]]) -> None:
    assert pool(STATES, RIGHT_AND_LEFT, how).tolist() == expected


def test_bfloat16_states_are_summed_in_float32() -> None:
    states = torch.full((1, 1_000, 1), 1.0, dtype=torch.bfloat16)
    states[0, 0, 0] = 3.0
    assert pool(states, torch.ones(1, 1_000), "mean").item() == pytest.approx(1.002, abs=1e-5)
