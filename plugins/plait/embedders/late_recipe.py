"""The folder of a model trained for late interaction: how it reads questions and passages, and its projection.

Two ways of keeping such a model are read: that of ColBERT itself (Khattab and Zaharia 2020, arXiv:2004.12832), whose
checkpoint holds ``linear.weight`` beside an ``artifact.metadata``, and that of PyLate (Chaffin and Sourty 2025,
arXiv:2508.03555), a sentence-transformers folder with modules ``Dense``.
"""

from __future__ import annotations

import json
import string
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plait.config.extras import require
from plait.contracts.errors import ModelError
from plait.embedders.model_folder import weight_files

__all__ = ["LateRecipe", "Projection", "read_late_recipe", "read_projection"]

_PUNCTUATION = tuple(string.punctuation)


@dataclass(frozen=True, slots=True)
class LateRecipe:
    """What the folder of a late interaction model tells about itself; the defaults are PyLate's.

    Args:
        folder: where the transformer lies.
        projections: folders of the layers behind it, in order; that of the transformer where they lie in its weights.
        query_marker: the token put behind the first of every question; empty for none.
        passage_marker: that of passages.
        query_tokens: a question is cut to so many, and filled up to them where it is ``expanded``.
        passage_tokens: a longer passage is read in windows of so many.
        expanded: whether questions are filled up with the mask token, whose vectors count like all others.
        attended: whether the question's words see these.
        skipped: tokens of passages that are read, but have no vector: punctuation.
    """

    folder: Path
    projections: tuple[Path, ...]
    query_marker: str = "[Q] "
    passage_marker: str = "[D] "
    query_tokens: int = 32
    passage_tokens: int = 180
    expanded: bool = True
    attended: bool = False
    skipped: tuple[str, ...] = _PUNCTUATION


def read_late_recipe(folder: Path) -> LateRecipe:
    """Reads the folder of a ColBERT or PyLate model.

    Raises:
        ModelError: it is of no such model, has a module that is not reproduced here, or pickled weights only.
    """
    if (folder / "modules.json").is_file():
        return _of_modules(folder)
    if not any("linear.weight" in _names(file) for file in weight_files(folder)):
        raise ModelError(
            "this is no late interaction model: its weights have no projection 'linear.weight', and it has no modules",
            where=str(folder),
            fix="leave the setting 'model' out to use the token vectors of the pipeline's embedder",
        )
    told = _json(folder / "artifact.metadata")
    if told.get("similarity", "cosine") != "cosine":
        raise ModelError(
            f"it compares by {told['similarity']!r}, which is not reproduced here",
            where=str(folder / "artifact.metadata"), choices=("cosine",), fix="choose another model",
        )  # fmt: skip
    return LateRecipe(
        folder,
        (folder,),
        told.get("query_token_id", "[unused0]"),
        told.get("doc_token_id", "[unused1]"),
        int(told.get("query_maxlen", 32)),
        int(told.get("doc_maxlen", 220)),
        attended=bool(told.get("attend_to_mask_tokens", False)),
        skipped=_PUNCTUATION if told.get("mask_punctuation", True) else (),
    )


def _of_modules(folder: Path) -> LateRecipe:
    inner, projections = folder, []
    for module in _json(folder / "modules.json"):
        kind, place = str(module["type"]).rsplit(".", 1)[-1], folder / module.get("path", "")
        if kind == "Transformer":
            inner = place
        elif kind == "Dense":
            projections.append(place)
        elif kind != "Normalize":
            raise ModelError(
                f"a late interaction model with a module {kind!r} is not reproduced here",
                where=str(folder / "modules.json"), choices=("Transformer", "Dense", "Normalize"),
                fix="choose another model; one vector a text is the business of an embedder",
            )  # fmt: skip
    if not projections:
        raise ModelError(
            "this is no late interaction model: it has no module 'Dense'", where=str(folder / "modules.json"),
            fix="leave the setting 'model' out to use the token vectors of the pipeline's embedder",
        )  # fmt: skip
    told = _json(folder / "config_sentence_transformers.json")
    names = {
        "query_marker": "query_prefix",
        "passage_marker": "document_prefix",
        "query_tokens": "query_length",
        "passage_tokens": "document_length",
        "expanded": "do_query_expansion",
        "attended": "attend_to_expansion_tokens",
    }
    given = {field: told[name] for field, name in names.items() if told.get(name) is not None}
    if told.get("skiplist_words") is not None:
        given["skipped"] = tuple(told["skiplist_words"])
    return LateRecipe(inner, tuple(projections), **given)


@dataclass(frozen=True, slots=True)
class Projection:
    """x W^T + b, and x R^T beside it where the layer has a residual.

    Example:
        >>> weight = np.array([[1.0, 2.0]], np.float32)
        >>> Projection(weight, None, 10 * weight)(np.array([[3.0, 4.0]], np.float32)).tolist()
        [[121.0]]
    """

    weight: NDArray[np.float32]  # (out, in)
    bias: NDArray[np.float32] | None
    residual: NDArray[np.float32] | None  # (out, in); the identity where in is out

    def __call__(self, states: NDArray[np.float32]) -> NDArray[np.float32]:
        """States (tokens, in) as (tokens, out)."""
        projected = states @ self.weight.T
        if self.bias is not None:
            projected = projected + self.bias
        return projected if self.residual is None else projected + states @ self.residual.T


def read_projection(folder: Path) -> Projection:
    """Reads the weights of a projection.

    Raises:
        ModelError: they are pickled, or the layer does more than is reproduced here.
    """
    load = require("safetensors.numpy", "plait[models]", needed_by=str(folder)).load_file
    tensors = {name: tensor for file in weight_files(folder) for name, tensor in load(file).items()}
    told = _json(folder / "config.json")
    activation = str(told.get("activation_function", "Identity"))
    if "linear.weight" not in tensors or not activation.endswith("Identity"):
        what = "no 'linear.weight'" if "linear.weight" not in tensors else f"the activation {activation}"
        raise ModelError(
            f"this projection has {what}, which is not reproduced here", where=str(folder), fix="choose another model"
        )
    weight = tensors["linear.weight"].astype(np.float32)
    residual = tensors.get("residual.weight")
    if residual is None and told.get("use_residual"):
        residual = np.eye(len(weight), dtype=np.float32)
    bias = tensors.get("linear.bias")
    return Projection(
        weight,
        None if bias is None else bias.astype(np.float32),
        None if residual is None else residual.astype(np.float32),
    )


def _names(file: Path) -> list[str]:
    """Names of the tensors in a safetensors file."""
    safetensors = require("safetensors", "plait[models]", needed_by=str(file))
    try:
        with safetensors.safe_open(file, framework="numpy") as opened:
            return list(opened.keys())
    except (safetensors.SafetensorError, OSError) as error:
        raise ModelError(
            f"these weights cannot be read ({error})", where=str(file), fix="fetch the model again"
        ) from error


def _json(path: Path) -> Any:
    """What a JSON file holds; nothing where there is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except ValueError as error:
        raise ModelError(f"not readable as JSON: {error}", where=str(path), fix="fetch the model again") from error
