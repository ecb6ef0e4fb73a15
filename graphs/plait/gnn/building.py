"""From settings to an encoder, and to the device it runs on."""

from __future__ import annotations

import torch

from plait.contracts.errors import ConfigError
from plait.gnn.encoder import Encoder
from plait.gnn.hgt import Hgt
from plait.gnn.rgcn import Rgcn
from plait.gnn.sage import Sage
from plait.gnn.settings import EncoderSettings

__all__ = ["build_encoder", "device_of"]


def build_encoder(settings: EncoderSettings, dimension: int, seed: int) -> Encoder:
    """An untrained encoder, the same for the same seed; the caller's random state is left as it was.

    Raises:
        ConfigError: the width cannot be divided among the heads.
    """
    relations = len(settings.relations)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if settings.encoder == "rgcn":
            return Rgcn(dimension, relations, depth=settings.depth, width=settings.width, bases=settings.bases)
        if settings.encoder == "hgt":
            if settings.width % settings.heads:
                raise ConfigError(
                    f"width {settings.width} cannot be divided among {settings.heads} heads",
                    where="graph encoder 'hgt'",
                    fix="choose a width that is a multiple of heads",
                )
            return Hgt(dimension, relations, depth=settings.depth, width=settings.width, heads=settings.heads)
        return Sage(dimension, relations, depth=settings.depth, rank=settings.rank)


def device_of(name: str) -> torch.device:
    """``auto`` is the first GPU where there is one.

    Raises:
        ConfigError: there is no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigError(f"there is no device {name!r}", choices=("auto", "cpu", "cuda", "cuda:0")) from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ConfigError(
            f"device {name!r} is asked for, but torch sees {torch.cuda.device_count()} GPUs", fix="use device 'auto'"
        )
    return device
