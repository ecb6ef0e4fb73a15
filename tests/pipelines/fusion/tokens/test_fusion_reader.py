"""Teaching structure to an encoder-decoder model of random weights, in all three modes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer, T5ForConditionalGeneration

from plait.contracts import Structural, StructureWeights
from plait.contracts.errors import IdentityError, ModelError
from plait.fusion.tokens.checkpoint import FID
from plait.fusion.tokens.fid import FusionInDecoder, StructureMode, passage_batch
from plait.fusion.tokens.fid_generator import Config, FusionInDecoderGenerator
from plait.fusion.tokens.fusion_reader import FusionReader
from plait.fusion.tokens.lessons import ReaderSettings
from plait.fusion.tokens.probing import outcomes
from plait.fusion.tokens.reader_training import teach, train_reader
from plait.fusion.tokens.tasks import Task, TaskPrompt, TaskSet
from plait.testing.conformance import GeneratorConformance

pytestmark = pytest.mark.slow

MODES: tuple[StructureMode, ...] = get_args(StructureMode)
Make = Callable[..., FusionReader]
ONE = Task("topic", TaskPrompt("Which?", ("red",)), (0,), "a", ("bc", "bd", "b"))
TWO = Task("cites", TaskPrompt("Is it so?", ("one", "two and more")), (1, 2), "yes", ("no",))


@pytest.fixture(scope="module")
def make(tiny_t5: Path) -> Make:
    tokenizer: Any = AutoTokenizer.from_pretrained(tiny_t5)
    model = T5ForConditionalGeneration.from_pretrained(tiny_t5).eval()

    def made(mode: StructureMode = "prefix", width: int = 8, seed: int = 0) -> FusionReader:
        return FusionReader(FusionInDecoder(model, width, mode, seed=seed), tokenizer, "tiny", {"weights": "1"})

    return made


def test_likelihoods_are_those_of_the_plain_model(make: Make) -> None:
    reader = make()
    answers = [reader.answers(ONE.choices), reader.answers(TWO.choices)]
    found = reader.log_likelihoods([ONE, TWO], answers, None)
    assert [tuple(table.shape) for table in found] == [(4, 3), (2, 3)]
    for task, own, table in zip((ONE, TWO), answers, found, strict=True):
        batch = passage_batch(reader._tokenizer, [task.prompt.question], [task.prompt.passages])
        for tokens, row in zip(own, table, strict=True):
            with torch.inference_mode():
                loss, _ = reader.part(batch, torch.tensor([tokens]))  # the mean over the answer's tokens
            assert float(row.sum()) == pytest.approx(-float(loss) * len(tokens), rel=1e-4)
            assert not row[len(tokens) :].any()


@pytest.mark.parametrize("mode", MODES)
def test_untrained_structure_changes_nothing_in_any_bit(make: Make, mode: StructureMode, structure: Structural) -> None:
    reader = make(mode)
    answers = [reader.answers(ONE.choices), reader.answers(TWO.choices)]
    plain, given = (reader.log_likelihoods([ONE, TWO], answers, vectors) for vectors in (None, structure))
    assert all(torch.equal(a, b) for a, b in zip(plain, given, strict=True))


@pytest.mark.parametrize("mode", MODES)
def test_a_frozen_model_learns_to_read_structure_and_the_controls_stay_behind(
    make: Make, mode: StructureMode, structure: Structural, communities: TaskSet
) -> None:
    model = make().part.model
    before = {name: value.clone() for name, value in model.named_parameters()}
    settings = ReaderSettings(steps=120, batch=16)
    report = train_reader(lambda width: make(mode, width), structure, communities, settings)
    assert report.probe.accuracy >= 0.85
    assert report.probe.gate_off == report.probe.majority == report.probe.chance == 0.25
    assert report.probe.shuffled <= 0.5
    assert report.keep
    assert (report.gate is None) == (mode == "concatenate")
    assert all(torch.equal(value, before[name]) for name, value in model.named_parameters())


def test_meaningless_vectors_are_not_kept(make: Make, communities: TaskSet) -> None:
    vectors = np.random.default_rng(1).normal(size=(60, 8)).astype(np.float32)
    noise = Structural(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.ones(60, dtype=np.bool_))
    report = train_reader(lambda width: make("additive", width), noise, communities, ReaderSettings(steps=60))
    assert not report.keep


def test_training_is_deterministic(make: Make, structure: Structural, communities: TaskSet) -> None:
    settings = ReaderSettings(steps=3)
    readers = [make("prefix", seed=seed) for seed in (5, 5, 6)]
    losses = [teach(reader, structure, communities.train, settings, seed=5).losses for reader in readers]
    assert losses[0] == losses[1] != losses[2]


def test_passages_are_told_apart_by_their_numbers(make: Make, structure: Structural) -> None:
    reader = make("additive")
    with torch.no_grad():
        reader.part.gate.fill_(1.0)
    same = TaskPrompt("Does passage 1 cite passage 2?", ("", ""))
    there, back = (Task("cites", same, documents, "yes", ("no",)) for documents in ((0, 1), (1, 0)))
    answers = [reader.answers(there.choices)]
    found = [reader.log_likelihoods([task], answers, structure)[0] for task in (there, back)]
    assert float((found[0] - found[1]).detach().abs().max()) > 1e-3


def test_what_was_taught_is_saved_and_read_again(
    make: Make, tmp_path: Path, structure: Structural, communities: TaskSet
) -> None:
    reader = make("concatenate")
    teach(reader, structure, communities.train, ReaderSettings(steps=2))
    reader.save(tmp_path, {"encoder": "a"})
    other = make("concatenate")
    other.part.restore(tmp_path / FID, {"weights": "1"}, {"encoder": "a"})
    held = communities.held_out
    assert outcomes(other, held, structure) == outcomes(reader, held, structure)
    assert outcomes(other, held, structure) != outcomes(make(), held, structure)
    with pytest.raises(IdentityError, match="another structural encoder"):
        other.part.restore(tmp_path / FID, {"weights": "1"}, {"encoder": "b"})


def test_answers_without_tokens_are_refused(make: Make) -> None:
    with pytest.raises(ModelError, match="no tokens"):
        make().answers(["yes", ""])


def test_a_question_that_leaves_no_room_for_passages_is_refused(make: Make) -> None:
    make().check(TaskPrompt("Why?", ("",)), 1)
    with pytest.raises(ModelError, match="leaves too little for passages"):
        make().check(TaskPrompt("Why? " * 60, ("",)), 1)


def test_questions_are_asked_while_others_learn(
    tiny_t5: Path, structure: Structural, communities: TaskSet, tmp_path: Path
) -> None:
    """Layers are watched in the mode prefix; two threads that read at once would see each other's."""
    generator = FusionInDecoderGenerator(Config(model=str(tiny_t5), dimension=8, mode="prefix"))
    reader = generator.untrained(8)
    with torch.no_grad():
        reader.part.gate.fill_(1.0)
    reader.save(tmp_path, {"encoder": "a"})
    asked = replace(
        GeneratorConformance().request_.__wrapped__(GeneratorConformance()),  # type: ignore[attr-defined]
        structure=StructureWeights(tmp_path / FID, {"encoder": "a"}),
    )
    vectors = [replace(item, structure=structure.vectors[n]) for n, item in enumerate(asked.evidence)]
    asked = replace(asked, evidence=vectors, max_tokens=4)

    def learnt() -> tuple[float, ...]:
        return teach(generator.untrained(8), structure, communities.train, ReaderSettings(steps=12)).losses

    def answers() -> set[str]:
        return {"".join(chunk.text for chunk in generator.stream(asked)) for _ in range(40)}

    alone = learnt(), answers()
    with ThreadPoolExecutor(2) as pool:
        together = [work.result() for work in (pool.submit(learnt), pool.submit(answers))]
    assert tuple(together) == alone
