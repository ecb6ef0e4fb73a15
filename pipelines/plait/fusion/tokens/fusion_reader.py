"""An encoder-decoder model that is taught structure between its encoder and its decoder."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from plait.contracts import Structural
from plait.contracts.errors import ModelError
from plait.fusion.tokens.answer_reader import Answers, answer_tokens, rows_of, tables_of
from plait.fusion.tokens.checkpoint import FID
from plait.fusion.tokens.fid import FusionInDecoder, PassageBatch, passage_batch
from plait.fusion.tokens.lessons import ReaderSettings
from plait.fusion.tokens.tasks import Task, TaskPrompt

__all__ = ["FusionReader"]

_STRIDE = 30.0
"""At the default rate the first steps move a state by a quarter of its size. Of 3, 10 and 30 only this taught all modes
to random models of the T5 family: among all states of all passages what one of them says is diluted."""


class FusionReader:
    """Reads the passages of tasks apart; a :class:`~.answer_reader.StructureReader`.

    Every passage is read under its number, since a decoder that attends to all their states at once sees no order.

    Args:
        part: the model with its structural weights; the model is frozen.
        tokenizer: of the model, from transformers.
        name: of the language model.
        identity: of the language model (JSON).
        longest: most tokens of a passage with its question.
        lock: held while the model reads: its layers are watched while it does, by those who answer questions too.
    """

    def __init__(
        self,
        part: FusionInDecoder,
        tokenizer: Any,
        name: str,
        identity: Mapping[str, Any],
        *,
        longest: int = 256,
        lock: AbstractContextManager[Any] | None = None,
    ) -> None:
        self.part, self.name, self.identity, self.longest = part, name, dict(identity), longest
        self._tokenizer = tokenizer
        self._lock = lock or threading.Lock()
        self.cut = 0
        """Passages that lost their ends so far."""
        part.model.requires_grad_(False)

    @property
    def gate(self) -> float | None:
        """How far structure is let in; None in the mode ``concatenate``, which has no gate."""
        return None if self.part.mode == "concatenate" else float(torch.tanh(self.part.gate.detach()))

    def parameter_groups(self, settings: ReaderSettings) -> list[dict[str, Any]]:
        """Rates by what a step of Adam, which moves every number alike, does to what the decoder sees."""
        rates = {
            "gate": settings.gate_rate,
            # What is added to a state sums up over a vector of length 1, whose numbers are of order 1 / sqrt(n) each.
            "weight": settings.learning_rate * _STRIDE * self.part.size / self.part.structure**0.5,
            "joined": settings.learning_rate * _STRIDE * self.part.size / self.part.structure**0.5,
            # And here over a state, whose numbers are of its size.
            "text": settings.learning_rate / self.part.model.config.d_model,
        }
        decayed = {"weight": settings.weight_decay}
        return [
            {"params": [value], "lr": rates[name], "weight_decay": decayed.get(name, 0.0)}
            for name, value in self.part.own_parameters().items()
        ]

    def centre(self, structure: NDArray[np.float32]) -> None:
        """Nothing: the weights are linear, and what all vectors share can be outweighed by what follows."""

    def answers(self, texts: Sequence[str]) -> Answers:
        """Answers as token numbers.

        Raises:
            ModelError: an answer has no tokens.
        """
        return answer_tokens(self._tokenizer, texts, "", self.name)

    def log_likelihoods(
        self, tasks: Sequence[Task], answers: Sequence[Answers], structural: Structural | None = None
    ) -> list[Tensor]:
        """See :meth:`.StructureReader.log_likelihoods`; passages are encoded once for all answers to a task."""
        prompts, device = [task.prompt for task in tasks], self.part.model.device
        batch = self._batch(prompts)
        self.cut += batch.cut
        given = (None, None) if structural is None else self._structure(tasks, structural)
        rows = rows_of(answers)
        own = torch.tensor([row.prompt for row in rows], device=device)
        start, longest = int(self.part.model.config.decoder_start_token_id), max(len(row.context) for row in rows)
        # Filled up behind, where causal attention ends.
        inputs = [[start, *row.context, *[0] * (longest - len(row.context))] for row in rows]
        with self._lock:
            logits = self.part.logits(batch, torch.tensor(inputs, device=device), own, *given)
        return tables_of(logits.float(), rows, answers, [range(longest + 1)] * len(answers), self.name)

    def check(self, prompt: TaskPrompt, _answer: int) -> None:
        """Raises what keeps a question from being read with any of a passage; answers have a window of their own.

        Raises:
            ModelError: the question takes more than half of what is read at a time.
        """
        bare = TaskPrompt(prompt.question, ("",))
        taken = int(self._batch([bare]).mask.sum())
        if taken > self.longest // 2:
            raise ModelError(
                f"the question {prompt.question[:40]!r}... takes {taken:,} or more of the {self.longest:,} tokens that "
                "are read at a time, which leaves too little for passages",
                where=self.name,
                fix="leave the pair out, or raise 'longest' of use('fusion-in-decoder', ...)",
            )

    def save(self, folder: Path, structural: Mapping[str, Any]) -> Path:
        """See :meth:`FusionInDecoder.save`."""
        self.part.save(folder / FID, self.identity, structural)
        return folder / FID

    def _batch(self, prompts: Sequence[TaskPrompt]) -> PassageBatch:
        questions, passages = [prompt.question for prompt in prompts], [prompt.passages for prompt in prompts]
        made = passage_batch(self._tokenizer, questions, passages, longest=self.longest)
        return made.to(self.part.model.device)

    def _structure(self, tasks: Sequence[Task], structural: Structural) -> tuple[Tensor, Tensor]:
        """Vectors (tasks, passages, structure) and which of them mean anything (tasks, passages)."""
        device, nodes = self.part.model.device, [list(task.documents) for task in tasks]
        vectors, has = (
            pad_sequence([torch.from_numpy(table[own]) for own in nodes], batch_first=True).to(device)
            for table in (structural.vectors, structural.has_structure)
        )
        return vectors, has
