"""``plait train reader``: teaches the pipeline's language model to read structure, and keeps it where that helps.

The language model stays as it is. What is trained is what lets structure in: the projector that turns a document's
structural vector into soft tokens, or, for a Fusion-in-Decoder, the weights between its encoder and its decoder; see
:mod:`plait.fusion.tokens.reader_training`.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from plait.contracts import IndexView, Query
from plait.contracts.errors import ConfigError, IndexCorruptError, ReadError
from plait.fusion.tokens.fid_generator import FusionInDecoderGenerator
from plait.fusion.tokens.frozen import FrozenReader
from plait.fusion.tokens.reader_files import FID, PROJECTOR, READER
from plait.fusion.tokens.reader_report import ReaderReport
from plait.fusion.tokens.reader_settings import ReaderSettings
from plait.fusion.tokens.reader_training import ReaderProgress, Untrained, train_reader
from plait.fusion.tokens.soft_token_reader import SoftTokenReader
from plait.fusion.tokens.tasks import QuestionAnswer, TaskSet, TaskSettings, answer_tasks, make_tasks
from plait.generators.transformers import Transformers
from plait.rag import Rag
from plait.rag.structure import structural_identity
from plait.training.docgraph import docgraph_of
from plait.training.encoding import Told

__all__ = ["TrainedReader", "read_pairs", "train_reader_of"]

_HELD_OUT = 0.25


@dataclass(frozen=True, slots=True)
class TrainedReader:
    """What was found, and the commit that uses it; None where it was not kept."""

    report: ReaderReport
    commit: int | None

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {**self.report.to_json(), "commit": self.commit}


def train_reader_of(
    rag: Rag,
    *,
    seed: int = 0,
    steps: int | None = None,
    pairs: Path | None = None,
    tasks: TaskSettings | None = None,
    text_control: bool = False,
    told: Told = lambda _what, _done, _all: None,
    timeout: float = 10.0,
) -> TrainedReader:
    """Teaches the pipeline's generator from the index's own graph.

    Args:
        rag: the open index.
        seed: of everything random.
        steps: of training; by default those of :class:`ReaderSettings`.
        pairs: a JSON Lines file of questions with answers, see :func:`read_pairs`. A quarter of them is held out.
        tasks: which tasks are made of the graph.
        text_control: also teach a reader with the documents' text vectors, which tells what links add to text, and
            doubles the time.
        told: called with (what is being done, how much is done, how much there is or None).
        timeout: seconds to wait while another process writes.

    Raises:
        ConfigError: the pipeline has no ``docgraph``, its generator cannot be taught from here, or the graph has
            nothing to ask about.
        ReadError: the file of pairs is missing or broken.
    """
    walker = docgraph_of(rag)
    settings = _settings(rag, steps)
    view = rag.view
    told("building the graph", 0, None)
    graph, structural = walker.graph(view), walker.structural(view)
    made = make_tasks(graph, tasks, seed=seed)
    if pairs is not None:
        made = _with_pairs(made, answer_tasks(graph, _answered(rag, read_pairs(pairs))), seed)
    untrained = _untrained(rag, settings, seed)
    text = walker.text_vectors(view) if text_control else None

    def shown(step: ReaderProgress) -> None:
        told(f"teaching the reader: {step.kind}", step.step, step.steps)

    def judged(done: int, total: int) -> None:
        told("asking it about held-out documents", done, total)

    report = train_reader(untrained, structural, made, settings, text=text, seed=seed, progress=shown, judging=judged)
    if not report.keep:
        return TrainedReader(report, None)
    with tempfile.TemporaryDirectory(dir=rag.path, prefix=".training-") as folder:
        place = Path(folder) / READER
        place.mkdir()
        for file in _in_use(view):  # what was taught to another kind of generator stays in use
            shutil.copyfile(file, place / file.name)
        report.reader.save(place, structural_identity(walker, view))
        (place / "measured.json").write_text(json.dumps(report.to_json(), indent=2), encoding="utf-8")
        with rag.index.writer(timeout=timeout) as writer:
            if writer.view.commit != view.commit and structural_identity(walker, writer.view) != structural_identity(
                walker, view
            ):
                raise ConfigError(
                    "the graph encoder was trained anew while the reader learnt from the old one",
                    where=str(rag.path),
                    fix="run the command again",
                )
            writer.keep_model(READER, place)
            commit = writer.commit(f"train {READER} (on commit {view.commit})").number
    return TrainedReader(report, commit)


def read_pairs(path: Path) -> list[tuple[str, str]]:
    """Questions and answers out of a JSON Lines file: an object a line, with ``question`` (or ``text``) and ``answer``.

    Questions without an answer are passed over.

    Raises:
        ReadError: the file cannot be read, or a line is no such object; names the line.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()  # some editors put a byte order mark first
    except (OSError, UnicodeDecodeError) as error:
        raise ReadError(f"cannot be read ({error})", where=str(path), fix="name a JSON Lines file") from error
    found = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ReadError(f"no JSON: {error}", where=f"{path} line {number}", fix="one object a line") from error
        asked = record.get("question", record.get("text")) if isinstance(record, Mapping) else None
        if not isinstance(asked, str) or not asked.strip():
            raise ReadError(
                "no question", where=f"{path} line {number}", fix='write {"question": "...", "answer": "..."}'
            )
        if isinstance(answer := record.get("answer"), str) and answer.strip():
            found.append((asked, answer))
    return found


