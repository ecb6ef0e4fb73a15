"""Chooses and judges the decision whether evidence can answer a question.

    python benchmarks/relevance.py COLLECTION COLLECTION ... [--queries N] [--documents N] [--cache FILE] [--choose]

Each BEIR folder gives questions that its documents answer (its own queries whose relevant document is among the
evidence) and three kinds that they do not: its own queries in an index without their relevant documents (near; other
documents still answer some of these), those of them with a name that the index then no longer knows (unnamed; none of
these can be answered), and queries of the other folders (far). Evidence is the best eight passages of dense and lexical
retrieval, merged by reciprocal rank. Only queries that are whole questions or claims are taken: none with gaps to fill.

The three numbers of the decision (the threshold, what words held add to the similarity, what unknown names take off)
are chosen on all collections but one and judged on that one, each in turn. Of those that decline at most
``DECLINED_AT_MOST`` of the answerable questions of each collection the best is taken: the mean share declined of the
three kinds, less ``COST`` times the mean share of answerable questions declined; of equals (within ``NOISE``) the one
with the larger addition. That is done with ``--choose``, which looks at every sentence. Always the numbers in use are
judged, as users have them: whole passages first, then a few sentences. ``--cache`` keeps vectors for a second run.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plait.chunkers.sections import SectionChunker
from plait.contracts import Document, Embedder, Evidence, IndexView, Query, ReadReport
from plait.embedders.transformers import MiniLM, MiniLMConfig
from plait.gates.similarity import HELD, THRESHOLD, UNKNOWN, CosineScale, Signals, SimilarityGate
from plait.gates.similarity import Config as GateConfig
from plait.readers.beir import BeirReader
from plait.retrievers.lexical import Config as LexicalConfig
from plait.retrievers.lexical import Lexical
from plait.testing.memory import MemoryView, memory_view
from plait.text.content import COUNTED, content_words, idf_in

EVIDENCE = 8
CANDIDATES = 60
DECLINED_AT_MOST = 0.04
COST = 10.0
FAR = 25
THRESHOLDS = np.arange(0.36, 0.541, 0.01)
HELDS = (0.5, 0.25, 0.0)
NOISE = 0.001
UNKNOWNS = np.arange(0.0, 0.81, 0.1)
Numbers = tuple[float, float, float]
IN_USE: Numbers = (THRESHOLD, HELD, UNKNOWN)
NO_QUESTIONS = {"fill-in-the-blank", "true-false", "critical-thinking"}
KINDS = ("answerable", "near", "unnamed", "far")


@dataclass(frozen=True, slots=True)
class Case:
    """One query before one collection: ``kind`` is one of ``KINDS``."""

    collection: str
    kind: str
    question: str
    found: Signals


class Kept:
    """An embedder that remembers vectors in a file."""

    def __init__(self, inner: Embedder, file: Path | None) -> None:
        self._inner, self._file = inner, file
        self._vectors: dict[str, NDArray[np.float32]] = {}
        if file is not None and file.exists():
            with np.load(file, allow_pickle=False) as held:
                self._vectors = dict(zip(held["k"].tolist(), held["v"], strict=True))

    @property
    def dimension(self) -> int:
        """The inner embedder's."""
        return self._inner.dimension

    def fingerprint(self) -> Mapping[str, Any]:
        """The inner embedder's."""
        return self._inner.fingerprint()

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of texts, those not yet known computed together; shape (len(texts), dimension)."""
        keys = [hashlib.md5(f"p{text}".encode(), usedforsecurity=False).hexdigest() for text in texts]
        lacking = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._vectors}
        if lacking:
            self._vectors.update(zip(lacking, self._inner.embed_passages(list(lacking.values())), strict=True))
        return np.stack([self._vectors[key] for key in keys])

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The same: MiniLM has no prefixes."""
        return self.embed_passages(texts)

    def save(self) -> None:
        """Writes the file, where there is one."""
        if self._file is not None:
            np.savez(self._file, k=np.array(list(self._vectors)), v=np.stack(list(self._vectors.values())))


