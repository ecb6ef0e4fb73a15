"""A vLLM engine in this process, stepped by whoever waits for an answer, and the folder it reads a model from.

``python -m plait.generators.vllm.engine smollm2-135m`` converts a model inside a GGUF file ahead of time and prints the
folder.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Generator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

from plait.config import require
from plait.contracts.errors import GenerationError, MissingDependencyError, ModelError
from plait.generators.local.model import find_causal_model, load_causal_model

__all__ = ["ENVIRONMENT", "VllmEngine", "engine_folder"]

_READY = "config.json"


def engine_folder(model: str, where: str, home: Path | None = None) -> Path:
    """The folder of a model with safetensors weights in bfloat16.

    A folder or a Hugging Face id that is on disk is used as it is. What is packed in GGUF is unpacked with transformers
    and saved under ``share/plait/models`` of the environment, whole or not at all.

    Args:
        model: ``smollm2-135m``, a local folder, a GGUF file, or a Hugging Face id that is on disk.
        where: who asks, for messages.
        home: where conversions are kept, if not in the environment.

    Raises:
        ModelError: the model is missing or damaged, or there is no room or no right to write.
    """
    place = find_causal_model(model)
    if place.gguf is None:
        return place.folder
    source = place.folder / place.gguf
    home = home or Path(sys.prefix, "share", "plait", "models")
    # The size tells a changed file apart without reading it; nothing is trusted that depends on it.
    folder = home / f"{source.stem}-{source.stat().st_size}-bfloat16"
    if (folder / _READY).is_file():
        return folder
    loaded = load_causal_model(place, model, "bfloat16", "cpu")
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home, prefix=".converting-") as scratch:
            loaded.model.save_pretrained(scratch)
            loaded.tokenizer.save_pretrained(scratch)
            Path(scratch).chmod(0o755)
            moved = Path(scratch, "moved")
            moved.mkdir()
            for file in Path(scratch).iterdir():
                if file != moved:
                    shutil.move(file, moved)
            try:
                moved.replace(folder)
            except OSError:
                if not (folder / _READY).is_file():  # else another process was faster, with the same result
                    raise
    except OSError as error:
        raise ModelError(
            f"the model cannot be converted for vLLM: {error.strerror or error}",
            where=f"{where}: {home}",
            fix="make room or give write access, or name a folder that holds the model as safetensors",
        ) from error
    return folder


ENVIRONMENT: Mapping[str, str] = {
    # In this process in earnest: a process of its own is started by running the caller's main module again, which
    # only programs with an ``if __name__ == "__main__"`` survive.
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    # The threads of a whole process are not the engine's to pin to processors.
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_LOGGING_LEVEL": "WARNING",
    "HF_HUB_OFFLINE": "1",
}
"""What the engine is told by variables; those that are set already stay as they are. The cache is in GiB."""


class VllmEngine:
    """Several requests at a time over one engine.

    vLLM answers all requests in steps. Each caller that waits takes a step for everybody and keeps what belongs to
    others until they ask, so threads may share the engine and a stream may be left half way.

    Args:
        folder: the model.
        where: the generator, for messages.
        options: keyword arguments of ``vllm.LLM``.

    Raises:
        MissingDependencyError: vLLM is not installed.
        GenerationError: the engine does not start.
    """

    def __init__(self, folder: Path, where: str, options: Mapping[str, Any]) -> None:
        self._where = where
        self._lock = threading.Lock()
        self._waiting: dict[str, deque[Any]] = {}
        self._numbers = count()
        for name, value in ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        try:
            self.vllm: Any = require("vllm", "plait[vllm]", needed_by=where)
        except MissingDependencyError as error:
            raise MissingDependencyError(
                error.message,
                where=where,
                fix="'make vllm' sets up an environment for it (.venv-vllm), since it wants versions of its own; on "
                'machines with a supported GPU: pip install "vllm>=0.11"',
            ) from error
        try:
            self._llm: Any = self.vllm.LLM(model=str(folder), **options)
        except Exception as error:  # whatever an engine of a hundred options raises
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise GenerationError(
                f"the vLLM engine does not start: {reason}",
                where=where,
                fix="lower max_model_len or the variable VLLM_CPU_KVCACHE_SPACE (GiB), or see vLLM's own log above",
            ) from error

    @property
    def window(self) -> int:
        """Longest prompt plus answer in tokens."""
        return int(self._llm.llm_engine.model_config.max_model_len)

    @property
    def tokenizer(self) -> Any:
        """The model's tokenizer."""
        return self._llm.get_tokenizer()

    def begin(self, prompt: Mapping[str, Any], parameters: Any) -> str:
        """Hands a request to the engine.

        Args:
            prompt: ``{"prompt_token_ids": [...]}`` or ``{"prompt_embeds": tensor}``.
            parameters: ``vllm.SamplingParams`` with output in pieces.

        Returns:
            The request's name, for :meth:`pieces`.
        """
        name = f"plait-{next(self._numbers)}"
        with self._lock:
            self._llm.llm_engine.add_request(name, dict(prompt), parameters)
            self._waiting[name] = deque()
        return name

    def pieces(self, name: str) -> Generator[Any, None, None]:
        """The outputs of a request as they come. Leaving early ends it at the engine."""
        finished = False
        try:
            while not finished:
                output = self._next(name)
                finished = output.finished
                yield output
        finally:
            with self._lock:
                del self._waiting[name]
                if not finished:
                    self._llm.llm_engine.abort_request([name])

    def forget(self, name: str) -> None:
        """Ends a request that nobody reads."""
        with self._lock:
            if self._waiting.pop(name, None) is not None:
                self._llm.llm_engine.abort_request([name])

    def forget_prefixes(self) -> None:
        """Empties the cache of earlier prompts' beginnings."""
        with self._lock:
            self._llm.reset_prefix_cache()

    def close(self) -> None:
        """Stops the engine and frees its memory."""
        with self._lock:
            self._llm.llm_engine.engine_core.shutdown()

    def _next(self, name: str) -> Any:
        mine = self._waiting[name]
        while True:
            with self._lock:
                if mine:
                    return mine.popleft()
                if not self._llm.llm_engine.has_unfinished_requests():
                    raise GenerationError(
                        "the engine has nothing left to do, and the answer has not ended; nothing of it is an answer",
                        where=self._where,
                        fix="restart the process",
                    )
                for output in self._llm.llm_engine.step():
                    if output.request_id in self._waiting:
                        self._waiting[output.request_id].append(output)


if __name__ == "__main__":
    print(engine_folder(sys.argv[1], "generator vllm"))  # noqa: T201
