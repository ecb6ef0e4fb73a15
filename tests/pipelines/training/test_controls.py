"""A gain is kept where it is more than chance, and more than graphs without meaning gain."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from plait.training.controls import beyond

CONTROLS = (0.01, 0.03, 0.02, 0.04, 0.02)


@pytest.mark.parametrize("count", range(3, 11))
def test_the_bound_is_the_prediction_interval_of_student_s_t(count: int) -> None:
    controls = np.random.default_rng(count).normal(0.02, 0.01, count)
    t = scipy.stats.t.ppf(0.99, count - 1)
    wanted = controls.mean() + t * controls.std(ddof=1) * np.sqrt(1 + 1 / count)
    assert beyond(np.array([0.1, 0.2]), controls.tolist()).bound == pytest.approx(wanted, rel=1e-3)


def test_one_more_graph_of_the_same_kind_passes_the_bound_once_in_a_hundred_times() -> None:
    drawn = np.random.default_rng(0).normal(0.02, 0.01, (4000, 6))
    passed = np.mean([row[5] > beyond(np.array([row[5]]), row[:5].tolist()).bound for row in drawn])
    assert 0.004 < passed < 0.018


def test_each_reason_names_its_figures() -> None:
    sure = np.full(50, 0.2) + np.tile([0.01, -0.01], 25)
    assert beyond(sure, CONTROLS).reason("AUC") == ""
    assert "not above that of text alone (-0.2000)" in beyond(-sure, CONTROLS).reason("AUC")
    wild = np.tile([1.0, -0.9], 25)
    assert "no more than chance may give on 50" in beyond(wild, CONTROLS).reason("AUC")
    alike = [0.15 + control for control in CONTROLS]
    assert "degrees alone may give: shuffled graphs gained +0.1600 to +0.1900" in beyond(sure, alike).reason("AUC")
    assert "degrees alone" in beyond(sure, [0.2]).reason("AUC") and beyond(sure, [0.1]).reason("AUC") == ""


def test_one_link_says_nothing_of_chance() -> None:
    assert beyond(np.array([0.5]), CONTROLS).error == 1.0
