"""Documents as JSON and back, exactly; and the hash that says whether a document changed."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

from plait.contracts.document import Block, Document, Equation, Figure, Reference, Section, Source, Table, Text
from plait.contracts.errors import DocumentError, IndexCorruptError

__all__ = ["content_hash", "document_from_json", "document_to_json", "metadata_to_json"]


def document_to_json(document: Document) -> str:
    """One line of canonical JSON (sorted keys, no spaces) from which the same document can be made again.

    Tuples inside ``metadata`` become lists, since JSON has no tuples; everything else comes back as it was.

    Raises:
        DocumentError: the metadata holds something that is not JSON, or a text holds half a surrogate pair.

    Example:
        >>> paper = Document("a", "On braids", (Section("Intro", (Text("Three strands."),)),), {"year": 2024})
        >>> document_from_json(document_to_json(paper)) == paper
        True
    """
    record = _content(document)
    if document.source is not None:
        source = document.source
        record["source"] = {"uri": source.uri, "sha256": source.sha256, "reader": source.reader, "part": source.part}
    return _dump(record, document)


def document_from_json(text: str) -> Document:
    """The document that :func:`document_to_json` wrote.

    Raises:
        IndexCorruptError: the text is not such a document.
    """
    try:
        record = json.loads(text)
        source = record.get("source")
        return Document(
            record["id"],
            record["title"],
            tuple(
                Section(section["title"], tuple(map(_block, section["blocks"])), section["level"], section["role"])
                for section in record["sections"]
            ),
            record["metadata"],
            tuple(Reference(**reference) for reference in record["references"]),
            None if source is None else Source(**source),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise IndexCorruptError(
            f"a stored document cannot be read ({error!r}): {text[:60]!r}",
            fix="run 'plait index check', then roll back or add the document again",
        ) from error


def content_hash(document: Document) -> str:
    """SHA-256 over everything but the source: a document that only moved keeps its hash.

    Raises:
        DocumentError: the document cannot be written as JSON.

    Example:
        >>> here, there = Source("a.md", "0" * 64, "markdown"), Source("b.md", "0" * 64, "markdown")
        >>> content_hash(Document("a", "T", (), source=here)) == content_hash(Document("a", "T", (), source=there))
        True
    """
    return hashlib.sha256(_dump(_content(document), document).encode()).hexdigest()


def metadata_to_json(document: Document) -> str:
    """The metadata alone, as :func:`document_to_json` would write it."""
    return _dump(_plain(document.metadata, "metadata", document), document)


def _content(document: Document) -> dict[str, Any]:
    return {
        "id": document.id,
        "title": document.title,
        "sections": [
            {
                "title": section.title,
                "level": section.level,
                "role": section.role,
                "blocks": [_block_record(block) for block in section.blocks],
            }
            for section in document.sections
        ],
        "metadata": _plain(document.metadata, "metadata", document),
        "references": [
            {
                "text": reference.text,
                "title": reference.title,
                "year": reference.year,
                "identifiers": dict(reference.identifiers),
            }
            for reference in document.references
        ],
    }


def _block_record(block: Block) -> dict[str, Any]:
    match block:
        case Text(content):
            return {"type": "text", "content": content}
        case Equation(content):
            return {"type": "equation", "content": content}
        case Table(header, rows, caption):
            return {"type": "table", "header": list(header), "rows": [list(row) for row in rows], "caption": caption}
        case Figure(path, caption, alt, content):
            return {"type": "figure", "path": path, "caption": caption, "alt": alt, "content": content}


def _block(record: dict[str, Any]) -> Block:
    match record["type"]:
        case "text":
            return Text(record["content"])
        case "equation":
            return Equation(record["content"])
        case "table":
            return Table(tuple(record["header"]), tuple(tuple(row) for row in record["rows"]), record["caption"])
        case "figure":
            return Figure(record["path"], record["caption"], record["alt"], record["content"])
        case other:
            raise ValueError(f"unknown block type {other!r}")


def _plain(value: Any, where: str, document: Document) -> Any:
    """``value`` as JSON can hold it without loss."""
    match value:
        case None | bool() | int() | str():
            return value
        case float() if math.isfinite(value):
            return value
        case Mapping() if all(isinstance(key, str) for key in value):
            return {key: _plain(item, f"{where}.{key}", document) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item, f"{where}[{number}]", document) for number, item in enumerate(value)]
    raise DocumentError(
        f"{where} is {value!r} ({type(value).__name__}), which JSON cannot hold",
        where=f"document {document.id!r}",
        choices=("text", "finite number", "true or false", "null", "list", "mapping with text keys"),
        fix="have the reader write dates and the like as text",
    )


def _dump(record: Any, document: Document) -> str:
    try:
        text = json.dumps(record, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
        text.encode()
    except (UnicodeEncodeError, ValueError, TypeError) as error:
        raise DocumentError(
            f"cannot be stored as JSON: {error}",
            where=f"document {document.id!r}",
            fix="decode its file with the right encoding",
        ) from error
    return text
