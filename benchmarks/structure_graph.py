"""Whether the document graph derives from citations what a collection itself records, and what building one costs.

    python benchmarks/structure_graph.py COLLECTION [--json OUT]      COLLECTION: CACM as a BEIR folder
    python benchmarks/structure_graph.py --scale [--documents N] [--citations N] [--json OUT]

The collection's metadata hold ``bibliographic_coupling`` and ``co_citation`` with counts; its ``edges_raw.tsv`` holds
each citation link (type 5) in both directions, so that who cites whom has to be decided. Rows:

- by date: the raw links, the newer document cites the older; of equal dates (by month) each cites the other;
- by date, ties left out: the same without links between documents of one month;
- as shipped: ``references`` as the collection gives them, partly worked out from the recorded counts;
- by id: the raw links, the greater number cites the lesser.

P and R are over pairs, each pair once; the last column is the share of the pairs found by both whose count is equal.
Every relation is also compared with scipy's product entry by entry. Exits with 1 when a bar is missed.

--scale builds a graph of made-up documents of one venue with citations drawn so that some are cited by thousands, from
whole documents, and prints seconds and peak memory.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse

from plait.contracts import Document, ReadReport, Reference
from plait.docgraph import DocumentGraph, GraphSettings, Relation, build_graph, statistics_of
from plait.evaluation.reporting import json_report, rows_of, write_json
from plait.readers.beir import BeirReader

BAR = 0.94
RELATIONS = ("co_citation", "bibliographic_coupling")
UNBOUNDED: dict[str, Any] = {"citation_cap": None, "relations": ("cites", *RELATIONS)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("collection", type=Path, nargs="?")
    parser.add_argument("--scale", action="store_true")
    parser.add_argument("--documents", type=int, default=200_000)
    parser.add_argument("--citations", type=int, default=2_000_000)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.scale == (options.collection is not None):
        parser.error("give either COLLECTION or --scale")
    if options.scale:
        figures: dict[str, Any] = scale(options.documents, options.citations)
        print(json.dumps(figures, indent=2))
        met = True
    else:
        figures = labels_reproduced(options.collection)
        met = figures["met"]
    if options.json:
        task = "scale" if options.scale else options.collection.name
        write_json(options.json, json_report(rows_of(task, figures), figures=figures))
    return 0 if met else 1


def labels_reproduced(collection: Path) -> dict[str, Any]:
    """Precision and recall of derived relations against the collection's own, for each way to orient citations."""
    documents = list(BeirReader().read(collection, ReadReport()))
    links = raw_links(collection / "edges_raw.tsv")
    both = [_citing(document, links[document.id]) for document in documents]
    newer = [_citing(d, (other for other in links[d.id] if int(other) < int(d.id))) for d in documents]
    dated = build_graph(both, GraphSettings(orientation="date", **UNBOUNDED))
    cites = dated.relations["cites"]
    ties = dated.years[cites.source] == dated.years[cites.target]
    graphs = {
        "by date": dated,
        "by date, ties left out": dated.without(np.stack([cites.source[ties], cites.target[ties]], axis=1)),
        "as shipped": build_graph(documents, GraphSettings(**UNBOUNDED)),
        "by id": build_graph(newer, GraphSettings(**UNBOUNDED)),
    }
    rows = {name: {key: _compared(graph, key, documents) for key in RELATIONS} for name, graph in graphs.items()}
    exact = all(equals_scipy(graph) for name, graph in graphs.items() if "left out" not in name)
    print(f"{len(documents)} documents, {sum(map(len, links.values())) // 2} links, bar {BAR}")
    print(
        f"{'citations oriented':24}{'co-citation  P':>16}{'R':>8}{'counts':>9}{'coupling  P':>14}{'R':>8}{'counts':>9}"
    )
    for name, row in rows.items():
        shown = "".join(
            f"{row[key]['precision']:>{width}.4f}{row[key]['recall']:>8.4f}{row[key]['equal_counts']:>9.4f}"
            for key, width in zip(RELATIONS, (16, 14), strict=True)
        )
        print(f"{name:24}{shown}")
    reached = min(row[part] for row in rows["by date"].values() for part in ("precision", "recall"))
    print(f"least of precision and recall by date: {reached:.4f}; equal to scipy's A.T @ A and A @ A.T: {exact}")
    return {"rows": rows, "equal_to_scipy": exact, "least": reached, "met": bool(exact and reached >= BAR)}


def raw_links(file: Path) -> defaultdict[str, set[str]]:
    """Document -> documents it has a citation link with, in either direction."""
    links: defaultdict[str, set[str]] = defaultdict(set)
    with file.open() as lines:
        next(lines)
        for line in lines:
            one, kind, other, _ = line.split("\t")
            if kind == "5" and one != other:
                links[one].add(other)
                links[other].add(one)
    return links


