"""An open index with the pipeline that reads and writes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from plait.config import Pipeline, dump_toml, load_pipeline, parse_toml, validate_pipeline
from plait.contracts import Answer, Hit, Query
from plait.contracts.errors import ConfigError, IndexNotFoundError
from plait.hooks import PluginHost
from plait.rag.identity import compare_identity
from plait.rag.parts import Parts
from plait.rag.retrieval import Retrieval, retrieve_all
from plait.rag.tracing import Tracer

if TYPE_CHECKING:
    from plait.index import Index, View, Writer
    from plait.rag.explaining import Explanation
    from plait.rag.ingest import Ingestor, Progress
    from plait.rag.ingest_summary import IngestSummary

__all__ = ["Rag", "open_index"]


class Rag:
    """Adds documents to an index and answers questions from it. Made by :func:`open_index`.

    One object may serve many threads: every question works on one immutable snapshot of the index.
    """

    def __init__(self, path: Path, pipeline: Pipeline, host: PluginHost) -> None:
        self.path = path
        self.pipeline = pipeline
        self.host = host
        self.parts = Parts(pipeline, host)
        self._checked_commit = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of the index; loaded models go with the object."""
        self.__dict__.pop("index", None)

    @cached_property
    def index(self) -> Index:
        """The index on disk.

        Raises:
            IndexNotFoundError: nothing has been added yet.
        """
        from plait.index import Index

        if not Index.exists(self.path):
            raise IndexNotFoundError(
                "there is no index here", where=str(self.path), fix=f"plait index add PATH --index {self.path}"
            )
        return Index.open(self.path)

    @property
    def view(self) -> View:
        """The newest snapshot, checked once against the pipeline.

        Raises:
            IdentityError: the index was built by other parts than this pipeline's.
        """
        view = self.index.view()
        if view.commit != self._checked_commit:
            if self.index.commit.identity:
                compare_identity(self.index.commit.identity, self.parts.identity(), str(self.path))
            self._checked_commit = view.commit
        return view

    def add(
        self, *paths: str | Path, prune: bool = False, progress: Progress | None = None, timeout: float = 10.0
    ) -> IngestSummary:
        """Adds what is new or changed under ``paths``; the index is created on first use.

        A file that cannot be read is in the summary's ``failures``; everything else goes in.

        Args:
            paths: files or folders.
            prune: also remove documents whose file under ``paths`` is gone.
            progress: told how far the run is.
            timeout: seconds to wait while another process writes.

        Raises:
            IdentityError: the index was built by other parts than this pipeline's.
            IndexLockedError: another process kept writing for ``timeout`` seconds.
            IndexWriteError: the disk is full or read-only; the last commit is whole.
        """
        from plait.index import Index

        self.parts.identity()  # a missing model is found out before a folder is made
        if not Index.exists(self.path):
            self.__dict__["index"] = Index.create(self.path)
        with self.index.writer(timeout=timeout) as writer:
            if self.index.commit.identity:
                compare_identity(self.index.commit.identity, self.parts.identity(), str(self.path))
            places = [Path(path).expanduser().resolve() for path in paths]
            return self._ingestor(writer, progress).add(places, prune)

    def remove(self, *document_ids: str, timeout: float = 10.0) -> IngestSummary:
        """Removes documents by id.

        Raises:
            DocumentError: an id is not in the index; nothing is removed then.
        """
        with self.index.writer(timeout=timeout) as writer:
            return self._ingestor(writer, None).remove(document_ids)

    def rebuild(self, progress: Progress | None = None, timeout: float = 10.0) -> IngestSummary:
        """Cuts and encodes all stored documents again with this pipeline's parts."""
        with self.index.writer(timeout=timeout) as writer:
            return self._ingestor(writer, progress).rebuild()

    def _ingestor(self, writer: Writer, progress: Progress | None) -> Ingestor:
        from plait.rag.ingest import Ingestor

        notes = {"pipeline": dump_toml(self.pipeline), "readers": self.parts.readers_identity()}
        return Ingestor(self.index, writer, self.parts, notes, progress)

    def retrieve(self, query: str | Query, k: int = 10) -> Sequence[Hit]:
        """The k best passages, best first, after all stage hooks and the ranker.

        Raises:
            QueryError: the query is empty or too long.
        """
        return self.retrieve_all(query, k).fused

    def retrieve_all(self, query: str | Query, k: int = 10) -> Retrieval:
        """What every retriever found, and the fused list."""
        return self._retrieve(_as_query(query), self.view, k)

    def explain(self, query: str | Query, k: int = 5, *, edges: int = 3) -> Explanation:
        """The k best passages with what stands behind each, see :mod:`plait.rag.explaining`.

        Raises:
            QueryError: the query is empty or too long.
            ConfigError: the pipeline has no text vectors.
        """
        from plait.rag.explaining import explain_hits

        return explain_hits(self.parts, self.retrieve_all(query, k), edges)

    def _retrieve(self, query: Query, view: View, k: int) -> Retrieval:
        query = self.host.hook.before_retrieve(query)
        retrieval = retrieve_all(self.parts, query, view, k)
        hits = self.host.hook.after_retrieve(query, retrieval.fused, view)
        return Retrieval(query, view, retrieval.runs, hits, retrieval.cpu_seconds)

    def ask(self, question: str | Query, on_text: Callable[[str], None] | None = None) -> Answer:
        """Answers a question, or says that the documents do not.

        Args:
            question: the question, or a query with filters.
            on_text: called with pieces of the answer as they are written, before they are checked.

        Raises:
            QueryError: the question is empty or too long.
            GenerationError: the generator failed; there is no partial answer.
        """
        from plait.rag.answering import answer_from

        query = _as_query(question)
        tracer = Tracer()
        with tracer.stage("open") as detail:
            view = self.view
            detail |= {"commit": view.commit, "documents": len(view.document_ids), "passages": len(view)}
        with tracer.stage("retrieve") as detail:
            retrieval = self._retrieve(query, view, max(self.pipeline.answer.passages, 10))
            detail |= {
                "hits": {label: len(run) for label, run in retrieval.runs.items()},
                "cpu_seconds": dict(retrieval.cpu_seconds),
            }
        answer = answer_from(self.parts, retrieval.query, retrieval.fused, view, tracer, on_text)
        return self.host.hook.after_generate(answer)

    async def aask(self, question: str | Query) -> Answer:
        """:meth:`ask` for asynchronous programs: runs in a worker thread, the event loop stays free."""
        import asyncio  # costs a quarter of this package's import, and only this method needs it

        return await asyncio.to_thread(self.ask, question)


