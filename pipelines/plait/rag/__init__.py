"""The pipeline at work: adding documents, retrieving, answering."""

from plait.rag.retrieval import Retrieval
from plait.rag.session import Rag, open_index

__all__ = ["Rag", "Retrieval", "open_index"]
