"""For plugin authors: an index in memory, sample documents, and conformance suites.

The suites are in :mod:`plait.testing.conformance`, which needs pytest; what stands here does not.
"""

from plait.testing.memory import MemoryView, memory_view
from plait.testing.samples import BlockChunker, LetterEmbedder, sample_documents

__all__ = ["BlockChunker", "LetterEmbedder", "MemoryView", "memory_view", "sample_documents"]
