"""Loading models without a word: a command decides itself what it shows of its progress."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["without_bars"]

_LOADING = threading.Lock()


@contextmanager
def without_bars() -> Iterator[None]:
    """Without the bars that transformers draws on standard error over the weights of every model, however small."""
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
