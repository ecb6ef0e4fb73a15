"""What the document graph adds to retrieval, with the controls that such a claim needs.

    python benchmarks/structure.py COLLECTION --seeds 0 1 2 [--cache DIR] [--encoders sage rgcn hgt] [--json OUT]

For every seed 20 % of the citations are held out from all relations; an encoder is trained on what is left of citing,
co-author and co-topic edges, and a gate on top of it. No query takes part in training or in any choice: all settings
are the library's defaults, which were chosen on aan_dev and on training links.

Rows: ``text``; ``fused`` (gated); ``gate off`` (the same code, untrained: must be text in every bit); ``structure``
(the encoder's vectors, unfused); ``shuffled`` (these again, all of it on the graph with its edges permuted; degrees
stay, so that a little structure does); ``shuffled messages`` (permuted edges carry the messages but true pairs teach:
what is learnt without any structure); the other fusions; the closed form; reciprocal rank fusions of dense and lexical
with the traversal leg, with the fused vectors as a leg, and with the fused vectors in dense's place. Coherence is the
share of pairs among the first five that cite one another, over all citations.

A collection with ``citations.tsv`` (citing, cited) takes its citations from there. Its queries are documents whose
references are to be found; a query's own document is left out. There the traversal leg is measured as well.
Exits with 1 when a bar is missed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from structure_graph import labels_reproduced, raw_links

from plait.config import use
from plait.contracts import Document, Embedder, Hit, Query, ReadReport, Reference
from plait.docgraph import DocumentGraph, GraphSettings, build_graph
from plait.docgraph.settings import RelationName
from plait.docgraph.traversal import Traversal
from plait.docgraph.weighing import learn_weights, recent_citers
from plait.evaluation import Collection, bootstrap_interval, load_collection, paired_bootstrap, per_query
from plait.evaluation.coherence import linked_share, topical_entropy
from plait.evaluation.environment import environment
from plait.fusion.ranks.rrf import Config, ReciprocalRank
from plait.fusion.vectors.concatenated import Concatenated
from plait.fusion.vectors.fitting import cross_fitted, fit
from plait.fusion.vectors.gated import Gated
from plait.fusion.vectors.mixed import Mixed, choose_share
from plait.gnn.encoding import encode
from plait.gnn.links import holdout, link_scores, random_negatives, shuffled
from plait.gnn.propagation import Propagation
from plait.gnn.settings import TrainingSettings
from plait.gnn.structure import ArrayGraph, ArrayRelation
from plait.gnn.training import train
from plait.hooks import Assembly, PluginHost
from plait.readers.beir import BeirReader
from plait.retrievers.lexical import Config as LexicalConfig
from plait.retrievers.lexical import Lexical
from plait.testing.memory import MemoryView, memory_view

RELATIONS: tuple[RelationName, ...] = ("cites", "cited_by", "co_author", "co_topic")
HELD_OUT = 0.2
DEPTH = 100
MEASURES = ("nDCG@10", "recall@100")
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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("collection", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--split", help="by default the only one there is, or test")
    parser.add_argument("--cache", type=Path, help="keeps text vectors here")
    parser.add_argument("--encoders", nargs="+", default=["sage"], choices=["sage", "rgcn", "hgt"])
    parser.add_argument("--topics-from", nargs="+", default=["topics", "cr_categories"])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    bench = load(options.collection, options.split, options.cache, options.topics_from)
    figures: dict[str, Any] = {"collection": bench.collection.name, "environment": environment(), "bars": {}}
    if bench.exclude_self:
        figures["traversal"] = traversal(bench, figures["bars"])
        relations = tuple(name for name in RELATIONS if len(bench.graph.relations[name]))
    else:
        print("== graph against the collection's own labels")
        figures["labels"] = labels_reproduced(options.collection)
        figures["bars"]["derived relations reproduce the labels, P and R >= .94, equal to scipy"] = figures["labels"][
            "met"
        ]
        relations = RELATIONS
    for encoder in options.encoders:
        settings = TrainingSettings(encoder=encoder, relations=relations)
        runs = [seeded(bench, settings, seed) for seed in options.seeds]
        figures[encoder] = {"seeds": runs, "mean": report(encoder, runs)}
        if encoder == "sage" and not bench.exclude_self:
            bars(figures["bars"], runs, figures[encoder]["mean"])
    print("== bars")
    for name, met in figures["bars"].items():
        print(f"{'met   ' if met else 'MISSED'}  {name}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 0 if all(figures["bars"].values()) else 1


def load(folder: Path, split: str | None, cache: Path | None, topics_from: Sequence[str]) -> Bench:
    collection = load_collection(folder, split or _only_split(folder))
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
        np.stack([_lexical_scores(lexical, view, question) for question in questions]),
        topics,
        given,
    )


def seeded(bench: Bench, settings: TrainingSettings, seed: int) -> dict[str, Any]:
    """All rows of one seed."""
    graph, pairs = holdout(bench.graph, HELD_OUT, seed)
    negatives = random_negatives(bench.graph, 20_000, seed)
    vectors: dict[str, Vectors] = {"text": bench.text}
    start = time.process_time()
    trained = train(graph, bench.text, settings, seed=seed)
    structure = trained.encode(graph, bench.text)
    folds = cross_fitted(trained, graph, bench.text, seed=seed)
    dimension = bench.text.shape[1]
    gated = Gated(dimension, dimension)
    vectors["gate off"] = gated.fuse(bench.text, structure)
    vectors["fused"] = fit(gated, bench.text, folds, seed=seed).fuse(bench.text, structure)
    spent = time.process_time() - start
    vectors["structure"] = structure.vectors
    vectors["concatenated"] = fit(Concatenated(dimension, dimension), bench.text, folds, seed=seed).fuse(
        bench.text, structure
    )
    vectors["closed form"] = encode(Propagation(), graph, bench.text, settings.relations).vectors
    control = shuffled(graph, seed)
    vectors["shuffled"], vectors["shuffled, fused"] = _again_on(control, bench, settings, seed)
    cites = graph.relations["cites"]
    true = ArrayRelation(cites.source, cites.target, cites.weight)
    true_pairs = replace(control, relations={**control.relations, "true pairs": true})
    taught = settings.model_copy(update={"supervision": "true pairs"})
    vectors["shuffled messages"], _ = _again_on(true_pairs, bench, taught, seed)
    share = choose_share(bench.text, folds[0].structure, folds[0].pairs, negatives)
    rows: dict[str, Any] = {}
    for name, table in vectors.items():
        found = link_scores(table, pairs, negatives)
        rows[name] = {"auc": found.auc, "hits@10": found.hits_at_10, **_measured(bench, bench.queries @ table.T)}
    by_text, by_structure = bench.queries @ bench.text.T, bench.queries @ structure.vectors.T
    mixed = np.stack(
        [Mixed(share).scores(t, g, structure.has_structure) for t, g in zip(by_text, by_structure, strict=True)]
    )
    rows["mixed scores"] = {"share": share, **_measured(bench, mixed)}
    fused = bench.queries @ vectors["fused"].T
    walked = _traversed(bench, graph)
    legs = {"dense": by_text, "lexical": bench.lexical}
    hybrids = {
        "hybrid": legs,
        "hybrid + traversal": legs | {"docgraph": walked},
        "hybrid + fused": legs | {"docgraph": fused},
        "hybrid, fused for dense": legs | {"dense": fused},
        "both": legs | {"dense": fused, "docgraph": walked},
    }
    rows |= {name: _measured(bench, _reciprocal(bench, chosen)) for name, chosen in hybrids.items()}
    same = np.array_equal(vectors["gate off"], bench.text)
    gate = float(np.tanh(gated.gate.item()))
    return {
        "seed": seed,
        "held_out": len(pairs),
        "rows": rows,
        "cpu_seconds": spent,
        "gate_off_is_text": same,
        "gate": gate,
        "without_structure": int((~structure.has_structure).sum()),
    }


def _again_on(graph: ArrayGraph, bench: Bench, settings: TrainingSettings, seed: int) -> tuple[Vectors, Vectors]:
    """The whole procedure on another graph: structural vectors, and fused ones."""
    trained = train(graph, bench.text, settings, seed=seed)
    folds = cross_fitted(trained, graph, bench.text, seed=seed)
    dimension = bench.text.shape[1]
    structure = trained.encode(graph, bench.text)
    fusion = fit(Gated(dimension, dimension), bench.text, folds, seed=seed)
    return structure.vectors, fusion.fuse(bench.text, structure)


def traversal(bench: Bench, bars: dict[str, bool]) -> dict[str, Any]:
    """Citation recommendation: text legs, and the traversal leg with weights learnt from the graph's own citations."""
    start = time.process_time()
    scores = _traversed(bench, bench.graph)
    spent = time.process_time() - start
    by_text = bench.queries @ bench.text.T
    rows = {
        "dense": _measured(bench, by_text),
        "lexical": _measured(bench, bench.lexical),
        "traversal": _measured(bench, scores),
    }
    print(f"== traversal ({spent:.0f} CPU-s, learning of weights included)")
    for name, row in rows.items():
        interval = bootstrap_interval(row["per_query"]["nDCG@10"])
        print(
            f"{name:12} nDCG@10 {row['nDCG@10']:.4f} [{interval.low:.4f}, {interval.high:.4f}]"
            f"  recall@100 {row['recall@100']:.4f}"
        )
    bars["traversal nDCG@10 >= .29"] = rows["traversal"]["nDCG@10"] >= 0.29
    for row in rows.values():
        del row["per_query"]
    return {"rows": rows, "cpu_seconds": spent}


