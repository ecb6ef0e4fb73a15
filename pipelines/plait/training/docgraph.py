"""``plait train docgraph``: teaches the document graph of an index, and keeps what was better than text.

Two things are taught: an encoder with its vector fusion (:mod:`plait.training.graph_encoder`), and how much each step
of the walk along citations counts, measured on documents it has not seen.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from plait.contracts import IndexView, ReadReport, TrainableFusion, TrainableStructure
from plait.contracts.errors import ConfigError
from plait.rag import Rag
from plait.rag.corpus_columns import fill_corpus_columns
from plait.rag.ingest import Progress
from plait.retrievers.graph_model import MODEL, TRAVERSAL, save_traversal_weights
from plait.training import PATIENCE, check_unlocked, committing, files_in_use
from plait.training.graph_encoder import EncoderReport, train_encoder
from plait.training.graph_walk import WalkReport, learn_walk

__all__ = ["DocgraphReport", "docgraph_of", "train_docgraph"]


@dataclass(frozen=True, slots=True)
class DocgraphReport:
    """What ``plait train docgraph`` found and did.

    Args:
        encoder: of the structural and fused vectors; None with an encoder that is not trained.
        walk: of the weights of the walk along citations.
        commit: the commit that uses what was kept, or None where nothing was.
        cpu_seconds: of training and measuring.
        seed: of everything random.
        out_of_use: what else was trained, and no longer fits the vectors.
    """

    encoder: EncoderReport | None
    walk: WalkReport
    commit: int | None
    cpu_seconds: float
    seed: int
    out_of_use: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "encoder": None if self.encoder is None else self.encoder.to_json(),
            "walk": self.walk.to_json(),
            "commit": self.commit,
            "cpu_seconds": round(self.cpu_seconds, 2),
            "seed": self.seed,
            "out_of_use": list(self.out_of_use),
        }


def train_docgraph(
    rag: Rag,
    *,
    seed: int = 0,
    held_out: float = 0.2,
    resume: bool = False,
    told: Progress = lambda _what, _done, _all: None,
    timeout: float = PATIENCE,
) -> DocgraphReport:
    """Trains encoder, vector fusion and walk of the pipeline's ``docgraph`` on the index's own citations.

    What is kept becomes part of a new commit, together with the vectors it makes; a rollback undoes both. Where
    nothing is better than before, the index is left as it was; where only vectors or only the walk are better, the
    other is left as it was.

    Args:
        rag: the open index.
        seed: of everything random.
        held_out: share of the citations to measure on; none of them is trained on, then or later.
        resume: go on where an interrupted training of the same settings and seed stopped.
        told: called with (what is being done, how much is done, how much there is or None).
        timeout: seconds to wait at the end while another process writes.

    Raises:
        ConfigError: the pipeline has no ``docgraph``, or the index too few citations; ``held_out`` is no share.
        IdentityError: the index was rebuilt with other parts meanwhile.
        IndexLockedError: another process kept writing.
    """
    if not 0.0 < held_out < 1.0:
        raise ConfigError(
            f"{held_out} is no share of the citations to measure on", where="plait train docgraph",
            fix="choose one such as 0.2",
        )  # fmt: skip
    source = docgraph_of(rag)
    check_unlocked(rag)
    start = time.process_time()
    view = rag.view
    told("building the graph", 0, None)
    graph, text = source.graph(view), source.text_vectors(view)
    fusion = rag.parts.fusion if isinstance(rag.parts.fusion, TrainableFusion) else None
    encoder = None
    state = rag.path / "training" / f"{MODEL}.safetensors"
    if source.training_settings is not None:
        encoder = train_encoder(
            graph, text, source.training_settings, fusion, seed=seed, held_out=held_out, told=told, state=state,
            resume=resume,
        )  # fmt: skip
    told("learning the walk", 0, None)
    walk = learn_walk(rag, source, seed=seed, told=told)
    spent = time.process_time() - start
    commit, skipped = None, ReadReport()
    report = DocgraphReport(encoder, walk, commit, spent, seed)
    if (encoder is not None and not encoder.reason) or not walk.reason:
        with tempfile.TemporaryDirectory(dir=rag.path, prefix=".training-") as folder:
            made = Path(folder) / MODEL
            _save(made, report, source, files_in_use(view, MODEL))
            told("encoding all documents", 0, None)
            commit = _commit(rag, made, view, skipped, timeout)
    state.unlink(missing_ok=True)
    if state.parent.is_dir() and not any(state.parent.iterdir()):
        state.parent.rmdir()
    return replace(report, commit=commit, out_of_use=tuple(what for _, what in sorted(skipped.skipped)))


def docgraph_of(rag: Rag) -> TrainableStructure:
    """The pipeline's retriever that ties documents together and can be taught, such as ``docgraph``.

    Raises:
        ConfigError: it has none.
    """
    for retriever in rag.parts.retrievers.values():
        if isinstance(retriever, TrainableStructure):
            return retriever
    raise ConfigError(
        "the pipeline has no retriever that reads the document graph",
        where=str(rag.path),
        choices=list(rag.parts.retrievers),
        fix="add use('docgraph') to its retrievers, and run 'plait index rebuild --pipeline FILE'",
    )


def _save(made: Path, report: DocgraphReport, source: TrainableStructure, before: list[Path]) -> None:
    """Writes what is kept into a folder; the weights of the walk that come with Plait need no file.

    Encoder and fusion belong together, the walk stands on its own: what is not replaced is taken over from ``before``,
    the files in use.
    """
    made.mkdir()
    encoder, walk = report.encoder, report.walk
    encoder_kept, walk_kept = encoder is not None and not encoder.reason, not walk.reason
    for file in before:
        if not (walk_kept if file.name == TRAVERSAL else encoder_kept):
            shutil.copyfile(file, made / file.name)
    if encoder is not None and encoder_kept:
        measured = replace(encoder.trained, measured=encoder.to_json())
        measured.save(made, source.encoder_identity())
        if encoder.fusion is not None:
            encoder.fusion.save(made)
    if walk.weights is not None and walk_kept:
        save_traversal_weights(walk.weights, walk.earned, made)


def _commit(rag: Rag, made: Path, trained_on: IndexView, report: ReadReport, timeout: float) -> int:
    """Puts the model into use. Documents that came or went meanwhile are encoded as well."""
    with committing(rag, timeout) as writer:
        writer.keep_model(MODEL, made)
        fill_corpus_columns(writer, rag.parts, report)
        return writer.commit(f"train {MODEL} (on commit {trained_on.commit})").number
