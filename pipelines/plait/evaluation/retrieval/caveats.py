"""What a reader of an evaluation's figures should know: nothing that is missing or left out is silent."""

from __future__ import annotations

from collections.abc import Mapping

from plait.evaluation.retrieval.collections import Collection, Qrels
from plait.evaluation.retrieval.facets import facets
from plait.evaluation.retrieval.pools import Pools, in_pools

__all__ = ["caveats"]


def caveats(
    collection: Collection,
    *,
    refused: Mapping[str, str],
    own: Mapping[str, frozenset[str]],
    exclude_self: bool = False,
    pools: Pools | None = None,
    not_found: int = 0,
    relevant_from: int = 1,
) -> list[str]:
    """The notes of an evaluation.

    Args:
        collection: what was evaluated.
        refused: query -> why it could not be asked.
        own: query -> the documents that are the query itself.
        exclude_self: whether these were left out.
        pools: the candidates of each query.
        not_found: candidates that the pipeline did not return.
        relevant_from: the grade from which a document counted as relevant.
    """
    qrels = in_pools(collection.qrels, pools) if pools else collection.qrels
    return [
        *_notes(collection, refused),
        *_own_notes(collection, own, exclude_self),
        *(_pool_notes(collection, pools, qrels, not_found) if pools else _unused_pools(collection)),
        *_threshold_notes(qrels, relevant_from),
    ]


def _notes(collection: Collection, refused: Mapping[str, str]) -> list[str]:
    notes = []
    if collection.absent:
        notes.append(
            f"{len(collection.absent)} judged documents are not in the corpus ({', '.join(collection.absent[:3])}"
            f"{', ...' if len(collection.absent) > 3 else ''}): nothing can find them"
        )
    if collection.blank:
        notes.append(f"{len(collection.blank)} documents of the corpus have neither title nor text: not indexed")
    if collection.without_relevant:
        notes.append(f"{len(collection.without_relevant)} judged queries have no relevant document and count 0")
    if refused:
        first = next(iter(refused))
        notes.append(f"{len(refused)} queries could not be asked and count 0; {first}: {refused[first]}")
    return notes


def _own_notes(collection: Collection, own: Mapping[str, frozenset[str]], exclude_self: bool) -> list[str]:
    """Whose own paper was left out; where a query says which facet of which paper it is, also that none was."""
    if exclude_self:
        return [f"{len(own)} of {len(collection.queries)} queries are documents: these were left out of their own runs"]
    of_papers = set(own) & {query for queries in facets(collection).values() for query in queries}
    if of_papers:
        return [f"{len(of_papers)} queries are facets of papers in the corpus: --exclude-self leaves these out"]
    return []


def _pool_notes(collection: Collection, pools: Pools, qrels: Qrels, not_found: int) -> list[str]:
    sizes = sorted(map(len, pools.values()))
    notes = [f"each query ranks its own pool of {sizes[0]:,} to {sizes[-1]:,} documents, {sum(sizes):,} in all"]
    if not_found:
        notes.append(f"{not_found:,} candidates of all pools were not found by the pipeline: they are ranked last")
    outside = sum(map(len, collection.qrels.values())) - sum(map(len, qrels.values()))
    if outside:
        notes.append(f"{outside:,} judgements are of documents outside the query's pool and do not count")
    return notes


def _unused_pools(collection: Collection) -> list[str]:
    there = any((collection.path / "pools" / f"{split}.tsv").is_file() for split in collection.splits)
    return ["the collection has pools for these queries: --pool file ranks within them"] if there else []


def _threshold_notes(qrels: Qrels, relevant_from: int) -> list[str]:
    if relevant_from == 1:
        return []
    without = sum(not any(grade >= relevant_from for grade in grades.values()) for grades in qrels.values())
    told = f"; {without} queries have none and count 0 there" if without else ""
    return [f"relevant is what is graded {relevant_from} or above, in all measures but nDCG{told}"]
