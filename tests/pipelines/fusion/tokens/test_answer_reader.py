from __future__ import annotations

import numpy as np
import pytest
import torch

from plait.contracts.errors import ModelError
from plait.fusion.tokens.answer_reader import AnswerRow, rows_of, tables_of

ANSWERS = [[(1, 2), (1, 3), (4,), (1, 2, 5)], [(2,), (3,)]]


def test_what_another_answer_begins_with_is_not_read_twice() -> None:
    assert rows_of(ANSWERS) == [AnswerRow(0, (1, 2)), AnswerRow(1, ())]


def test_likelihoods_come_from_the_row_and_place_that_expect_each_token() -> None:
    rows = rows_of(ANSWERS)
    logits = torch.randn(len(rows), 4, 6, generator=torch.Generator().manual_seed(0))
    places = [[1, 2, 3], [0]]
    found = tables_of(logits, rows, ANSWERS, places, "tiny")
    plain = logits.double().numpy()
    expected = plain - np.log(np.exp(plain).sum(axis=-1, keepdims=True))
    assert [tuple(table.shape) for table in found] == [(4, 3), (2, 1)]
    for number, own in enumerate(ANSWERS):
        for answer, row in zip(own, found[number], strict=True):
            wanted = [expected[number, place, token] for place, token in zip(places[number], answer, strict=False)]
            np.testing.assert_allclose(row[: len(answer)], wanted, rtol=1e-5)
            assert not row[len(answer) :].any()


def test_likelihoods_that_are_no_numbers_end_in_an_error() -> None:
    with pytest.raises(ModelError, match="tiny gave likelihoods that are not finite"):
        tables_of(torch.full((1, 1, 3), torch.nan), [AnswerRow(0, ())], [[(1,)]], [[0]], "tiny")
