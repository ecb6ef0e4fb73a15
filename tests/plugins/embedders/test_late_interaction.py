"""Late interaction models in both layouts, against the definition computed a text at a time without padding."""

from __future__ import annotations

import json
import shutil
import string
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from transformers import AutoModel, AutoTokenizer

from plait.contracts import TokenVectors
from plait.contracts.errors import ModelError
from plait.embedders.late_interaction import ColBERT

TEXTS = ["Two.", "What do citations, and authors, tell?", "", "(?!)", "A rare term weighs more: " * 9]


def random(rows: int, columns: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal((rows, columns)).astype(np.float32)


def pylate(tiny_bert: Path, folder: Path, dense: dict[str, Any] | None = None, **told: Any) -> Path:
    """The tiny model with a projection to 16, as PyLate saves it."""
    shutil.copytree(tiny_bert, folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["[Q] ", "[D] "])
    tokenizer.save_pretrained(folder)
    model = AutoModel.from_pretrained(folder)
    torch.manual_seed(1)
    model.resize_token_embeddings(len(tokenizer))
    model.save_pretrained(folder)
    records = [{"path": "", "type": "sentence_transformers.models.Transformer"}]
    records += [{"path": "1_Dense", "type": "pylate.models.Dense.Dense"}]
    (folder / "modules.json").write_text(json.dumps(records))
    (folder / "1_Dense").mkdir()
    settings = {"in_features": 48, "out_features": 16, "activation_function": "torch.nn.modules.linear.Identity"}
    (folder / "1_Dense" / "config.json").write_text(json.dumps(settings | (dense or {})))
    save_file({"linear.weight": random(16, 48)}, folder / "1_Dense" / "model.safetensors")
    settings = {"query_prefix": "[Q] ", "document_prefix": "[D] ", "query_length": 12, "document_length": 60}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(settings | told))
    return folder


def original(tiny_bert: Path, folder: Path, **told: Any) -> Path:
    """The same as ColBERT's own checkpoints are: the projection among the transformer's weights."""
    shutil.copytree(tiny_bert, folder)
    tensors = load_file(folder / "model.safetensors")
    tensors = {f"bert.{name}": tensor for name, tensor in tensors.items()} | {"linear.weight": random(16, 48)}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    settings = {"query_token_id": "[unused0]", "doc_token_id": "[unused1]", "query_maxlen": 12, "doc_maxlen": 60}
    (folder / "artifact.metadata").write_text(json.dumps(settings | told))
    return folder


def states(folder: Path, numbers: list[int], seen: int) -> NDArray[np.float32]:
    """Of one text alone, whose tokens attend to the first ``seen``."""
    model = AutoModel.from_pretrained(folder).eval()
    mask = torch.tensor([[1] * seen + [0] * (len(numbers) - seen)])
    with torch.no_grad():
        return model(input_ids=torch.tensor([numbers]), attention_mask=mask).last_hidden_state[0].numpy()


