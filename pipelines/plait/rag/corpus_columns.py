"""Fills the columns that depend on all documents of an index, such as on links between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plait.contracts import CorpusColumns, ReadReport
from plait.contracts.errors import IdentityError
from plait.rag.failures import plugin_errors
from plait.rag.parts import Parts

if TYPE_CHECKING:
    from plait.index import Writer

__all__ = ["fill_corpus_columns"]


def fill_corpus_columns(writer: Writer, parts: Parts, report: ReadReport) -> None:
    """Fills the columns of the pipeline that depend on links between documents, each seeing those before it.

    A trained model that no longer fits, because everything was encoded anew by another text encoder, is taken out of
    use; the report says so.
    """
    for name, source in parts.column_sources.items():
        if not isinstance(source, CorpusColumns):
            continue
        with plugin_errors(f"{name}, while it worked out what depends on all documents,"):
            try:
                values = source.encode_corpus(writer.preview())
            except IdentityError as error:
                report.skip(error.where or name, f"trained model out of use: {error.message}")
                writer.keep_model(getattr(source, "model", name), None)
                values = source.encode_corpus(writer.preview())
        for column in source.columns:
            writer.fill(column.name, values[column.name])
