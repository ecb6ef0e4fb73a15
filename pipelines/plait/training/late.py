"""``plait train late``: teaches late interaction which tokens of a passage a question's tokens mean, without labels.

Questions are made of the index: a sentence of a passage asks for the rest of it, a title for a passage of its document
(the inverse cloze task of Lee, Chang and Toutanova 2019, arXiv:1906.00300). Learnt is a linear residual on the vectors
of a question's tokens, against the passages whose mean vectors come nearest. It is kept only if questions from other
documents find their passage better, by more than chance gives, and than the same training with mixed-up answers.
"""

from __future__ import annotations

import json
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from plait.contracts import IndexView, LateInteraction
from plait.contracts.errors import ConfigError
from plait.rag import Rag
from plait.rag.ingest import Progress
from plait.rankers.late import max_similarities
from plait.rankers.token_adapter import MODEL, save_token_adapter
from plait.retrievers.query_adapter import QueryAdapter
from plait.text.content import content_words
from plait.text.sentences import sentence_spans
from plait.training import PATIENCE, check_unlocked, committing

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["LateReport", "made_questions", "train_late"]

Vectors = NDArray[np.float32]

QUESTIONS = 600
"""Most questions that are made, one a passage."""
_LEAST = 40
_HELD_OUT = 0.3
_CANDIDATES = 24  # passages that each question chooses among, its own one of them
_WORDS = 4  # content words that make a sentence or title say something, and a passage worth asking for
_EPOCHS = 4
_AT_ONCE = 16
_RATE = 0.384  # divided by the width: Adam moves each entry by about as much, and a wide matrix has more of them
_DECAY = 1.0
_SHARPNESS = 10.0  # of the softmax over means of cosines; with the rate chosen on Cranfield, among six pairs
_ERRORS = 2.0  # standard errors, as for the other trainings


@dataclass(frozen=True, slots=True)
class LateReport:
    """What was learnt, and whether it finds more.

    Args:
        questions: how many were made.
        held_out: how many of them, from other documents, measured it.
        scores: mean reciprocal rank of a held-out question's own passage: ``untrained``, ``trained``, and ``shuffled``,
            trained with the answers mixed up.
        gain: of trained over untrained, and its standard error.
        reason: why nothing is kept; empty where it is.
        commit: the commit that uses what was kept, or None.
        cpu_seconds: of training and measuring.
        seed: of everything random.
    """

    questions: int
    held_out: int
    scores: dict[str, float]
    gain: tuple[float, float]
    reason: str
    commit: int | None
    cpu_seconds: float
    seed: int

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "questions": self.questions,
            "held_out": self.held_out,
            "MRR": self.scores,
            "gain": {"mean": self.gain[0], "standard_error": self.gain[1]},
            "kept": not self.reason,
            "reason": self.reason,
            "commit": self.commit,
            "cpu_seconds": round(self.cpu_seconds, 2),
            "seed": self.seed,
        }


def train_late(
    rag: Rag,
    *,
    questions: int = QUESTIONS,
    seed: int = 0,
    told: Progress = lambda _what, _done, _all: None,
    timeout: float = PATIENCE,
) -> LateReport:
    """Teaches the pipeline's ranker ``late`` on its index. A rollback undoes what was kept.

    Args:
        rag: the open index.
        questions: most questions that are made.
        seed: of everything random.
        told: called with (what is being done, how much is done, how much there is or None).
        timeout: seconds to wait at the end while another process writes.

    Raises:
        ConfigError: the pipeline has no such ranker, or the index too few passages to ask for.
        IdentityError: the index was rebuilt with other parts meanwhile.
        IndexLockedError: another process kept writing.
    """
    ranker = rag.parts.ranker
    if not isinstance(ranker, LateInteraction):
        raise ConfigError(
            "the pipeline has no ranker by tokens", where="pipeline: ranker", choices=("late",),
            fix="add ranker=use('late')",
        )  # fmt: skip
    check_unlocked(rag)
    start, view, encoder = time.process_time(), rag.view, ranker.encoder
    made = list(made_questions(view, questions, seed))
    owners = np.array([owner for owner, _, _ in made])
    if len(made) < _LEAST or len(np.unique(owners)) < 3:
        raise ConfigError(
            f"{len(made)} questions can be made of this index, {_LEAST} from several documents are needed",
            where=str(rag.path), fix="add more documents",
        )  # fmt: skip
    told("encoding", 0, None)
    asked = list(encoder.embed_tokens([question for _, question, _ in made], "query"))
    texts = list(encoder.embed_tokens([text for _, _, text in made], "passage"))
    held = _held_out(owners, seed)
    offered = _offered(asked, texts, owners)
    learnt = np.flatnonzero(~held)
    told("learning", 0, None)
    adapter = _taught(asked, texts, offered, learnt, seed)
    mixed = offered.copy()  # the same passages, one of the others in the place of the right one
    mixed[:, [0, 1]] = mixed[:, [1, 0]]
    shuffled = _taught(asked, texts, mixed, learnt, seed)
    adapters = {"untrained": None, "trained": adapter, "shuffled": shuffled}
    ranks = {name: _ranked(asked, texts, offered, np.flatnonzero(held), one) for name, one in adapters.items()}
    gains = ranks["trained"] - ranks["untrained"]
    error = float(gains.std(ddof=1) / np.sqrt(len(gains)))
    scores = {name: round(float(values.mean()), 4) for name, values in ranks.items()}
    reason = ""
    if gains.mean() <= _ERRORS * error:
        reason = "held-out questions find their passage no better, or no better than chance may give"
    elif scores["trained"] <= scores["shuffled"]:
        reason = "mixed-up answers teach as much"
    spent = time.process_time() - start
    report = LateReport(len(made), int(held.sum()), scores, (float(gains.mean()), error), reason, None, spent, seed)
    if reason:
        return report
    with tempfile.TemporaryDirectory(dir=rag.path, prefix=".training-") as folder:
        place = Path(folder) / MODEL
        place.mkdir()
        file = save_token_adapter(adapter, place, encoder)
        file.with_suffix(".json").write_text(json.dumps(report.to_json(), indent=2), encoding="utf-8")
        with committing(rag, timeout) as writer:
            writer.keep_model(MODEL, place)
            commit = writer.commit(f"train {MODEL} (on commit {view.commit})").number
    return replace(report, commit=commit)


