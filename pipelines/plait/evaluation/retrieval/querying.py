"""Asks every query of a collection once, and keeps what each leg and the fusion found and what it cost."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from plait.contracts import Embedder, Hit, Query
from plait.contracts.errors import QueryError
from plait.evaluation.retrieval.collections import Collection
from plait.evaluation.retrieval.pools import Pools, completed, restricted
from plait.evaluation.retrieval.runs import Ranking, documents_of

if TYPE_CHECKING:
    from plait.rag.ingest import Progress

__all__ = ["Collected", "Found", "Retrieve", "askable", "collect"]

_AGAIN = 20  # queries that are encoded once more: enough to see whether an embedder keeps what it has just encoded


class Found(Protocol):
    """What one query brought up; :class:`plait.rag.Retrieval` is one."""

    @property
    def runs(self) -> Mapping[str, Sequence[Hit]]:
        """Retriever label -> hits, best first."""
        ...

    @property
    def fused(self) -> Sequence[Hit]:
        """What the pipeline hands on, best first."""
        ...

    @property
    def cpu_seconds(self) -> Mapping[str, float]:
        """CPU seconds by label; other keys (``fusion``, ``ranker``) belong to the fused list."""
        ...

    @property
    def earned(self) -> Mapping[str, float]:
        """Label -> what a run counted in the fused list, where it was not 1."""
        ...


Retrieve = Callable[[Query], Found]


@dataclass(slots=True)
class Collected:
    """What all queries brought up: rankings of each leg and of the fused list, and CPU seconds by label.

    ``encoded`` and ``encoded_again`` hold the CPU seconds of each embedder, by its identity; ``not_found`` counts the
    candidates of all pools that were not in the fused list.
    """

    legs: dict[str, dict[str, Ranking]] = field(default_factory=dict)
    fused: dict[str, Ranking] = field(default_factory=dict)
    spent: dict[str, float] = field(default_factory=dict)
    encoded: dict[int, list[float]] = field(default_factory=dict)
    encoded_again: dict[int, list[float]] = field(default_factory=dict)
    not_found: int = 0

    @property
    def count(self) -> int:
        """How many queries were asked."""
        return len(self.fused)

    def milliseconds(self, label: str | None) -> float | None:
        """Mean CPU milliseconds of a leg; without a label, what came on top of the legs (fusion, ranker)."""
        own = [seconds for key, seconds in self.spent.items() if key == label or (not label and key not in self.legs)]
        return 1e3 * sum(own) / self.count if own else None

    def encoding(self, embedder: Embedder) -> tuple[float, float]:
        """Mean CPU milliseconds of encoding a query, and of encoding it again behind its retrieval."""
        first, again = self.encoded[id(embedder)], self.encoded_again.get(id(embedder)) or [0.0]
        return 1e3 * sum(first) / len(first), 1e3 * sum(again) / len(again)


def askable(collection: Collection, pools: Pools | None = None) -> tuple[dict[str, Query], dict[str, str]]:
    """The queries that are valid, each asked of its pool where there are pools, and of the others why not."""
    asked: dict[str, Query] = {}
    refused: dict[str, str] = {}
    for identifier, entry in collection.queries.items():
        try:
            asked[identifier] = restricted(entry.query(), pools[identifier] if pools else None)
        except QueryError as error:
            refused[identifier] = str(error)
    return asked, refused


def collect(
    asked: Mapping[str, Query],
    refused: dict[str, str],
    retrieve: Retrieve,
    *,
    embedders: Sequence[Embedder] = (),
    left_out: Mapping[str, frozenset[str]] | None = None,
    pools: Pools | None = None,
    progress: Progress | None = None,
) -> Collected:
    """Asks each query; one that the pipeline refuses is added to ``refused``.

    The last query is asked one time more beforehand, so that loading models and matrices is not counted as search.

    Args:
        asked: the queries.
        refused: query -> why it could not be asked.
        retrieve: asks the pipeline.
        embedders: each is given every query alone first, to tell encoding from search.
        left_out: query -> documents that are taken out of its runs.
        pools: rankings are cut to these, and completed by the candidates that were not found.
        progress: called with (what, queries done, queries in all).
    """
    _warm_up(asked, retrieve)
    collected = Collected()
    distinct = {id(embedder): embedder for embedder in embedders}
    for done, (identifier, query) in enumerate(asked.items()):
        if progress is not None:
            progress("queries", done, len(asked))
        _encode(query, distinct, collected.encoded)
        try:
            found = retrieve(query)
        except QueryError as error:
            refused[identifier] = str(error)
            continue
        if done < _AGAIN:
            _encode(query, distinct, collected.encoded_again)
        exclude = (left_out or {}).get(identifier, ())
        rankings = {label: documents_of(hits, exclude) for label, hits in found.runs.items()}
        fused = documents_of(found.fused, exclude)
        if pools:
            rankings = {label: completed(ranking, pools[identifier])[0] for label, ranking in rankings.items()}
            fused, missing = completed(fused, pools[identifier])
            collected.not_found += missing
        for label, ranking in rankings.items():
            collected.legs.setdefault(label, {})[identifier] = ranking
        collected.fused[identifier] = fused
        for label, seconds in found.cpu_seconds.items():
            collected.spent[label] = collected.spent.get(label, 0.0) + seconds
    return collected


def _encode(query: Query, embedders: Mapping[int, Embedder], spent: dict[int, list[float]]) -> None:
    """Gives the query to each embedder, and notes what that took."""
    for key, embedder in embedders.items():
        start = time.process_time()
        embedder.embed_queries([query.text])
        spent.setdefault(key, []).append(time.process_time() - start)


def _warm_up(asked: Mapping[str, Query], retrieve: Retrieve) -> None:
    for query in reversed(list(asked.values())):  # the last, whose vector nobody keeps any more when its turn comes
        try:
            retrieve(query)
        except QueryError:
            continue  # it is refused again, and noted, when its turn comes
        return