def equals_scipy(graph: DocumentGraph) -> bool:
    """Whether derived weights are exactly the off-diagonal entries of scipy's products."""
    cites = graph.relations["cites"]
    ones = np.ones(len(cites), dtype=np.int64)
    a = scipy.sparse.csr_matrix((ones, (cites.source, cites.target)), shape=(len(graph), len(graph)))
    for name, product in (("co_citation", a.T @ a), ("bibliographic_coupling", a @ a.T)):
        wanted = product.tolil()
        wanted.setdiag(0)
        if (wanted.tocsr() != graph.relations[name].matrix(len(graph))).nnz:
            return False
    return True


def scale(documents: int, citations: int) -> dict[str, Any]:
    """Builds a large graph and says what it cost."""
    papers = list(made_up(documents, citations))
    before, start, cpu = _peak(), time.perf_counter(), time.process_time()
    graph = build_graph(papers)
    built = time.perf_counter() - start
    used = time.process_time() - cpu
    statistics = statistics_of(graph)
    report = graph.report
    return {
        "documents": documents,
        "references": report.references,
        "resolved": report.resolved,
        "build_seconds": round(built, 1),
        "build_cpu_seconds": round(used, 1),
        "peak_gigabytes_with_documents": round(_peak() / 2**30, 2),
        "peak_gigabytes_before": round(before / 2**30, 2),
        "edges": {name: degrees.edges for name, degrees in statistics.relations.items()},
        "groups_left_out": len(report.left_out),
        "largest_left_out": [[o.relation, o.group, o.size] for o in report.left_out if o.size == documents],
        "names_merged": len(report.persons.merged),
        "names_ambiguous": len(report.persons.ambiguous),
    }


def made_up(documents: int, citations: int, seed: int = 0) -> Iterator[Document]:
    """Papers of one venue; a fourth of the references is by title, some name nothing. Low numbers are cited most."""
    random = np.random.default_rng(seed)
    words = [f"{a}{b}" for a in ("stru", "gra", "ten", "pro", "syn", "cor") for b in map(str, range(500))]
    titles = [
        " ".join(words[w] for w in row) + f" {n}" for n, row in enumerate(random.integers(0, 3000, (documents, 7)))
    ]
    surnames = [f"{a}{b}" for a in ("Sm", "Wang", "Mü", "O'", "Per") for b in ("ith", "ler", "lis", "Neil", "son")]
    counts = random.poisson(citations / documents, documents)
    for number in range(documents):
        cited = (number * random.random(counts[number]) ** 2.5).astype(int) if number else ()
        references = tuple(
            Reference(title="No such paper in any corpus here")
            if i % 10 == 9
            else Reference(title=titles[c], year=1960 + c * 60 // documents)
            if i % 4 == 3
            else Reference(identifiers={"id": f"d{c}"})
            for i, c in enumerate(cited)
        )
        authors = []
        for given, family in random.integers(0, 25 * 400, (3, 2)).tolist():
            surname = surnames[family % 25] + "".join(chr(97 + int(digit)) for digit in str(family // 25))
            authors.append(f"{chr(65 + given % 26)}{'abel' if given % 3 else '.'} {surname}")
        metadata = {"authors": authors, "venue": "The One Venue", "year": 1960 + number * 60 // documents}
        yield Document(f"d{number}", titles[number], (), metadata, references)


def _citing(document: Document, cited: Any) -> Document:
    return replace(document, references=tuple(Reference(identifiers={"id": other}) for other in sorted(cited)))


def _compared(graph: DocumentGraph, name: str, documents: Sequence[Document]) -> dict[str, float]:
    found = _by_pair(graph, graph.relations[name])
    labels: Mapping[tuple[str, str], int] = {
        (d.id, other): count for d in documents for other, count in d.metadata[name].items() if d.id < other
    }
    common = found.keys() & labels.keys()
    return {
        "precision": len(common) / len(found),
        "recall": len(common) / len(labels),
        "equal_counts": sum(found[pair] == labels[pair] for pair in common) / len(common),
        "pairs": len(found),
        "labels": len(labels),
    }


def _by_pair(graph: DocumentGraph, relation: Relation) -> dict[tuple[str, str], int]:
    columns = zip(relation.source.tolist(), relation.target.tolist(), relation.weight.tolist(), strict=True)
    named = ((graph.ids[a], graph.ids[b], int(weight)) for a, b, weight in columns)
    return {(a, b): weight for a, b, weight in named if a < b}


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    sys.exit(main())
