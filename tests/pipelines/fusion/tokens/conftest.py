"""A small causal model and a small graph: real in all but their judgement."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from plait.contracts import Document, Reference, Structural
from plait.docgraph import DocumentGraph, build_graph
from plait.fusion.tokens.tasks import TaskSet, label_tasks
from plait.generators.local.model import CausalModel

CHAT = "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}\n{% endfor %}<answer>"


def byte_tokenizer() -> Any:
    """One token for each byte; adds nothing of its own."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({c: n for n, c in enumerate([*alphabet, "<end>"])}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    made: Any = PreTrainedTokenizerFast(tokenizer_object=tokenizer)
    made.add_special_tokens({"eos_token": "<end>"})
    return made


@pytest.fixture(scope="session")
def tiny_model() -> CausalModel:
    """A two-layer Llama with random weights, a byte tokenizer and a chat template."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=257, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=2048, eos_token_id=256, bos_token_id=None,
        initializer_range=0.2,  # at the usual 0.02 a random model hardly looks at what stands far back
    )  # fmt: skip
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = CHAT
    return CausalModel(LlamaForCausalLM(config).eval(), tokenizer, "tiny")


@pytest.fixture(scope="session")
def plain_model(tiny_model: CausalModel) -> CausalModel:
    """The same without a chat template."""
    return CausalModel(tiny_model.model, byte_tokenizer(), "tiny plain")


@pytest.fixture(scope="session")
def library() -> DocumentGraph:
    """60 papers on four topics; each cites two older ones on its own topic."""
    papers = []
    for number in range(60):
        topic = number % 4
        cited = [f"p{number - step}" for step in (4, 8) if number >= step]
        references = tuple(Reference(identifiers={"id": name}) for name in cited)
        metadata = {"topics": [["graphs", "lattices", "parsing", "sorting"][topic]], "venue": f"Venue {number % 2}"}
        papers.append(Document(f"p{number}", f"Paper {number} on things", (), metadata, references))
    return build_graph(papers)


@pytest.fixture(scope="session")
def structure() -> Structural:
    """Document n is of community n % 4; nothing else is in its vector but noise."""
    vectors = np.eye(4, 8)[np.arange(60) % 4] + 0.2 * np.random.default_rng(0).normal(size=(60, 8))
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return Structural(unit.astype(np.float32), np.ones(60, dtype=np.bool_))


@pytest.fixture(scope="session")
def communities() -> TaskSet:
    labels = {node: ["red", "green", "blue", "grey"][node % 4] for node in range(60)}
    tasks = label_tasks("topic", "Which group?", labels, text="The same words.", lettered=True)
    return TaskSet(tuple(tasks[:40]), tuple(tasks[40:]))
