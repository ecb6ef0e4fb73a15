r"""Retriever distillation from a reader's likelihoods (PDist).

Izacard et al. 2022, *Atlas: few-shot learning with retrieval augmented language models* (arXiv:2208.03299), perplexity
distillation. A passage is worth as much as it helps the reader with the answer a:

.. math::
    \mathrm{gold}_k = -\frac{1}{|a|} \sum_t \mathrm{NLL}(a_t \mid q, d_k), \qquad
    L = \mathrm{KL}\big(\mathrm{softmax}(\mathrm{gold} / T_{gold}) \,\|\, \mathrm{softmax}(s(q, d) / T_{score})\big)

Gradients reach the retriever's scores alone; the reader is the teacher. A small reader is a noisy one: passages that
merely sound like the answer please it too. Against that, what the retriever thought before may count as a prior, which
makes the target a posterior, :math:`p(d \mid q, a) \propto p(d \mid q)\, p(a \mid q, d)`, as in Sachan et al. 2021,
*End-to-end training of multi-document reader and retriever* (arXiv:2106.05346), here at these temperatures:

.. math:: \mathrm{softmax}\big(\mathrm{gold} / T_{gold} + \mathrm{prior} \cdot s_0(q, d) / T_{score}\big)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from plait.config import Settings
from plait.contracts.errors import ModelError
from plait.fusion.tokens.answer_reader import AnswerReader
from plait.fusion.tokens.tasks import Task, TaskPrompt, clean_title
from plait.gnn.layers import unit

__all__ = ["Adapter", "Asked", "DistillationSettings", "Gold", "distil", "pdist_loss"]

Asked = tuple[int, int]
"""Number of a question, and row of a passage."""
_BATCH = 8


class DistillationSettings(Settings):
    """How an adapter is distilled.

    The defaults were chosen among 90 settings by five-fold cross-validation on the exercises of a textbook, with a
    reader of 135 million parameters; docs/structure.md has the figures, and those of a collection that had no say.
    """

    gold_temperature: float = Field(default=1.0, gt=0.0)
    """Divides the reader's log-likelihoods per token."""
    score_temperature: float = Field(default=0.1, gt=0.0)
    """Divides the retriever's cosines."""
    prior: float = Field(default=1.0, ge=0.0)
    """How much the scores of the untrained retriever count beside the reader's; 0 is the paper's objective."""
    steps: int = Field(default=200, ge=1)
    """Steps of AdamW."""
    batch: int = Field(default=32, ge=1)
    """Questions per step."""
    learning_rate: float = Field(default=1e-4, gt=0.0)
    """Of the matrix."""


class Gold:
    """How much each passage alone helps a reader with an answer: each pair of a question and a passage is read once.

    A causal model reads the passage before the question: one that several questions share is read once for all.

    Args:
        reader: the teacher.
        questions: with their answers.
        passage: title and text of a row.
    """

    def __init__(
        self,
        reader: AnswerReader,
        questions: Sequence[tuple[str, str]],
        passage: Callable[[int], tuple[str, str]],
    ) -> None:
        self._reader, self._questions, self._passage = reader, questions, passage
        self._known: dict[Asked, float] = {}

    @property
    def known(self) -> Mapping[Asked, float]:
        """Mean log-likelihood of the answer's tokens, in nats, of all pairs so far."""
        return self._known

    def check(self) -> None:
        """Finds questions that the reader cannot read before it has read for an hour.

        Raises:
            ModelError: one has no room for any passage, or its answer has no tokens.
        """
        for question, answer in self._questions:
            (tokens,) = self._reader.answers([answer])
            self._reader.check(TaskPrompt(question, ("",), ("",), slots=False), len(tokens))

    def add(self, wanted: Sequence[Asked], progress: Callable[[int, int], None] | None = None) -> None:
        """Scores the pairs that are not known yet; ``progress`` is called with how many are and how many there are.

        Raises:
            ModelError: an answer has no tokens, or a likelihood is not finite.
        """
        missing = sorted({pair for pair in wanted if pair not in self._known}, key=lambda pair: (pair[1], pair[0]))
        by_row: dict[int, list[int]] = {}
        for question, row in missing:
            by_row.setdefault(row, []).append(question)
        done = 0
        for row, questions in by_row.items():
            title, text = self._passage(row)
            for start in range(0, len(questions), _BATCH):
                part = questions[start : start + _BATCH]
                for question, value in zip(part, self._scored(title, text, part), strict=True):
                    self._known[question, row] = value
                done += len(part)
                if progress is not None:
                    progress(done, len(missing))

    def _scored(self, title: str, text: str, questions: Sequence[int]) -> list[float]:
        asked = [self._questions[number] for number in questions]
        shown = (clean_title(title),)
        tasks = [Task("answer", TaskPrompt(question, (text,), shown, slots=False), (), own) for question, own in asked]
        answers = [self._reader.answers([task.target]) for task in tasks]
        with torch.inference_mode():
            tables = self._reader.log_likelihoods(tasks, answers)
        return [float(table[0, : len(own)].mean()) for table, (own,) in zip(tables, answers, strict=True)]


