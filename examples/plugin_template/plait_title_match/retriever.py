"""Finds passages by the words of their document's title."""

import re
from collections.abc import Mapping, Sequence

import numpy as np
from pydantic import Field

from plait.config import Settings
from plait.contracts import Column, Hit, IndexView, IngestBatch, Query


class Config(Settings):
    """Settings of ``title-match``."""

    weight: float = Field(default=1.0, gt=0)
    """Multiplies every score."""


class TitleMatch:
    """Scores a passage by the share of the question's words that stand in its document's title."""

    columns = (Column("title_words", "sparse"),)

    def __init__(self, config: Config) -> None:
        self.config = config

    def fingerprint(self) -> Mapping[str, str]:
        """What the column depends on: change this when ``words`` changes."""
        return {"words": r"\w+, lower case"}

    def encode(self, batch: IngestBatch) -> Mapping[str, Sequence[Mapping[str, float]]]:
        """The words of each passage's title, each with weight 1."""
        titles = {document.id: dict.fromkeys(words(document.title), 1.0) for document in batch.documents}
        return {"title_words": [titles[passage.document_id] for passage in batch.passages]}

    def retrieve(self, query: Query, view: IndexView, k: int) -> Sequence[Hit]:
        """The k passages whose title holds most of the question's words; ties in the order of the index."""
        column, asked = view.sparse("title_words"), words(query.text)
        scores = np.zeros(len(view))
        for number in (column.vocabulary[word] for word in asked if word in column.vocabulary):
            scores[column.rows[column.indptr[number] : column.indptr[number + 1]]] += self.config.weight / len(asked)
        allowed = view.allowed(query.filters)
        found = np.flatnonzero(scores if allowed is None else scores * allowed)
        best = found[np.argsort(-scores[found], kind="stable")[:k]]
        return view.hits(best, scores[best])


def words(text: str) -> list[str]:
    """The different words of a text, lower case, in order."""
    return list(dict.fromkeys(re.findall(r"\w+", text.lower())))
