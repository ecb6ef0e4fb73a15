"""The index on disk: Lance tables under one atomic commit, exact and measured approximate search.

Nothing here is imported from lancedb or pyarrow before a view or a writer is asked for.
"""

from plait.index.check import Finding
from plait.index.codec import content_hash, document_from_json, document_to_json
from plait.index.commit import FORMAT, Commit, Difference, SourceState
from plait.index.index import Index
from plait.index.view import View
from plait.index.writer import Writer

__all__ = [
    "FORMAT",
    "Commit",
    "Difference",
    "Finding",
    "Index",
    "SourceState",
    "View",
    "Writer",
    "content_hash",
    "document_from_json",
    "document_to_json",
]
