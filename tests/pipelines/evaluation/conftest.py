"""A tiny collection and a pipeline over it, with real parts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from plait.config import Pipeline, use
from plait.hooks import PluginHost
from plait.rag import Rag, open_index

EXTRACTIVE = Pipeline(readers=[use("beir")], retrievers=[use("lexical")])
CORPUS = {
    "tea": ("Steeping green tea", "Green tea is steeped for two minutes at 75 degrees Celsius."),
    "rope": ("Laid rope", "A laid rope is made of three strands that are twisted together."),
    "glass": ("Cobalt glass", "Cobalt glass is deep blue even with 0.5 percent of cobalt oxide."),
    "bees": ("Sleeping bees", "Honey bees sleep five to eight hours a day, often in cells of the comb."),
}
QUERIES = {
    "minutes": ("How many minutes is green tea steeped?", {"answer": "two minutes"}),
    "twisted": ("Is a laid rope made of twisted strands?", {"final_decision": "yes", "long_answer": "It is."}),
    "red": ("Is cobalt glass deep red?", {"final_decision": "no", "long_answer": "It is deep blue."}),
    "sleep": ("Do honey bees sleep in cells of the comb?", {"final_decision": "yes"}),
    "wall": ("Which year did the Berlin Wall fall?", {"answerable": False}),
}
RELEVANT = {"minutes": "tea", "twisted": "rope", "red": "glass", "sleep": "bees", "wall": "rope"}


@pytest.fixture(scope="session")
def answered_collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collection whose queries have gold answers and decisions; one cannot be answered."""
    place = tmp_path_factory.mktemp("answered") / "small"
    (place / "qrels").mkdir(parents=True)
    corpus = [{"_id": name, "title": title, "text": text} for name, (title, text) in CORPUS.items()]
    (place / "corpus.jsonl").write_text("".join(json.dumps(line) + "\n" for line in corpus))
    queries = [{"_id": name, "text": text, "metadata": known} for name, (text, known) in QUERIES.items()]
    (place / "queries.jsonl").write_text("".join(json.dumps(line) + "\n" for line in queries))
    rows = [f"{query}\t{document}\t1\n" for query, document in RELEVANT.items()]
    (place / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(rows))
    return place


@pytest.fixture(scope="session")
def answering(answered_collection: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rag]:
    """The extractive pipeline over that collection."""
    place = tmp_path_factory.mktemp("answering") / "index"
    with open_index(place, EXTRACTIVE, host=PluginHost.discover(third_party=False)) as rag:
        rag.add(answered_collection)
        yield rag


@pytest.fixture
def answering_pipeline() -> Pipeline:
    """The pipeline of ``answering``."""
    return EXTRACTIVE
