"""A collection made ready for :mod:`structure`: its graph, its vectors, and how rankings over it are measured."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from structure_graph import raw_links

from plait.config import Pipeline, use
from plait.contracts import Document, Embedder, Hit, Query, ReadReport, Reference, Structural
from plait.docgraph import DocumentGraph, GraphSettings, build_graph
from plait.docgraph.relations import RelationName
from plait.evaluation import Collection, load_collection, per_query
from plait.evaluation.retrieval.coherence import linked_share, topical_entropy
from plait.gnn.encoder_graph import Pairs
from plait.gnn.links import area_under_curve
from plait.hooks import Assembly, PluginHost
from plait.rag.retrieval import fuse_earned
from plait.readers.beir import BeirReader
from plait.retrievers.lexical import Config as LexicalConfig
from plait.retrievers.lexical import Lexical
from plait.testing.memory import MemoryView, memory_view

__all__ = [
    "RELATIONS",
    "Bench",
    "Scores",
    "Vectors",
    "hybrid",
    "lexical_scores",
    "load",
    "measured",
    "mixed_scores",
    "mixing_share",
    "own",
]

RELATIONS: tuple[RelationName, ...] = ("cites", "cited_by", "co_author", "co_topic")
DEPTH = 100
MEASURES = ("nDCG@10", "recall@100")
SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
Vectors = NDArray[np.float32]
Scores = NDArray[np.float32]


@dataclass
class Bench:
    """A collection with everything that is the same for all seeds."""

    collection: Collection
    documents: list[Document]
    graph: DocumentGraph
    text: Vectors
    queries: Vectors
    words: tuple[Lexical, MemoryView]
    lexical: Scores  # (queries, documents)
    topics: Mapping[str, Sequence[str]]
    exclude_self: bool

    @property
    def ids(self) -> tuple[str, ...]:
        """Document ids in the order of all arrays."""
        return self.graph.ids

    def links(self) -> list[tuple[str, str]]:
        """All citations, the held-out ones included."""
        cites = self.graph.relations["cites"]
        return [(self.ids[a], self.ids[b]) for a, b in zip(cites.source.tolist(), cites.target.tolist(), strict=True)]


def load(folder: Path, split: str | None, cache: Path | None, topics_from: Sequence[str]) -> Bench:
    collection = load_collection(folder, split)
    documents = list(BeirReader().read(folder, ReadReport()))
    cited = _cited(folder)
    if cited is not None:
        documents = [
            replace(d, references=tuple(Reference(identifiers={"id": c}) for c in sorted(cited.get(d.id, ()))))
            for d in documents
        ]
    given = (folder / "citations.tsv").is_file()
    settings = GraphSettings(
        orientation="given" if given else "date",
        relations=RELATIONS,
        topics_from=tuple(topics_from),
        merge_duplicates="never",
    )
    graph = build_graph(documents, settings)
    assembly = Assembly(PluginHost.discover())
    embedder: Embedder = assembly.build("embedder", use("minilm"))
    questions = [query.text for query in collection.queries.values()]
    texts = [document.text for document in documents]
    lexical = Lexical(LexicalConfig())
    view = memory_view(documents, [lexical], chunker=assembly.build("chunker", use("sections")))
    topics = {d.id: [str(t) for key in topics_from for t in d.metadata.get(key, ())] for d in documents}
    return Bench(
        collection,
        documents,
        graph,
        _embedded(embedder.embed_passages, texts, cache),
        _embedded(embedder.embed_queries, questions, cache),
        (lexical, view),
        np.stack([lexical_scores(lexical, view, question) for question in questions]),
        topics,
        given,
    )


def measured(bench: Bench, scores: Scores) -> dict[str, Any]:
    """Measures of rankings by score, shape (queries, documents)."""
    scores = np.array(scores)
    if bench.exclude_self:
        scores[np.arange(len(scores)), own(bench)] = -np.inf
    best = np.argsort(-scores, axis=1, kind="stable")[:, :DEPTH]
    run = {
        query: [(bench.ids[n], float(scores[row, n])) for n in best[row] if np.isfinite(scores[row, n])]
        for row, query in enumerate(bench.collection.queries)
    }
    values = per_query(bench.collection.qrels, run, MEASURES)
    rankings = {query: [document for document, _ in ranking] for query, ranking in run.items()}
    entropy = topical_entropy(rankings, bench.topics)
    return {
        **{name: float(np.mean(list(table.values()))) for name, table in values.items()},
        "linked@5": float(np.mean(list(linked_share(rankings, bench.links()).values()))),
        **({"entropy@5": float(np.mean(list(entropy.values())))} if entropy else {}),
        "per_query": {"nDCG@10": list(values["nDCG@10"].values())},
    }


def hybrid(bench: Bench, legs: Mapping[str, Scores], weights: Mapping[str, float] | None = None) -> Scores:
    """Scores of the fusion that users get without settings over the legs' first hundred documents, 0 for others.

    Args:
        bench: the collection.
        legs: scores by label, shape (queries, documents).
        weights: of legs that have earned one.
    """
    fusion = Assembly(PluginHost.discover()).build("fusion", Pipeline().fusion)
    number = {document: row for row, document in enumerate(bench.ids)}
    fused = np.zeros((len(bench.queries), len(bench.ids)), np.float32)
    for row, query in enumerate(bench.collection.queries.values()):
        runs: dict[str, list[Hit]] = {}
        for leg, scores in legs.items():
            line = scores[row].copy()
            if bench.exclude_self:
                line[number[query.id]] = -np.inf
            best = np.argsort(-line, kind="stable")[:DEPTH]
            runs[leg] = [Hit(bench.ids[n], bench.ids[n], float(line[n]), int(n)) for n in best if np.isfinite(line[n])]
        for hit in fuse_earned(fusion, Query(query.text), runs, 3 * DEPTH, weights or {}):
            fused[row, hit.row] = hit.score
    return fused


def own(bench: Bench) -> NDArray[np.int64]:
    return np.array([bench.graph.number(query) for query in bench.collection.queries])


def lexical_scores(lexical: Lexical, view: MemoryView, question: str) -> Scores:
    """BM25 of every document: that of its best passage."""
    passages = lexical.passage_scores(question, view)
    scores = np.zeros(len(view.document_ids), np.float32)
    np.maximum.at(scores, view.document_numbers, passages)
    return scores


def mixed_scores(text: Scores, structure: Scores, has_structure: NDArray[np.bool_], share: float) -> Scores:
    """The baseline in which structure never reaches a vector: (1 - share) q.t + share q.g where there is structure."""
    return np.where(has_structure, (1.0 - share) * text + share * structure, text)


def mixing_share(text: Vectors, structure: Structural, pairs: Pairs, negatives: Pairs) -> float:
    """The share with the highest link AUC on pairs that were not in the graph; the smallest among equals.

    A link stands in for a query: the text of u searches for v.
    """

    def auc(share: float) -> float:
        scores = []
        for first, second in (pairs.T, negatives.T):
            by_text = np.vecdot(text[first], text[second])
            by_structure = np.vecdot(text[first], structure.vectors[second])
            scores.append(mixed_scores(by_text, by_structure, structure.has_structure[second], share))
        return round(area_under_curve(scores[0], scores[1]), 6)

    return max(SHARES, key=lambda share: (auc(share), -share))


def _embedded(embed: Callable[[Sequence[str]], Vectors], texts: Sequence[str], cache: Path | None) -> Vectors:
    if cache is None:
        return embed(texts)
    key = hashlib.sha256(json.dumps([embed.__name__, *texts]).encode()).hexdigest()[:20]
    file = cache / f"{key}.npy"
    if not file.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        np.save(file, embed(texts))
    table: Vectors = np.load(file, allow_pickle=False)
    return table


def _cited(folder: Path) -> Mapping[str, set[str]] | None:
    """Citations from files beside the corpus; None where its own references are to be used."""
    if (raw := folder / "edges_raw.tsv").is_file():
        return raw_links(raw)
    if not (given := folder / "citations.tsv").is_file():
        return None
    cited: defaultdict[str, set[str]] = defaultdict(set)
    for line in given.read_text(encoding="utf-8").splitlines()[1:]:
        citing, document = line.split("\t")
        cited[citing].add(document)
    return cited
