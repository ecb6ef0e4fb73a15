"""The state of an unfinished training run on disk: one safetensors file, replaced as a whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from plait.contracts.errors import ConfigError, ModelError
from plait.gnn.encoder import Encoder

__all__ = ["load_state", "save_state"]

_MOMENTS = ("exp_avg", "exp_avg_sq", "step")


def save_state(
    path: Path, encoder: Encoder, optimiser: torch.optim.Optimizer, run: Mapping[str, Any], step: int
) -> None:
    """Writes parameters, the optimiser's moments and how many steps are done."""
    from safetensors.torch import save_file

    tensors: dict[str, Tensor] = {}
    for name, value in encoder.named_parameters():
        tensors[f"encoder.{name}"] = value.detach().cpu().contiguous()
        for moment, tensor in optimiser.state.get(value, {}).items():
            tensors[f"{moment}.{name}"] = torch.as_tensor(tensor).detach().cpu().contiguous()
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".part")
    save_file(tensors, unfinished, metadata={"run": json.dumps(run, sort_keys=True), "step": str(step)})
    unfinished.replace(path)


def load_state(path: Path, encoder: Encoder, optimiser: torch.optim.Optimizer, run: Mapping[str, Any]) -> int:
    """Puts a saved state into encoder and optimiser; how many steps were done.

    Raises:
        ModelError: the file is missing or no training state.
        ConfigError: it is of a run with other settings, another seed or another graph.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            about = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
        theirs, step = json.loads(about["run"]), int(about["step"])
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise ModelError(f"this is no training state ({error})", where=str(path), fix="train from the start") from error
    ours = json.loads(json.dumps(run))
    different = [key for key in ours if theirs.get(key) != ours[key]]
    if different:
        raise ConfigError(
            f"this training state is of another run: {', '.join(different)} differ",
            where=str(path),
            fix="resume with the settings, seed and graph it was begun with, or train from the start",
        )
    with torch.no_grad():
        for name, value in encoder.named_parameters():
            value.copy_(tensors[f"encoder.{name}"])
            moments = {moment: tensors[f"{moment}.{name}"] for moment in _MOMENTS if f"{moment}.{name}" in tensors}
            if moments:
                optimiser.state[value] = {
                    moment: tensor if moment == "step" else tensor.to(value.device)
                    for moment, tensor in moments.items()
                }
    return step
