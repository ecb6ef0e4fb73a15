"""Whether each retriever finds the index's own words: a check without labels, made when documents come in.

An encoder that was not trained, that knows another language, or whose files were mixed up gives scores like any other,
and a sum of scores would carry its guesses into every answer. So some passages are asked for by a piece of their own
text. A retriever that brings hardly any of them back, where another one does, is left out of the fusion and named,
until the index has grown to twice its size and is checked again. The check tells a broken retriever from a working
one and not a good one from a better one: to repeat words is easier for some than for others.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from plait.contracts import EarnsWeight, IndexView, Query, ReadReport, Retriever
from plait.contracts.errors import PlaitError
from plait.hooks import plugin_errors

if TYPE_CHECKING:
    from plait.index import Writer

__all__ = ["MODEL", "LegCheck", "broken_retrievers", "check_legs", "keep_check", "stored_check"]

MODEL = "legs"
"""The name under which the outcome is kept in the index."""
_FILE = "legs.json"
_ASKED = 40
_LEAST = 20
"""Fewer passages say nothing."""
_WORDS = 12
_RANKS = 10
_BEST = 0.5
"""What the best retriever must reach for the others to be measured by it."""
_BROKEN = 0.2
"""Share of the best retriever's value below which another one is broken. Of all-MiniLM-L6-v2 on ten collections the
lowest was .39; chance gives .06 on fifty documents, .03 on a hundred."""


@dataclass(frozen=True, slots=True)
class LegCheck:
    """How well each retriever finds passages by twelve of their own words in a row.

    Args:
        passages: how many the index had.
        values: label -> mean reciprocal rank of the passage's document among the first ten; empty where there was too
            little to ask for.
    """

    passages: int
    values: Mapping[str, float]

    @property
    def broken(self) -> dict[str, str]:
        """The retrievers that should have no say, and why."""
        best = max(self.values, key=self.values.__getitem__, default="")
        if not best or self.values[best] < _BEST:
            return {}
        return {
            label: f"asked for passages by their own words it finds {value:.2f} of them (mean reciprocal rank), and "
            f"{best!r} {self.values[best]:.2f}"
            for label, value in self.values.items()
            if value < _BROKEN * self.values[best]
        }


def check_legs(retrievers: Mapping[str, Retriever], view: IndexView, seed: int = 0) -> LegCheck:
    """Asks every retriever for passages of a view by a piece of their text.

    Args:
        retrievers: label -> retriever; those that must earn their weight have a check of their own, and one that fails
            with an error is not judged.
        view: the view.
        seed: of the choice of passages.
    """
    asked = {label: made for label, made in retrievers.items() if not isinstance(made, EarnsWeight)}
    chance = np.random.default_rng(seed)
    questions: list[tuple[Query, str]] = []
    for row in chance.permutation(len(view))[: 4 * _ASKED].tolist():
        passage = view.passage(row)
        words = passage.text.split()
        if len(words) >= _WORDS and len(questions) < _ASKED:
            start = int(chance.integers(len(words) - _WORDS + 1))
            questions.append((Query(" ".join(words[start : start + _WORDS])), passage.document_id))
    if len(asked) < 2 or len(questions) < _LEAST:
        return LegCheck(len(view), {})
    values: dict[str, float] = {}
    for label, retriever in asked.items():
        try:
            with plugin_errors(f"retriever {label!r}"):
                values[label] = float(np.mean([_found(retriever, view, *question) for question in questions]))
        except PlaitError:
            continue  # what it raises here it raises at every question, where it is told
    return LegCheck(len(view), values)


def _found(retriever: Retriever, view: IndexView, query: Query, document_id: str) -> float:
    documents = list(dict.fromkeys(hit.document_id for hit in retriever.retrieve(query, view, 3 * _RANKS)))[:_RANKS]
    return 1.0 / (documents.index(document_id) + 1) if document_id in documents else 0.0


def keep_check(writer: Writer, index: Path, retrievers: Mapping[str, Retriever], report: ReadReport) -> None:
    """Checks the retrievers on what is about to be committed to ``index``, if that has doubled since the last check."""
    view = writer.preview()
    last = stored_check(view)
    labels = {label for label, made in retrievers.items() if not isinstance(made, EarnsWeight)}
    if last is not None and set(last.values) == labels and len(view) < 2 * last.passages:
        return
    check = check_legs(retrievers, view)
    if not check.values:
        return
    with tempfile.TemporaryDirectory(dir=index, prefix=".checking-") as place:
        made = Path(place) / MODEL
        made.mkdir()
        (made / _FILE).write_text(json.dumps({"passages": check.passages, "values": dict(check.values)}), "utf-8")
        writer.keep_model(MODEL, made)
    for label, why in check.broken.items():
        report.skip(f"retriever {label!r}", f"has no say in the fusion: {why}")


def stored_check(view: IndexView) -> LegCheck | None:
    """The outcome that an index holds; None where there is none that can be read."""
    folder = view.model(MODEL)
    try:
        stored = json.loads((folder / _FILE).read_text("utf-8")) if folder is not None else None
        if stored is None:
            return None
        return LegCheck(int(stored["passages"]), {str(k): float(v) for k, v in stored["values"].items()})
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None  # it is made again when documents come in; without it every retriever counts


def broken_retrievers(view: IndexView) -> Mapping[str, str]:
    """Label -> why a retriever should have no say, by the outcome that an index holds."""
    check = stored_check(view)
    return {} if check is None else check.broken
