"""BEIR collections: one document a line of ``corpus.jsonl``.

Thakur et al., "BEIR: A Heterogeneous Benchmark for Zero-shot Evaluation of Information Retrieval Models", 2021.
A file ``citations.tsv`` beside it, with the header ``citing<TAB>cited`` and two ids a line, adds to the references that
the records hold. Queries and relevance judgements are evaluation data and are not read here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from plait.contracts import Document, ReadReport, Reference, Section, Source, Text
from plait.contracts.errors import DocumentError, ReadError
from plait.readers.files import sha256_of
from plait.readers.metadata import json_value, known_keys, one_line, references_from

__all__ = ["BeirReader"]

_FILE = "corpus.jsonl"
_CITATIONS = "citations.tsv"
_MAX_LINE = 50_000_000
_CORE_KEYS = {"_id", "title", "text", "metadata"}


class BeirReader:
    """Reads a folder with ``corpus.jsonl``, or that file itself. Memory holds one record and all ids."""

    def accepts(self, path: Path) -> bool:
        """A folder that holds ``corpus.jsonl``, or the file."""
        return path.name == _FILE if path.is_file() else (path / _FILE).is_file()

    def read(self, path: Path, report: ReadReport) -> Iterator[Document]:
        """Yields one document a line; broken lines and repeated ids are reported and the others go on.

        Raises:
            ReadError: ``corpus.jsonl`` cannot be read, or holds not a single record; or ``citations.tsv`` is no table.
        """
        file = path / _FILE if path.is_dir() else path
        digest = sha256_of(file)
        cited: Mapping[str, list[str]] = {}
        if (table := file.with_name(_CITATIONS)).is_file():
            cited = _citations(table)
            # What is read depends on both files, so that neither alone tells whether it has changed.
            digest = hashlib.sha256((digest + sha256_of(table)).encode()).hexdigest()
        first_line: dict[str, int] = {}
        records = 0
        for number, line in _lines(file):
            where = f"{file}:{number}"
            if not line.strip():
                continue
            records += 1
            try:
                if len(line) > _MAX_LINE:
                    raise ValueError(f"the line is longer than {_MAX_LINE:,} bytes")
                document = _document(_record(line), Source(file.as_posix(), digest, "beir"), report)
            except (ValueError, RecursionError) as error:
                report.fail(ReadError(_cause(error), where=where, fix="correct or remove this line"))
                continue
            if document is None:
                continue
            if document.id in first_line:
                report.fail(
                    DocumentError(
                        f"the id {document.id!r} was already used in line {first_line[document.id]}",
                        where=where,
                        fix="give one of the two another _id; the first was kept",
                    )
                )
                continue
            first_line[document.id] = number
            if document.id in cited:
                document = _citing(document, cited[document.id])
            yield document
        if not records:
            raise ReadError("there is not a single record", where=str(file), fix="write one JSON object a line")


def _citations(table: Path) -> dict[str, list[str]]:
    """Id -> ids that it cites, in the order of the file."""
    try:
        lines = table.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ReadError(f"the citations cannot be read ({error})", where=str(table)) from error
    found: dict[str, list[str]] = {}
    for number, line in enumerate(lines, start=1):
        ends = [end.strip() for end in line.split("\t")]
        if number == 1 and ends != ["citing", "cited"]:
            raise ReadError(
                f"the first line is {line[:80]!r}", where=str(table), fix="begin with the header 'citing<TAB>cited'"
            )
        if number > 1 and line.strip():
            if len(ends) != 2 or not all(ends):
                raise ReadError(
                    f"{line[:80]!r} is not two ids", where=f"{table}:{number}", fix="write citing<TAB>cited"
                )
            found.setdefault(ends[0], []).append(ends[1])
    return found


def _citing(document: Document, cited: list[str]) -> Document:
    """The document with references to these ids, beside those that it has."""
    known = {reference.identifiers.get("id") for reference in document.references}
    added = tuple(Reference(identifiers={"id": i}) for i in dict.fromkeys(cited) if i not in known)
    return replace(document, references=document.references + added)


def _lines(file: Path) -> Iterator[tuple[int, bytes]]:
    """Numbered lines. An over-long one comes out cut (one byte too long), the rest of it is passed over."""
    with file.open("rb") as stream:
        number = 0
        while line := stream.readline(_MAX_LINE + 1):
            number += 1
            yield number, line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
            while len(line) > _MAX_LINE and not line.endswith(b"\n"):
                line = stream.readline(_MAX_LINE + 1)


def _record(line: bytes) -> dict[str, Any]:
    record = json.loads(line.decode("utf-8"), parse_constant=_no_constant)
    if not isinstance(record, dict):
        raise ValueError(f"the line holds a {type(record).__name__}, not an object")
    if b"\\u" in line:
        # An unpaired surrogate passes the JSON parser but can never be stored or shown.
        json.dumps(record, ensure_ascii=False).encode("utf-8")
    return record


def _document(record: dict[str, Any], source: Source, report: ReadReport) -> Document | None:
    identifier = record.get("_id")
    if isinstance(identifier, bool) or not isinstance(identifier, str | int) or not str(identifier).strip():
        raise ValueError(f"_id is {identifier!r}, not an id")
    for key in ("title", "text"):
        if not isinstance(record.get(key) or "", str):
            raise ValueError(f"{key} is a {type(record[key]).__name__}, not text")
    title = one_line(record.get("title") or "")
    blocks = tuple(Text(line.strip()) for line in (record.get("text") or "").split("\n") if line.strip())
    if not title and not blocks:
        report.skip(source.uri, "record with neither title nor text")
        return None
    metadata, references = _metadata(record, source, report)
    key = str(identifier).strip()
    source = Source(source.uri, source.sha256, source.reader, key)
    return Document(key, title, (Section("", blocks),) if blocks else (), metadata, references, source)


def _metadata(
    record: dict[str, Any], source: Source, report: ReadReport
) -> tuple[dict[str, Any], tuple[Reference, ...]]:
    given = record.get("metadata") or {}
    if not isinstance(given, dict):
        raise ValueError(f"metadata is a {type(given).__name__}, not an object")
    merged = {key: value for key, value in record.items() if key not in _CORE_KEYS} | given
    merged = json_value(merged)
    references: tuple[Reference, ...] = ()
    if "references" in merged:
        references = references_from(merged.pop("references"))
    for key in ("authors", "topics", "year", "venue", "identifiers"):
        if key not in merged:
            continue
        try:
            merged |= known_keys({key: merged[key]}) or {key: None}
        except ValueError:
            # The text is worth more than its metadata: keep what was written under a name nobody relies on.
            merged[f"{key}_as_given"] = merged.pop(key)
            report.skip(source.uri, f"metadata {key} in another form (kept as {key}_as_given)")
    return {key: value for key, value in merged.items() if value is not None}, references


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _cause(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"this is not JSON: {error.msg} at column {error.colno}"
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start} of the line is not UTF-8"
    if isinstance(error, UnicodeEncodeError):
        return "a string holds half of a surrogate pair"
    if isinstance(error, RecursionError):
        return "the record is nested too deep"
    return str(error)
