"""Loading a model of transformers: on which device, in which number format, from which folder, and without a word."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from plait.config.extras import missing
from plait.contracts.errors import ModelError

if TYPE_CHECKING:
    import torch

__all__ = ["Dtype", "choose_device", "choose_dtype", "cpu_has_bfloat16", "load_pretrained", "without_bars"]

Dtype = Literal["auto", "float32", "bfloat16"]
_LOADING = threading.Lock()


@cache
def cpu_has_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 in hardware; elsewhere it is slower than float32."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    flags = next((line for line in text.splitlines() if line.startswith("flags")), "").split()
    return "avx512_bf16" in flags or "amx_bf16" in flags


def choose_device(wanted: str) -> torch.device:
    """The device for ``auto`` or a name such as ``cpu`` or ``cuda:1``."""
    import torch

    if wanted != "auto":
        return torch.device(wanted)
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def choose_dtype(wanted: Dtype, device: torch.device) -> torch.dtype:
    """The number format: ``auto`` is bfloat16 where the hardware multiplies it, else float32."""
    import torch

    if wanted != "auto":
        return torch.float32 if wanted == "float32" else torch.bfloat16
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    return torch.bfloat16 if device.type == "cpu" and cpu_has_bfloat16() else torch.float32


def load_pretrained(kind: str, folder: Path, *, where: str, **settings: Any) -> Any:
    """``transformers.<kind>.from_pretrained(folder)``: of models only safetensors, no network, no code of the folder.

    Args:
        kind: an auto class, such as ``"AutoModel"`` or ``"AutoTokenizer"``.
        folder: where its files lie.
        where: what asked for it, for messages.
        settings: further arguments of ``from_pretrained``.

    Raises:
        MissingDependencyError: transformers, or a package that the model needs beside it, is not installed.
        ModelError: transformers does not know the architecture, or cannot read the folder.
    """
    try:
        auto = getattr(importlib.import_module("transformers"), kind)
    except ModuleNotFoundError as error:
        raise missing(error.name or "transformers", "plait[models]", where) from error
    what = "model's tokenizer" if kind == "AutoTokenizer" else "model"
    if kind != "AutoTokenizer":
        settings["use_safetensors"] = True
    try:
        with without_bars():
            return auto.from_pretrained(folder, local_files_only=True, trust_remote_code=False, **settings)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        reason = str(error).strip().split("\n")[0]
        raise ModelError(
            f"transformers cannot load this {what}: {reason}", where=where, fix="fetch it again, or choose another"
        ) from error


@contextmanager
def without_bars() -> Iterator[None]:
    """Without the bars that transformers draws on standard error over the weights of every model, however small.

    A command decides itself what it shows of its progress.
    """
    from transformers.utils import logging

    bars: Any = logging
    try:
        gguf: Any = importlib.import_module("transformers.modeling_gguf_pytorch_utils")
    except ImportError:  # nobody promised that it stays there
        gguf = None
    with _LOADING:  # else two loads could each put back what the other had switched off
        shown, drawn = bars.is_progress_bar_enabled(), getattr(gguf, "tqdm", None)
        bars.disable_progress_bar()
        if drawn is not None:  # the loader of GGUF draws a bar of its own, whatever the switch says
            gguf.tqdm = lambda tensors, **_: tensors
        try:
            yield
        finally:
            if shown:
                bars.enable_progress_bar()
            if drawn is not None:
                gguf.tqdm = drawn
