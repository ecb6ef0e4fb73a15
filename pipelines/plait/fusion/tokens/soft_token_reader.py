"""A decoder model that is taught structure by soft tokens: a frozen reader and a projector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from plait.fusion.tokens.answer_rows import Answers
from plait.fusion.tokens.frozen import FrozenReader
from plait.fusion.tokens.projector import Projector
from plait.fusion.tokens.reader_files import PROJECTOR
from plait.fusion.tokens.reader_settings import ReaderSettings
from plait.fusion.tokens.tasks import Task
from plait.gnn.encoding import Structural

__all__ = ["SoftTokenReader"]


class SoftTokenReader:
    """Puts soft tokens in front of the passages of tasks; a :class:`~.structure_reader.StructureReader`.

    Args:
        reader: the frozen model.
        projector: what makes its soft tokens.
    """

    def __init__(self, reader: FrozenReader, projector: Projector) -> None:
        self.reader = reader
        self.part = projector.to(reader.device)

    @classmethod
    def untrained(cls, reader: FrozenReader, structure: int, settings: ReaderSettings, seed: int) -> SoftTokenReader:
        """With a new projector for structural vectors of that width."""
        return cls(reader, Projector(structure, reader.space, k=reader.k, hidden=settings.hidden, seed=seed))

    @property
    def name(self) -> str:
        """The language model's name."""
        return self.reader.space.model

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
        """See :meth:`Projector.centre`."""
        self.part.centre(structure)

    def answers(self, texts: Sequence[str]) -> Answers:
        """See :meth:`FrozenReader.answers`."""
        return self.reader.answers(texts)

    def log_likelihoods(
        self, tasks: Sequence[Task], answers: Sequence[Answers], structural: Structural | None
    ) -> list[Tensor]:
        """See :meth:`FrozenReader.log_likelihoods`."""
        prompts = [
            self.reader.fitting(task.prompt, max(map(len, own))) for task, own in zip(tasks, answers, strict=True)
        ]
        offsets = [] if structural is None else self._offsets(tasks, structural)
        return self.reader.log_likelihoods(prompts, answers, offsets)

    def save(self, folder: Path, structural: Mapping[str, Any]) -> Path:
        """See :meth:`Projector.save`."""
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
