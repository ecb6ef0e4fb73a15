"""The frozen model as training code sees it: embeddings in, logits out, gradients through."""

import pytest

from plait.generators.local.model import SMOLLM2, Place, find_causal_model, load_causal_model

TOKENS = [72, 101, 108, 108, 111, 32, 116, 101, 97]


@pytest.fixture(scope="module")
def model(folder):
    return load_causal_model(find_causal_model(str(folder)), "tiny", "float32", "cpu")


def test_embeddings_of_tokens_give_the_logits_of_the_tokens_in_every_bit(model):
    import torch

    embeddings = model.embed([TOKENS])
    assert embeddings.shape == (1, len(TOKENS), 32)
    assert torch.equal(
        model.model(inputs_embeds=embeddings).logits, model.model(input_ids=torch.tensor([TOKENS])).logits
    )


def test_offsets_of_zero_change_no_bit_and_others_do(model):
    import torch

    embeddings = model.embed([TOKENS])
    offsets = torch.zeros_like(embeddings)
    plain = model.model(inputs_embeds=embeddings).logits
    assert torch.equal(model.model(inputs_embeds=embeddings + offsets).logits, plain)
    offsets[0, 3] = 0.1
    changed = model.model(inputs_embeds=embeddings + offsets).logits
    assert torch.equal(changed[:, :3], plain[:, :3])
    assert not torch.equal(changed[:, 3:], plain[:, 3:])


def test_gradients_reach_the_embeddings_and_no_weight(model):
    embeddings = model.embed([TOKENS]).requires_grad_()
    model.model(inputs_embeds=embeddings, use_cache=False).logits[0, -1, 5].backward()
    assert embeddings.grad.abs().sum(dim=-1).gt(0).all()
    assert all(weights.grad is None and not weights.requires_grad for weights in model.model.parameters())


def test_only_the_wanted_logits_are_kept(model):
    import torch
    from transformers import DynamicCache

    last, whole = (model.step(DynamicCache(), torch.tensor([TOKENS]), keep=keep) for keep in (2, 0))
    assert last.shape[1] == 2
    assert torch.allclose(last, whole[:, -2:], atol=1e-6)


def test_the_space_measures_the_embeddings_the_model_reads(model):
    import numpy as np

    space = model.space
    matrix = model.model.get_input_embeddings().weight.numpy().astype(np.float64)
    assert space.width == 32
    assert space.rms == pytest.approx(np.sqrt((matrix**2).mean()))


def test_the_space_counts_the_scale_that_some_models_put_on_their_embeddings(tmp_path, bytes_tokenizer):
    import torch
    from transformers import Gemma3ForCausalLM, Gemma3TextConfig

    config = Gemma3TextConfig(
        vocab_size=257, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=8, sliding_window=16, eos_token_id=256, bos_token_id=None, pad_token_id=None,
    )  # fmt: skip
    torch.manual_seed(0)
    Gemma3ForCausalLM(config).save_pretrained(tmp_path)
    bytes_tokenizer.save_pretrained(tmp_path)
    model = load_causal_model(Place(tmp_path), "gemma", "float32", "cpu")
    weights = model.model.get_input_embeddings().weight
    assert model.space.rms == pytest.approx(float(weights.double().pow(2).mean().sqrt()) * 32**0.5, rel=1e-3)


def test_the_same_weights_are_the_same_space_in_any_format_and_place(folder, tmp_path):
    narrow = load_causal_model(Place(folder), "narrow", "bfloat16", "cpu")
    narrow.model.save_pretrained(tmp_path)
    narrow.tokenizer.save_pretrained(tmp_path)
    copy = load_causal_model(Place(tmp_path), "copy", "float32", "cpu")
    original = load_causal_model(Place(folder), "tiny", "float32", "cpu")
    assert narrow.space.model == copy.space.model == original.space.model


def test_one_other_weight_is_another_space(folder):
    import torch

    model = load_causal_model(Place(folder), "tiny", "float32", "cpu")
    with torch.no_grad():
        next(iter(model.model.parameters()))[0, 0] += 1
    assert model.space.model != load_causal_model(Place(folder), "tiny", "float32", "cpu").space.model


@pytest.mark.slow
def test_loading_a_packed_model_draws_no_bar_and_leaves_the_bars_of_others(capfd):
    from transformers import modeling_gguf_pytorch_utils as gguf
    from transformers.utils import logging

    logging.enable_progress_bar()
    drawn = gguf.tqdm
    load_causal_model(find_causal_model(SMOLLM2), SMOLLM2, "auto", "cpu")
    assert capfd.readouterr() == ("", "")
    assert logging.is_progress_bar_enabled()
    assert gguf.tqdm is drawn
