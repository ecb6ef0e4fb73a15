"""Adds documents to an index: reads, chunks, encodes and commits what is new or changed, and nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plait.contracts import ColumnValues, Document, IndexView, IngestBatch, Passage, TokenCounting
from plait.contracts.errors import DocumentError, ModelError, PlaitError, ReadError
from plait.docgraph import GraphSettings, Linker, fact_settings
from plait.docgraph.linking import by_source
from plait.hooks import plugin_errors
from plait.index import content_hash
from plait.rag.corpus_columns import fill_corpus_columns
from plait.rag.ingest_summary import IngestSummary
from plait.rag.input_files import InputFile, find_inputs
from plait.rag.leg_check import keep_check
from plait.rag.parts import Parts

if TYPE_CHECKING:
    from plait.index import Index, SourceState, Writer

__all__ = ["BATCH_PASSAGES", "Ingestor", "Progress"]

BATCH_PASSAGES = 2_048
"""Passages that are encoded and committed together: a killed run loses at most this many."""

Progress = Callable[[str, int, int | None], None]
"""Called with (what is being done, how many are done, how many there are or None)."""


class Ingestor:
    """One run of adding documents, under the index's write lock.

    Args:
        index: the index.
        writer: its open writer.
        parts: the pipeline's components.
        notes: what is stored beside each commit (the pipeline as TOML, the readers' settings).
        progress: told how far the run is.
    """

    def __init__(
        self, index: Index, writer: Writer, parts: Parts, notes: Mapping[str, Any], progress: Progress | None = None
    ) -> None:
        self._index = index
        self._writer = writer
        self._parts = parts
        self._notes = dict(notes)
        self._progress = progress or (lambda _what, _done, _all: None)
        self._summary = IngestSummary()
        facts = self._graph_settings()
        self._linker = Linker(writer.view, facts)
        self._identity = {**parts.identity(), "edges": fact_settings(facts)}
        # A run that was stopped before its end has not linked its last documents to its first ones.
        self._unlinked = bool(index.commit.notes.get("unlinked"))
        self._changed = self._unlinked
        self._documents: list[Document] = []
        self._passages: list[Passage] = []
        self._moved: list[Document] = []
        self._hashes = index.content_hashes()
        # Files that were not read to their end, or not without failures: they are read again although their
        # bytes have not changed, so that a killed run is completed and a failure is not forgotten.
        self._incomplete: set[str] = set(index.commit.notes.get("incomplete", ()))
        self._dirty = False
        writer.declare([column for source in parts.column_sources.values() for column in source.columns])

    def add(self, paths: Sequence[Path], prune: bool = False) -> IngestSummary:
        """Adds every document under ``paths`` that is new or changed since the last commit.

        A file whose bytes are unchanged costs one hash. Documents that a changed file no longer holds are
        removed. With ``prune``, so are documents whose file under ``paths`` is gone.
        """
        report = self._summary.report
        units = [unit for path in paths for unit in self._units(path)]
        sources = self._index.sources()
        reread = self._index.commit.notes.get("readers") != self._notes.get("readers")
        owners = {document_id: uri for uri, state in sources.items() for document_id in state.document_ids}
        seen: dict[str, str] = {}
        for number, unit in enumerate(units):
            uri = _uri(unit)
            if not _is_unicode(uri):
                report.fail(ReadError("the file name is not UTF-8", where=ascii(uri), fix="rename the file"))
                continue
            self._progress(f"reading {unit.path.name}", number, len(units))
            known = sources.get(uri)
            try:
                whole = known is not None and not reread and uri not in self._incomplete
                if known is not None and whole and known.sha256 == _sha256(Path(uri)):
                    self._summary.unchanged += len(known.document_ids)
                    seen.update(dict.fromkeys(known.document_ids, uri))
                    continue
                self._read(unit, uri, known, owners, seen)
            except ReadError as error:
                report.fail(error)
            except OSError as error:
                report.fail(ReadError(error.strerror or str(error), where=str(unit.path), fix="check the file"))
        self._write()
        self._prune(paths, sources, {_uri(unit) for unit in units}, seen, prune)
        return self._finish("add")

    def remove(self, document_ids: Sequence[str]) -> IngestSummary:
        """Removes documents by id.

        Raises:
            DocumentError: an id is not in the index; nothing is removed then.
        """
        known = set(self._writer.view.document_ids)
        unknown = [document_id for document_id in document_ids if document_id not in known]
        if unknown:
            raise DocumentError(
                f"no such document: {', '.join(unknown)}",
                where=str(self._index.path),
                fix="list ids with 'plait search ... --json'; nothing was removed",
            )
        gone = set(document_ids)
        for uri, state in self._index.sources().items():
            # Unchanged bytes no longer mean that all its documents are here: adding the file brings them back.
            if gone & (held := set(state.document_ids)) and held - gone:
                self._incomplete.add(uri)
        self._remove(document_ids)
        return self._finish("remove")

    def rebuild(self) -> IngestSummary:
        """Cuts and encodes all stored documents again, for another embedder, chunker or set of retrievers.

        The documents come from the index itself, so their files need not exist any more. The old commit stays
        current until the last document is done.
        """
        view = self._writer.view
        self._writer.clear()
        self._linker = Linker(None, self._graph_settings())
        self._unlinked = False
        for document_id in view.document_ids:
            self._take(view.document(document_id))
            self._summary.updated.append(document_id)
            if len(self._passages) >= BATCH_PASSAGES:
                self._put()
        self._put()
        self._dirty = self._changed = True
        return self._finish("rebuild")

    def _graph_settings(self) -> GraphSettings:
        """The pipeline's; without a part that reads the graph, those that the index was built with."""
        chosen = self._parts.graph_settings
        stored = self._index.commit.identity.get("edges")
        return chosen or (GraphSettings(**stored) if isinstance(stored, Mapping) else GraphSettings())

    def _units(self, path: Path) -> Iterator[InputFile]:
        try:
            yield from find_inputs(path, list(self._parts.readers.items()), self._summary.report)
        except ReadError as error:
            self._summary.report.fail(error)

    def _read(
        self, unit: InputFile, uri: str, known: SourceState | None, owners: Mapping[str, str], seen: dict[str, str]
    ) -> None:
        """Reads one unit and takes in the documents whose content is not already stored."""
        before = len(self._summary.report.failures)
        fresh: set[str] = set()
        self._incomplete.add(uri)
        for document in self._documents_of(unit):
            holder = seen.get(document.id) or self._living_owner(owners.get(document.id), uri)
            if holder is not None:
                self._summary.report.fail(
                    DocumentError(
                        f"a second document with the id {document.id!r}; the one from {holder} is kept",
                        where=uri,
                        fix="give one of them another id",
                    )
                )
                continue
            seen[document.id] = uri
            fresh.add(document.id)
            try:
                self._take_if_changed(document)
            except PlaitError as error:
                self._fail_document(document, error)
            if len(self._passages) >= BATCH_PASSAGES:
                self._flush()
        # A file that was only partly readable may still hold the documents that did not come out of it.
        if len(self._summary.report.failures) > before:
            return
        self._incomplete.discard(uri)
        if known is not None:
            self._remove([document_id for document_id in known.document_ids if document_id not in fresh])

    def _documents_of(self, unit: InputFile) -> Iterator[Document]:
        """What the reader makes of a unit; whatever a plugin raises becomes an error that names file and reader."""
        try:
            yield from self._parts.readers[unit.reader].read(unit.path, self._summary.report)
        except (PlaitError, OSError):
            raise
        except Exception as error:
            raise ReadError(
                f"the reader {unit.reader!r} failed ({type(error).__name__}: {error})",
                where=str(unit.path),
                fix="leave the file out, or report this to the reader's authors",
            ) from error

    def _fail_document(self, document: Document, error: PlaitError) -> None:
        """Leaves one document out and says why; the others go on."""
        for names in (self._summary.added, self._summary.updated):
            if document.id in names:
                names.remove(document.id)
        place = document.source.uri if document.source else ""
        where = f"{place}: document {document.id!r}" if place else f"document {document.id!r}"
        self._incomplete |= {place} if place else set()
        self._summary.report.fail(type(error)(error.message, where=where, choices=error.choices, fix=error.fix))

    @staticmethod
    def _living_owner(owner: str | None, uri: str) -> str | None:
        """The other file that holds this id already, unless that file is gone (the document has moved)."""
        return owner if owner is not None and owner != uri and Path(owner).exists() else None

    def _take_if_changed(self, document: Document) -> None:
        if not all(map(_is_unicode, (document.id, document.text, repr(document.metadata)))):
            raise DocumentError("the text holds half of a surrogate pair", fix="save the file as plain UTF-8")
        stored = self._hashes.get(document.id)
        if stored is None:
            self._summary.added.append(document.id)
        elif stored != content_hash(document):
            self._summary.updated.append(document.id)
        else:
            # Same content in a file whose other parts changed, or at a new place: only the source is noted anew.
            self._summary.unchanged += 1
            self._moved.append(document)
            return
        self._take(document)

    def _take(self, document: Document) -> None:
        with plugin_errors(f"chunker {self._parts.pipeline.chunker.name!r}"):
            passages = self._parts.chunker.chunk(document)
        self._documents.append(document)
        self._passages += passages

    def _flush(self) -> None:
        """Encodes and commits what has gathered, so that a run which is stopped loses no more than the next part."""
        if self._documents or self._moved:
            self._write()
            self._unlinked = True
            self._commit("add")

    def _write(self) -> None:
        """Encodes what has gathered and hands it to the writer."""
        if self._moved:
            self._writer.relocate(self._moved)
            self._moved = []
            self._dirty = True
        self._put()

    def _put(self) -> None:
        documents, passages = self._documents, self._passages
        self._documents, self._passages = [], []
        for batch, columns in self._encode(documents, passages):
            try:
                self._writer.put(batch.documents, batch.passages, columns, self._linker.link(batch.documents))
            except DocumentError as error:
                if len(batch.documents) == 1:
                    self._fail_document(batch.documents[0], error)
                    self._linker.restore(batch.documents[0].id)
                    continue
                # One of them breaks a rule of the index: each is put on its own, so that the others go in.
                for document in batch.documents:
                    self._documents = [document]
                    self._passages = [p for p in batch.passages if p.document_id == document.id]
                    self._put()
                continue
            self._summary.passages += len(batch.passages)
            self._note_coverage(batch.passages)
            self._dirty = self._changed = True

    def _note_coverage(self, passages: Sequence[Passage]) -> None:
        texts = [passage.embedding_text for passage in passages]
        for label, embedder in self._parts.embedders.items():
            with plugin_errors(f"the embedder of {label}, while it counted tokens,"):
                part = embedder.coverage(texts) if isinstance(embedder, TokenCounting) else None
            self._summary.note_coverage(label, part)

    def _encode(
        self, documents: Sequence[Document], passages: Sequence[Passage]
    ) -> Iterator[tuple[IngestBatch, Mapping[str, ColumnValues]]]:
        """Fills the columns; where a model cannot encode a batch, halves it until the culprit stands alone."""
        if not documents:
            return
        self._progress(f"encoding {len(passages)} passages", self._summary.passages, None)
        try:
            columns: dict[str, ColumnValues] = {}
            view: IndexView = self._writer.view
            for name, source in self._parts.column_sources.items():
                with plugin_errors(f"{name}, while it encoded passages,"):
                    columns |= source.encode(IngestBatch(documents, passages, columns, view))
        except ModelError as error:
            if len(documents) == 1:
                self._fail_document(documents[0], error)
                return
            half = len(documents) // 2
            for part in (documents[:half], documents[half:]):
                ids = {document.id for document in part}
                yield from self._encode(part, [passage for passage in passages if passage.document_id in ids])
            return
        yield IngestBatch(documents, passages, columns), columns

    def _remove(self, document_ids: Iterable[str]) -> None:
        gone = list(document_ids)
        if gone:
            self._writer.remove(gone)
            self._linker.forget(gone)
            self._summary.removed += gone
            self._dirty = self._changed = True

    def _prune(
        self,
        paths: Sequence[Path],
        sources: Mapping[str, SourceState],
        found: set[str],
        seen: Mapping[str, str],
        prune: bool,
    ) -> None:
        """Documents whose file stood under ``paths`` and is gone: removed with ``prune``, else named."""
        for uri, state in sources.items():
            place = Path(uri)
            if uri not in found and not place.exists() and any(place.is_relative_to(path) for path in paths):
                still_here = [document_id for document_id in state.document_ids if document_id not in seen]
                if prune:
                    self._remove(still_here)
                else:
                    self._summary.missing += still_here

    def _commit(self, message: str) -> None:
        notes = {**self._notes, "incomplete": sorted(self._incomplete), "unlinked": self._unlinked}
        self._summary.commit = self._writer.commit(message, identity=self._identity, notes=notes).number
        self._dirty = False

    def _link(self) -> None:
        """Resolves what only the whole run can tell, and fills the columns that depend on all documents."""
        self._progress("linking documents", self._summary.passages, None)
        if self._writer.view.edges() is None:
            self._link_untold()
        stored = self._writer.preview().edges() or ()
        self._writer.link(self._linker.changes(stored, all_anew=self._unlinked))
        self._unlinked = False
        fill_corpus_columns(self._writer, self._parts, self._summary.report)
        keep_check(self._writer, self._index.path, self._parts.retrievers, self._summary.report)
        self._dirty = True

    def _link_untold(self) -> None:
        """Works out what documents state that came before edges were stored: half a graph would pass for a whole."""
        view = self._writer.preview()
        told = by_source(view.edges() or ())
        untold = [document_id for document_id in view.document_ids if document_id not in told]
        facts = [fact for i in untold for fact in self._linker.link([view.document(i)])]
        self._writer.link(by_source(facts))

    def _finish(self, message: str) -> IngestSummary:
        if self._changed:
            self._link()
        if self._dirty or sorted(self._incomplete) != list(self._index.commit.notes.get("incomplete", ())):
            self._commit(message)
        self._summary.commit = self._index.commit.number
        self._parts.host.hook.indexed(self._summary.to_json())
        return self._summary


def _uri(unit: InputFile) -> str:
    """The file that stands for a unit: a folder read whole (BEIR) is known by its ``corpus.jsonl``."""
    corpus = unit.path / "corpus.jsonl"
    return (corpus if corpus.is_file() else unit.path).as_posix()


def _is_unicode(text: str) -> bool:
    """Whether a string can be stored; file names and YAML escapes can hold halves of surrogate pairs."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
