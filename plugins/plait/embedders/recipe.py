"""How a model's folder says its vectors are made: pooling, prefixes, length, normalisation."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from plait.contracts.errors import ModelError

__all__ = ["Pooling", "Recipe", "read_recipe"]

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
