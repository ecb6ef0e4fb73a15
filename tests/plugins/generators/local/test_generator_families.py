"""Families that differ in what a position is, how far it looks back, and what they carry along."""

import numpy as np
import pytest

from plait.contracts import GenerationRequest, Message, Query, Slot
from plait.generators.local.generator import Config, Transformers
from plait.generators.local.prompt_reading import BLOCK

TEXT = "Tea is steamed soon after picking, which keeps it from oxidising. " * 8
SMALL = {"vocab_size": 257, "hidden_size": 32, "eos_token_id": 256, "bos_token_id": None, "pad_token_id": None}
LAYERS = {"num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
ATTENTION = {**SMALL, **LAYERS, "num_key_value_heads": 2, "initializer_range": 0.2}


def _gpt2(transformers):
    return transformers.GPT2Config(
        vocab_size=257, n_embd=32, n_layer=2, n_head=4, n_positions=2048, eos_token_id=256, bos_token_id=None,
        initializer_range=0.2,
    )  # fmt: skip


FAMILIES = {
    "learned-positions": _gpt2,
    "shifted-positions": lambda t: t.OPTConfig(
        **SMALL, num_hidden_layers=2, num_attention_heads=4, ffn_dim=64, word_embed_proj_dim=32, init_std=0.2
    ),
    "linear-biases": lambda t: t.BloomConfig(
        vocab_size=257, hidden_size=32, n_layer=2, n_head=4, eos_token_id=256, bos_token_id=None, pad_token_id=None,
        initializer_range=0.2,
    ),
    "sliding-window": lambda t: t.MistralConfig(**ATTENTION, sliding_window=24),
    "scaled-embeddings-and-mixed-windows": lambda t: t.Gemma3TextConfig(**ATTENTION, head_dim=8, sliding_window=24),
    "convolutions": lambda t: t.Lfm2Config(
        **ATTENTION, block_dim=32, block_ff_dim=64, layer_types=["conv", "full_attention"]
    ),
}  # fmt: skip


def _request(question, soft=(), **settings):
    content = f"<passage>\n{TEXT}\n</passage>\n\nQuestion: {question}"
    turns = (Message("system", "Be brief."), Message("user", content, (Slot(len("<passage>\n"), 1),)))
    soft_tokens = {1: np.full((1, 32), soft[0], dtype=np.float32)} if soft else {}
    return GenerationRequest(Query("q"), (), turns, **{"max_tokens": 8, "soft_tokens": soft_tokens, **settings})


REQUESTS = [_request("Why?"), _request("When is it so?", (0.5,)), _request("Who?", (-0.5,), max_tokens=5)]


@pytest.fixture(scope="module", params=FAMILIES)
def generator(request, tmp_path_factory, bytes_tokenizer):
    import torch
    import transformers

    folder = tmp_path_factory.mktemp(request.param)
    torch.manual_seed(2)
    config = FAMILIES[request.param](transformers)
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    bytes_tokenizer.save_pretrained(folder)
    return Transformers(Config(model=str(folder), dtype="float32", threads=1, soft_tokens=1, repetition_penalty=1.0))


def _answers(generator):
    return ["".join(chunk.text for chunk in generator.stream(request)) for request in REQUESTS]


def test_it_writes_what_the_library_writes(generator):
    import torch

    prompt = list(generator._marked(REQUESTS[0].messages).tokens)
    model = generator.scoring_model()
    reference = model.model.generate(
        torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt)), max_new_tokens=8, do_sample=False,
        pad_token_id=256,
    )  # fmt: skip
    written = model.tokenizer.decode(reference[0, len(prompt) :], skip_special_tokens=True).lstrip()
    assert written.startswith(_answers(generator)[0])  # a plain prompt may stop earlier, at the next example


def test_it_writes_together_what_it_writes_alone(generator):
    assert [generation.text for generation in generator.generate(REQUESTS)] == _answers(generator)


def test_what_it_remembers_changes_nothing(generator):
    forgetful = Transformers(generator.config.model_copy(update={"prefix_megabytes": 0}))
    assert _answers(generator) == _answers(forgetful)
    last = list(generator.stream(REQUESTS[0]))[-1]
    carries = generator.scoring_model().carries_state
    assert carries is ("convolutions" in generator.config.model)
    assert last.detail["reused_tokens"] == (0 if carries else (last.usage.prompt_tokens - 1) // BLOCK * BLOCK)


def test_it_reads_soft_tokens(generator):
    """By what the layers keep of the prompt: a short window does not reach from a passage to the prompt's end."""
    plain, soft = (generator._engine.read(generator._prepared(_request("Why?", value))) for value in ((), (0.5,)))
    assert not plain.cache.layers[1].keys.equal(soft.cache.layers[1].keys)


def test_a_tokenizer_that_adds_a_start_and_spaces_works_from_markers_to_choices(tmp_path, spaces_tokenizer):
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(2)
    LlamaForCausalLM(
        LlamaConfig(**(ATTENTION | {"vocab_size": len(spaces_tokenizer), "eos_token_id": 1, "bos_token_id": 0}))
    ).save_pretrained(tmp_path)
    spaces_tokenizer.save_pretrained(tmp_path)
    generator = Transformers(Config(model=str(tmp_path), dtype="float32", threads=1, soft_tokens=2))
    soft = {1: np.ones((2, 32), dtype=np.float32)}
    request = _request("Why?", soft_tokens=soft)
    marked = generator._marked(request.messages)
    assert marked.tokens[0] == 0
    assert marked.tokens.count(0) == 1
    assert list(generator.stream(request))[-1].usage.prompt_tokens == len(marked.tokens)
    [chunk] = list(generator.stream(_request("Why?", soft_tokens=soft, choices=("yes", "no"))))
    assert chunk.text in {"yes", "no"}
