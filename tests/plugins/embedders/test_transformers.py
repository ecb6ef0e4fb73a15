from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import DistilBertConfig, DistilBertModel

from plait.contracts.errors import ModelError
from plait.embedders.transformers import Config, MiniLM, MiniLMConfig, TransformersEmbedder
from plait.testing.conformance import EmbedderConformance


def tiny(folder: Path, **settings: object) -> TransformersEmbedder:
    return TransformersEmbedder(Config(model=str(folder), max_tokens=settings.pop("max_tokens", 64), **settings))


class TestOnABertFolder(EmbedderConformance):
    @pytest.fixture
    def embedder(self, tiny_bert: Path) -> TransformersEmbedder:
        return tiny(tiny_bert)


class TestOnAnotherArchitecture(EmbedderConformance):
    @pytest.fixture
    def embedder(self, tiny_bert: Path, tmp_path: Path) -> TransformersEmbedder:
        torch.manual_seed(0)
        config = DistilBertConfig(
            vocab_size=30522, dim=48, n_layers=2, n_heads=4, hidden_dim=96, max_position_embeddings=64,
            initializer_range=0.3,
        )  # fmt: skip
        DistilBertModel(config).save_pretrained(tmp_path)
        for name in ("tokenizer.json", "tokenizer_config.json"):
            (tmp_path / name).write_bytes((tiny_bert / name).read_bytes())
        return tiny(tmp_path)


def test_vectors_equal_sentence_transformers(sentence_transformer: Callable[..., Path]) -> None:
    """An outside reference for pooling, normalising, prompts and the length that the folder sets."""
    from sentence_transformers import SentenceTransformer

    folder = sentence_transformer(
        pooling={"word_embedding_dimension": 48, "pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False},
        sentence_bert_config={"max_seq_length": 16, "do_lower_case": False},
        config_sentence_transformers={"prompts": {"query": "query: ", "document": "passage: "}},
    )
    texts = ["short", "a longer text of eleven words, with a prefix"]
    theirs = SentenceTransformer(str(folder), device="cpu")
    ours = TransformersEmbedder(Config(model=str(folder), dtype="float32"))
    assert ours.max_tokens == 16
    np.testing.assert_allclose(ours.embed_queries(texts), theirs.encode(texts, prompt_name="query"), atol=1e-5)
    np.testing.assert_allclose(ours.embed_passages(texts), theirs.encode(texts, prompt_name="document"), atol=1e-5)


def test_settings_win_over_what_the_folder_says(sentence_transformer: Callable[..., Path]) -> None:
    folder = sentence_transformer(config_sentence_transformers={"prompts": {"query": "query: "}})
    embedder = tiny(folder, query_prefix="", pooling="last", max_tokens=20)
    assert (embedder.query_prefix, embedder.pooling, embedder.max_tokens) == ("", "last", 20)


def test_a_prefix_changes_the_vectors(tiny_bert: Path) -> None:
    embedder = tiny(tiny_bert, query_prefix="query: ")
    assert embedder.embed_queries(["a"])[0] @ embedder.embed_passages(["a"])[0] < 0.999
    np.testing.assert_allclose(embedder.embed_queries(["a"]), embedder.embed_passages(["query: a"]), atol=1e-6)


def test_more_tokens_than_positions_are_refused(tiny_bert: Path) -> None:
    with pytest.raises(ModelError, match="positions for 64"):
        tiny(tiny_bert, max_tokens=65)


def test_weights_that_are_not_numbers_name_the_text(tiny_bert: Path, tmp_path: Path) -> None:
    for file in tiny_bert.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    weights = load_file(tmp_path / "model.safetensors")
    row = TransformersEmbedder(Config(model=str(tiny_bert), max_tokens=64)).tokeniser()(["braid"])[0][1]
    weights["embeddings.word_embeddings.weight"][row] = float("nan")
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match="text number 1: 'a braid'"):
        tiny(tmp_path).embed_passages(["fine", "a braid"])


