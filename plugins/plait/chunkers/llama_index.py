"""Any node parser of LlamaIndex as a chunker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import Field

from plait.chunkers.sections import context_of
from plait.config import Settings
from plait.contracts import Document, Passage
from plait.contracts.errors import ConfigError, DocumentError, MissingDependencyError

if TYPE_CHECKING:
    from llama_index.core.node_parser import NodeParser

__all__ = ["Config", "LlamaIndexChunker"]


class Config(Settings):
    """Settings of the chunker ``llama-index``."""

    parser: str = "SentenceSplitter"
    """Class name of a parser in ``llama_index.core.node_parser``."""
    arguments: dict[str, Any] = Field(default_factory=dict)
    """Keyword arguments of the parser, such as ``{"chunk_size": 256}``."""


class LlamaIndexChunker:
    """Cuts a document's canonical text with a LlamaIndex node parser and maps every node back to its characters.

    A parser that rewrites text (adds headings, normalises white space) cannot be used: its nodes have no span. Nor
    can one that leaves text out.

    Raises:
        MissingDependencyError: ``llama-index-core`` is not installed.
        ConfigError: there is no such parser, or it does not take these arguments.
    """

    def __init__(self, config: Config | None = None) -> None:
        self.config = config or Config()
        self._parser = _build(self.config.parser, self.config.arguments)

    def chunk(self, document: Document) -> Sequence[Passage]:
        """The parser's nodes as passages, in the order of their spans.

        Raises:
            DocumentError: a node's text does not stand in the document, or text of a block is in no node.
        """
        from llama_index.core.schema import Document as LlamaDocument
        from llama_index.core.schema import MetadataMode

        if not document.text.strip():
            return []
        try:
            nodes = self._parser.get_nodes_from_documents([LlamaDocument(text=document.text, id_=document.id)])
        except ImportError as error:
            raise MissingDependencyError(
                f"{self.config.parser} needs another package: {error}",
                where="chunker 'llama-index'",
                fix="install what it names",
            ) from error
        spans: list[tuple[int, int]] = []
        start = end = 0
        for node in nodes:
            content = node.get_content(metadata_mode=MetadataMode.NONE)
            if not content.strip():
                continue
            start = self._find(document.text, content, getattr(node, "start_char_idx", None), start, end)
            if start < 0:
                raise self._refusal(document, f"made the node {content[:60]!r}, which does not stand in the text")
            end = start + len(content)
            lead = len(content) - len(content.lstrip())
            spans.append((start + lead, start + len(content.rstrip())))
        spans.sort()
        self._check_coverage(document, spans)
        placed = list(document.placed())
        passages = []
        for ordinal, (start, end) in enumerate(spans):
            path = next((block.path for block in placed if block.end > start), ())
            context = context_of(document, path) if start >= len(document.title) else ""
            passages.append(
                Passage(f"{document.id}#{ordinal}", document.id, ordinal, start, end, document.text[start:end], context)
            )
        return passages

    @staticmethod
    def _find(text: str, content: str, told: int | None, start: int, end: int) -> int:
        """Where a node begins, given the last one's span: as late as it can without leaving a gap.

        LlamaIndex's own offset is that of the first occurrence, which is wrong wherever text repeats.
        """
        opening = end + len(text[end:]) - len(text[end:].lstrip())
        lead = len(content) - len(content.lstrip())
        found = text.rfind(content, start, max(opening - lead, 0) + len(content))
        if found < 0 and told is not None and text.startswith(content, told):
            return told
        return found if found >= 0 else text.find(content)

    def _refusal(self, document: Document, cause: str) -> DocumentError:
        return DocumentError(
            f"{self.config.parser} {cause}",
            where=f"document {document.id!r}",
            fix="use a parser that keeps all text as it stands, such as SentenceSplitter, or the chunker 'sections'",
        )

    def _check_coverage(self, document: Document, spans: Sequence[tuple[int, int]]) -> None:
        for block in document.placed():
            position = block.start
            for start, end in spans:
                if end <= position or start >= block.end:
                    continue
                if document.text[position:start].strip():
                    break
                position = max(position, end)
            left = document.text[position : block.end].strip()
            if left:
                raise self._refusal(document, f"left out text: {left[:60]!r}")


def _build(name: str, arguments: Mapping[str, Any]) -> NodeParser:
    try:
        from llama_index.core import node_parser
    except ImportError as error:
        raise MissingDependencyError(
            "llama-index-core is not installed",
            where="chunker 'llama-index'",
            fix="pip install 'plait[llama-index]'",
        ) from error
    offered = [
        key
        for key in dir(node_parser)
        if isinstance(kind := getattr(node_parser, key), type) and issubclass(kind, node_parser.NodeParser)
    ]
    if name not in offered:
        raise ConfigError(f"there is no node parser {name!r}", where="chunker 'llama-index'", choices=sorted(offered))
    try:
        parser = getattr(node_parser, name)(**arguments)
    except (TypeError, ValueError, ImportError) as error:
        raise ConfigError(
            f"{name} does not take these arguments: {error}", where="chunker 'llama-index'", fix="correct 'arguments'"
        ) from error
    if not isinstance(parser, node_parser.NodeParser):
        raise ConfigError(f"{name} is no node parser", where="chunker 'llama-index'", choices=sorted(offered))
    return parser
