from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    GPT2Config,
    GPT2LMHeadModel,
    T5Config,
    T5ForConditionalGeneration,
)

from plait.contracts.errors import ConfigError, IdentityError, ModelError
from plait.fusion.tokens.fid import FusionInDecoder, PassageBatch, StructureMode, passage_batch
from plait.gnn import ArrayGraph, ArrayRelation, TrainingSettings
from plait.gnn.encoders import build_encoder
from plait.gnn.sampling import NeighbourSampler

MODES: tuple[StructureMode, ...] = ("prefix", "additive", "concatenate")
WIDTH, STRUCTURE = 32, 8


@pytest.fixture(scope="module")
def tiny() -> T5ForConditionalGeneration:
    torch.manual_seed(0)
    config = T5Config(
        vocab_size=60, d_model=WIDTH, d_kv=8, d_ff=64, num_layers=2, num_heads=4, decoder_start_token_id=0
    )
    return T5ForConditionalGeneration(config).eval()


@pytest.fixture
def batch() -> PassageBatch:
    random = torch.Generator().manual_seed(1)
    tokens = torch.randint(3, 60, (2, 3, 7), generator=random)
    mask = torch.ones_like(tokens)
    mask[0, 1, 5:] = 0
    mask[1, 2, 3:] = 0
    return PassageBatch(tokens, mask)


@pytest.fixture
def labels() -> Tensor:
    return torch.tensor([[5, 9, 4, 1], [7, 1, -100, -100]])


@pytest.fixture
def structure() -> Tensor:
    made = torch.randn(2, 3, STRUCTURE, generator=torch.Generator().manual_seed(2))
    return made / made.norm(dim=-1, keepdim=True)


def reader(model: Any, mode: StructureMode, *, opened: bool = False) -> FusionInDecoder:
    fid = FusionInDecoder(model, STRUCTURE, mode, seed=3)
    if opened:
        with torch.no_grad():
            if mode == "concatenate":
                for part in (fid.text, fid.joined):
                    part.normal_(std=0.2, generator=torch.Generator().manual_seed(4))
            else:
                fid.gate.fill_(0.8)
    return fid


def unfused(model: Any, batch: PassageBatch, labels: Tensor) -> Tensor:
    """By hand, one passage at a time and without the class under test; only its own tokens, no padding."""
    rows = []
    for tokens, mask, answer in zip(batch.tokens, batch.mask, labels, strict=True):
        states = [
            model.encoder(input_ids=one[kept.bool()][None]).last_hidden_state
            for one, kept in zip(tokens, mask, strict=True)
        ]
        start = torch.cat([torch.tensor([0]), answer[:-1].masked_fill(answer[:-1] == -100, 0)])[None]
        decoded = model.decoder(input_ids=start, encoder_hidden_states=torch.cat(states, dim=1)).last_hidden_state
        if model.config.scale_decoder_outputs:
            decoded = decoded * WIDTH**-0.5
        rows.append(model.lm_head(decoded)[0])
    return torch.stack(rows)


def test_passages_are_encoded_apart_and_decoded_together(tiny: Any, batch: PassageBatch, labels: Tensor) -> None:
    with torch.inference_mode():
        _, logits = reader(tiny, "prefix")(batch, labels)
        wanted = unfused(tiny, batch, labels)
    assert float((logits - wanted).abs().max()) < 1e-5
    together = PassageBatch(batch.tokens.flatten(1, 2)[:, None], batch.mask.flatten(1, 2)[:, None])
    with torch.inference_mode():
        _, as_one = reader(tiny, "prefix")(together, labels)
    assert float((as_one - wanted).abs().max()) > 1e-3


@pytest.mark.parametrize("mode", MODES)
def test_untrained_structure_changes_no_bit(
    tiny: Any, batch: PassageBatch, labels: Tensor, structure: Tensor, mode: StructureMode
) -> None:
    fid = reader(tiny, mode)
    loss, logits = fid(batch, labels, structure)
    plain_loss, plain = fid(batch, labels)
    assert torch.equal(logits, plain)
    assert torch.equal(loss, plain_loss)
    # Also against the model alone, which has never heard of structure.
    states = tiny.encoder(
        input_ids=batch.tokens.flatten(0, 1), attention_mask=batch.mask.flatten(0, 1)
    ).last_hidden_state
    alone = tiny(encoder_outputs=(states.reshape(2, -1, WIDTH),), attention_mask=batch.mask.flatten(1), labels=labels)
    assert torch.equal(logits, alone.logits)
    assert torch.equal(fid.generate(batch, structure, max_tokens=6), fid.generate(batch, max_tokens=6))


