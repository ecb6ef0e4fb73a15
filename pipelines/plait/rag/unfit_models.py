"""Takes what was trained out of use once what it was trained on has changed, and says so."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from plait.contracts import ReadReport
from plait.contracts.errors import IdentityError, IndexCorruptError, ModelError
from plait.fusion.tokens.checkpoint import FID, PROJECTOR, READER, check_structural
from plait.fusion.vectors.fused_leg import FusedLeg
from plait.rag.parts import Parts
from plait.rag.structure import structural_identity, walker_of
from plait.retrievers.dense import Dense
from plait.retrievers.query_adapter import MODEL as RETRIEVER
from plait.retrievers.query_adapter import QueryAdapter

if TYPE_CHECKING:
    from plait.index import View, Writer

__all__ = ["drop_unfit_models", "without"]


def drop_unfit_models(writer: Writer, parts: Parts, report: ReadReport) -> None:
    """Drops adapters of questions and readers of structure that belong to other vectors than those about to be stored.

    Left in use, every search or every answer would end in an error. Files that still fit stay; what is damaged or gone
    is one of the report's failures. Commits before have what is dropped.
    """
    for name in (RETRIEVER, READER):
        if name not in writer.models:
            continue
        view = writer.preview()
        try:
            folder = view.model(name)
        except IndexCorruptError as error:
            report.fail(without(name, error))
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
            if isinstance(source, Dense | FusedLeg):
                column = source.config.column
                yield (
                    f"{column}.safetensors",
                    partial(QueryAdapter.load, folder, column, source.embedder, source.made_by(view)),
                )
    elif (walker := walker_of(parts)) is not None:
        identity = structural_identity(walker, view)
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


def without(model: str, error: ModelError | IndexCorruptError) -> ModelError:
    """What to say of a model whose files are damaged, and which is out of use from now on."""
    return ModelError(
        f"the trained model {model!r} is out of use, and search goes on without it: {error.message}",
        where=error.where,
        fix=f"train again with 'plait train {model}', or bring its files back and go back with 'plait index rollback'",
    )
