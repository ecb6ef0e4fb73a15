from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from plait.contracts import Structural
from plait.fusion.tokens.lessons import ReaderSettings
from plait.fusion.tokens.probing import (
    TextProbe,
    choice_scores,
    decide,
    majority,
    outcomes,
    paired_interval,
    shuffled_documents,
)
from plait.fusion.tokens.soft_token_reader import SoftTokenReader
from plait.fusion.tokens.tasks import Task, TaskPrompt, TaskSet
from plait.generators.local.model import CausalModel

PROMPT = TaskPrompt("Which?", ("",))


def test_the_gate_off_is_the_plain_prompt_in_every_bit(
    tiny_model: CausalModel, structure: Structural, communities: TaskSet
) -> None:
    closed = SoftTokenReader.untrained(tiny_model, 8, ReaderSettings(hidden=32), 0)
    assert outcomes(closed, communities.held_out, structure) == outcomes(closed, communities.held_out)


def test_shuffling_leaves_no_document_its_own_vector(structure: Structural, communities: TaskSet) -> None:
    mixed = shuffled_documents(structure, communities.held_out, 0)
    assert np.array_equal(mixed.vectors[:40], structure.vectors[:40])
    assert not (mixed.vectors[40:] == structure.vectors[40:]).all(axis=1).any()
    assert sorted(map(tuple, mixed.vectors.tolist())) == sorted(map(tuple, structure.vectors.tolist()))


def test_the_controls_are_counted_right() -> None:
    tasks = [Task("topic", PROMPT, (0,), target, ("z",)) for target in "aab"]
    assert majority(tasks) == pytest.approx(2 / 3)
    mean, low, high = paired_interval([1.0] * 40 + [0.0] * 10, [0.0] * 50)
    assert mean == pytest.approx(0.8)
    assert 0.65 < low < 0.8 < high < 0.93
    assert paired_interval([0.5, 0.5], [0.5, 0.5]) == (0.0, 0.0, 0.0)


def test_labels_compete_by_their_totals_and_titles_per_token() -> None:
    table = torch.tensor([[-1.0, -1.0, -1.0], [-2.0, 0.0, 0.0]])
    answers = [(1, 2, 3), (4,)]
    assert choice_scores(Task("topic", PROMPT, (0,), "a", ("b",)), table, answers).tolist() == [-3.0, -2.0]
    assert choice_scores(Task("cited_title", PROMPT, (0,), "a", ("b",)), table, answers).tolist() == [-1.0, -2.0]


def test_a_projector_is_kept_only_if_it_tells_something_and_does_no_harm() -> None:
    good, bad = (0.3, 0.2, 0.4), (0.1, -0.05, 0.2)
    same = TextProbe(10, 0.9, 0.9, -1.0, -1.0, (-0.01, 0.01))
    assert decide(good, good, None, 0.02)[0]
    assert decide(good, good, same, 0.02)[0]
    assert not decide(bad, good, same, 0.02)[0]
    assert not decide(good, bad, same, 0.02)[0]
    assert not decide(good, good, replace(same, accuracy=0.85), 0.02)[0]
    assert not decide(good, good, replace(same, likelihood=-1.1), 0.02)[0]
    assert decide(good, good, replace(same, likelihood=-1.01), 0.02)[0]