@pytest.mark.parametrize("mode", MODES)
def test_open_structure_changes_the_logits_and_nothing_is_left_behind(
    tiny: Any, batch: PassageBatch, labels: Tensor, structure: Tensor, mode: StructureMode
) -> None:
    fid = reader(tiny, mode, opened=True)
    with torch.inference_mode():
        before = fid(batch, labels)[1]
        fused = fid(batch, labels, structure)[1]
        after = fid(batch, labels)[1]
    assert float((fused - before).abs().max()) > 1e-2
    assert torch.equal(before, after)


@pytest.mark.parametrize("mode", MODES)
def test_passages_without_structure_read_as_if_there_were_none(
    tiny: Any, batch: PassageBatch, labels: Tensor, structure: Tensor, mode: StructureMode
) -> None:
    fid = reader(tiny, mode, opened=True)
    none = torch.zeros(2, 3, dtype=torch.bool)
    with torch.inference_mode():
        assert torch.equal(fid(batch, labels, structure, none)[1], fid(batch, labels)[1])
    some = none.clone()
    some[0, 1] = True
    with torch.inference_mode():
        logits = fid(batch, labels, structure, some)[1]
        plain = fid(batch, labels)[1]
    assert torch.equal(logits[1], plain[1])
    assert not torch.equal(logits[0], plain[0])
    loss, _ = fid(batch, labels, structure, none)
    loss.backward()
    assert all(value.grad is None or torch.isfinite(value.grad).all() for value in fid.parameters())
    fid.zero_grad()


@pytest.mark.parametrize("mode", MODES)
def test_the_order_of_passages_means_nothing(
    tiny: Any, batch: PassageBatch, labels: Tensor, structure: Tensor, mode: StructureMode
) -> None:
    fid = reader(tiny, mode, opened=True)
    order = [2, 0, 1]
    with torch.inference_mode():
        logits = fid(batch, labels, structure)[1]
        turned = fid(PassageBatch(batch.tokens[:, order], batch.mask[:, order]), labels, structure[:, order])[1]
    assert float((logits - turned).abs().max()) < 1e-5


@pytest.mark.parametrize("mode", MODES)
def test_swapping_the_structure_of_two_passages_of_one_text_changes_the_logits(
    tiny: Any, batch: PassageBatch, labels: Tensor, structure: Tensor, mode: StructureMode
) -> None:
    fid = reader(tiny, mode, opened=True)
    tokens, mask = batch.tokens.clone(), torch.ones_like(batch.mask)
    tokens[:, 1] = tokens[:, 0]
    with torch.inference_mode():
        first, second = (fid(PassageBatch(tokens, mask), labels, structure[:, o])[1] for o in ([0, 1, 2], [1, 0, 2]))
    # Nothing tells them apart, and order means nothing: the swap is the same set of passages.
    assert float((first - second).abs().max()) < 1e-5
    tokens[:, :2, 0] = torch.tensor([3, 4])  # their numbers in the prompt; the text is still the same
    with torch.inference_mode():
        first, second = (fid(PassageBatch(tokens, mask), labels, structure[:, o])[1] for o in ([0, 1, 2], [1, 0, 2]))
    assert float((first - second).abs().max()) > 1e-3


def test_an_open_prefix_is_attention_over_the_joined_states(
    tiny: Any, batch: PassageBatch, labels: Tensor, structure: Tensor
) -> None:
    fid = reader(tiny, "prefix")
    with torch.no_grad():
        fid.gate.fill_(20.0)  # tanh is 1 in every bit
        logits = fid(batch, labels, structure)[1]
        states = fid.encode(batch)
        mean = (states * batch.mask[..., None]).sum(dim=2) / batch.mask.sum(dim=2)[..., None]
        states = torch.cat([states, (mean + structure @ fid.weight.T)[:, :, None]], dim=2)
        mask = torch.cat([batch.mask, torch.ones(2, 3, 1, dtype=batch.mask.dtype)], dim=2)
        joined = tiny(encoder_outputs=(states.flatten(1, 2),), attention_mask=mask.flatten(1), labels=labels).logits
    assert float((logits - joined).abs().max()) < 1e-5


