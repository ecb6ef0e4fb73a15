"""Whether the end of a passage is in its vector: its last sentence has to find it as often as its first.

    python benchmarks/tails.py COLLECTION... [--documents N] [--passages N] [--json OUT]

From every passage of at least 100 words (as many as ``--passages``, drawn at random) the first and the last sentence of
at least six words are searched, word by word as they stand: among the vectors of all passages, and in the fused list of
a pipeline. Counted is how often the passage comes first; identical sentences elsewhere count as not found, at both ends
alike. Arms:

``default``
    passages as a pipeline without settings makes them.
``words``
    passages of at most 320 words, which the encoder cannot read at once: they are read in windows.
``cut``
    the same, of which the encoder reads its first window only: the control, and what Plait did before it had windows.

Exits with 1 where, of ``default`` or ``words``, the last sentence finds its passage more than .03 less often than the
first, by the vectors or in the fused list, or a token is in no vector.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from plait.config import Pipeline, use
from plait.contracts import Coverage, Document, IngestBatch, Passage, Query, ReadReport, TokenCounting
from plait.evaluation.reporting import Row, environment, environment_lines, json_report, write_json
from plait.evaluation.statistics.significance import bootstrap_interval
from plait.hooks import PluginHost
from plait.rag.input_files import find_inputs
from plait.rag.parts import Parts
from plait.testing import MemoryView
from plait.text.sentences import sentence_spans

LONG = 100
"""Words of a passage that is asked for."""
TELLING = 6
"""Words of a sentence that is asked with."""
BAR = 0.03
ARMS = {"default": "sections", "words": use("sections", max_words=320), "cut": use("sections", max_words=320)}


Found = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Whether the first and the last sentence found their passage, each of shape (passages,)."""


@dataclass(frozen=True, slots=True)
class Ends:
    """What one arm found on one collection, by the vectors alone and in the fused list."""

    passages: int
    found: Mapping[str, Found]
    coverage: Coverage

    @property
    def misses_bar(self) -> bool:
        """Whether the end is found too seldom, or a token is in no vector."""
        return any(start.mean() - end.mean() > BAR for start, end in self.found.values()) or self.coverage.unread > 0

    def rows(self, task: str, arm: str) -> Iterator[Row]:
        """The figures."""
        for name, (start, end) in self.found.items():
            for measure, values in (("start", start), ("end", end), ("start - end", start - end)):
                interval = bootstrap_interval(values)
                yield Row(task, arm, f"{name}: {measure}", interval.mean, interval.low, interval.high)
        yield Row(task, arm, "asked", len(self.found["vectors"][0]))
        yield Row(task, arm, "passages", self.passages)
        yield Row(task, arm, "in windows", self.coverage.windowed)
        yield Row(task, arm, "tokens", self.coverage.tokens)
        yield Row(task, arm, "tokens in no vector", self.coverage.unread)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("collections", type=Path, nargs="+", help="files or folders, such as those of BEIR")
    parser.add_argument("--documents", type=int, help="only so many, drawn at random")
    parser.add_argument("--passages", type=int, default=500, help="most passages that are asked for")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    host = PluginHost.discover(third_party=False)
    rows: list[Row] = []
    missed = False
    for place in options.collections:
        documents = read(Parts(Pipeline(), host), place.resolve())
        chance = np.random.default_rng(options.seed)
        if options.documents and options.documents < len(documents):
            documents = [documents[n] for n in sorted(chance.permutation(len(documents))[: options.documents])]
        for arm, chunker in ARMS.items():
            parts = Parts(Pipeline.model_validate({"chunker": chunker}), host)
            found = measure(parts, documents, options.passages, options.seed, cut=arm == "cut")
            missed |= found.misses_bar and arm != "cut"
            own = list(found.rows(f"{place.name}, {len(documents)} documents", arm))
            rows += own
            print(own[0].task, arm, *(f"{row.measure} {row.value:.3f}" for row in own if row.low is not None), sep=", ")
            print("   ", *(f"{row.value:,.0f} {row.measure}" for row in own if row.low is None), sep="  ", flush=True)
    print(*environment_lines(environment()), sep="\n")
    if options.json:
        write_json(options.json, json_report(rows))
    return int(missed)


