"""The pipeline at work: adding documents, retrieving, answering."""

from typing import TYPE_CHECKING, Any

from plait.rag.retrieval import Retrieval
from plait.rag.session import Rag, open_index

if TYPE_CHECKING:
    from plait.rag.answering import Prepared

__all__ = ["Prepared", "Rag", "Retrieval", "open_index"]


def __getattr__(name: str) -> Any:
    """Imports what only questions need when it is asked for."""
    if name == "Prepared":
        from plait.rag.answering import Prepared

        return Prepared
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
