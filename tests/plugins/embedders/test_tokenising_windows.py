"""Texts longer than an encoder reads at once lose nothing, and shorter ones are as they always were."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoModel, AutoTokenizer

from plait.embedders.tokenising import windows_of
from plait.embedders.transformers import Config, MiniLM, MiniLMConfig, TransformersEmbedder


def letters(texts: Sequence[str]) -> list[list[int]]:
    """One token a character, one before and one behind."""
    return [[0, *(ord(character) for character in text), 1] for text in texts]


@given(st.lists(st.text(alphabet="ab \n", max_size=60), max_size=5), st.integers(6, 20), st.sampled_from(["", "p: "]))
def test_windows_hold_every_token_once_and_in_order(texts: list[str], most: int, prefix: str) -> None:
    windows = windows_of(texts, letters, most, prefix)
    assert all(len(own) <= most for own in windows.tokens)
    for number, text in enumerate(texts):
        own = [tokens for tokens, owner in zip(windows.tokens, windows.owners, strict=True) if owner == number]
        read = [tokens[1:-1] for tokens in own]
        assert all(tokens[: len(prefix)] == [ord(character) for character in prefix] for tokens in read)
        assert [token for tokens in read for token in tokens[len(prefix) :]] == [ord(character) for character in text]
    coverage = windows.coverage(len(texts))
    assert coverage.tokens == sum(map(len, texts))
    assert coverage.windowed == sum(len(text) + len(prefix) + 2 > most for text in texts)
    assert coverage.unread == 0


def test_windows_are_of_about_equal_length_and_cut_before_words() -> None:
    windows = windows_of(["one two three four five six"], letters, 12)
    assert ["".join(map(chr, own[1:-1])) for own in windows.tokens] == ["one two", " three", " four", " five six"]


def test_a_character_that_no_window_holds_is_counted_as_lost() -> None:
    windows = windows_of(["ab"], lambda texts: [[7] * (5 * len(text)) for text in texts], most=3)
    assert [len(own) for own in windows.tokens] == [3, 3]
    assert windows.coverage(1).unread == 4


def reference(folder: Path, text: str, most: int) -> np.ndarray:
    """The vector of a text in windows, from transformers alone: the mean of all token states, of length 1."""
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    states = []
    for own in windows_of([text], lambda texts: tokenizer(list(texts))["input_ids"], most).tokens:
        with torch.inference_mode():
            states.append(model(torch.tensor([own])).last_hidden_state[0].numpy())
    mean = np.concatenate(states).mean(axis=0)
    return mean / np.linalg.norm(mean)


def test_the_vector_of_a_long_text_is_the_mean_of_all_its_token_states(tiny_bert: Path) -> None:
    text = " ".join(f"strand {number} of the braid" for number in range(60))
    embedder = TransformersEmbedder(Config(model=str(tiny_bert), max_tokens=32, dtype="float32"))
    np.testing.assert_allclose(embedder.embed_passages([text])[0], reference(tiny_bert, text, 32), atol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_texts_within_the_window_keep_their_vectors_bit_for_bit(dtype: str) -> None:
    """Encoded as before there were windows: token numbers, the encoder, length 1."""
    embedder = MiniLM(MiniLMConfig(dtype=dtype))
    texts = ["short", "a braid has three strands " * 20, "word " * 254, "", "Größe"]
    raw = embedder._load().encode(embedder.tokeniser()(texts))
    assert np.array_equal(embedder.embed_passages(texts), raw / np.linalg.norm(raw, axis=1, keepdims=True))


def test_a_sentence_behind_the_window_finds_its_passage() -> None:
    """Control: cut at the window, the vector knows nothing of it."""
    embedder = MiniLM(MiniLMConfig())
    filler = "The committee met in the town hall and talked about the new parking rules for residents. " * 30
    ends = ["Penguins dive for krill below the ice.", "Compilers allocate registers by colouring graphs."]
    texts = [f"{filler}{end}" for end in ends]
    assert embedder.coverage(texts).windowed == 2
    cosines = embedder.embed_queries(ends) @ embedder.embed_passages(texts).T  # (ends, texts)
    assert cosines.argmax(axis=1).tolist() == [0, 1]
    cut = [text[:1_000] for text in texts]
    assert np.ptp(embedder.embed_passages(cut), axis=0).max() < 1e-3
