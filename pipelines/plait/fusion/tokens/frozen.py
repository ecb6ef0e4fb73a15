"""A frozen language model that says how likely answers are, and lets gradients through to the soft tokens."""

from __future__ import annotations

import inspect
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from plait.contracts import EmbeddingSpace, Message
from plait.contracts.errors import ModelError
from plait.generators.causal import CausalModel
from plait.generators.markers import MarkedPrompt, marked_prompt

__all__ = ["FrozenReader", "Row"]

_KEPT = 8


@dataclass(frozen=True, slots=True)
class Row:
    """One pass of the model: a prompt, and all but the last token of an answer.

    Args:
        prompt: number of the prompt.
        context: tokens of the answer that follow it.
    """

    prompt: int
    context: tuple[int, ...]


class FrozenReader:
    """A causal language model whose weights never change.

    What stands in front of the first slot is the same for many prompts: its keys and values are computed once and
    kept, which changes likelihoods by rounding only.

    Args:
        model: from :func:`plait.generators.causal.load_causal_model`.
        k: markers in front of each passage.
    """

    def __init__(self, model: CausalModel, k: int = 1) -> None:
        self._model = model
        self.k, self.name = k, model.name
        self._chat = bool(model.tokenizer.chat_template)
        self._keeps = "logits_to_keep" in inspect.signature(model.model.forward).parameters
        self._prefixes: OrderedDict[tuple[int, ...], Any] = OrderedDict()

    @property
    def space(self) -> EmbeddingSpace:
        """Where soft tokens have to land."""
        return self._model.space

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        found: torch.device = self._model.model.device
        return found

    def prompt(self, messages: Sequence[Message]) -> MarkedPrompt:
        """A prompt as token numbers with ``k`` markers in every slot."""
        return marked_prompt(self._model.tokenizer, messages, chat=self._chat, k=self.k)

    def answers(self, texts: Sequence[str]) -> list[tuple[int, ...]]:
        """Answers as token numbers.

        Where one answer begins another, all get the token that ends a turn: else the shorter one could never be less
        likely than the longer.

        Raises:
            ModelError: an answer has no tokens.
        """
        # Without a chat template the prompt ends with a colon, and the answer's first word is one with its space.
        lead = "" if self._chat else " "
        found = [
            tuple(int(token) for token in self._model.tokenizer(lead + text, add_special_tokens=False)["input_ids"])
            for text in texts
        ]
        if not all(found):
            raise ModelError("an answer has no tokens", where=self.name, fix="leave empty answers out")
        nested = any(a != b and b[: len(a)] == a for a in found for b in found)
        end = self._model.tokenizer.eos_token_id
        return [(*tokens, int(end)) for tokens in found] if nested and end is not None else found

    def log_likelihoods(
        self,
        prompts: Sequence[MarkedPrompt],
        answers: Sequence[Sequence[tuple[int, ...]]],
        offsets: Sequence[Mapping[int, Tensor]] = (),
    ) -> list[Tensor]:
        """Log-likelihood of every answer's tokens, given its prompt.

        Args:
            prompts: from :meth:`prompt`.
            answers: of each prompt, from :meth:`answers`.
            offsets: for each prompt, passage number to what is added to its markers, (k, width); none at all leaves
                all markers plain. Gradients go here.

        Returns:
            For each prompt a tensor (answers, most tokens of any of them), 0 where an answer has ended: sums are
            total log-likelihoods.

        Raises:
            ModelError: a likelihood is not finite.
        """
        rows = [Row(number, context) for number, own in enumerate(answers) for context in _contexts(own)]
        sequences = [(*prompts[row.prompt].tokens, *row.context) for row in rows]
        shared = self._shared(prompts)
        embeddings = self._embedded(sequences, shared, prompts, rows, offsets)
        wanted = sorted(
            {
                len(prompts[row.prompt].tokens) - 1 + step - shared
                for row in rows
                for step in range(len(row.context) + 1)
            }
        )
        logits = self._logits(embeddings, sequences[0][:shared], wanted)  # (rows, positions, vocabulary)
        place = {position: number for number, position in enumerate(wanted)}
        normaliser = torch.logsumexp(logits, dim=-1)
        found = []
        for number, own in enumerate(answers):
            start, longest = len(prompts[number].tokens) - 1 - shared, max(map(len, own))
            table = []
            for tokens in own:
                row = _row_of(rows, number, tokens[:-1])
                places = [place[start + step] for step in range(len(tokens))]
                values = logits[row, places, list(tokens)] - normaliser[row, places]
                table.append(torch.nn.functional.pad(values, (0, longest - len(tokens))))
            found.append(torch.stack(table))
        if not all(bool(torch.isfinite(part).all()) for part in found):
            raise ModelError(f"{self.name} gave likelihoods that are not finite", fix='load it with dtype="float32"')
        return found

    def _shared(self, prompts: Sequence[MarkedPrompt]) -> int:
        """How many tokens all prompts begin with, no marker among them, and at least one left over."""
        if self._model.carries_state:
            return 0
        ends = [min((place for own in p.places.values() for place in own), default=len(p.tokens)) for p in prompts]
        most = min(min(ends), *(len(p.tokens) - 1 for p in prompts))
        first = prompts[0].tokens
        return next((at for at in range(most) if any(p.tokens[at] != first[at] for p in prompts)), most)

    def _embedded(
        self,
        sequences: Sequence[tuple[int, ...]],
        shared: int,
        prompts: Sequence[MarkedPrompt],
        rows: Sequence[Row],
        offsets: Sequence[Mapping[int, Tensor]],
    ) -> Tensor:
        """(rows, longest, width): what follows the shared tokens. Filled up behind, where causal attention ends."""
        longest = max(map(len, sequences)) - shared
        filled = [(*tokens[shared:], *[0] * (longest - (len(tokens) - shared))) for tokens in sequences]
        embeddings = self._model.embed(torch.tensor(filled)).detach()
        at: list[tuple[int, int]] = []
        added: list[Tensor] = []
        for number, row in enumerate(rows if offsets else ()):
            for passage, places in prompts[row.prompt].places.items():
                if passage in offsets[row.prompt]:
                    at.extend((number, place - shared) for place in places)
                    given = offsets[row.prompt][passage]
                    added.append(given.repeat(len(places) // self.k, 1))
        if not at:
            return embeddings
        index = torch.tensor(at, device=self.device)
        values = torch.cat(added).to(embeddings.dtype)
        return embeddings.index_put((index[:, 0], index[:, 1]), values, accumulate=True)

    def _logits(self, embeddings: Tensor, shared: Sequence[int], wanted: Sequence[int]) -> Tensor:
        past = self._past(tuple(shared), len(embeddings)) if shared else None
        keep = torch.tensor(wanted, device=self.device)
        given = {"logits_to_keep": keep} if self._keeps else {}
        output = self._model.model(inputs_embeds=embeddings, past_key_values=past, use_cache=past is not None, **given)
        logits: Tensor = output.logits if self._keeps else output.logits[:, keep]
        return logits.float()

    def _past(self, shared: tuple[int, ...], rows: int) -> Any:
        """Keys and values of the shared tokens, a copy for every row."""
        from transformers import DynamicCache

        kept = self._prefixes.get(shared)
        if kept is None:
            with torch.no_grad():
                tokens = torch.tensor([shared], device=self.device)
                kept = self._model.model(input_ids=tokens, use_cache=True).past_key_values
            self._prefixes[shared] = kept
            while len(self._prefixes) > _KEPT:
                self._prefixes.popitem(last=False)
        self._prefixes.move_to_end(shared)
        past = DynamicCache(config=self._model.model.config)
        for number, layer in enumerate(kept.layers):
            past.update(layer.keys.expand(rows, -1, -1, -1), layer.values.expand(rows, -1, -1, -1), number)
        return past


def _contexts(answers: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """What has to be read to score all answers: no context that another begins with."""
    contexts = sorted({answer[:-1] for answer in answers})
    # Sorted, a context stands directly in front of the ones it begins.
    return [
        context
        for context, following in zip(contexts, [*contexts[1:], None], strict=True)
        if following is None or following[: len(context)] != context
    ]


def _row_of(rows: Sequence[Row], prompt: int, context: tuple[int, ...]) -> int:
    return next(
        number for number, row in enumerate(rows) if row.prompt == prompt and row.context[: len(context)] == context
    )
