"""Fills the columns that depend on all documents of an index, and takes out of use what was trained on others.

Such columns depend, for one, on links between documents. Once they change, or all is encoded anew by another encoder,
what was trained on the old vectors would end every search or every answer in an error.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from plait.contracts import CorpusColumns, LateInteraction, LearntColumns, ReadReport, VectorSearch
from plait.contracts.errors import IdentityError, IndexCorruptError, ModelError
from plait.fusion.tokens.checkpoint import FID, PROJECTOR, READER, check_structural
from plait.hooks import plugin_errors
from plait.rag.parts import Parts
from plait.rankers.token_adapter import FILE as LATE_FILE
from plait.rankers.token_adapter import MODEL as LATE
from plait.rankers.token_adapter import load_token_adapter
from plait.retrievers.query_adapter import MODEL as RETRIEVER
from plait.retrievers.query_adapter import QueryAdapter

if TYPE_CHECKING:
    from plait.index import View, Writer

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
    _drop_unfit_models(writer, parts, report)


def _fill(writer: Writer, parts: Parts, report: ReadReport) -> str | None:
    """Fills all columns, or says which trained model is in the way."""
    for name, source in parts.column_sources.items():
        if not isinstance(source, CorpusColumns):
            continue
        model = source.model if isinstance(source, LearntColumns) else None
        with plugin_errors(f"{name}, while it worked out what depends on all documents,"):
            try:
                values = source.encode_corpus(writer.preview())
            except (IdentityError, ModelError, IndexCorruptError) as error:
                if model is None or model not in writer.models:
                    raise
                if isinstance(error, IdentityError):
                    report.skip(error.where or name, f"trained model out of use: {error.message}")
                else:
                    report.fail(_without(model, error))
                return model
        for column in source.columns:
            writer.fill(column.name, values[column.name])
    return None


def _drop_unfit_models(writer: Writer, parts: Parts, report: ReadReport) -> None:
    """Drops adapters of questions and readers of structure that belong to other vectors than those about to be stored.

    Left in use, every search or every answer would end in an error. Files that still fit stay; what is damaged or gone
    is one of the report's failures. Commits before have what is dropped.
    """
    for name in (RETRIEVER, READER, LATE):
        if name not in writer.models:
            continue
        view = writer.preview()
        try:
            folder = view.model(name)
        except IndexCorruptError as error:
            report.fail(_without(name, error))
            writer.keep_model(name, None)
            continue
        if folder is None:
            continue
        unfit = dict(_unfit(name, folder, view, parts))
        for file, misfit in unfit.items():
            what = f"trained model out of use: {misfit.message}; 'plait train {name}' makes another"
            report.skip(str(folder / file), what)
        if unfit:
            _keep_others(writer, name, folder, set(unfit))


def _unfit(name: str, folder: Path, view: View, parts: Parts) -> Iterator[tuple[str, IdentityError | ModelError]]:
    for file, check in _checks(name, folder, view, parts):
        if not (folder / file).is_file():
            continue
        try:
            check()
        except (IdentityError, ModelError) as error:
            yield file, error


def _checks(name: str, folder: Path, view: View, parts: Parts) -> Iterator[tuple[str, Callable[[], object]]]:
    """Files of a model, and what ends in an error where they do not fit."""
    if name == RETRIEVER:
        for source in parts.column_sources.values():
            if isinstance(source, VectorSearch):
                column = source.vector_column
                yield (
                    f"{column}.safetensors",
                    partial(QueryAdapter.load, folder, column, source.embedder, source.made_by(view)),
                )
    elif name == LATE:
        if isinstance(parts.ranker, LateInteraction):
            yield LATE_FILE, partial(load_token_adapter, folder, parts.ranker.encoder)
    elif (structure := parts.structure_source) is not None:
        identity = structure.structure_identity(view)
        for file in (PROJECTOR, FID):
            yield file, partial(check_structural, folder / file, identity)


def _keep_others(writer: Writer, name: str, folder: Path, unfit: set[str]) -> None:
    stems = {Path(file).stem for file in unfit}
    others = [file for file in sorted(folder.iterdir()) if file.is_file() and file.stem not in stems]
    if not any(file.suffix == ".safetensors" for file in others):
        writer.keep_model(name, None)
        return
    with tempfile.TemporaryDirectory(dir=folder.parent.parent, prefix=".training-") as place:
        made = Path(place) / name
        made.mkdir()
        for file in others:
            shutil.copyfile(file, made / file.name)
        writer.keep_model(name, made)


def _without(model: str, error: ModelError | IndexCorruptError) -> ModelError:
    """What to say of a model whose files are damaged, and which is out of use from now on."""
    return ModelError(
        f"the trained model {model!r} is out of use, and search goes on without it: {error.message}",
        where=error.where,
        fix=f"train again with 'plait train {model}', or bring its files back and go back with 'plait index rollback'",
    )
