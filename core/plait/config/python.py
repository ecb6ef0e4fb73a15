"""Pipelines in Python: the file a user names, and no other, is executed."""

from __future__ import annotations

import sys
import traceback
from importlib.util import decode_source
from pathlib import Path
from types import CodeType, ModuleType

from pydantic import ValidationError

from plait.config.explain import explain
from plait.config.schema import Pipeline
from plait.config.sources import read_source
from plait.contracts.errors import ConfigError, nearest

__all__ = ["load_python"]

_MODULE = "plait_pipeline_file"


def load_python(path: str | Path) -> Pipeline:
    """Runs a Python file and returns the ``pipeline`` it defines.

    Only the file that the user names is executed, with the rights of the user: never one found in a corpus, and
    a file that lies inside an index (a folder that holds ``index.json``, here or further up) is refused, because
    whoever can send an index could otherwise send code. Symbolic links are followed before that is decided.
    The file's folder is not put on the import path, so a module lying beside it is not picked up by accident.

    Raises:
        ConfigError: the file is missing, lies inside an index, fails (the message names the line), or defines no
            :class:`~plait.config.Pipeline` named ``pipeline``.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder, "pipeline.py")
        ...     _ = file.write_text('''
        ... from plait.config import Pipeline, use
        ... pipeline = Pipeline(retrievers=[use("lexical")])
        ... ''')
        ...     load_python(file).retrievers[0].name
        'lexical'
    """
    _refuse_inside_index(Path(path))
    namespace = _run(read_source(path), str(path))
    if "pipeline" not in namespace:
        names = [name for name in namespace if not name.startswith("_")]
        likely = next((name for name in names if isinstance(namespace[name], Pipeline)), nearest("pipeline", names))
        hint = f"rename {likely!r} to 'pipeline'" if likely else "add: pipeline = Pipeline(...)"
        raise ConfigError("the file defines no 'pipeline'", where=str(path), fix=hint)
    pipeline = namespace["pipeline"]
    if not isinstance(pipeline, Pipeline):
        raise ConfigError(
            f"'pipeline' is of type {type(pipeline).__name__}, not plait.config.Pipeline",
            where=str(path),
            fix="write: pipeline = Pipeline(retrievers=[use('dense')], ...)",
        )
    return pipeline


def _run(source: bytes, path: str) -> dict[str, object]:
    code = _compiled(source, path)
    module = ModuleType(_MODULE)
    module.__file__ = path
    previous = sys.modules.get(_MODULE)
    sys.modules[_MODULE] = module  # dataclasses and pydantic look classes up there while the file runs
    try:
        exec(code, module.__dict__)  # noqa: S102 - this is the file the user named
    except ValidationError as error:
        raise explain(error, Pipeline, _place(error, path)) from error
    except ConfigError as error:
        where = ": ".join(part for part in (_place(error, path), error.where) if part)
        raise ConfigError(error.message, where=where, choices=error.choices, fix=error.fix) from error
    except (Exception, SystemExit) as error:
        message = f"the file raised {type(error).__name__}: {error}".rstrip(": ")
        raise ConfigError(message, where=_place(error, path), fix="correct that line") from error
    finally:
        del sys.modules[_MODULE]
        if previous is not None:
            sys.modules[_MODULE] = previous
    return module.__dict__


def _compiled(source: bytes, path: str) -> CodeType:
    try:
        return compile(decode_source(source), path, "exec", dont_inherit=True)
    except SyntaxError as error:
        where = f"{path}, line {error.lineno}" if error.lineno else path
        raise ConfigError(f"the file is not valid Python: {error.msg}", where=where, fix="correct that line") from error
    except ValueError as error:  # bytes that are no text, or a null character
        raise ConfigError(f"the file is not valid Python: {error}", where=path, fix="save it as UTF-8 text") from error


def _place(error: BaseException, path: str) -> str:
    """The file, and the line of it that was running."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
    return f"{path}, line {lines[-1]}" if lines else path


def _refuse_inside_index(path: Path) -> None:
    for folder in {*path.absolute().parents, *path.resolve().parents}:
        if (folder / "index.json").is_file():
            raise ConfigError(
                f"the file lies inside the index {folder}, and Python found in an index is never executed",
                where=str(path),
                fix="copy the file out of the index, read it, and name the copy",
            )
