"""A model where vLLM can read it: models inside a GGUF file are converted once, into the environment.

``python -m plait.generators.vllm.folder smollm2-135m`` does it ahead of time and prints the folder.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from plait.contracts.errors import ModelError
from plait.generators.local.model import find_causal_model, load_causal_model

__all__ = ["engine_folder"]

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


if __name__ == "__main__":
    print(engine_folder(sys.argv[1], "generator vllm"))  # noqa: T201
