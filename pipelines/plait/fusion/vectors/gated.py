r"""Gated residual fusion, the default.

.. math:: z = \mathrm{norm}\big(t + \tanh(a)\, W g\big), \qquad a = 0,\; W = 4 I \text{ at the start}

The gate alone makes it a no-op at the start, so that W can begin as a plain copy: with W = 0 as well no gradient would
reach either. The factor 4 lets an open gate hand the vector over to structure, which a factor of 1 could at most mix
in halves.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from plait.fusion.vectors.fused import VectorFusion

__all__ = ["Gated"]

_REACH = 4.0


class Gated(VectorFusion):
    """norm(t + tanh(a) W g); see the module.

    Args:
        text: width of the text vectors.
        structure: width of the structural vectors.
    """

    name: ClassVar[str] = "gated"

    def __init__(self, text: int, structure: int) -> None:
        super().__init__(text, structure)
        self.gate = nn.Parameter(torch.zeros(()))
        self.weight = nn.Parameter(_REACH * torch.eye(text, structure))

    def change(self, text: Tensor, structure: Tensor) -> Tensor:  # noqa: ARG002 - the text only gets something added
        """tanh(a) W g."""
        return torch.tanh(self.gate) * (structure @ self.weight.T)