class Collection:
    """The documents of one folder, indexed in memory, and its queries.

    Of a large collection only the relevant documents of the queries asked and some others are taken.
    """

    def __init__(self, folder: Path, queries: int, documents: int, embedder: Kept) -> None:
        self.name = folder.name
        self.queries = _queries(folder, queries)
        self._embedder = embedder
        self._lexical = Lexical(LexicalConfig())
        relevant = {document for _, documents in self.queries for document in documents}
        read = [document for document in BeirReader().read(folder, ReadReport()) if len(document.text) > 200]
        others = [document for document in read if document.id not in relevant]
        random.Random(1).shuffle(others)  # noqa: S311 - a sample, nothing secret
        wanted = [document for document in read if document.id in relevant]
        self.documents: list[Document] = wanted + others[: max(0, documents - len(wanted))]
        self.view = memory_view(self.documents, [self._lexical], chunker=SectionChunker())
        self.passages = [self.view.passage(row) for row in range(len(self.view))]
        self._matrix = embedder.embed_passages([passage.embedding_text for passage in self.passages])

    def evidence(self, question: str, without: set[str]) -> list[Evidence]:
        """The best passages by reciprocal rank of both legs."""
        cosines = self._matrix @ self._embedder.embed_queries([question])[0]
        legs: list[Sequence[int]] = [
            np.argsort(-cosines, kind="stable").tolist(),
            [hit.row for hit in self._lexical.retrieve(Query(question), self.view, CANDIDATES)],
        ]
        scores: Counter[int] = Counter()
        for leg in legs:
            kept = (row for row in leg if self.passages[row].document_id not in without)
            for rank, row in zip(range(CANDIDATES), kept, strict=False):
                scores[row] += 1 / (61 + rank)  # type: ignore[assignment]  # Counter is typed for whole numbers
        best = sorted(scores, key=lambda row: (-scores[row], row))[:EVIDENCE]
        titles = {row: self.view.title(self.passages[row].document_id) for row in best}
        return [
            Evidence(n, self.passages[row], titles[row], scores[row], similarity=float(cosines[row]))
            for n, row in enumerate(best, 1)
        ]

    def without(self, gone: set[str]) -> IndexView:
        """The view as it would be without some documents: its word counts forget them."""
        idf_in(self.view)
        counts, total = self.view.derived(COUNTED, lambda: (Counter[str](), 0))
        counts, lost = Counter(counts), [passage for passage in self.passages if passage.document_id in gone]
        for passage in lost:
            counts.subtract({word.stem for word in content_words(passage.embedding_text)})
        left = MemoryView(
            [document for document in self.documents if document.id not in gone],
            [passage for passage in self.passages if passage.document_id not in gone],
        )
        left.derived(COUNTED, lambda: (+counts, total - len(lost)))
        return left


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Choose and judge the decision whether evidence can answer.")
    parser.add_argument("collections", nargs="+", type=Path)
    parser.add_argument("--queries", type=int, default=200, help="queries of each collection")
    parser.add_argument("--documents", type=int, default=1500, help="most documents of each collection")
    parser.add_argument("--cache", type=Path, help="file (.npz) that keeps vectors between runs")
    parser.add_argument(
        "--choose", action="store_true", help="choose the numbers anew, on all collections but one each"
    )
    parser.add_argument("--show", action="store_true", help="print the answerable questions that are declined")
    options = parser.parse_args(arguments)
    if len(options.collections) < 3:
        parser.error("name at least three collections: the numbers are chosen on all but one")
    embedder = Kept(MiniLM(MiniLMConfig()), options.cache)
    gate = SimilarityGate(GateConfig(), embedder=embedder)
    if options.choose:
        gate = SimilarityGate(GateConfig(sentences=200), embedder=embedder)
    asked = {folder: _queries(folder, FAR) for folder in options.collections}
    cases: list[Case] = []
    for folder in options.collections:
        collection = Collection(folder, options.queries, options.documents, embedder)
        far = [text for other, queries in asked.items() if other != folder for text, _ in queries]
        cases += _cases(collection, far, gate, every_sentence=options.choose)
        embedder.save()
        print(f"{collection.name}: {len(collection.view):,} passages", file=sys.stderr)
    names = [folder.name for folder in options.collections]
    heads = "".join(f"{head:>10}" for head in ("threshold", "held", "unknown"))
    print(f"{'':32}{heads}   {''.join(f'{kind:>11}' for kind in KINDS)}   declined")
    if options.choose:
        judged = []
        for name in names:
            numbers = _choose([case for case in cases if case.collection != name])
            judged.append(_rates([case for case in cases if case.collection == name], numbers))
            print(_row(f"left out {name}", numbers, judged[-1]))
        print(_row("mean of the left out", None, np.nanmean(judged, axis=0)))
        numbers = _choose(cases)
        print(_row("chosen on all", numbers, _rates(cases, numbers)))
    for name in names:
        print(_row(f"in use   {name}", IN_USE, _rates([case for case in cases if case.collection == name], IN_USE)))
    count = Counter(case.kind for case in cases)
    print("cases:", dict(count))
    vetoed = Counter((case.collection, case.kind) for case in cases if case.found.missing)
    print("declined for a missing quantity:", dict(vetoed))
    if options.show:
        for case in cases:
            if case.kind == "answerable" and _declined(case, IN_USE):
                print(f"{case.collection}: {case.question[:120]}\n    {case.found}")
    return 0