def _settings(rag: Rag, steps: int | None) -> ReaderSettings:
    """How the pipeline's generator is taught.

    Raises:
        ConfigError: it cannot be taught from here, or its settings leave structure out.
    """
    generator, chosen = rag.parts.generator, {} if steps is None else {"steps": steps}
    if isinstance(generator, FusionInDecoderGenerator):
        if not generator.structure_file:
            raise ConfigError(
                "the generator's settings name a file of structural weights, which would be used in place of new ones",
                where=str(rag.path),
                fix="leave 'weights' out of use('fusion-in-decoder', ...)",
            )
        return ReaderSettings(**chosen)
    # Only a model in this process hands back gradients.
    if not isinstance(generator, Transformers):
        raise ConfigError(
            f"the generator {rag.pipeline.generator.name!r} cannot be taught from here",
            where=str(rag.path),
            choices=("transformers", "fusion-in-decoder"),
            fix="train with use('transformers', soft_tokens=True); a server of the same model can use the result",
        )
    if not generator.soft_tokens:
        raise ConfigError(
            "the generator takes no soft tokens",
            where=str(rag.path),
            fix="write use('transformers', soft_tokens=True) in the pipeline",
        )
    return ReaderSettings(soft_tokens=generator.soft_tokens, **chosen)


def _untrained(rag: Rag, settings: ReaderSettings, seed: int) -> Untrained:
    """Makes readers of the pipeline's generator, all of one model."""
    generator = rag.parts.generator
    if isinstance(generator, Transformers):
        frozen = FrozenReader(generator.language_model, settings.soft_tokens)
        return lambda width: SoftTokenReader.untrained(frozen, width, settings, seed)
    assert isinstance(generator, FusionInDecoderGenerator)  # noqa: S101 - _settings has refused all others
    return lambda width: generator.untrained(width, seed)


def _in_use(view: IndexView) -> list[Path]:
    """Files of the model in use; none also where it is damaged, for training anew is how that is mended."""
    try:
        folder = view.model(READER)
    except IndexCorruptError:
        return []
    return [] if folder is None else [folder / name for name in (PROJECTOR, FID) if (folder / name).is_file()]


def _answered(rag: Rag, pairs: Sequence[tuple[str, str]]) -> list[QuestionAnswer]:
    """The pairs with the passages that the pipeline finds for each question."""
    view = rag.view
    found = []
    for question, answer in pairs:
        hits = rag.retrieve(Query(question), min(3, rag.pipeline.answer.passages))
        passages = tuple((hit.document_id, view.title(hit.document_id), view.passage(hit.row).text) for hit in hits)
        if passages:
            found.append(QuestionAnswer(question, answer, passages))
    return found


def _with_pairs(made: TaskSet, answers: Sequence[Any], seed: int) -> TaskSet:
    order = np.random.default_rng([seed, 17]).permutation(len(answers))
    held = round(_HELD_OUT * len(answers))
    train, held_out = ([answers[number] for number in part] for part in (order[held:], order[:held]))
    return replace(made, train=(*made.train, *train), held_out=(*made.held_out, *held_out))