def test_additive_and_concatenated_states_follow_their_formulas(
    tiny: Any, batch: PassageBatch, labels: Tensor, structure: Tensor
) -> None:
    for mode in ("additive", "concatenate"):
        fid = reader(tiny, mode, opened=True)
        with torch.inference_mode():
            states, beside = fid.encode(batch).numpy(), structure.numpy()
            if mode == "additive":
                fused = states + (np.tanh(0.8) * beside @ fid.weight.numpy().T)[:, :, None]
            else:
                whole = np.hstack([np.eye(WIDTH) + fid.text.numpy(), fid.joined.numpy()])
                joined = np.concatenate([states, np.repeat(beside[:, :, None], 7, axis=2)], axis=-1)
                fused = joined @ whole.T
            given = torch.from_numpy(fused.astype(np.float32)).reshape(2, -1, WIDTH)
            wanted = tiny(encoder_outputs=(given,), attention_mask=batch.mask.flatten(1), labels=labels).logits
            assert float((fid(batch, labels, structure)[1] - wanted).abs().max()) < 1e-5


@pytest.mark.parametrize("mode", MODES)
def test_gradients_reach_the_projection_and_the_graph_encoder_after_one_step(
    tiny: Any, batch: PassageBatch, labels: Tensor, mode: StructureMode
) -> None:
    relation = ArrayRelation.of([(n, (n + 1) % 6) for n in range(6)])
    graph = ArrayGraph(tuple("abcdef"), {"cites": relation, "cited_by": relation.reversed})
    features = torch.nn.functional.normalize(
        torch.randn(6, STRUCTURE, generator=torch.Generator().manual_seed(5)), dim=-1
    )
    settings = TrainingSettings(relations=("cites", "cited_by"), rank=4)
    encoder = build_encoder(settings, STRUCTURE, 0)
    inputs = NeighbourSampler(graph, settings.relations).blocks(np.arange(6), 1)
    fid = reader(tiny, mode)
    own = [value for name, value in fid.named_parameters() if not name.startswith("model.")]
    optimiser = torch.optim.SGD([*own, *encoder.parameters()], lr=0.5)

    def backward() -> None:
        optimiser.zero_grad()
        tiny.zero_grad()
        vectors = encoder(features[inputs[0].nodes], inputs).reshape(2, 3, STRUCTURE)
        loss, _ = fid(batch, labels, vectors)
        loss.backward()

    backward()
    optimiser.step()
    backward()
    assert all(value.grad is not None and float(value.grad.abs().max()) > 0 for value in own)
    gates = [value for name, value in encoder.named_parameters() if name.endswith("gate")]
    assert gates and all(value.grad is not None and float(value.grad.abs().max()) > 0 for value in gates)
    tiny.zero_grad()


@pytest.mark.parametrize("mode", MODES)
def test_training_learns_an_answer_that_only_structure_tells(tiny: Any, mode: StructureMode) -> None:
    """Four communities, one text for all: what the frozen reader answers can only come from the vectors."""
    batch = PassageBatch(torch.full((4, 2, 5), 9), torch.ones(4, 2, 5, dtype=torch.long))
    vectors = torch.eye(4, STRUCTURE)[:, None].expand(4, 2, STRUCTURE).contiguous()
    labels = torch.tensor([[10], [20], [30], [40]])
    fid = reader(tiny, mode)
    own = [value for name, value in fid.named_parameters() if not name.startswith("model.")]
    optimiser = torch.optim.Adam(own, lr=0.1)
    for _ in range(60):
        optimiser.zero_grad()
        fid(batch, labels, vectors)[0].backward()
        optimiser.step()
    written = fid.generate(batch, vectors, max_tokens=1)[:, 1]
    assert written.tolist() == [10, 20, 30, 40]
    plain = fid.generate(batch, max_tokens=1)[:, 1]
    assert len(set(plain.tolist())) == 1
    tiny.zero_grad()


@pytest.mark.parametrize("mode", MODES)
def test_greedy_answers_are_what_the_logits_say(
    tiny: Any, batch: PassageBatch, structure: Tensor, mode: StructureMode
) -> None:
    fid = reader(tiny, mode, opened=True)
    written = fid.generate(batch, structure, max_tokens=5)
    for row in range(2):
        answer = [0]
        one = PassageBatch(batch.tokens[row : row + 1], batch.mask[row : row + 1])
        for _ in range(5):
            labels = torch.tensor([[*answer[1:], 2]])
            with torch.inference_mode():
                token = int(fid(one, labels, structure[row : row + 1])[1][0, -1].argmax())
            answer.append(token)
            if token == 1:
                break
        assert written[row, : len(answer)].tolist() == answer


def test_a_passage_that_does_not_count_changes_nothing(
    tiny: Any, batch: PassageBatch, labels: Tensor, structure: Tensor
) -> None:
    filler = torch.zeros(2, 1, 7, dtype=torch.long)
    more = PassageBatch(torch.cat([batch.tokens, filler], dim=1), torch.cat([batch.mask, filler], dim=1))
    vectors = torch.cat([structure, structure[:, :1]], dim=1)
    for mode in MODES:
        fid = reader(tiny, mode, opened=True)
        with torch.inference_mode():
            wanted, found = fid(batch, labels, structure)[1], fid(more, labels, vectors)[1]
        assert float((wanted - found).abs().max()) < 1e-5


