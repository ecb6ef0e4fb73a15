"""Weights of structural parts, each in one safetensors file that says what they belong to.

``plait train reader`` leaves them in the index's model :data:`READER`, one file per kind of generator. Light: torch is
imported where a file is read or written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plait.contracts.errors import IdentityError, ModelError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["FID", "PROJECTOR", "READER", "check_structural", "compare_identity", "read_checkpoint", "write_checkpoint"]

READER = "reader"
"""The name of the trained model in the index."""
PROJECTOR = "projector.safetensors"
"""Weights of the projector, for generators that take soft tokens."""
FID = "fusion-in-decoder.safetensors"
"""Structural weights of a Fusion-in-Decoder."""
_FORMAT = 1


def write_checkpoint(path: Path, kind: str, about: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """Writes the file beside its place and moves it there whole.

    Args:
        path: of the file.
        kind: what the weights are of, such as ``soft-token projector``.
        about: sizes and identity (JSON).
        tensors: weights by name.

    Raises:
        ModelError: a weight is not finite; nothing is written.
    """
    from safetensors.torch import save

    plain = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    _check_finite(plain, kind, path)
    header = json.dumps({"format": _FORMAT, "kind": kind, **about}, sort_keys=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".part")
    unfinished.write_bytes(save(plain, metadata={"about": header}))
    unfinished.replace(path)


def read_checkpoint(path: Path, kind: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """What :func:`write_checkpoint` wrote: its header and its weights.

    Raises:
        ModelError: the file is missing, broken, of a newer format or another kind, or holds weights that are not
            finite.
    """
    about, tensors = _read(path, kind)
    _check_finite(tensors, kind, path)
    return about, tensors


def check_structural(path: Path, structural: Mapping[str, Any]) -> None:
    """Refuses weights that were trained with another structural encoder, without reading them.

    Raises:
        IdentityError: the two differ.
        ModelError: the file is missing or broken.
    """
    about, _ = _read(path)
    compare_identity(about.get("structural", {}), structural, "structural encoder", str(about["kind"]), path)


def compare_identity(theirs: Mapping[str, Any], ours: Mapping[str, Any], part: str, kind: str, path: Path) -> None:
    """Refuses weights that were trained for something else.

    Raises:
        IdentityError: the two differ; the message names what was trained with, what is given, and where they differ.
    """
    ours = json.loads(json.dumps(dict(ours), sort_keys=True, default=str))
    if theirs == ours:
        return
    keys = sorted(key for key in {*theirs, *ours} if theirs.get(key) != ours.get(key))
    trained, given = ({key: side.get(key) for key in keys} for side in (theirs, ours))
    raise IdentityError(
        f"this {kind} was trained with another {part}: {trained}, not {given}",
        where=str(path),
        fix=f"train it again, or go back to the {part} it was trained with",
    )


def _read(path: Path, kind: str | None = None) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The header, and the weights where it is known which kind is wanted."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            about = json.loads((file.metadata() or {})["about"])
            names = file.keys() if kind else ()
            tensors = {name: file.get_tensor(name) for name in names}
        if about["kind"] != (kind or about["kind"]):
            raise ValueError(f"it holds a {about['kind']}")
        if about["format"] != _FORMAT:
            raise ValueError(f"it has format {about['format']}, this Plait reads {_FORMAT}")
    except (SafetensorError, OSError, KeyError, ValueError, TypeError) as error:
        what = f"no usable {kind}" if kind else "no checkpoint"
        raise ModelError(f"this is {what} ({error})", where=str(path), fix="train it again") from error
    return about, tensors


def _check_finite(tensors: Mapping[str, Tensor], kind: str, path: Path) -> None:
    for name, value in tensors.items():
        wrong = int((~value.isfinite()).sum())
        if wrong:
            raise ModelError(
                f"{wrong} of the {value.numel()} weights {name!r} of this {kind} are not finite numbers",
                where=str(path),
                fix="train it again; no answer was made with it",
            )
