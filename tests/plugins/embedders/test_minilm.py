from __future__ import annotations

from pathlib import Path

import numpy as np
from transformers import AutoTokenizer

from plait.embedders.minilm import Config, MiniLM, fast_tokeniser

TEXTS = [
    "BM25 weighs a term by how often it occurs.",
    "Größe, naïve café — 中文 🧵 don't U.S. e.g. p<0.05",
    "",
    "long " * 400,
    "tab\tand\nnewline\x00 and [MASK] or [SEP]",
]


def test_vectors_equal_sentence_transformers_in_float32(minilm_folder: Path) -> None:
    from sentence_transformers import SentenceTransformer

    theirs = SentenceTransformer(str(minilm_folder), device="cpu").encode(TEXTS)
    np.testing.assert_allclose(MiniLM(Config(dtype="float32")).embed_passages(TEXTS), theirs, atol=1e-5)
    bfloat16 = MiniLM(Config(dtype="bfloat16")).embed_passages(TEXTS)
    assert np.vecdot(bfloat16, theirs).min() > 0.999


def test_the_tokenizer_file_alone_gives_the_numbers_of_transformers(minilm_folder: Path) -> None:
    theirs = AutoTokenizer.from_pretrained(minilm_folder)(TEXTS, truncation=True, max_length=256)["input_ids"]
    assert fast_tokeniser(minilm_folder, 256)(TEXTS) == theirs


def test_it_needs_no_batch_settings_to_be_the_same_model() -> None:
    assert MiniLM(Config(batch_tokens=512)).fingerprint() == MiniLM(Config()).fingerprint()
