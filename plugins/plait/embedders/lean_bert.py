"""A lean forward pass of BERT for the processor, several times faster than the general one.

The mathematics is that of Devlin et al. (2019), as transformers computes it. What is different, each measured on
abstracts of 240 tokens with bfloat16 in hardware:

- attention as two batched products with the exponential between: the general fused kernel converts to float32
  inside and takes twice as long at these lengths. Numerator and denominator of the softmax come out of one product,
  by a column of ones beside the values; padding has value and one set to zero, so no mask is added to the scores;
- one product for queries, keys and values together, the scale folded into its weights;
- all large intermediate results live in buffers that are kept: fresh memory costs page faults, which took as long
  as the products themselves.

Exponentials without subtracting the maximum can overflow (scores above 88); then the vectors are not finite, and the
batch is encoded again with the usual softmax. Batches run side by side, each on one core.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from plait.contracts.errors import ModelError
from plait.embedders.batching import each_on_its_own, pad, pool, single_threaded, token_batches
from plait.embedders.model_folder import Pooling, Recipe, weight_files

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["BATCH_TOKENS", "LeanBert", "is_plain_bert"]

BATCH_TOKENS = 1_024
"""What suits the caches of one core; larger batches are slower."""
SMALLEST_BATCH = 128
"""Below this the start of a thread costs more than it saves."""


def is_plain_bert(config: Mapping[str, Any]) -> bool:
    """Whether a model's ``config.json`` describes the architecture that :class:`LeanBert` computes.

    Example:
        >>> is_plain_bert({"model_type": "bert", "hidden_act": "gelu"})
        True
        >>> is_plain_bert({"model_type": "bert", "hidden_act": "gelu", "position_embedding_type": "relative_key"})
        False
    """
    return (
        config.get("model_type") == "bert"
        and config.get("hidden_act") == "gelu"
        and config.get("position_embedding_type", "absolute") == "absolute"
        and not config.get("is_decoder", False)
        and not config.get("add_cross_attention", False)
        and "quantization_config" not in config
    )


@dataclass(frozen=True, slots=True)
class _Layer:
    """Weights of one layer, each matrix transposed to (in, out)."""

    mix: Tensor  # (d, 3 d): queries, keys, values
    mix_bias: Tensor
    gather: Tensor  # (d, d)
    gather_bias: Tensor
    norm: tuple[Tensor, Tensor]
    up: Tensor  # (d, inner)
    up_bias: Tensor
    down: Tensor  # (inner, d)
    down_bias: Tensor
    out_norm: tuple[Tensor, Tensor]


class LeanBert:
    """A BERT encoder on the processor.

    Args:
        recipe: the model's folder and settings; :func:`is_plain_bert` must hold for them.
        pooling: how token states become one vector.
        dtype: the number format of weights and states.
        batch_tokens: most tokens, padding included, that one core takes at once; by default :data:`BATCH_TOKENS`.

    Raises:
        ModelError: a weight is missing or has another shape than the settings say.
    """

    def __init__(self, recipe: Recipe, pooling: Pooling, dtype: torch.dtype, batch_tokens: int | None = None) -> None:
        config = recipe.config
        self._pooling = pooling
        self._dtype = dtype
        self._width = recipe.dimension
        self._heads = int(config["num_attention_heads"])
        self._inner = int(config["intermediate_size"])
        self._epsilon = float(config.get("layer_norm_eps", 1e-12))
        weights = _Weights(recipe, dtype)
        self._words = weights("embeddings.word_embeddings.weight").to(dtype)
        # Text of one segment only: the first row of the type table is part of every position.
        types = weights("embeddings.token_type_embeddings.weight")
        self._positions = weights("embeddings.position_embeddings.weight") + types[0]
        self._norm = (weights("embeddings.LayerNorm.weight"), weights("embeddings.LayerNorm.bias"))
        self._layers = [self._layer(weights, number) for number in range(int(config["num_hidden_layers"]))]
        self._batch_tokens = batch_tokens or BATCH_TOKENS
        self._kept = threading.local()

    def encode(self, texts: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Pooled vectors of tokenised texts, shape (texts, dimension); not yet of length 1."""
        vectors = np.empty((len(texts), self._width), dtype=np.float32)

        def keep(group: Sequence[int], states: Tensor, kept: Tensor) -> bool:
            vectors[group] = pool(states, kept, self._pooling).numpy()
            return bool(np.isfinite(vectors[group]).all())

        self._run(texts, keep)
        return vectors

    def encode_tokens(self, texts: Sequence[Sequence[int]]) -> list[NDArray[np.float32]]:
        """The last layer's states of each text's tokens, each of shape (tokens, dimension); not of length 1."""
        found: list[NDArray[np.float32]] = [np.empty((0, self._width), dtype=np.float32)] * len(texts)

        def keep(group: Sequence[int], states: Tensor, _kept: Tensor) -> bool:
            for position, rows in zip(group, states.float().numpy(), strict=True):
                found[position] = rows[: len(texts[position])].copy()
            return all(np.isfinite(found[position]).all() for position in group)

        self._run(texts, keep)
        return found

    def _run(self, texts: Sequence[Sequence[int]], keep: Callable[[Sequence[int], Tensor, Tensor], bool]) -> None:
        """Batches on cores of their own; ``keep`` takes positions, states (n, L, d) and mask, and says if they do."""
        import torch

        lengths = [len(tokens) for tokens in texts]

        def work(group: Sequence[int]) -> None:
            batch = [texts[position] for position in group]
            with torch.inference_mode():
                if not keep(group, *self._states(batch, stable=False)):
                    keep(group, *self._states(batch, stable=True))

        with single_threaded() as cores:
            # Few texts are spread over the cores too.
            budget = min(self._batch_tokens, max(SMALLEST_BATCH, math.ceil(sum(lengths) / cores)))
            each_on_its_own(work, list(token_batches(lengths, budget)), cores)

    def _layer(self, weights: _Weights, number: int) -> _Layer:
        import torch

        start = f"encoder.layer.{number}."
        scaled = 1.0 / math.sqrt(self._width // self._heads)
        scales = {"query": scaled, "key": 1.0, "value": 1.0}
        parts = [weights.linear(f"{start}attention.self.{name}", scale) for name, scale in scales.items()]
        gather, gather_bias = weights.linear(f"{start}attention.output.dense")
        up, up_bias = weights.linear(f"{start}intermediate.dense")
        down, down_bias = weights.linear(f"{start}output.dense")
        if up.shape != (self._inner, self._width) or down.shape != (self._width, self._inner):
            raise ModelError(f"layer {number} has other shapes than config.json says", where=weights.where)
        return _Layer(
            torch.cat([matrix for matrix, _ in parts]).t(),
            torch.cat([bias for _, bias in parts]),
            gather.t(),
            gather_bias,
            weights.norm(f"{start}attention.output.LayerNorm"),
            up.t(),
            up_bias,
            down.t(),
            down_bias,
            weights.norm(f"{start}output.LayerNorm"),
        )

    def _states(self, batch: Sequence[Sequence[int]], stable: bool) -> tuple[Tensor, Tensor]:
        """One forward pass, states (n, L, d) and mask (n, L); texts n, longest L, tokens with padding T = n L."""
        import torch
        from torch.nn.functional import embedding, layer_norm

        ids, mask = pad(batch)
        kept = mask.bool()  # (n, L)
        n, longest = kept.shape
        shape = [self._width]
        summed = embedding(ids, self._words).float() + self._positions[:longest]  # (n, L, d)
        states = layer_norm(summed, shape, *self._norm, self._epsilon).to(self._dtype).view(-1, self._width)  # (T, d)
        for layer in self._layers:
            context = self._attend(states, kept, layer, stable)  # (T, d)
            sums = torch.addmm(layer.gather_bias, context, layer.gather, out=self._buffer("sums", *states.shape))
            states = layer_norm(sums.add_(states), shape, *layer.norm, self._epsilon)
            inner = self._buffer("inner", len(states), self._inner)  # (T, inner)
            torch.addmm(layer.up_bias, states, layer.up, out=inner)
            torch.ops.aten.gelu.out(inner, out=inner)
            torch.addmm(layer.down_bias, inner, layer.down, out=sums)
            states = layer_norm(sums.add_(states), shape, *layer.out_norm, self._epsilon)
        return states.view(n, longest, self._width), kept

    def _attend(self, states: Tensor, kept: Tensor, layer: _Layer, stable: bool) -> Tensor:
        """Multi-head attention before its output projection; heads h of width w = d / h."""
        import torch

        n, longest = kept.shape
        heads, wide = self._heads, self._width // self._heads
        mixed = torch.addmm(layer.mix_bias, states, layer.mix, out=self._buffer("mixed", len(states), 3 * self._width))
        # Padding: a query and a key of zero give a score of zero, and a value of zero adds nothing to any sum.
        if not bool(kept.all()):
            mixed.masked_fill_(~kept.view(-1, 1), 0.0)
        split = mixed.view(n, longest, 3, heads, wide).permute(2, 0, 3, 1, 4)  # (3, n, h, L, w)
        queries = self._buffer("queries", n, heads, longest, wide).copy_(split[0]).view(-1, longest, wide)
        keys = self._buffer("keys", n, heads, longest, wide).copy_(split[1]).view(-1, longest, wide)
        values = self._buffer("values", n, heads, longest, wide + 1)
        values[..., :wide] = split[2]
        values[..., wide] = kept.view(n, 1, longest)
        scores = self._buffer("scores", n * heads, longest, longest)
        torch.bmm(queries, keys.transpose(1, 2), out=scores)
        if stable:
            scores.view(n, heads, longest, longest).masked_fill_(~kept.view(n, 1, 1, longest), -math.inf)
            scores -= scores.amax(-1, keepdim=True)
        gathered = self._buffer("gathered", n * heads, longest, wide + 1)
        torch.bmm(scores.exp_(), values.view(-1, longest, wide + 1), out=gathered)
        summed = gathered.view(n, heads, longest, wide + 1).transpose(1, 2)  # (n, L, h, w + 1)
        context = self._buffer("context", n, longest, heads, wide)
        torch.div(summed[..., :wide], summed[..., wide:], out=context)
        return context.view(-1, self._width)

    def _buffer(self, name: str, *shape: int) -> Tensor:
        """Memory that a thread keeps between layers and batches; its content is whatever was there."""
        import torch

        size = math.prod(shape)
        buffer: Tensor | None = getattr(self._kept, name, None)
        if buffer is None or buffer.numel() < size:
            buffer = torch.empty(size, dtype=self._dtype)
            setattr(self._kept, name, buffer)
        return buffer[:size].view(*shape)


class _Weights:
    """The tensors of a BERT checkpoint by name, with or without the prefix that task heads bring."""

    def __init__(self, recipe: Recipe, dtype: torch.dtype) -> None:
        from safetensors.torch import load_file

        self.where = str(recipe.folder)
        self._dtype = dtype
        tensors: dict[str, Tensor] = {}
        for file in weight_files(recipe.folder):
            tensors |= load_file(file)
        self._tensors = {name.removeprefix("bert."): tensor for name, tensor in tensors.items()}

    def __call__(self, name: str) -> Tensor:
        """One tensor in float32."""
        # Checkpoints converted from TensorFlow name the scales of layer norms otherwise.
        old = name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
        tensor = self._tensors.get(name, self._tensors.get(old))
        if tensor is None:
            raise ModelError(f"the weights have no {name!r}", where=self.where, fix="fetch the model again")
        return tensor.float()

    def linear(self, name: str, scale: float = 1.0) -> tuple[Tensor, Tensor]:
        """Matrix (out, in) and bias (out,), scaled before they are rounded to the run's number format."""
        matrix, bias = self(f"{name}.weight"), self(f"{name}.bias")
        return (matrix * scale).to(self._dtype), (bias * scale).to(self._dtype)

    def norm(self, name: str) -> tuple[Tensor, Tensor]:
        """Scale and shift of a layer norm."""
        return self(f"{name}.weight").to(self._dtype), self(f"{name}.bias").to(self._dtype)
