r"""Concatenation with a projection, as in ATLANTIC (Munikoti et al. 2023, arXiv:2311.12289).

.. math:: z = \mathrm{norm}\big(W\, [t; g]\big), \qquad W = [I \,|\, 0] \text{ at the start}

W is kept as its distance from [I | 0], so that the start is exact in every bit.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from plait.fusion.vectors.fused import VectorFusion

__all__ = ["Concatenated"]


class Concatenated(VectorFusion):
    """norm(W [t; g]); see the module.

    Args:
        text: width of the text vectors.
        structure: width of the structural vectors.
    """

    name: ClassVar[str] = "concatenated"

    def __init__(self, text: int, structure: int) -> None:
        super().__init__(text, structure)
        self.distance = nn.Parameter(torch.zeros(text, text + structure))  # W - [I | 0]

    def change(self, text: Tensor, structure: Tensor) -> Tensor:
        """(W - [I | 0]) [t; g]."""
        return torch.cat([text, structure], dim=-1) @ self.distance.T