def pdist_loss(scores: Tensor, gold: Tensor, *, score_temperature: float, gold_temperature: float) -> Tensor:
    """The divergence, a mean over questions.

    Args:
        scores: of the retriever, shape (questions, passages); gradients go here only.
        gold: of the reader, the same shape, see :class:`Gold`.
        score_temperature: divides the scores.
        gold_temperature: divides the gold.
    """
    wanted = functional.log_softmax(gold.detach().float() / gold_temperature, dim=-1)
    given = functional.log_softmax(scores.float() / score_temperature, dim=-1)
    return functional.kl_div(given, wanted, reduction="batchmean", log_target=True)


class Adapter(nn.Module):
    """A linear residual on vectors of questions: ``norm(q + A q)``, A = 0 at the start.

    Before training it returns what it gets, bit for bit. :class:`plait.retrievers.query_adapter.QueryAdapter` is the
    same without torch.

    Args:
        dimension: of the vectors.
    """

    def __init__(self, dimension: int) -> None:
        super().__init__()
        self.matrix = nn.Parameter(torch.zeros(dimension, dimension))

    def queries(self, vectors: Tensor) -> Tensor:
        """Adapted vectors of length 1, shape (n, dimension)."""
        return unit(vectors, vectors @ self.matrix.T)

    def forward(self, queries: Tensor, passages: Tensor) -> Tensor:
        """Cosines of each question and its own passages: (m, d) and (m, n, d) -> (m, n)."""
        return torch.einsum("md,mnd->mn", self.queries(queries), passages)


def distil(
    adapter: Adapter,
    queries: NDArray[np.float32],
    passages: NDArray[np.float32],
    gold: NDArray[np.float32],
    settings: DistillationSettings | None = None,
    *,
    seed: int = 0,
    progress: Callable[[int, float], None] | None = None,
) -> Adapter:
    """Trains ``adapter`` in place and returns it. Deterministic under a seed.

    Args:
        adapter: what to train.
        queries: unit vectors of the questions, shape (questions, dimension).
        passages: unit vectors of each question's retrieved passages, shape (questions, passages, dimension).
        gold: the reader's likelihoods, shape (questions, passages), see :class:`Gold`.
        settings: how.
        seed: of the batches.
        progress: called after every step with its number, from 1, and its loss.

    Raises:
        ModelError: shapes do not fit, the gold is not finite, or training diverged.
    """
    settings = settings or DistillationSettings()
    if queries.ndim != 2 or passages.shape != (*gold.shape, queries.shape[1]) or len(queries) != len(gold):
        raise ModelError(
            f"questions have the shape {queries.shape}, passages {passages.shape}, gold {gold.shape}",
            where="distillation",
            fix="give (m, d), (m, n, d) and (m, n)",
        )
    if not len(queries) or not np.isfinite(gold).all():
        raise ModelError("there is no gold, or it is not finite", where="distillation", fix="score the answers again")
    # The untrained adapter's scores, in the reader's units.
    before = np.einsum("md,mnd->mn", queries, passages) / settings.score_temperature
    gold = (gold + settings.prior * settings.gold_temperature * before).astype(np.float32)
    optimiser = torch.optim.AdamW(adapter.parameters(), lr=settings.learning_rate, weight_decay=0.0)
    random = np.random.default_rng([seed, 7])
    device = adapter.matrix.device
    adapter.train()
    for step in range(settings.steps):
        rows = random.permutation(len(queries))[: settings.batch]
        asked, offered, wanted = (torch.from_numpy(part[rows]).to(device) for part in (queries, passages, gold))
        loss = pdist_loss(
            adapter(asked, offered),
            wanted,
            score_temperature=settings.score_temperature,
            gold_temperature=settings.gold_temperature,
        )
        if not bool(torch.isfinite(loss)):
            raise ModelError(f"the loss is {loss.item()} in step {step + 1}", where="distillation")
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        optimiser.step()
        if progress is not None:
            progress(step + 1, loss.item())
    return adapter.eval()