def read(parts: Parts, place: Path) -> list[Document]:
    """All documents under a place."""
    report = ReadReport()
    units = find_inputs(place, list(parts.readers.items()), report)
    return [document for unit in units for document in parts.readers[unit.reader].read(unit.path, report)]


def measure(parts: Parts, documents: Sequence[Document], most: int, seed: int, *, cut: bool) -> Ends:
    """Cuts, encodes and asks.

    Raises:
        TypeError: the first embedder does not tell how much it reads.
    """
    embedder = next(iter(parts.embedders.values()))
    if not isinstance(embedder, TokenCounting):
        raise TypeError("the embedder does not tell how much it reads")
    passages = [passage for document in documents for passage in parts.chunker.chunk(document)]
    whole = [passage.embedding_text for passage in passages]
    texts = [first_window(text, embedder) for text in whole] if cut else whole
    coverage = embedder.coverage(texts)
    if cut:
        tokens = embedder.coverage(whole).tokens
        coverage = Coverage(tokens, 0, tokens - coverage.tokens)
    vectors = embedder.embed_passages(texts)  # (passages, d)
    asked = {row: ends for row, passage in enumerate(passages) if (ends := _ends(passage)) is not None}
    rows = sorted(np.random.default_rng(seed).permutation(sorted(asked))[:most].tolist())
    view = _view(parts, documents, passages, vectors)
    found: dict[str, list[NDArray[np.float64]]] = {"vectors": [], "fused": []}
    for number in (0, 1):
        sentences = [asked[row][number] for row in rows]
        questions = embedder.embed_queries(sentences)  # (asked, d)
        found["vectors"].append((np.argmax(questions @ vectors.T, axis=1) == rows).astype(np.float64))
        first = [_first(parts, sentence, view) for sentence in sentences]
        found["fused"].append((np.array(first) == rows).astype(np.float64))
    return Ends(len(passages), {name: (start, end) for name, (start, end) in found.items()}, coverage)


def _view(
    parts: Parts, documents: Sequence[Document], passages: Sequence[Passage], vectors: NDArray[np.float32]
) -> MemoryView:
    """The passages with the columns of the default retrievers, dense and lexical."""
    dense, lexical = parts.retrievers["dense"], parts.retrievers["lexical"]
    encoded = lexical.encode(IngestBatch(documents, passages, {}))
    columns = [(dense.columns[0], vectors), *((column, encoded[column.name]) for column in lexical.columns)]
    return MemoryView(documents, passages, columns)


def _first(parts: Parts, question: str, view: MemoryView) -> int:
    """The row of the first passage of the fused list, -1 where nothing is found."""
    query, depth = Query(question), parts.pipeline.candidates
    runs = {label: retriever.retrieve(query, view, depth) for label, retriever in parts.retrievers.items()}
    return next((hit.row for hit in parts.fusion.fuse(query, runs, 1)), -1)


def first_window(text: str, embedder: TokenCounting) -> str:
    """What of a passage an encoder without windows would read."""
    starts = embedder.token_starts([text])[0]
    room = embedder.passage_tokens()
    return text if len(starts) <= room else text[: starts[room]]


def _ends(passage: Passage) -> tuple[str, str] | None:
    """First and last telling sentence of a long passage; None where it has not both."""
    if len(passage.text.split()) < LONG:
        return None
    sentences = [passage.text[start:end] for start, end in sentence_spans(passage.text)]
    telling = [sentence for sentence in sentences if len(sentence.split()) >= TELLING]
    return (telling[0], telling[-1]) if len(telling) > 1 else None


if __name__ == "__main__":
    sys.exit(main())
