from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from plait.contracts.errors import ModelError
from plait.embedders.recipe import read_recipe

Make = Callable[..., Path]


def test_a_plain_transformers_folder_says_nothing_about_pooling(tiny_bert: Path) -> None:
    recipe = read_recipe(tiny_bert)
    assert (recipe.pooling, recipe.max_tokens, recipe.dimension, recipe.folder) == (None, None, 48, tiny_bert)


def test_the_bundled_model_pools_by_mean_over_256_tokens(minilm_folder: Path) -> None:
    recipe = read_recipe(minilm_folder)
    assert (recipe.pooling, recipe.max_tokens, recipe.dimension) == ("mean", 256, 384)


@pytest.mark.parametrize(
    ("settings", "pooling"),
    [
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, "cls"),
        ({"pooling_mode_lasttoken": True}, "last"),
        ({"pooling_mode": "mean"}, "mean"),
    ],
)
def test_the_pooling_of_the_folder_is_taken(
    sentence_transformer: Make, settings: dict[str, object], pooling: str
) -> None:
    assert read_recipe(sentence_transformer(pooling=settings)).pooling == pooling


@pytest.mark.parametrize(
    "settings",
    [
        {"pooling_mode_max_tokens": True},
        {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": True},
        {"pooling_mode_mean_tokens": True, "include_prompt": False},
        {"pooling_mode_mean_tokens": False},
    ],
)
def test_a_pooling_that_is_not_reproduced_is_refused(sentence_transformer: Make, settings: dict[str, object]) -> None:
    with pytest.raises(ModelError, match="pooling is not reproduced"):
        read_recipe(sentence_transformer(pooling=settings))


def test_a_dense_layer_is_refused(sentence_transformer: Make) -> None:
    with pytest.raises(ModelError, match="'Dense'"):
        read_recipe(sentence_transformer(("Transformer", "Pooling", "Dense", "Normalize")))


def test_lower_casing_outside_the_tokenizer_is_refused(sentence_transformer: Make) -> None:
    with pytest.raises(ModelError, match="lower-cases"):
        read_recipe(sentence_transformer(sentence_bert_config={"max_seq_length": 32, "do_lower_case": True}))


def test_prompts_become_prefixes(sentence_transformer: Make) -> None:
    prompts = {"prompts": {"query": "query: ", "document": "passage: "}}
    recipe = read_recipe(sentence_transformer(config_sentence_transformers=prompts))
    assert (recipe.query_prefix, recipe.passage_prefix) == ("query: ", "passage: ")


def test_a_folder_without_a_config_names_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no config\.json"):
        read_recipe(tmp_path)


def test_a_broken_config_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ModelError, match="not readable as JSON"):
        read_recipe(tmp_path)