def _cases(collection: Collection, far: Sequence[str], gate: SimilarityGate, *, every_sentence: bool) -> list[Case]:
    def signals(text: str, evidence: Sequence[Evidence], view: IndexView) -> Signals:
        if every_sentence:
            evidence = [replace(item, similarity=None) for item in evidence]
        return gate.signals(Query(text), evidence, view, CosineScale())

    found = []
    for text, relevant in collection.queries:
        with_it, without_it = collection.evidence(text, set()), collection.evidence(text, relevant)
        before = signals(text, with_it, collection.view)
        after = signals(text, without_it, collection.without(relevant))
        if any(item.passage.document_id in relevant for item in with_it):
            found.append(Case(collection.name, "answerable", text, before))
        unnamed = after.strangers and not before.strangers
        found.append(Case(collection.name, "unnamed" if unnamed else "near", text, after))
    for text in far:
        evidence = collection.evidence(text, set())
        found.append(Case(collection.name, "far", text, signals(text, evidence, collection.view)))
    return found


def _queries(folder: Path, most: int) -> list[tuple[str, set[str]]]:
    """Queries with a relevant document, those left out that need a figure; of the training split where there is one."""
    qrels: dict[str, set[str]] = defaultdict(set)
    files = sorted((folder / "qrels").glob("*.tsv"))
    chosen = next((file for file in files if file.stem in {"train", "dev"}), files[-1])
    with chosen.open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            if float(row["score"]) > 0:
                qrels[row["query-id"]].add(row["corpus-id"])
    known = []
    for line in (folder / "queries.jsonl").open(encoding="utf-8"):
        item = json.loads(line)
        about = item.get("metadata", {})
        if str(item["_id"]) in qrels and not about.get("needs_figure") and about.get("kind", "") not in NO_QUESTIONS:
            known.append((str(item["text"]), qrels[str(item["_id"])]))
    random.Random(7).shuffle(known)  # noqa: S311 - a sample, nothing secret
    return known[:most]


def _choose(cases: Sequence[Case]) -> Numbers:
    """The numbers that decline most of what is not answerable, a false decline weighing ``COST`` times as much."""
    names = sorted({case.collection for case in cases})
    parted = [[case for case in cases if case.collection == name] for name in names]
    best, found = -np.inf, (0.0, 0.0, 0.0)
    for threshold, held, unknown in product(THRESHOLDS, HELDS, UNKNOWNS):
        numbers = (float(threshold), held, float(unknown))
        rates = np.array([_rates(part, numbers) for part in parted])  # (collections, kinds)
        gain = float(np.nanmean(rates[:, 1:], axis=0).mean() - COST * rates[:, 0].mean())
        if rates[:, 0].max() <= DECLINED_AT_MOST and gain > best + NOISE:
            best, found = gain, numbers
    return found


def _rates(cases: Sequence[Case], numbers: Numbers) -> NDArray[np.float64]:
    """The share declined of each kind, shape (4,); nan where there is none."""
    declined: dict[str, list[bool]] = {kind: [] for kind in KINDS}
    for case in cases:
        declined[case.kind].append(_declined(case, numbers))
    return np.array([sum(some) / len(some) if some else np.nan for some in declined.values()])


def _declined(case: Case, numbers: Numbers) -> bool:
    threshold, held, unknown = numbers
    found = case.found
    score = found.similarity + held * max(0.0, found.held - 0.5) - unknown * found.unknown
    return bool(found.missing) or score < threshold


def _row(what: str, numbers: Numbers | None, rates: NDArray[np.float64]) -> str:
    shown = "".join(f"{number:10.2f}" for number in numbers) if numbers else " " * 30
    return f"{what:32}{shown}   " + "".join(f"{rate:11.3f}" for rate in rates)


if __name__ == "__main__":
    raise SystemExit(main())
