"""Where a question's evidence comes from, when it is not retrieved."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from plait.contracts import Evidence, Hit, IndexView
from plait.text.passages import Steering, analysed

__all__ = ["as_evidence", "given_hits"]


def given_hits(documents: Collection[str], view: IndexView) -> list[Hit]:
    """All passages of some documents as hits of score 1, in reading order; ids that are not in the index have none."""
    wanted = np.array([name in documents for name in view.document_ids], dtype=bool)
    rows = np.flatnonzero(wanted[np.asarray(view.document_numbers)]) if len(view) else np.zeros(0, dtype=np.int64)
    return view.hits(rows, np.ones(len(rows)))


def as_evidence(hits: Sequence[Hit], view: IndexView, steering: Steering | None = None) -> list[Evidence]:
    """Hits as numbered evidence, opened by their passages' names, which hold in every snapshot."""
    passages = [view.passage(view.row(hit.passage_id)) for hit in hits]
    return [
        Evidence(number, analysis.passage, view.title(hit.document_id), hit.score, None, analysis)
        for number, (hit, analysis) in enumerate(zip(hits, analysed(view, passages, steering), strict=True), start=1)
    ]
