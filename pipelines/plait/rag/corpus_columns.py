"""Fills the columns that depend on all documents of an index, such as on links between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plait.contracts import CorpusColumns, ReadReport
from plait.contracts.errors import IdentityError, IndexCorruptError, ModelError
from plait.rag.failures import plugin_errors
from plait.rag.parts import Parts
from plait.rag.unfit_models import drop_unfit_models, without

if TYPE_CHECKING:
    from plait.index import Writer

__all__ = ["fill_corpus_columns"]


def fill_corpus_columns(writer: Writer, parts: Parts, report: ReadReport) -> None:
    """Fills the columns of the pipeline that depend on links between documents, each seeing those before it.

    A trained model that cannot be used must not keep documents out of the index: it is taken out of use and all is
    filled without it. Where it no longer fits, because everything was encoded anew by another text encoder, the report
    says so; where its files are damaged or gone, that is one of the report's failures. Commits before still have it.

    Raises:
        ModelError: a column cannot be filled, and no trained model is to blame.
    """
    while (name := _fill(writer, parts, report)) is not None:
        # From the start: what was filled before it may have been made by another part of the same model.
        writer.keep_model(name, None)
    drop_unfit_models(writer, parts, report)


def _fill(writer: Writer, parts: Parts, report: ReadReport) -> str | None:
    """Fills all columns, or says which trained model is in the way."""
    for name, source in parts.column_sources.items():
        if not isinstance(source, CorpusColumns):
            continue
        model = getattr(source, "model", name)
        with plugin_errors(f"{name}, while it worked out what depends on all documents,"):
            try:
                values = source.encode_corpus(writer.preview())
            except (IdentityError, ModelError, IndexCorruptError) as error:
                if model not in writer.models:
                    raise
                if isinstance(error, IdentityError):
                    report.skip(error.where or name, f"trained model out of use: {error.message}")
                else:
                    report.fail(without(model, error))
                return str(model)
        for column in source.columns:
            writer.fill(column.name, values[column.name])
    return None