def test_weights_come_back_and_those_of_other_parts_are_refused(tiny: Any, tmp_path: Path) -> None:
    file = tmp_path / "fid.safetensors"
    saved = reader(tiny, "additive", opened=True)
    saved.save(file, {"model": "tiny"}, {"weights": "1"})
    fid = reader(tiny, "additive")
    fid.restore(file, {"model": "tiny"}, {"weights": "1"})
    assert torch.equal(fid.weight, saved.weight) and torch.equal(fid.gate, saved.gate)
    assert file.stat().st_size < 4 * (WIDTH * STRUCTURE + 1) + 1_000  # without the language model
    with pytest.raises(IdentityError, match="another language model"):
        fid.restore(file, {"model": "big"}, {"weights": "1"})
    with pytest.raises(IdentityError, match="another structural encoder"):
        fid.restore(file, {"model": "tiny"}, {"weights": "2"})
    with pytest.raises(IdentityError, match="another mode"):
        reader(tiny, "prefix").restore(file, {"model": "tiny"}, {"weights": "1"})
    with pytest.raises(ModelError, match="other sizes"):
        FusionInDecoder(tiny, STRUCTURE + 1, "additive").restore(file, {"model": "tiny"}, {"weights": "1"})
    with torch.no_grad():
        saved.weight[0, 0] = float("nan")
    with pytest.raises(ModelError, match="not finite"):
        saved.save(file, {"model": "tiny"}, {"weights": "1"})


def test_what_does_not_fit_is_refused(tiny: Any, batch: PassageBatch, labels: Tensor, structure: Tensor) -> None:
    with pytest.raises(ConfigError, match=r"no mode 'sum'.*Choices: prefix, additive, concatenate"):
        FusionInDecoder(tiny, STRUCTURE, "sum")  # type: ignore[arg-type]
    with pytest.raises(ModelError, match=r"shape \(2, 2, 8\), not \(2, 3, 8\)"):
        reader(tiny, "additive")(batch, labels, structure[:, :2])
    bart = BartForConditionalGeneration(
        BartConfig(vocab_size=20, d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
                   decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16, max_position_embeddings=16)
    )  # fmt: skip
    for mode in MODES:
        with pytest.raises(ModelError, match="BartForConditionalGeneration is not of the T5 family"):
            FusionInDecoder(bart, STRUCTURE, mode)
    gpt = GPT2LMHeadModel(GPT2Config(vocab_size=20, n_embd=8, n_layer=1, n_head=1))
    with pytest.raises(ModelError, match="no encoder and decoder"):
        FusionInDecoder(gpt, STRUCTURE)


def test_hooks_are_taken_off_when_the_decoder_fails(tiny: Any, batch: PassageBatch, structure: Tensor) -> None:
    fid = reader(tiny, "prefix", opened=True)
    with pytest.raises(IndexError):
        fid(batch, torch.tensor([[59, 10_000], [1, 1]]), structure)
    hooks = [module for module in tiny.modules() if module._forward_hooks or module._forward_pre_hooks]
    assert hooks == []


class _Words:
    """A tokenizer of one token per word, which is all that is asked of one here."""

    def __call__(self, texts: list[str], *, max_length: int, **_options: Any) -> dict[str, Tensor]:
        rows = [[len(word) for word in text.split()][:max_length] for text in texts]
        most = max(map(len, rows))
        return {
            "input_ids": torch.tensor([row + [0] * (most - len(row)) for row in rows]),
            "attention_mask": torch.tensor([[1] * len(row) + [0] * (most - len(row)) for row in rows]),
        }


def test_passages_are_put_beside_their_question() -> None:
    made = passage_batch(_Words(), ["Why?", "How so?"], [[("Tea", "It is hot.")], [("A", "b"), ("C", "d")]])
    assert made.tokens.shape == (2, 2, 8)
    assert made.tokens[0, 0].tolist() == [9, 4, 6, 3, 8, 2, 2, 4]
    assert made.mask.sum(dim=-1).tolist() == [[8, 0], [7, 7]]
    short = passage_batch(_Words(), ["Why?"], [[("Tea", "It is hot.")]], longest=4)
    assert short.tokens.shape == (1, 1, 4)
    with pytest.raises(ModelError, match="1 questions and 2 lists"):
        passage_batch(_Words(), ["Why?"], [[("a", "b")], []])
