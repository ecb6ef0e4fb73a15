"""Small causal models and tokenizers made from their configuration: real in all but their judgement."""

from __future__ import annotations

from pathlib import Path

import pytest

END = "<end>"
START = "<start>"
CHAT = "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}\n{% endfor %}<answer>"


def byte_tokenizer():
    """One token for each byte; adds nothing of its own and has no chat template."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({c: n for n, c in enumerate([*alphabet, END])}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=END)


def space_tokenizer():
    """As SentencePiece writes: a space in front of every text, and a token of its own at the start."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    letters = ["▁", "\n", *(chr(n) for n in range(33, 127))]
    tokenizer = Tokenizer(models.BPE({c: n for n, c in enumerate([START, END, *letters])}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=False)
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always", split=False)
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{START} $A", special_tokens=[(START, 0)])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=START, eos_token=END)


def llama_config(**changes):
    from transformers import LlamaConfig

    sizes = {
        "vocab_size": 257, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 2048,
        "eos_token_id": 256, "bos_token_id": None, "initializer_range": 0.2,
    }  # fmt: skip
    return LlamaConfig(**(sizes | changes))


def save_model(folder: Path, config, tokenizer) -> Path:
    import torch
    from transformers import AutoModelForCausalLM

    torch.manual_seed(2)
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A two-layer Llama with random weights and a byte tokenizer; it has no chat template."""
    return save_model(tmp_path_factory.mktemp("tiny"), llama_config(), byte_tokenizer())


@pytest.fixture(scope="session")
def chat_folder(tmp_path_factory):
    """The same with a chat template."""
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = CHAT
    return save_model(tmp_path_factory.mktemp("tiny-chat"), llama_config(), tokenizer)


@pytest.fixture(scope="session")
def bytes_tokenizer():
    return byte_tokenizer()


@pytest.fixture(scope="session")
def spaces_tokenizer():
    return space_tokenizer()


@pytest.fixture(scope="session")
def chat_tokenizer():
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = CHAT
    return tokenizer


@pytest.fixture(scope="session")
def smollm2_model():
    """SmolLM2-135M out of its package: loading it takes longer than most tests of what it writes."""
    from plait.generators.local.model import SMOLLM2, find_causal_model, load_causal_model

    return load_causal_model(find_causal_model(SMOLLM2), SMOLLM2, "auto", "cpu")