def made_questions(view: IndexView, most: int, seed: int) -> Iterator[tuple[int, str, str]]:
    """Questions that the index answers: number of the document, question, and a text that holds the answer.

    One of each passage, in random order: a sentence, of which the text is robbed, or the document's title.
    """
    chance, found = random.Random(seed), 0  # noqa: S311 - a sample, nothing secret
    for row in chance.sample(range(len(view)), len(view)):
        if found == most:
            return
        passage = view.passage(row)
        spans = [
            (start, end)
            for start, end in sentence_spans(passage.text)
            if len(content_words(passage.text[start:end])) >= _WORDS
        ]
        title = view.title(passage.document_id)
        by_title = len(content_words(title)) >= _WORDS and (chance.random() < 0.5 or len(spans) < 2)
        if by_title:
            question, text = title, passage.text.replace(title, " ")
        elif len(spans) >= 2:
            start, end = chance.choice(spans)
            question, text = passage.text[start:end], f"{passage.text[:start]} {passage.text[end:]}"
        else:
            continue
        if len(content_words(text)) >= _WORDS:
            found += 1
            yield int(view.document_numbers[row]), question, text


def _held_out(owners: NDArray[np.int64], seed: int) -> NDArray[np.bool_]:
    """Which questions measure: all those of about so many of the documents, at least of one."""
    documents = np.random.default_rng([seed, 41]).permutation(np.unique(owners))
    return np.isin(owners, documents[: max(1, round(_HELD_OUT * len(documents)))])


def _offered(asked: Sequence[Vectors], texts: Sequence[Vectors], owners: NDArray[np.int64]) -> NDArray[np.int64]:
    """Texts that each question chooses among, shape (questions, candidates): its own, then the nearest of others."""
    means = [np.stack([_mean(tokens) for tokens in side]) for side in (asked, texts)]
    cosines = means[0] @ means[1].T
    cosines[owners[:, None] == owners[None, :]] = -np.inf  # another passage of the document may answer as well
    count = min(_CANDIDATES, len(texts)) - 1
    nearest = np.argsort(-cosines, axis=1, kind="stable")[:, :count]
    return np.concatenate([np.arange(len(asked))[:, None], nearest], axis=1)


def _mean(tokens: Vectors) -> Vectors:
    total: Vectors = tokens.sum(axis=0)
    return total / max(float(np.linalg.norm(total)), 1e-12)


def _taught(
    asked: Sequence[Vectors], texts: Sequence[Vectors], offered: NDArray[np.int64], part: NDArray[np.int64], seed: int
) -> QueryAdapter:
    """A residual that has learnt from some questions which of their texts is the first; zero before."""
    import torch
    from torch.nn.functional import cross_entropy, normalize

    matrix = torch.zeros((asked[0].shape[1],) * 2, requires_grad=True)
    optimiser = torch.optim.AdamW([matrix], lr=_RATE / len(matrix), weight_decay=_DECAY)
    chance = np.random.default_rng([seed, 43])

    def scores(question: int) -> Tensor:
        own = torch.from_numpy(asked[question])
        turned = normalize(own + own @ matrix.T, dim=1)  # (q, d)
        some = [torch.from_numpy(texts[number]) for number in offered[question]]
        products = torch.cat(some) @ turned.T  # (t, q)
        best = [part.amax(0) for part in torch.split(products, [len(tokens) for tokens in some])]
        return _SHARPNESS * torch.stack(best).mean(1)  # (candidates,)

    usable = [int(row) for row in part if len(asked[row]) and all(len(texts[number]) for number in offered[row])]
    for _ in range(_EPOCHS):
        order = chance.permutation(usable)
        for start in range(0, len(order), _AT_ONCE):
            batch = torch.stack([scores(int(question)) for question in order[start : start + _AT_ONCE]])
            loss = cross_entropy(batch, torch.zeros(len(batch), dtype=torch.long))
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
    return QueryAdapter(matrix.detach().numpy())


def _ranked(
    asked: Sequence[Vectors],
    texts: Sequence[Vectors],
    offered: NDArray[np.int64],
    part: NDArray[np.int64],
    adapter: QueryAdapter | None,
) -> NDArray[np.float64]:
    """Reciprocal rank of the right text of some questions; ties count against it."""
    found = []
    for row in part:
        question = asked[row] if adapter is None else adapter(asked[row])
        some = [texts[number] for number in offered[row]]
        sums = max_similarities(question, np.concatenate(some), [len(tokens) for tokens in some])
        found.append(1.0 / (1 + np.count_nonzero(sums[1:] >= sums[0])))
    return np.array(found)
