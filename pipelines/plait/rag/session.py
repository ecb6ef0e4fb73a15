"""An open index with the pipeline that reads and writes it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypedDict, Unpack

from plait.config import Pipeline, dump_toml, load_pipeline, parse_toml, validate_pipeline
from plait.contracts import Answer, Generation, Hit, Query
from plait.contracts.errors import ConfigError, IndexNotFoundError
from plait.hooks import PluginHost
from plait.rag.parts import Parts, compare_identity
from plait.rag.retrieval import Retrieval, retrieve_all

if TYPE_CHECKING:
    from plait.index import Index, View, Writer
    from plait.rag.answering import Prepared
    from plait.rag.explaining import Explanation
    from plait.rag.ingest import Ingestor, Progress
    from plait.rag.ingest_summary import IngestSummary

__all__ = ["AskOptions", "Rag", "open_index"]


class AskOptions(TypedDict, total=False):
    """What a question may ask for beside its text, see :meth:`Rag.prepare`."""

    hits: Sequence[Hit] | None
    filters: Mapping[str, Any] | None
    choices: Sequence[str]
    json_schema: Mapping[str, Any] | None
    stop: Sequence[str]
    max_tokens: int | None


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
        return replace(retrieval, query=query, view=view, fused=hits)

    def prepare(
        self,
        question: str | Query,
        *,
        hits: Sequence[Hit] | None = None,
        filters: Mapping[str, Any] | None = None,
        choices: Sequence[str] = (),
        json_schema: Mapping[str, Any] | None = None,
        stop: Sequence[str] = (),
        max_tokens: int | None = None,
    ) -> Prepared:
        """The first of a question's three moves: retrieve, judge by the gate, pack a prompt.

        Args:
            question: the question, or a query with filters.
            hits: passages of the newest snapshot to answer from; nothing is retrieved then.
            filters: conditions on document metadata, see :class:`plait.contracts.Query`; beside those of a query.
            choices: the answer is exactly one of them, where the generator can.
            json_schema: the answer is JSON of this schema, where the generator can.
            stop: texts that end the answer.
            max_tokens: most tokens of the answer; by default ``answer.max_tokens`` of the pipeline.

        Raises:
            QueryError: the question is empty or too long, or a filter is none.
            GenerationError: not even the best passage fits beside the question.
        """
        from plait.rag.answering import AnswerForm, Tracer, prepare

        query = _as_query(question)
        if filters:
            query = replace(query, filters={**query.filters, **filters})
        tracer = Tracer()
        with tracer.stage("open") as detail:
            view = self.view
            detail |= {"commit": view.commit, "documents": len(view.document_ids), "passages": len(view)}
        with tracer.stage("retrieve") as detail:
            if hits is None:
                retrieval = self._retrieve(query, view, max(self.pipeline.answer.passages, 10))
            else:
                retrieval = Retrieval(query, view, {"given": hits}, hits)
            detail |= {
                "hits": {label: len(run) for label, run in retrieval.runs.items()},
                "cpu_seconds": dict(retrieval.cpu_seconds),
                "earned": dict(retrieval.earned),
            }
        return prepare(self.parts, retrieval, tracer, AnswerForm(choices, json_schema, stop, max_tokens))

    def generate(self, prepared: Prepared, on_text: Callable[[str], None] | None = None) -> Generation:
        """The second move: the generator writes. ``on_text`` is called with pieces as they come, before any check.

        Raises:
            GenerationError: the generator failed; there is no partial answer.
            ValueError: the gate declined the question.
        """
        from plait.rag.answering import generate

        return generate(self.parts, prepared, on_text)

    def finish(self, prepared: Prepared, generation: Generation | None) -> Answer:
        """The third move: verify each sentence, re-open what supports it, number the citations.

        ``generation`` is None where the gate declined.
        """
        from plait.rag.answering import finish

        return finish(self.parts, prepared, generation)

    def ask(
        self, question: str | Query, on_text: Callable[[str], None] | None = None, **asked: Unpack[AskOptions]
    ) -> Answer:
        """Answers a question, or says that the documents do not.

        Args:
            question: the question, or a query with filters.
            on_text: called with pieces of the answer as they are written, before they are checked.
            **asked: what :meth:`prepare` takes beside the question.

        Raises:
            QueryError: the question is empty or too long.
            GenerationError: the generator failed; there is no partial answer.
        """
        prepared = self.prepare(question, **asked)
        generation = None if prepared.request is None else self.generate(prepared, on_text)
        return self.finish(prepared, generation)

    def ask_many(
        self, questions: Sequence[str | Query], *, batch: int = 16, **asked: Unpack[AskOptions]
    ) -> list[Answer]:
        """Answers to several questions, in their order, all from one snapshot where nothing is written meanwhile.

        Args:
            questions: the questions.
            batch: most answers that are written together, by a backend that can.
            **asked: as for :meth:`prepare`, the same for all.

        Raises:
            QueryError: a question is empty or too long.
            GenerationError: the generator failed; the other answers of this call are lost with it.
        """
        from plait.rag.answering import generate_many

        answers: list[Answer] = []
        for start in range(0, len(questions), batch):
            prepared = [self.prepare(question, **asked) for question in questions[start : start + batch]]
            wanted = [one for one in prepared if one.request is not None]
            written = iter(generate_many(self.parts, wanted) if wanted else [])
            answers += [self.finish(one, None if one.request is None else next(written)) for one in prepared]
        return answers

    async def aask(self, question: str | Query, **asked: Unpack[AskOptions]) -> Answer:
        """:meth:`ask` for asynchronous programs, see :meth:`astream`."""
        answer: Answer | None = None
        async for piece in self.astream(question, **asked):
            if not isinstance(piece, str):
                answer = piece
        assert answer is not None  # noqa: S101 - astream ends with the answer or raises
        return answer

    async def astream(self, question: str | Query, **asked: Unpack[AskOptions]) -> AsyncIterator[str | Answer]:
        """The answer's text in pieces as they are written, before they are checked; at last the checked answer.

        While the generator writes no thread is held where the backend is asynchronous itself. Closing the iterator
        ends the request at such a backend. Retrieval and checks run in the event loop's worker threads.

        Raises:
            QueryError: the question is empty or too long.
            GenerationError: the generator failed; there is no partial answer.
        """
        import asyncio  # costs a quarter of this package's import, and only these methods need it

        from plait.rag.answering import generate_async

        prepared = await asyncio.to_thread(self.prepare, question, **asked)
        generation: Generation | None = None
        if prepared.request is not None:
            writing = generate_async(self.parts, prepared)
            try:
                async for piece in writing:
                    if isinstance(piece, Generation):
                        generation = piece
                    elif piece.text:
                        yield piece.text
            finally:
                await writing.aclose()
        yield await asyncio.to_thread(self.finish, prepared, generation)


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