def _traversed(bench: Bench, graph: DocumentGraph) -> Scores:
    """Traversal scores of all queries; weights are learnt from this graph's own citations."""

    def blended(rows: NDArray[np.int64]) -> Scores:
        words = np.stack([_lexical_scores(*bench.words, bench.documents[row].title) for row in rows])
        return _blend(bench.text[rows] @ bench.text.T, words)

    weights = learn_weights(graph, blended, recent_citers(graph, graph.years, 400))
    text = _blend(bench.queries @ bench.text.T, bench.lexical)
    if bench.exclude_self:
        text[np.arange(len(text)), _own(bench)] = -np.inf
    walked = Traversal(graph)
    return np.concatenate([walked.scores(text[i : i + 50], weights) for i in range(0, len(text), 50)])


def _blend(dense: Scores, lexical: Scores) -> Scores:
    """Cosine and half a BM25 score whose best is 1: seeds should share meaning and words."""
    blended: Scores = dense + 0.5 * lexical / np.maximum(lexical.max(axis=1, keepdims=True), 1e-6)
    return blended


def report(encoder: str, runs: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Prints and returns the mean over seeds of every row, and how fused rows differ from unfused ones."""
    cost = ", ".join(f"{run['cpu_seconds']:.1f}" for run in runs)
    gates = ", ".join(f"{run['gate']:.2f}" for run in runs)
    print(
        f"== {encoder}, seeds {', '.join(str(run['seed']) for run in runs)}: training {cost} CPU-s, gates {gates}\n   "
        f"{runs[0]['held_out']} links held out; {runs[0]['without_structure']} documents without structure; "
        f"gate off is text: {all(run['gate_off_is_text'] for run in runs)}"
    )
    columns = (("hits@10", 9), ("nDCG@10", 9), ("recall@100", 11), ("linked@5", 10), ("entropy@5", 10))
    print(f"{'':26}{'link AUC by seed':>24}" + "".join(f"{key:>{width}}" for key, width in columns))
    means: dict[str, dict[str, float]] = {}
    for name in runs[0]["rows"]:
        rows = [run["rows"][name] for run in runs]
        keys = [key for key, value in rows[0].items() if isinstance(value, float)]
        means[name] = {key: float(np.mean([row[key] for row in rows])) for key in keys}
        aucs = " ".join(f"{row['auc']:.4f}" for row in rows) if "auc" in rows[0] else ""
        shown = "".join(
            f"{means[name][key]:>{width}.4f}" if key in means[name] else " " * width for key, width in columns
        )
        print(f"{name:26}{aucs:>24}{shown}")
    for better, worse in (
        ("fused", "text"),
        ("hybrid + traversal", "hybrid"),
        ("hybrid, fused for dense", "hybrid"),
        ("both", "hybrid"),
    ):
        first, second = (
            np.mean([run["rows"][name]["per_query"]["nDCG@10"] for run in runs], axis=0) for name in (better, worse)
        )
        p = paired_bootstrap(first, second)
        means[better]["p"] = p
        print(f"{better} - {worse}: {first.mean() - second.mean():+.4f} nDCG@10, paired bootstrap p = {p:.3f}")
    for run in runs:
        for row in run["rows"].values():
            del row["per_query"]
    return means


def bars(found: dict[str, bool], runs: Sequence[Mapping[str, Any]], mean: Mapping[str, Mapping[str, float]]) -> None:
    """The bars of structural fusion."""
    gains = [run["rows"]["structure"]["auc"] - run["rows"]["text"]["auc"] for run in runs]
    fused_gains = [run["rows"]["fused"]["auc"] - run["rows"]["text"]["auc"] for run in runs]
    control = [run["rows"]["shuffled"]["auc"] - run["rows"]["text"]["auc"] for run in runs]
    found["link AUC above text on every seed, structure and fused"] = min(*gains, *fused_gains) > 0
    found["mean gain of link AUC >= .015"] = float(np.mean(gains)) >= 0.015
    found["shuffled edges at or below text on every seed"] = max(control) <= 0
    found["fused nDCG@10 >= text + .02"] = mean["fused"]["nDCG@10"] >= mean["text"]["nDCG@10"] + 0.02
    found["fused recall@100 not lower"] = mean["fused"]["recall@100"] >= mean["text"]["recall@100"]
    found["coherence of fused >= +20 %"] = mean["fused"]["linked@5"] >= 1.2 * mean["text"]["linked@5"]
    found["gate off is text in every bit"] = all(run["gate_off_is_text"] for run in runs)
    # Which hybrid is meant was chosen on aan_dev, where "both" is the best of them.
    found["hybrid with structure (fused for dense, and traversal) >= without"] = (
        mean["both"]["nDCG@10"] >= mean["hybrid"]["nDCG@10"]
    )
    found["training <= 120 CPU-s"] = max(run["cpu_seconds"] for run in runs) <= 120


def _measured(bench: Bench, scores: Scores) -> dict[str, Any]:
    """Measures of rankings by score, shape (queries, documents)."""
    scores = np.array(scores)
    if bench.exclude_self:
        scores[np.arange(len(scores)), _own(bench)] = -np.inf
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


def _reciprocal(bench: Bench, legs: Mapping[str, Scores]) -> Scores:
    """Scores of reciprocal rank fusion over the legs' first hundred documents, 0 for others."""
    fusion = ReciprocalRank(Config())
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
        for hit in fusion.fuse(Query(query.text), runs, 3 * DEPTH):
            fused[row, hit.row] = hit.score
    return fused


def _own(bench: Bench) -> NDArray[np.int64]:
    return np.array([bench.graph.number(query) for query in bench.collection.queries])


def _lexical_scores(lexical: Lexical, view: MemoryView, question: str) -> Scores:
    """BM25 of every document: that of its best passage."""
    passages = lexical.impacts(view).scores(lexical.terms(question))
    scores = np.zeros(len(view.document_ids), np.float32)
    np.maximum.at(scores, view.document_numbers, passages)
    return scores


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


def _only_split(folder: Path) -> str:
    names = sorted(file.stem for file in (folder / "qrels").iterdir())
    return names[0] if len(names) == 1 else "test"


if __name__ == "__main__":
    sys.exit(main())
