r"""One more state per passage for a decoder to attend to, exactly inert while its gate is closed.

Joining a state to the encoder's changes the decoder's cross-attention in two ways: the state brings a value, and it
takes weight from all others. A gate on the value alone would leave the second, and masking the state out would leave
no gradient to open the gate (and sums over one number more, which are not the same to the last bit). So the gate
stands behind the attention. With :math:`o` the attention's output over the encoder's states alone, and :math:`w_p` the
weight that state p gets in the softmax over all of them together,

.. math:: o' = o + \tanh(a) \sum_p w_p\, (v_p - o)

which is o at a = 0 in every bit, has a gradient in a there, and is attention over the joined states once tanh(a) = 1.
It lies on the straight line between the two for every gate in between.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from plait.contracts.errors import ModelError

__all__ = ["cross_attentions", "prefixed"]


def cross_attentions(model: Any) -> list[nn.Module]:
    """The cross-attention of every decoder layer, as T5 and its relatives name them.

    Raises:
        ModelError: the model is not of that family.
    """
    decoder = model.get_decoder()
    found = [module for name, module in decoder.named_modules() if name.endswith("EncDecAttention")]
    if not found or not all(hasattr(module, part) for module in found for part in ("q", "k", "v", "o", "n_heads")):
        raise ModelError(
            f"{type(model).__name__} is not of the T5 family: its cross-attention has other parts",
            where="Fusion-in-Decoder",
            choices=("T5", "mT5", "Flan-T5"),
            fix="use one of these; decoder-only models take soft tokens",
        )
    return found


@contextmanager
def prefixed(
    attentions: Sequence[nn.Module], states: Tensor, mask: Tensor, prefix: Tensor, present: Tensor, amount: Tensor
) -> Iterator[None]:
    """While open, these cross-attentions see the prefix states as well.

    Args:
        attentions: from :func:`cross_attentions`.
        states: of the encoder, shape (batch, positions, width).
        mask: which of them count, shape (batch, positions).
        prefix: further states, shape (batch, prefixes, width).
        present: which of those count, shape (batch, prefixes).
        amount: how far they count, between -1 and 1; a number without dimensions.
    """
    hooks = []
    try:
        for attention in attentions:
            part = _Part(attention, states, mask, prefix, present, amount)
            hooks.append(attention.get_submodule("q").register_forward_hook(part.asked))
            hooks.append(attention.get_submodule("o").register_forward_pre_hook(part.answered))
        yield
    finally:
        for hook in hooks:
            hook.remove()


class _Part:
    """The prefix at one layer. The queries pass by on their way in, the output over the states on its way out."""

    def __init__(
        self, attention: Any, states: Tensor, mask: Tensor, prefix: Tensor, present: Tensor, amount: Tensor
    ) -> None:
        self.heads = int(attention.n_heads)
        self.scaling = float(getattr(attention, "scaling", 1.0))
        # Keys of the states once more: the model computes its own inside, and keeps them to itself.
        self.keys = self._by_head(torch.cat([attention.k(states), attention.k(prefix)], dim=1))  # (b, h, s + p, d)
        self.values = self._by_head(attention.v(prefix))  # (b, h, p, d)
        self.hidden = ~torch.cat([mask.bool(), present], dim=1)[:, None, None, :]  # (b, 1, 1, s + p)
        self.prefixes = prefix.shape[1]
        self.amount = amount
        self.queries: Tensor | None = None

    def asked(self, _module: nn.Module, _given: tuple[Any, ...], queries: Tensor) -> None:
        self.queries = self._by_head(queries)  # (b, h, t, d)

    def answered(self, _module: nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        if self.queries is None:
            raise ModelError("the decoder attends in an order that a prefix cannot follow", where="Fusion-in-Decoder")
        output = self._by_head(given[0])
        scores = (self.queries @ self.keys.transpose(-1, -2)).float() * self.scaling
        weights = scores.masked_fill(self.hidden, -torch.inf).softmax(dim=-1)[..., -self.prefixes :]  # (b, h, t, p)
        weights = weights.to(output.dtype)
        change = weights @ self.values - weights.sum(dim=-1, keepdim=True) * output
        self.queries = None
        return ((output + self.amount.to(output.dtype) * change).transpose(1, 2).flatten(2), *given[1:])

    def _by_head(self, table: Tensor) -> Tensor:
        return table.reshape(*table.shape[:-1], self.heads, -1).transpose(1, 2)
