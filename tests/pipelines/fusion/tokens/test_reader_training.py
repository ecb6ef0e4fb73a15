from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

from plait.contracts import Structural
from plait.contracts.errors import ConfigError, ModelError
from plait.docgraph import DocumentGraph
from plait.fusion.tokens.graph_tasks import QuestionAnswer, answer_tasks, make_tasks
from plait.fusion.tokens.lessons import ReaderSettings
from plait.fusion.tokens.reader_training import ReaderProgress, Untrained, teach, train_reader
from plait.fusion.tokens.soft_token_reader import SoftTokenReader
from plait.fusion.tokens.tasks import TaskSet, label_tasks
from plait.generators.local.model import CausalModel

pytestmark = pytest.mark.slow

SETTINGS = ReaderSettings(steps=150, hidden=32, batch=16)


def untrained(model: CausalModel, settings: ReaderSettings = SETTINGS, seed: int = 0) -> Untrained:
    return lambda width: SoftTokenReader.untrained(model, width, settings, seed)


def test_a_frozen_model_learns_to_read_structure_and_the_controls_stay_at_chance(
    tiny_model: CausalModel, structure: Structural, communities: TaskSet
) -> None:
    before = {name: value.clone() for name, value in tiny_model.model.named_parameters()}
    seen: list[ReaderProgress] = []
    report = train_reader(untrained(tiny_model), structure, communities, SETTINGS, progress=seen.append)
    assert report.probe.accuracy >= 0.9
    assert report.probe.gate_off == report.probe.majority == report.probe.chance == 0.25
    assert report.probe.shuffled <= 0.5
    assert report.keep and report.margin[1] > 0
    assert [one.step for one in seen] == list(range(1, 151))
    assert all(torch.equal(value, before[name]) for name, value in tiny_model.model.named_parameters())


def test_a_projector_of_meaningless_vectors_is_not_kept(tiny_model: CausalModel, communities: TaskSet) -> None:
    vectors = np.random.default_rng(1).normal(size=(60, 8)).astype(np.float32)
    noise = Structural(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.ones(60, dtype=np.bool_))
    report = train_reader(untrained(tiny_model), noise, communities, SETTINGS)
    assert not report.keep
    assert any("do not beat" in reason for reason in report.reasons)


def test_training_is_deterministic(tiny_model: CausalModel, structure: Structural, communities: TaskSet) -> None:
    short = SETTINGS.model_copy(update={"steps": 4})
    runs = [
        train_reader(untrained(tiny_model, short, seed), structure, communities, short, seed=seed) for seed in (5, 5, 6)
    ]
    first, second, other = (dict(run.reader.part.state_dict()) for run in runs)
    assert runs[0].losses == runs[1].losses
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_all_kinds_of_a_graphs_tasks_are_learnt_in_turn_and_reported(
    tiny_model: CausalModel, structure: Structural, library: DocumentGraph
) -> None:
    seen: list[str] = []
    tasks = make_tasks(library)
    pair = QuestionAnswer("What is it?", "A thing.", (("p1", "T", "It is a thing."), ("p2", "U", "It is not.")))
    tasks = TaskSet((*tasks.train, *answer_tasks(library, [pair])), (*tasks.held_out, *answer_tasks(library, [pair])))
    settings = ReaderSettings(steps=15, hidden=8, batch=2, trial=1.0)
    judged: list[tuple[int, int]] = []
    report = train_reader(
        untrained(tiny_model, settings),
        structure,
        tasks,
        settings,
        progress=lambda one: seen.append(one.kind),
        judging=lambda done, total: judged.append((done, total)),
    )
    about = ["topic", "venue", "cites", "cited_title"]
    # Three turns without those whose answers are long, and one with them.
    assert seen == [*about[:3] * 3, *about, "reading", "answer"]
    assert {kind: lesson.steps for kind, lesson in report.lessons.items()} == Counter(seen)
    assert judged == sorted(judged) and judged[-1][0] == judged[-1][1]
    assert 0 < report.judging_cpu_seconds < report.cpu_seconds
    assert list(report.kinds) == ["topic", "venue", "cites", "cited_title"]
    assert sum(probe.tasks for probe in report.kinds.values()) == report.probe.tasks
    assert report.answers is not None
    assert report.answers.tasks == sum(task.kind in ("reading", "answer") for task in tasks.held_out)
    whole = json.loads(json.dumps(report.to_json()))
    assert whole["kinds"]["cites"]["chance"] == 0.5
    assert "reader" not in whole
    assert len(whole["losses"]) == 15


def test_kinds_that_stay_at_chance_are_given_up_on_the_way_and_judged_all_the_same(
    tiny_model: CausalModel, structure: Structural, communities: TaskSet
) -> None:
    coin = {node: ["yes", "no"][int(bit)] for node, bit in enumerate(np.random.default_rng(4).integers(2, size=60))}
    tossed = label_tasks("venue", "Which side?", coin)
    tasks = TaskSet((*communities.train, *tossed[:40]), (*communities.held_out, *tossed[40:]))
    # Small steps: the coin is not learnt by heart.
    settings = SETTINGS.model_copy(update={"steps": 240, "hidden": 8})
    report = train_reader(untrained(tiny_model, settings), structure, tasks, settings)
    group, toss = report.lessons["topic"], report.lessons["venue"]
    assert group.trial is not None and group.trial.passed
    assert toss.trial is not None and not toss.trial.passed
    assert (toss.steps, group.steps) == (60, 180)
    assert set(report.kinds) == {"topic", "venue"}
    assert json.loads(json.dumps(report.to_json()))["lessons"]["venue"]["trial"]["step"] == 120


def test_training_ends_on_the_way_when_no_kind_is_learnt(tiny_model: CausalModel, structure: Structural) -> None:
    sides = {node: ["yes", "no"][node // 2 % 2] for node in range(60)}
    tasks = [*label_tasks("venue", "Which side?", sides), *label_tasks("topic", "Which one?", sides)]
    settings = ReaderSettings(steps=8, hidden=8, batch=2, learning_rate=1e-9, gate_rate=1e-9)
    report = train_reader(untrained(tiny_model, settings), structure, TaskSet(tuple(tasks), tuple(tasks)), settings)
    assert len(report.losses) == 4
    assert not report.keep


def test_documents_without_structure_are_not_asked_about(
    tiny_model: CausalModel, structure: Structural, communities: TaskSet
) -> None:
    has = structure.has_structure.copy()
    has[[0, 1, 50]] = False
    settings = SETTINGS.model_copy(update={"steps": 2})
    report = train_reader(untrained(tiny_model), replace(structure, has_structure=has), communities, settings)
    assert report.left_out == 3
    assert report.probe.tasks == 19
    with pytest.raises(ConfigError, match="60 are about documents without structure"):
        train_reader(untrained(tiny_model), replace(structure, has_structure=has & False), communities, settings)


def test_tasks_and_vectors_of_different_graphs_are_refused(
    tiny_model: CausalModel, structure: Structural, communities: TaskSet
) -> None:
    short = Structural(structure.vectors[:10], structure.has_structure[:10])
    with pytest.raises(ModelError, match="about document 39, and there are 10"):
        teach(untrained(tiny_model)(8), short, communities.train, SETTINGS)


def test_vectors_that_are_no_numbers_end_in_an_error(
    tiny_model: CausalModel, structure: Structural, communities: TaskSet
) -> None:
    broken = structure.vectors.copy()
    broken[3] = np.nan
    with pytest.raises(ModelError, match="not finite"):
        train_reader(untrained(tiny_model), replace(structure, vectors=broken), communities, SETTINGS)