def open_index(
    path: str | Path,
    pipeline: Pipeline | str | Path | None = None,
    *,
    host: PluginHost | None = None,
) -> Rag:
    """Opens an index, which need not exist before the first ``add``.

    Args:
        path: the index folder.
        pipeline: a pipeline, or the Python or TOML file that holds one. Without it, the pipeline the index was
            last written with (stored as plain data, never as code), else the default one.
        host: the plugin host; by default one that has discovered everything installed.

    Raises:
        ConfigError: the pipeline names a component or a setting that does not exist.
        IndexFormatError: the index was written by a newer Plait.
    """
    place = Path(path).expanduser().absolute()
    host = host or PluginHost.discover()
    if pipeline is None:
        chosen = _stored_pipeline(place) or Pipeline()
    else:
        chosen = pipeline if isinstance(pipeline, Pipeline) else load_pipeline(pipeline)
        named = "pipeline" if isinstance(pipeline, Pipeline) else str(pipeline)
        validate_pipeline(chosen, host, where=named)
    return Rag(place, chosen, host)


def _stored_pipeline(place: Path) -> Pipeline | None:
    """The pipeline that the current commit was written with."""
    from plait.index import Index

    if not Index.exists(place):
        return None
    notes: Mapping[str, Any] = Index.open(place).commit.notes
    text = notes.get("pipeline")
    if text is None:
        return None
    if not isinstance(text, str):
        raise ConfigError(
            "the pipeline stored in the index is not text",
            where=str(place),
            fix="name a pipeline file with --pipeline; 'plait index check' looks for other damage",
        )
    try:
        return parse_toml(text, where=f"{place} (stored pipeline)")
    except ConfigError as error:
        raise ConfigError(
            f"the pipeline stored in the index is not valid here: {error.message}",
            where=str(place),
            fix="name a pipeline file with --pipeline",
        ) from error


def _as_query(question: str | Query) -> Query:
    return question if isinstance(question, Query) else Query(question)
