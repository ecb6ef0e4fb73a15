"""Chunkers cut documents into passages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from plait.contracts.document import Document
from plait.contracts.passage import Passage

__all__ = ["Chunker"]


@runtime_checkable
class Chunker(Protocol):
    """Cuts one document into passages along its sections."""

    def chunk(self, document: Document) -> Sequence[Passage]:
        """The passages of ``document`` in reading order.

        Each passage is exactly ``document.text[start:end]``, its id is ``f"{document.id}#{ordinal}"``, and
        passages do not leave out text: together they cover every placed block. A document that has none (a title
        alone) is one passage: its text.
        """
        ...