def test_the_fingerprint_changes_with_all_that_moves_vectors(tiny_bert: Path) -> None:
    first = tiny(tiny_bert).fingerprint()
    for settings in ({"pooling": "cls"}, {"query_prefix": "q: "}, {"max_tokens": 32}, {"dtype": "float32"}):
        assert tiny(tiny_bert, **settings).fingerprint() != first, settings
    assert tiny(tiny_bert, batch_tokens=256).fingerprint() == first


def test_a_model_with_code_of_its_own_does_not_run_it(tiny_bert: Path, tmp_path: Path) -> None:
    import json

    for file in tiny_bert.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    config = json.loads((tmp_path / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "own.Own", "AutoModel": "own.Own"}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    witness = tmp_path / "ran"
    (tmp_path / "own.py").write_text(f"open({str(witness)!r}, 'w')\nclass Own: pass\n")
    with pytest.raises(ModelError, match="cannot load"):
        tiny(tmp_path).embed_passages(["a"])
    assert not witness.exists()


def test_several_threads_get_the_vectors_of_one(tiny_bert: Path) -> None:
    embedder = tiny(tiny_bert)
    texts = [f"text number {number} " * (number % 7 + 1) for number in range(64)]
    alone = embedder.embed_passages(texts)
    threads = torch.get_num_threads()
    with ThreadPoolExecutor(4) as pool:
        for vectors in pool.map(embedder.embed_passages, [texts] * 8):
            np.testing.assert_allclose(vectors, alone, atol=1e-5)
    assert torch.get_num_threads() == threads, "torch's setting was not put back"


TEXTS = [
    "BM25 weighs a term by how often it occurs.",
    "Größe, naïve café — 中文 🧵 don't U.S. e.g. p<0.05",
    "",
    "long " * 200,
    "tab\tand\nnewline\x00 and [MASK] or [SEP]",
]


def test_the_vectors_of_minilm_equal_sentence_transformers_in_float32(minilm_folder: Path) -> None:
    from sentence_transformers import SentenceTransformer

    theirs = SentenceTransformer(str(minilm_folder), device="cpu").encode(TEXTS)
    np.testing.assert_allclose(MiniLM(MiniLMConfig(dtype="float32")).embed_passages(TEXTS), theirs, atol=1e-5)
    bfloat16 = MiniLM(MiniLMConfig(dtype="bfloat16")).embed_passages(TEXTS)
    assert np.vecdot(bfloat16, theirs).min() > 0.999


def test_minilm_needs_no_batch_settings_to_be_the_same_model() -> None:
    assert MiniLM(MiniLMConfig(batch_tokens=512)).fingerprint() == MiniLM(MiniLMConfig()).fingerprint()


def test_vectors_of_tokens_are_those_of_the_last_layer_without_marks_and_punctuation(minilm_folder: Path) -> None:
    from transformers import AutoModel, AutoTokenizer

    text = "Citations, it says, link documents (and authors)."
    tokenizer, model = AutoTokenizer.from_pretrained(minilm_folder), AutoModel.from_pretrained(minilm_folder)
    read = tokenizer(text, return_tensors="pt")
    with torch.no_grad():
        states = model(**read).last_hidden_state[0].numpy()
    words = tokenizer.convert_ids_to_tokens(read["input_ids"][0])
    kept = [row for row, word in enumerate(words) if word not in ("[CLS]", "[SEP]", ",", "(", ")", ".")]
    wanted = states[kept] / np.linalg.norm(states[kept], axis=1, keepdims=True)
    embedder = MiniLM(MiniLMConfig(dtype="float32"))
    (found,) = embedder.embed_tokens([text], "passage")
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    assert embedder.embed_tokens(["?!", text, ""], "query")[0].shape == (0, embedder.token_dimension)


def test_a_prefix_is_read_before_the_tokens_of_its_kind(tiny_bert: Path) -> None:
    embedder = tiny(tiny_bert, query_prefix="query ", dtype="float32")
    (asked,) = embedder.embed_tokens(["a graph"], "query")
    (stored,) = embedder.embed_tokens(["query a graph"], "passage")
    np.testing.assert_allclose(asked, stored, atol=1e-6)
    assert len(embedder.embed_tokens(["a graph"], "passage")[0]) == len(asked) - 1
