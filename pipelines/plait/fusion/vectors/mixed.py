r"""Mixing of scores: the baseline, in which structure never reaches the vector.

.. math:: s(q, d) = (1 - \beta)\, q \cdot t_d + \beta\, q \cdot g_d, \qquad \beta = 0 \text{ at the start}
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from plait.contracts.errors import ConfigError
from plait.gnn.encoding import Structural
from plait.gnn.links import area_under_curve
from plait.gnn.structure import Pairs

__all__ = ["Mixed", "choose_share"]

Number = TypeVar("Number", np.float32, np.float64)
SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True, slots=True)
class Mixed:
    """A weighted mean of two scores.

    Args:
        share: beta in the formula, 0 to 1.

    Raises:
        ConfigError: share is out of range.

    Example:
        >>> Mixed(0.5).scores(np.array([0.75, 0.5]), np.array([0.25, 1.0]), np.array([True, False])).tolist()
        [0.5, 0.5]
    """

    share: float = 0.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.share <= 1.0:
            raise ConfigError(f"share is {self.share}, not between 0 and 1", where="score mixing")

    def scores(
        self, text: NDArray[Number], structure: NDArray[Number], has_structure: NDArray[np.bool_]
    ) -> NDArray[Number]:
        """Mixed scores, shape (documents,); documents without structure keep their text score."""
        if self.share == 0.0:
            return text
        mixed: NDArray[Number] = np.where(has_structure, (1.0 - self.share) * text + self.share * structure, text)
        return mixed


def choose_share(
    text: NDArray[np.float32], structure: Structural, pairs: Pairs, negatives: Pairs, shares: tuple[float, ...] = SHARES
) -> float:
    """The share with the highest link AUC on pairs that were not in the graph; the smallest among equals.

    A link stands in for a query: the text of u searches for v, ``(1 - b) t_u . t_v + b t_u . g_v``.
    """

    def auc(share: float) -> float:
        mixed = Mixed(share)
        scores = []
        for first, second in (pairs.T, negatives.T):
            by_text = np.einsum("ij,ij->i", text[first], text[second])
            by_structure = np.einsum("ij,ij->i", text[first], structure.vectors[second])
            scores.append(mixed.scores(by_text, by_structure, structure.has_structure[second]))
        return round(area_under_curve(scores[0], scores[1]), 6)

    return max(shares, key=lambda share: (auc(share), -share))
