r"""Fusion-in-Decoder with structure, for encoder-decoder models of the T5 family.

Izacard and Grave 2021, *Leveraging passage retrieval with generative models for open domain question answering*
(arXiv:2007.01282): passages are encoded apart, each with the question, and the decoder attends to all their states at
once. T5 gives cross-attention no positions, so the order of passages means nothing.

Structure joins between encoder and decoder, as in ATLANTIC (Munikoti et al. 2023, arXiv:2311.12289), in one of three
modes. With the states :math:`H_k` of passage k, the structural vector :math:`g_k` of its document, and a = 0 at the
start:

===============  ========================================================================================
``prefix``       :math:`[W g_k + \bar h_k; H_k]`, one state more per passage, with :math:`\bar h_k` the mean of
                 :math:`H_k`; its gate is in :mod:`plait.fusion.tokens.prefix_attention`
``additive``     :math:`H_k + \tanh(a)\, W g_k` at every position
``concatenate``  :math:`W [H_k; g_k]` with :math:`W = [I | 0]` at the start, kept as its distance from that
===============  ========================================================================================

All three return the logits of the model without structure, bit for bit, before training, and always do so for passages
whose documents have none.

The mean is there because cross-attention has no positions: a state :math:`W g_k` alone would be one of a heap, and the
vectors of two passages could be swapped without any effect. For the same reason, two passages that read the same to
the last token may swap theirs in every mode; what the encoder reads has to tell them apart, by a title or a number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from plait.contracts.errors import ConfigError, ModelError
from plait.fusion.tokens.checkpoint import compare_identity, read_checkpoint, write_checkpoint
from plait.fusion.tokens.prefix_attention import cross_attentions, prefixed

__all__ = ["FusionInDecoder", "PassageBatch", "StructureMode", "passage_batch"]

StructureMode = Literal["prefix", "additive", "concatenate"]
_KIND = "Fusion-in-Decoder structure"
_IGNORED = -100


@dataclass(frozen=True, slots=True)
class PassageBatch:
    """Token numbers of every question's passages, shape (questions, passages, tokens), and which of them count.

    ``cut`` passages were too long and have lost their ends.
    """

    tokens: Tensor
    mask: Tensor
    cut: int = 0

    def to(self, device: torch.device) -> PassageBatch:
        """The same on another device."""
        return PassageBatch(self.tokens.to(device), self.mask.to(device), self.cut)


def passage_batch(
    tokenizer: Any, questions: Sequence[str], passages: Sequence[Sequence[tuple[str, str]]], *, longest: int = 256
) -> PassageBatch:
    """Each passage beside its question, in the words that the paper puts around them.

    Args:
        tokenizer: of the model, from transformers.
        questions: as they were asked.
        passages: title and text of each question's passages; questions with fewer than others are filled up with
            passages that do not count.
        longest: most tokens of a passage with its question; what goes beyond is cut off at the passage's end.

    Raises:
        ModelError: questions and passages differ in number, or there are none.
    """
    most = max(map(len, passages), default=0)
    if len(questions) != len(passages) or not most:
        raise ModelError(
            f"{len(questions)} questions and {len(passages)} lists of at most {most} passages",
            where="Fusion-in-Decoder",
            fix="give one list of passages per question",
        )
    texts = [
        f"question: {question} title: {title} context: {text}"
        for question, own in zip(questions, passages, strict=True)
        for title, text in [*own, *[("", "")] * (most - len(own))]
    ]

    def read(most: int) -> Any:
        return tokenizer(texts, padding=True, truncation=True, max_length=most, return_tensors="pt")

    made = read(longest + 1)  # one more than wanted tells a passage that fits from one that was cut
    cut = int((made["attention_mask"].sum(dim=-1) > longest).sum())
    made = read(longest) if cut else made
    shape = (len(questions), most, -1)
    mask = made["attention_mask"].reshape(shape)
    for row, own in enumerate(passages):
        mask[row, len(own) :] = 0
    return PassageBatch(made["input_ids"].reshape(shape), mask, cut)


class FusionInDecoder(nn.Module):
    """An encoder-decoder model that reads several passages, and their structure.

    Args:
        model: a conditional generation model of the T5 family, from transformers.
        structure: width of the structural vectors.
        mode: how structure joins.
        seed: of the weights; torch's global generator is left alone.

    Raises:
        ConfigError: the mode is unknown.
        ModelError: the model is not of the T5 family.
    """

    def __init__(self, model: Any, structure: int, mode: StructureMode = "prefix", *, seed: int = 0) -> None:
        super().__init__()
        if mode not in get_args(StructureMode):
            raise ConfigError(f"there is no mode {mode!r}", where="Fusion-in-Decoder", choices=get_args(StructureMode))
        if not getattr(model.config, "is_encoder_decoder", False):
            raise ModelError(
                f"{type(model).__name__} has no encoder and decoder",
                where="Fusion-in-Decoder",
                fix="use a T5 model; decoder-only models take soft tokens",
            )
        self.model, self.structure, self.mode = model, structure, mode
        width = int(model.config.d_model)
        cross_attentions(model)  # refuses other families, whatever the mode
        self.size = float(model.encoder.final_layer_norm.weight.detach().float().square().mean().sqrt())
        """Root mean square of a state, as the encoder's last norm leaves it."""
        if mode == "concatenate":
            self.text = nn.Parameter(torch.zeros(width, width))  # W - [I | 0], left of the bar
            self.joined = nn.Parameter(torch.zeros(width, structure))  # and right of it
            return
        self.gate = nn.Parameter(torch.zeros(()))
        # A structural vector of length 1 becomes a state as loud as the encoder's own.
        random = torch.Generator().manual_seed(seed)
        self.weight = nn.Parameter(self.size * torch.randn(width, structure, generator=random))

    def forward(
        self, batch: PassageBatch, labels: Tensor, structure: Tensor | None = None, has_structure: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """The loss and the logits, shape (questions, answer tokens, vocabulary).

        Args:
            batch: the passages.
            labels: token numbers of the answers, shape (questions, answer tokens); -100 where there is none.
            structure: vectors of the passages' documents, shape (questions, passages, structure); None leaves
                structure out.
            has_structure: which of them mean anything, shape (questions, passages); by default all.

        Raises:
            ModelError: shapes do not fit.
        """
        states, mask, joined = self._joined(self.encode(batch), batch.mask, structure, has_structure)
        with joined:
            found = self.model(encoder_outputs=(states,), attention_mask=mask, labels=labels)
        return found.loss, found.logits

    def logits(
        self,
        batch: PassageBatch,
        inputs: Tensor,
        questions: Tensor,
        structure: Tensor | None = None,
        has_structure: Tensor | None = None,
    ) -> Tensor:
        """Logits of several answers to each question, whose passages are encoded once; (rows, tokens, vocabulary).

        Args:
            batch: the passages.
            inputs: of the decoder, shape (rows, tokens), the start token first.
            questions: which question each row answers, shape (rows,).
            structure: as in :meth:`forward`.
            has_structure: as in :meth:`forward`.

        Raises:
            ModelError: shapes do not fit.
        """
        given = (None if part is None else part[questions] for part in (structure, has_structure))
        states, mask, joined = self._joined(self.encode(batch)[questions], batch.mask[questions], *given)
        with joined:
            found: Tensor = self.model(
                encoder_outputs=(states,), attention_mask=mask, decoder_input_ids=inputs, use_cache=False
            ).logits
        return found

    @torch.inference_mode()
    def generate(
        self,
        batch: PassageBatch,
        structure: Tensor | None = None,
        has_structure: Tensor | None = None,
        *,
        max_tokens: int = 32,
    ) -> Tensor:
        """Greedy answers as token numbers, shape (questions, at most max_tokens + 1), the start token included."""
        from transformers.modeling_outputs import BaseModelOutput

        states, mask, joined = self._joined(self.encode(batch), batch.mask, structure, has_structure)
        with joined:
            written: Tensor = self.model.generate(
                encoder_outputs=BaseModelOutput(last_hidden_state=states),
                attention_mask=mask,
                max_new_tokens=max_tokens,
                do_sample=False,
                num_beams=1,
            )
        return written

    def encode(self, batch: PassageBatch) -> Tensor:
        """States of every passage read by itself, shape (questions, passages, tokens, width)."""
        tokens, mask = batch.tokens.flatten(0, 1), batch.mask.flatten(0, 1)
        # A passage that does not count still goes through the encoder, where attention over nothing is no number.
        readable = mask.clone()
        readable[mask.sum(dim=1) == 0, 0] = 1
        states: Tensor = self.model.encoder(input_ids=tokens, attention_mask=readable).last_hidden_state
        return states.reshape(*batch.tokens.shape, -1)

    def save(self, path: Path, model: Mapping[str, Any], structural: Mapping[str, Any]) -> None:
        """Writes what structure adds, without the language model, as one safetensors file.

        Args:
            path: of the file.
            model: identity of the language model (JSON).
            structural: identity of the structural encoder (JSON).

        Raises:
            ModelError: a weight is not finite.
        """
        about = {"mode": self.mode, "model": dict(model), "structural": dict(structural)}
        write_checkpoint(path, _KIND, about, self.own_parameters())

    def restore(self, path: Path, model: Mapping[str, Any], structural: Mapping[str, Any]) -> None:
        """Takes over what :meth:`save` wrote.

        Args:
            path: of the file.
            model: identity of the language model in use.
            structural: identity of the structural encoder in use.

        Raises:
            ModelError: the file is missing, broken, of other sizes, or holds weights that are not finite.
            IdentityError: it was trained in another mode, or for another language model or structural encoder.
        """
        about, tensors = read_checkpoint(path, _KIND)
        for part, theirs, ours in (
            ("mode", {"mode": about.get("mode")}, {"mode": self.mode}),
            ("language model", about.get("model", {}), model),
            ("structural encoder", about.get("structural", {}), structural),
        ):
            compare_identity(theirs, ours, part, _KIND, path)
        own = self.own_parameters()
        if {name: value.shape for name, value in tensors.items()} != {name: own[name].shape for name in own}:
            raise ModelError(f"this {_KIND} has weights of other sizes", where=str(path), fix="train it again")
        with torch.no_grad():
            for name, value in own.items():
                value.copy_(tensors[name])

    def own_parameters(self) -> dict[str, nn.Parameter]:
        """What structure adds to the model, by name."""
        return {name: value for name, value in self.named_parameters() if not name.startswith("model.")}

    def _joined(
        self, states: Tensor, counts: Tensor, structure: Tensor | None, has_structure: Tensor | None
    ) -> tuple[Tensor, Tensor, Any]:
        """What the decoder attends to, (questions, passages * tokens, width), its mask, and the prefix to join it.

        Args:
            states: (questions, passages, tokens, width).
            counts: which tokens count, (questions, passages, tokens).
            structure: (questions, passages, structure) or None.
            has_structure: (questions, passages) or None.
        """
        mask = counts.flatten(1)
        if structure is None:
            return states.flatten(1, 2), mask, nullcontext()
        wanted = (*states.shape[:2], self.structure)
        has = torch.ones(wanted[:2], dtype=torch.bool, device=states.device) if has_structure is None else has_structure
        if structure.shape != wanted or has.shape != wanted[:2]:
            raise ModelError(
                f"structural vectors have the shape {tuple(structure.shape)}, not {wanted}",
                where="Fusion-in-Decoder",
                fix="give one vector per passage, of the structural encoder it was trained with",
            )
        given = structure.to(states.dtype)
        if self.mode == "prefix":
            counted = counts[..., None].to(states.dtype)
            mean = (states * counted).sum(dim=2) / counted.sum(dim=2).clamp(min=1.0)
            prefix = mean + given @ self.weight.T.to(states.dtype)  # (questions, passages, width)
            present = has & counts.bool().any(dim=-1)
            flat = states.flatten(1, 2)
            joined = prefixed(cross_attentions(self.model), flat, mask, prefix, present, torch.tanh(self.gate))
            return flat, mask, joined
        if self.mode == "additive":
            change = (torch.tanh(self.gate) * (given @ self.weight.T.to(states.dtype)))[:, :, None]
        else:
            beside = given @ self.joined.T.to(states.dtype)  # (questions, passages, width)
            change = states @ self.text.T.to(states.dtype) + beside[:, :, None]
        fused = states + torch.where(has[:, :, None, None], change, torch.zeros_like(change))
        return fused.flatten(1, 2), mask, nullcontext()
