"""Pipelines in files, Python or TOML: the file a user names, and no other, is read or executed."""

from __future__ import annotations

import sys
import tomllib
import traceback
from importlib.util import decode_source
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import tomli_w
from pydantic import ValidationError

from plait.config.schema import Pipeline
from plait.config.validation import explain
from plait.contracts.errors import ConfigError, nearest

__all__ = ["dump_toml", "load_pipeline", "load_python", "load_toml", "parse_toml"]

_MODULE = "plait_pipeline_file"


def load_pipeline(path: str | Path | None) -> Pipeline:
    """The pipeline in a ``.py`` or ``.toml`` file; the default pipeline for None.

    Raises:
        ConfigError: the file has another suffix, or cannot be read as a pipeline.

    Example:
        >>> load_pipeline(None) == Pipeline()
        True
    """
    if path is None:
        return Pipeline()
    match Path(path).suffix.lower():
        case ".py":
            return load_python(path)
        case ".toml":
            return load_toml(path)
        case suffix:
            raise ConfigError(
                f"a pipeline cannot be read from a {suffix or 'suffix-less'} file",
                where=str(path),
                choices=("pipeline.py", "pipeline.toml"),
                fix="write it in Python or TOML",
            )


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
    namespace = _run(_read(path), str(path))
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


def load_toml(path: str | Path) -> Pipeline:
    """Reads a pipeline from a TOML file.

    Raises:
        ConfigError: the file is missing or not TOML, or holds an unknown key or an invalid value; the message
            names the file, the dotted key, and what would have been accepted.
    """
    content = _read(path)
    try:
        text = content.decode("utf-8-sig")  # some editors put a byte order mark first
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"the file is not UTF-8 text (byte {error.start:,})", where=str(path), fix="save it as UTF-8"
        ) from error
    return parse_toml(text, where=str(path))


def parse_toml(text: str, *, where: str = "pipeline.toml") -> Pipeline:
    """Reads a pipeline from TOML text; ``where`` names it in errors.

    Example:
        >>> pipeline = parse_toml('''
        ... candidates = 50
        ... [[retrievers]]
        ... use = "dense"
        ... embedder = {use = "minilm", max_tokens = 512}
        ... [generator]
        ... use = "extractive"
        ... ''')
        >>> pipeline.retrievers[0].settings["embedder"]
        {'use': 'minilm', 'max_tokens': 512}
        >>> parse_toml("candidate = 50", where="pipeline.toml")
        Traceback (most recent call last):
        ...
        plait.contracts.errors.ConfigError: pipeline.toml: unknown key 'candidate'. Choices: readers, chunker, \
retrievers, fusion, ranker, gate, generator, verifiers, candidates, answer. Fix: write \
'candidates' instead of 'candidate'.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"the file is not valid TOML: {error}", where=where, fix="correct that line") from error
    try:
        return Pipeline.model_validate(tables)
    except ValidationError as error:
        raise explain(error, Pipeline, where) from error
    except ConfigError as error:
        place = ": ".join(part for part in (where, error.where) if part)
        raise ConfigError(error.message, where=place, choices=error.choices, fix=error.fix) from error


def dump_toml(pipeline: Pipeline) -> str:
    """The pipeline as TOML; reading that back gives an equal pipeline.

    Raises:
        ConfigError: a setting is None, for which TOML has no word.

    Example:
        >>> from plait.config import use
        >>> print(dump_toml(Pipeline(ranker=use("mmr", balance=0.7))).split("[ranker]")[1].split("[")[0].strip())
        use = "mmr"
        balance = 0.7
    """
    tables = {key: value for key, value in pipeline.model_dump().items() if value is not None}
    _refuse_none(tables, "")
    return tomli_w.dumps(tables)


def _read(path: str | Path) -> bytes:
    """The bytes of the file at ``path``.

    Raises:
        ConfigError: there is no such file, it is a folder, or it cannot be read.
    """
    file = Path(path)
    try:
        return file.read_bytes()
    except FileNotFoundError:
        near = sorted(item.name for item in file.parent.glob("*") if item.suffix in {".py", ".toml"})
        raise ConfigError(
            "there is no such pipeline file", where=str(path), choices=near, fix="check the path"
        ) from None
    except IsADirectoryError:
        raise ConfigError(
            "this is a folder, not a pipeline file", where=str(path), fix="name the .py or .toml file inside it"
        ) from None
    except OSError as error:
        raise ConfigError(
            f"the pipeline file cannot be read ({error.strerror})", where=str(path), fix="check its permissions"
        ) from error


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


def _refuse_none(value: Any, key: str) -> None:
    if value is None:
        raise ConfigError(
            "the setting is None, which TOML cannot hold",
            where=key,
            fix="leave the setting out, or keep the pipeline in Python",
        )
    if isinstance(value, dict):
        for name, item in value.items():
            _refuse_none(item, f"{key}.{name}" if key else name)
    elif isinstance(value, (list, tuple)):
        for position, item in enumerate(value):
            _refuse_none(item, f"{key}[{position}]")
