"""What a frozen language model needs in order to be taught structure, whatever its kind.

Two kinds are taught: decoder models by :class:`~plait.fusion.tokens.soft_token_reader.SoftTokenReader`, and
encoder-decoder models by :class:`~plait.fusion.tokens.fusion_reader.FusionReader`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from plait.fusion.tokens.answer_rows import Answers
from plait.fusion.tokens.reader_settings import ReaderSettings
from plait.fusion.tokens.tasks import Task
from plait.gnn.encoding import Structural

__all__ = ["StructureReader"]


class StructureReader(Protocol):
    """A frozen language model, and the part beside it that is trained to let structural vectors in."""

    @property
    def name(self) -> str:
        """The language model's name."""
        ...

    @property
    def part(self) -> nn.Module:
        """Its parameters that ask for gradients are what is trained."""
        ...

    @property
    def gate(self) -> float | None:
        """How far structure is let in, between -1 and 1; None where no gate bounds it."""
        ...

    def parameter_groups(self, settings: ReaderSettings) -> list[dict[str, Any]]:
        """The trained parameters with their rates, as optimisers of torch take them."""
        ...

    def centre(self, structure: NDArray[np.float32]) -> None:
        """Sees the vectors that it is going to learn from, shape (documents, structure). Before training only."""
        ...

    def answers(self, texts: Sequence[str]) -> Answers:
        """Answers as token numbers.

        Raises:
            ModelError: an answer has no tokens.
        """
        ...

    def log_likelihoods(
        self, tasks: Sequence[Task], answers: Sequence[Answers], structural: Structural | None
    ) -> list[Tensor]:
        """Log-likelihood of every answer's tokens, with gradients to the trained part.

        Args:
            tasks: what is asked.
            answers: of each task, from :meth:`answers`.
            structural: vectors by node; None leaves structure out, which is the plain model in every bit.

        Returns:
            For each task a tensor (answers, most tokens of any of them), 0 where an answer has ended.

        Raises:
            ModelError: a likelihood is not finite.
        """
        ...

    def save(self, folder: Path, structural: Mapping[str, Any]) -> Path:
        """Writes the trained part into the folder of the index's model ``reader``; the file.

        Args:
            folder: where.
            structural: identity of the structural encoder (JSON).

        Raises:
            ModelError: a weight is not finite.
        """
        ...