def defined(folder: Path, text: str, kind: str, marker: str, attended: bool = False) -> NDArray[np.float32]:
    """The vectors from the definition: marker behind the first token, masks up to 12, no punctuation of passages."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    limit = (12 if kind == "query" else 60) - 1
    numbers = tokenizer(text, truncation=True, max_length=limit)["input_ids"]
    numbers = [numbers[0], tokenizer.convert_tokens_to_ids(marker), *numbers[1:]]
    seen = len(numbers)
    if kind == "query":
        numbers += [tokenizer.mask_token_id] * (12 - len(numbers))
    vectors = states(folder, numbers, len(numbers) if attended else seen) @ random(16, 48).T
    if kind == "passage":
        punctuation = set(tokenizer.convert_tokens_to_ids(list(string.punctuation)))
        vectors = vectors[[number not in punctuation for number in numbers]]
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.mark.parametrize("layout", [pylate, original])
@pytest.mark.parametrize("attended", [False, True])
def test_both_layouts_give_what_is_defined_and_padding_has_no_say(
    tiny_bert: Path, tmp_path: Path, layout: Any, attended: bool
) -> None:
    told = "attend_to_expansion_tokens" if layout is pylate else "attend_to_mask_tokens"
    folder = layout(tiny_bert, tmp_path / "model", **{told: attended})
    query, passage = ("[Q] ", "[D] ") if layout is pylate else ("[unused0]", "[unused1]")
    model = ColBERT(str(folder), dtype="float32")
    assert isinstance(model, TokenVectors) and model.token_dimension == 16
    asked, read = model.embed_tokens(TEXTS, "query"), model.embed_tokens(TEXTS[:-1], "passage")
    for text, found in zip(TEXTS, asked, strict=True):
        assert found.shape == (12, 16), "questions are filled up with masks"
        np.testing.assert_allclose(found, defined(folder, text, "query", query, attended), atol=2e-5)
    for text, found in zip(TEXTS, read, strict=False):
        np.testing.assert_allclose(found, defined(folder, text, "passage", passage), atol=2e-5)
        np.testing.assert_allclose(found, model.embed_tokens([text], "passage")[0], atol=2e-5)


def test_a_long_passage_is_read_in_windows_to_its_end(tiny_bert: Path, tmp_path: Path) -> None:
    model = ColBERT(str(pylate(tiny_bert, tmp_path / "model", document_length=10, skiplist_words=[])), "float32")
    words = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven"]
    (found,) = model.embed_tokens([" ".join(words)], "passage")
    first, second = (model.embed_tokens([" ".join(part)], "passage")[0] for part in (words[:7], words[7:]))
    np.testing.assert_allclose(found, np.concatenate([first, second]), atol=2e-5)


def test_a_question_that_is_cut_is_told_of(tiny_bert: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    model = ColBERT(str(pylate(tiny_bert, tmp_path / "model", query_length=10)), "float32")
    model.embed_tokens(["one two three"], "query")
    assert not caplog.records
    (found,) = model.embed_tokens(["one two three four five six seven eight nine ten eleven"], "query")
    assert len(found) == 10
    assert "a question of 13 tokens was cut to 9" in caplog.text


def test_what_the_files_say_of_expansion_markers_and_skipped_words_is_done(tiny_bert: Path, tmp_path: Path) -> None:
    plain = pylate(
        tiny_bert, tmp_path / "model", query_prefix="", do_query_expansion=False, skiplist_words=["graph", "zzzz"]
    )
    model, tokenizer = ColBERT(str(plain), "float32"), AutoTokenizer.from_pretrained(plain)
    numbers = tokenizer("a graph")["input_ids"]
    vectors = states(plain, numbers, len(numbers)) @ random(16, 48).T
    (found,) = model.embed_tokens(["a graph"], "query")
    np.testing.assert_allclose(found, vectors / np.linalg.norm(vectors, axis=1, keepdims=True), atol=2e-5)
    assert len(model.embed_tokens(["a graph, a graph"], "passage")[0]) == len(tokenizer("a , a")["input_ids"]) + 1


def test_bias_and_residual_of_a_projection_count(tiny_bert: Path, tmp_path: Path) -> None:
    folder = pylate(tiny_bert, tmp_path / "model", {"use_residual": True}, do_query_expansion=False)
    tensors = {"linear.weight": random(16, 48), "linear.bias": random(1, 16)[0], "residual.weight": random(16, 48, 2)}
    save_file(tensors, folder / "1_Dense" / "model.safetensors")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    first, *numbers = tokenizer("graphs")["input_ids"]
    numbers = [first, tokenizer.convert_tokens_to_ids("[Q] "), *numbers]
    read = states(folder, numbers, len(numbers))
    vectors = read @ (tensors["linear.weight"] + tensors["residual.weight"]).T + tensors["linear.bias"]
    (found,) = ColBERT(str(folder), "float32").embed_tokens(["graphs"], "query")
    np.testing.assert_allclose(found, vectors / np.linalg.norm(vectors, axis=1, keepdims=True), atol=2e-5)


def test_the_fingerprint_changes_with_all_that_moves_vectors(tiny_bert: Path, tmp_path: Path) -> None:
    folder = pylate(tiny_bert, tmp_path / "model")
    before = ColBERT(str(folder)).fingerprint()
    json.dumps(before)
    save_file({"linear.weight": random(16, 48, 5)}, folder / "1_Dense" / "model.safetensors")
    assert ColBERT(str(folder)).fingerprint() != before
    told = json.loads((folder / "config_sentence_transformers.json").read_text())
    (folder / "config_sentence_transformers.json").write_text(json.dumps(told | {"document_length": 50}))
    assert ColBERT(str(folder)).fingerprint()["tokens"] == [12, 50]


def test_pickled_weights_are_refused_also_of_the_projection(tiny_bert: Path, tmp_path: Path) -> None:
    folder = pylate(tiny_bert, tmp_path / "model")
    (folder / "1_Dense" / "model.safetensors").rename(folder / "1_Dense" / "pytorch_model.bin")
    with pytest.raises(ModelError, match="pickles"):
        ColBERT(str(folder))
    other = original(tiny_bert, tmp_path / "other")
    (other / "model.safetensors").rename(other / "pytorch_model.bin")
    with pytest.raises(ModelError, match="pickles"):
        ColBERT(str(other))


def test_what_is_not_reproduced_is_refused(tiny_bert: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no late interaction model.*leave the setting 'model' out"):
        ColBERT(str(tiny_bert))
    with pytest.raises(ModelError, match="compares by 'l2'"):
        ColBERT(str(original(tiny_bert, tmp_path / "l2", similarity="l2")))
    curved = pylate(tiny_bert, tmp_path / "curved", {"activation_function": "torch.nn.modules.activation.GELU"})
    with pytest.raises(ModelError, match="GELU"):
        _ = ColBERT(str(curved)).token_dimension
    unknown = ColBERT(str(pylate(tiny_bert, tmp_path / "marker", query_prefix="[X] ")))
    with pytest.raises(ModelError, match=r"no token for the marker '\[X\] '"):
        unknown.embed_tokens(["a"], "query")
    records = [{"path": "", "type": "sentence_transformers.models.Transformer"}]
    modules = pylate(tiny_bert, tmp_path / "modules") / "modules.json"
    modules.write_text(json.dumps(records))
    with pytest.raises(ModelError, match="no module 'Dense'"):
        ColBERT(str(modules.parent))
    modules.write_text(json.dumps([*records, {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}]))
    with pytest.raises(ModelError, match="module 'Pooling'"):
        ColBERT(str(modules.parent))
