"""What has to hold exactly of structure at the language model, whatever it was trained on.

    python benchmarks/softtokens_exact.py [--json OUT]

The decoder-only part runs on SmolLM2-135M; the encoder-decoder part on a small T5 with random weights, because no
trained one is at hand: that shows the arithmetic, and nothing about the quality of a Fusion-in-Decoder reader.
Exits with 1 when a bar is missed. ``softtokens.py`` runs this first.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from plait.evaluation.reporting import json_report, rows_of, write_json
from plait.fusion.tokens.distillation import pdist_loss
from plait.fusion.tokens.fid import FusionInDecoder, PassageBatch, StructureMode
from plait.fusion.tokens.projector import Projector
from plait.fusion.tokens.soft_token_reader import FrozenReader
from plait.fusion.tokens.tasks import TaskPrompt
from plait.generators.local.model import SMOLLM2, CausalModel, find_causal_model, load_causal_model
from plait.gnn import ArrayGraph, ArrayRelation, TrainingSettings
from plait.gnn.encoders import Encoder, build_encoder
from plait.gnn.sampling import NeighbourSampler

MODES: tuple[StructureMode, ...] = ("prefix", "additive", "concatenate")
WIDTH = 16


class Front(nn.Module):
    """A graph encoder over six documents in a ring, in front of whatever reads its vectors."""

    def __init__(self) -> None:
        super().__init__()
        ring = ArrayRelation.of([(n, (n + 1) % 6) for n in range(6)])
        settings = TrainingSettings(relations=("cites", "cited_by"), rank=4)
        graph = ArrayGraph(tuple("abcdef"), {"cites": ring, "cited_by": ring.reversed})
        self.encoder: Encoder = build_encoder(settings, WIDTH, 0)
        self.inputs = NeighbourSampler(graph, settings.relations).blocks(np.arange(6), 1)
        made = torch.randn(6, WIDTH, generator=torch.Generator().manual_seed(5))
        self.features = functional.normalize(made, dim=-1)[self.inputs[0].nodes]

    def forward(self) -> Tensor:
        """Vectors (6, WIDTH)."""
        made: Tensor = self.encoder(self.features, self.inputs)
        return made

    def reached(self) -> bool:
        """Whether gradients reached its gates, the first thing that moves."""
        gates = [value for name, value in self.named_parameters() if name.endswith("gate")]
        return all(value.grad is not None and bool(value.grad.abs().max() > 0) for value in gates)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    model = load_causal_model(find_causal_model(SMOLLM2), SMOLLM2, "float32", "auto")
    figures = exact(model)
    if options.json:
        write_json(options.json, json_report(rows_of("exactness", figures), figures=figures))
    return 0 if all(figures["bars"].values()) else 1


def exact(model: CausalModel) -> dict[str, Any]:
    """All checks: figures, and which bars were met."""
    figures: dict[str, Any] = {"soft tokens": decoder_only(model)}
    figures |= {f"fid {mode}": fusion_in_decoder(mode) for mode in MODES}
    figures["pdist"] = distillation()
    bars = {
        f"{part}: {name}": met for part, own in figures.items() for name, met in own.items() if isinstance(met, bool)
    }
    print("== exact")
    for part, own in figures.items():
        for name, value in own.items():
            print(f"{part:16} {name:62} {value if isinstance(value, bool) else f'{value:.2e}'}")
    return {"figures": figures, "bars": bars}


def decoder_only(model: CausalModel) -> dict[str, Any]:
    """Soft tokens in front of the passages of a frozen decoder-only model."""
    found: dict[str, Any] = {}
    messages = TaskPrompt("Which passage is from the east?", ("The same words.", "The same words.")).messages
    for k in (1, 4):
        reader, front = FrozenReader(model, k), Front()
        prompt = reader.prompt(messages)
        projector = Projector(WIDTH, reader.space, k=k)
        everywhere = torch.ones(2, dtype=torch.bool)
        tokens = torch.tensor([prompt.tokens])

        def logits(offsets: Tensor, prompt: Any = prompt, tokens: Tensor = tokens) -> Tensor:
            embeddings = model.embed(tokens).clone()
            for number, places in prompt.places.items():
                embeddings[0, list(places)] = embeddings[0, list(places)] + offsets[number - 1]
            given: Tensor = model.model(inputs_embeds=embeddings, use_cache=False).logits
            return given

        with torch.inference_mode():
            plain = model.model(input_ids=tokens, use_cache=False).logits
            closed = logits(projector(front()[:2], everywhere))
        found[f"closed gate gives the plain prompt's logits, torch.equal, k={k}"] = torch.equal(plain, closed)
        optimiser = torch.optim.SGD([*projector.parameters(), *front.parameters()], lr=0.1)
        answers = reader.answers(["passage 1", "passage 2"])
        for _ in range(2):
            optimiser.zero_grad()
            offsets = projector(front()[:2], everywhere)
            table = reader.read([prompt], [answers], [{1: offsets[0], 2: offsets[1]}])[0]
            torch.log_softmax(table.sum(dim=1), dim=0)[0].neg().backward()
            if float(projector.gate.detach()) == 0.0:
                optimiser.step()
        reached = all(value.grad is not None and bool(value.grad.abs().max() > 0) for value in projector.parameters())
        found[f"after one step gradients reach projector and graph encoder, k={k}"] = reached and front.reached()
        found[f"the language model has no gradients, k={k}"] = all(v.grad is None for v in model.model.parameters())
        with torch.inference_mode():
            projector.gate.fill_(1.0)
            offsets = projector(front()[:2], everywhere)
            change = float((logits(offsets) - logits(offsets.flip(0)))[0, -1].abs().max())
        found[f"swapping two passages' vectors moves the next token's logits by, k={k}"] = change
        found[f"swapping the vectors of two passages of one text changes logits, k={k}"] = change > 1e-3
    return found


def fusion_in_decoder(mode: StructureMode) -> dict[str, Any]:
    """One structural mode of Fusion-in-Decoder on a random T5."""
    from transformers import T5Config, T5ForConditionalGeneration

    torch.manual_seed(0)
    sizes: dict[str, Any] = {"vocab_size": 60, "d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4}
    config = T5Config(**sizes, decoder_start_token_id=0)
    model: Any = T5ForConditionalGeneration(config).eval()
    random = torch.Generator().manual_seed(1)
    tokens = torch.randint(3, 60, (2, 3, 7), generator=random)
    tokens[:, 1] = tokens[:, 0]
    tokens[:, :2, 0] = torch.tensor([3, 4])  # two passages of one text, told apart by their numbers
    batch = PassageBatch(tokens, torch.ones_like(tokens))
    labels = torch.tensor([[5, 9, 4, 1], [7, 1, -100, -100]])
    front, fid = Front(), FusionInDecoder(model, WIDTH, mode)
    own = [value for name, value in fid.named_parameters() if not name.startswith("model.")]
    found: dict[str, Any] = {}
    with torch.inference_mode():
        plain = fid(batch, labels)[1]
        states = [model.encoder(input_ids=tokens[:, k]).last_hidden_state for k in range(3)]
        start = torch.cat([torch.zeros(2, 1, dtype=torch.long), labels[:, :-1].clamp(min=0)], dim=1)
        decoded = model.decoder(input_ids=start, encoder_hidden_states=torch.cat(states, dim=1)).last_hidden_state
        by_hand = model.lm_head(decoded * (32**-0.5 if config.scale_decoder_outputs else 1.0))
        found["no-op at the start, torch.equal"] = torch.equal(
            fid(batch, labels, front().reshape(2, 3, WIDTH))[1], plain
        )
    distance = float((plain - by_hand).abs().max())
    found["distance from a hand-built reference"] = distance
    found["equals a hand-built reference, < 1e-5"] = distance < 1e-5
    optimiser = torch.optim.SGD([*own, *front.parameters()], lr=0.5)
    for step in range(2):
        optimiser.zero_grad()
        fid(batch, labels, front().reshape(2, 3, WIDTH))[0].backward()
        if step == 0:
            optimiser.step()
    reached = all(value.grad is not None and bool(value.grad.abs().max() > 0) for value in own)
    found["after one step gradients reach projection and graph encoder"] = reached and front.reached()
    with torch.inference_mode():
        for value in own:
            value.fill_(1.0) if value.ndim == 0 else value.add_(torch.randn(value.shape, generator=random), alpha=0.2)
        vectors = front().reshape(2, 3, WIDTH)
        fused = fid(batch, labels, vectors)[1]
        order = [2, 0, 1]
        turned = fid(PassageBatch(tokens[:, order], batch.mask[:, order]), labels, vectors[:, order])[1]
        swapped = fid(batch, labels, vectors[:, [1, 0, 2]])[1]
    found["change under another order of passages"] = float((fused - turned).abs().max())
    found["the order of passages means nothing, < 1e-5"] = found["change under another order of passages"] < 1e-5
    found["change when two passages of one text swap vectors"] = float((fused - swapped).abs().max())
    found["swapping the vectors of two passages of one text changes logits"] = (
        float((fused - swapped).abs().max()) > 1e-4
    )
    return found


def distillation() -> dict[str, Any]:
    """PDist against its formula in NumPy, on made-up scores."""
    scores = np.array([[0.9, 0.1, -0.4], [0.2, 0.3, 0.25]])
    gold = np.array([[-1.2, -0.3, -4.0], [-2.0, -2.5, -0.1]])
    wanted, given = (np.exp(table) / np.exp(table).sum(axis=1, keepdims=True) for table in (gold / 0.4, scores / 0.1))
    formula = float((wanted * np.log(wanted / given)).sum(axis=1).mean())
    retriever, reader = torch.tensor(scores, requires_grad=True), torch.tensor(gold, requires_grad=True)
    loss = pdist_loss(retriever, reader, score_temperature=0.1, gold_temperature=0.4)
    loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    return {
        "distance from the formula": abs(loss.item() - formula) / formula,
        "equals the formula, < 1e-5": bool(abs(loss.item() - formula) < 1e-5 * formula),
        "gradients reach the retriever's scores only": retriever.grad is not None and reader.grad is None,
    }


if __name__ == "__main__":
    sys.exit(main())
