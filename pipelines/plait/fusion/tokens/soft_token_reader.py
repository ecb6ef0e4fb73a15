"""A decoder model as a reader: frozen, with gradients that pass through it to the soft tokens in its prompt."""

from __future__ import annotations

import inspect
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from plait.contracts import EmbeddingSpace, Message, ScoringModel, Structural
from plait.contracts.errors import ModelError
from plait.fusion.tokens.answer_reader import AnswerRow, Answers, answer_tokens, rows_of, tables_of
from plait.fusion.tokens.checkpoint import PROJECTOR
from plait.fusion.tokens.lessons import ReaderSettings
from plait.fusion.tokens.projector import Projector
from plait.fusion.tokens.tasks import Task, TaskPrompt
from plait.generators.soft_tokens import MarkedPrompt, marked_prompt

__all__ = ["FrozenReader", "SoftTokenReader"]

_KEPT = 8
_MOST_LOGITS = 2**26  # 256 MiB of float32


class FrozenReader:
    """A causal language model whose weights never change; an :class:`~.answer_reader.AnswerReader`.

    What stands in front of the first slot is the same for many prompts: its keys and values are computed once and
    kept, which changes likelihoods by rounding only.

    Args:
        model: of a :class:`~plait.contracts.ScoringGenerator`.
        k: markers in front of each passage.
    """

    def __init__(self, model: ScoringModel, k: int = 1) -> None:
        self._model = model
        self.k, self.name = k, model.name
        self.cut = 0
        """Passages that lost their ends so far."""
        self._words = int(model.model.config.get_text_config().vocab_size)
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
        """Answers as token numbers, see :func:`~plait.fusion.tokens.answer_reader.answer_tokens`.

        Raises:
            ModelError: an answer has no tokens.
        """
        # Without a chat template the prompt ends with a colon, and the answer's first word is one with its space.
        return answer_tokens(self._model.tokenizer, texts, "" if self._chat else " ", self._model.name)

    def check(self, prompt: TaskPrompt, answer: int) -> None:
        """Looks whether a question, with an answer of so many tokens, leaves room for any passage.

        Raises:
            ModelError: it does not fit the model's window.
        """
        bare = len(self.prompt(replace(prompt, texts=("",) * len(prompt.texts)).messages).tokens) + answer
        if self._model.window is not None and bare > self._model.window:
            raise ModelError(
                f"the question {prompt.question[:40]!r}... has, with its answer, {bare:,} tokens; the model reads "
                f"{self._model.window:,}",
                where=self._model.name,
                fix="leave the pair out, or use a model with a longer window",
            )

    def fitting(self, prompt: TaskPrompt, answer: int) -> MarkedPrompt:
        """The prompt with as much of its passages as leaves room for an answer of so many tokens.

        Raises:
            ModelError: there is no room without any passage.
        """
        window, texts = self._model.window, list(prompt.texts)
        made = self.prompt(prompt.messages)
        cut = window is not None and len(made.tokens) + answer > window
        while window is not None and (excess := len(made.tokens) + answer - window) > 0:
            longest = max(range(len(texts)), key=lambda number: len(texts[number]))
            if not texts[longest]:
                self.check(prompt, answer)
            kept = int(len(texts[longest]) * (1.0 - excess / len(made.tokens)))
            texts[longest] = texts[longest][: min(kept, len(texts[longest]) - 1)]
            made = self.prompt(replace(prompt, texts=tuple(texts)).messages)
        self.cut += cut
        return made

    def log_likelihoods(self, tasks: Sequence[Task], answers: Sequence[Answers]) -> list[Tensor]:
        """See :meth:`.AnswerReader.log_likelihoods`."""
        return self.read(self._fitting(tasks, answers), answers)

    def read(
        self,
        prompts: Sequence[MarkedPrompt],
        answers: Sequence[Answers],
        offsets: Sequence[Mapping[int, Tensor]] = (),
    ) -> list[Tensor]:
        """Log-likelihood of every answer's tokens, given its prompt.

        Args:
            prompts: from :meth:`prompt` or :meth:`fitting`.
            answers: of each prompt, from :meth:`answers`.
            offsets: for each prompt, passage number to what is added to its markers, (k, width); none at all leaves
                all markers plain. Gradients go here.

        Returns:
            For each prompt a tensor (answers, most tokens of any of them), 0 where an answer has ended.

        Raises:
            ModelError: a likelihood is not finite.
        """
        rows = rows_of(answers)
        sequences = [(*prompts[row.prompt].tokens, *row.context) for row in rows]
        shared = self._shared(prompts)
        wanted = sorted(
            {
                len(prompts[row.prompt].tokens) - 1 + step - shared
                for row in rows
                for step in range(len(row.context) + 1)
            }
        )
        if not torch.is_grad_enabled() and len(prompts) > 1 and len(rows) * len(wanted) * self._words > _MOST_LOGITS:
            # Prompts of different lengths expect their answers at different places: together they would fill memory.
            half = len(prompts) // 2
            parts = ((prompts[:half], answers[:half], offsets[:half]), (prompts[half:], answers[half:], offsets[half:]))
            return [table for part in parts for table in self.read(*part)]
        embeddings = self._embedded(sequences, shared, prompts, rows, offsets)
        logits = self._logits(embeddings, sequences[0][:shared], wanted)  # (rows, positions, vocabulary)
        place = {position: number for number, position in enumerate(wanted)}
        places = [
            [place[len(prompt.tokens) - 1 - shared + step] for step in range(max(map(len, own)))]
            for prompt, own in zip(prompts, answers, strict=True)
        ]
        return tables_of(logits, rows, answers, places, self._model.name)

    def _fitting(self, tasks: Sequence[Task], answers: Sequence[Answers]) -> list[MarkedPrompt]:
        return [self.fitting(task.prompt, max(map(len, own))) for task, own in zip(tasks, answers, strict=True)]

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
        rows: Sequence[AnswerRow],
        offsets: Sequence[Mapping[int, Tensor]],
    ) -> Tensor:
        """(rows, longest, width): what follows the shared tokens. Filled up behind, where causal attention ends."""
        longest = max(map(len, sequences)) - shared
        filled = [(*tokens[shared:], *[0] * (longest - (len(tokens) - shared))) for tokens in sequences]
        plain: Tensor = self._model.embed(torch.tensor(filled)).detach()
        at: list[tuple[int, int]] = []
        added: list[Tensor] = []
        for number, row in enumerate(rows if offsets else ()):
            for passage, places in prompts[row.prompt].places.items():
                if passage in offsets[row.prompt]:
                    at.extend((number, place - shared) for place in places)
                    given = offsets[row.prompt][passage]
                    added.append(given.repeat(len(places) // self.k, 1))
        if not at:
            return plain
        index = torch.tensor(at, device=self.device)
        values = torch.cat(added).to(plain.dtype)
        return plain.index_put((index[:, 0], index[:, 1]), values, accumulate=True)

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
            # Whoever reads them first may be judging, and the next one learning.
            with torch.inference_mode(False), torch.no_grad():
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


class SoftTokenReader(FrozenReader):
    """Puts soft tokens in front of the passages of tasks; a :class:`~.answer_reader.StructureReader`.

    Args:
        model: of a :class:`~plait.contracts.ScoringGenerator`.
        projector: what makes its soft tokens.
    """

    def __init__(self, model: ScoringModel, projector: Projector) -> None:
        super().__init__(model, projector.k)
        self.name = model.space.model
        self.part = projector.to(self.device)

    @classmethod
    def untrained(cls, model: ScoringModel, structure: int, settings: ReaderSettings, seed: int) -> SoftTokenReader:
        """With a new projector for structural vectors of that width."""
        return cls(model, Projector(structure, model.space, k=settings.soft_tokens, hidden=settings.hidden, seed=seed))

    @property
    def gate(self) -> float:
        """How far the soft tokens count."""
        return float(torch.tanh(self.part.gate.detach()))

    def parameter_groups(self, settings: ReaderSettings) -> list[dict[str, Any]]:
        """Matrices with a decay, the gate without."""
        matrices = [value for name, value in self.part.named_parameters() if name != "gate"]
        return [
            {"params": matrices, "lr": settings.learning_rate, "weight_decay": settings.weight_decay},
            {"params": [self.part.gate], "lr": settings.gate_rate, "weight_decay": 0.0},
        ]

    def centre(self, structure: NDArray[np.float32]) -> None:
        """See :meth:`.Projector.centre`."""
        self.part.centre(structure)

    def log_likelihoods(
        self, tasks: Sequence[Task], answers: Sequence[Answers], structural: Structural | None = None
    ) -> list[Tensor]:
        """See :meth:`.StructureReader.log_likelihoods`."""
        offsets = [] if structural is None else self._offsets(tasks, structural)
        return self.read(self._fitting(tasks, answers), answers, offsets)

    def save(self, folder: Path, structural: Mapping[str, Any]) -> Path:
        """See :meth:`.Projector.save`."""
        self.part.save(folder / PROJECTOR, structural)
        return folder / PROJECTOR

    def _offsets(self, tasks: Sequence[Task], structural: Structural) -> list[dict[int, Tensor]]:
        """Of every task's passages by their numbers."""
        nodes = sorted({node for task in tasks for node in task.documents})
        device = self.part.gate.device
        rows = torch.from_numpy(structural.vectors[nodes]).to(device)
        made = self.part(rows, torch.from_numpy(structural.has_structure[nodes]).to(device))  # (nodes, k, width)
        place = {node: number for number, node in enumerate(nodes)}
        return [{number: made[place[node]] for number, node in enumerate(task.documents, start=1)} for task in tasks]
