"""A distribution that re-declares built-in parts under names of its own is worth as much as Plait: bit for bit.

Its modules are copies of ours under another package, so that no class of the one is a class of the other. Whatever
asked for a class instead of a protocol, or compared a name with a built-in one, would treat the two differently.
"""

from __future__ import annotations

import importlib
import json
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from plait.config import Pipeline, use
from plait.contracts import Answer, LexicalScores, RankedVectorFusion, TrainableFusion, TrainableStructure, VectorSearch
from plait.evaluation.retrieval.command import evaluate_collection
from plait.hooks import PluginHost
from plait.rag import Rag, open_index
from plait.training import retriever as retriever_training
from plait.training.docgraph import train_docgraph
from plait.training.retriever import train_retriever

pytestmark = pytest.mark.slow

COPIED = ("retrievers.dense", "retrievers.lexical", "retrievers.docgraph", "fusion.vectors")
OURS = {name: name for name in ("dense", "lexical", "docgraph", "gated")}
THEIRS = {"dense": "nearest", "lexical": "words", "docgraph": "citations", "gated": "citations"}
"""Built-in name -> what the other distribution calls its copy; names are free as long as kinds differ."""
QUESTIONS = ("yeast in the oven", "a comet near the moon", "Which opening gives up a pawn?", "packets in the network")
DECLARATION = """
from plait.hooks import Component, hookimpl

@hookimpl
def plait_components():
    made = lambda kind, name, module, of, **more: Component(
        kind, name, factory=f"otherhouse.{module}:{of}", config=f"otherhouse.{module}:Config", **more)
    return [
        made("retriever", "nearest", "dense", "Dense", parts={"embedder": "embedder"}),
        made("retriever", "words", "lexical", "Lexical"),
        made("retriever", "citations", "docgraph", "DocGraph", parts={"embedder": "embedder", "words": "retriever"}),
        made("fusion", "citations", "vectors", "GatedFusion", parts={"embedder": "embedder", "ranks": "fusion"}),
    ]
"""


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PluginHost]:
    """A host that has discovered Plait and the installed distribution ``otherhouse``."""
    site = tmp_path_factory.mktemp("site")
    package, about = site / "otherhouse", site / "otherhouse-1.0.dist-info"
    package.mkdir()
    about.mkdir()
    (package / "__init__.py").write_text(DECLARATION)
    for module in COPIED:
        shutil.copy(str(importlib.import_module(f"plait.{module}").__file__), package)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: otherhouse\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[plait]\notherhouse = otherhouse\n")
    sys.path.insert(0, str(site))
    importlib.invalidate_caches()
    yield PluginHost.discover(allow=["otherhouse"])
    sys.path.remove(str(site))
    for name in [name for name in sys.modules if name.split(".")[0] == "otherhouse"]:
        del sys.modules[name]


def pipeline(names: Mapping[str, str], generator: Any) -> Pipeline:
    return Pipeline(
        readers=(use("beir"),),
        retrievers=(
            use(names["dense"]),
            use(names["lexical"]),
            use(names["docgraph"], relations=["cites", "cited_by"], words=use(names["lexical"])),
        ),
        fusion=use(names["gated"], replaces=names["dense"]),
        generator=generator,
        answer={"passages": 2},
    )


def labels(names: Mapping[str, str]) -> dict[str, str]:
    """Label of a retriever -> the one that Plait's own has."""
    return {given: name for name, given in names.items() if name != "gated"}


def renamed(made: Any, names: Mapping[str, str]) -> str:
    """JSON with the labels that Plait's own parts have; CPU times left out."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {own.get(k, k): plain(v) for k, v in value.items() if "cpu" not in k and k != "encode_ms"}
        if isinstance(value, list | tuple):
            return [plain(one) for one in value]
        return own.get(value, value) if isinstance(value, str) else value

    own = labels(names)
    return json.dumps(plain(made), sort_keys=True)


def columns(rag: Rag) -> list[Any]:
    """Everything that the index stores beside the passages, as bytes."""
    view, words = rag.view, rag.view.sparse("lexical")
    vectors = [view.vectors(name).tobytes() for name in ("dense", "docgraph", "gated")]
    postings = [part.tobytes() for part in (words.indptr, words.rows, words.weights)]
    return [list(view.passage_ids), vectors, list(view.values("docgraph.tied")), dict(words.vocabulary), postings]


def found(rag: Rag, names: Mapping[str, str]) -> list[str]:
    """What every leg and their fusion bring up, and why."""
    own, said = labels(names), []
    for question in QUESTIONS:
        retrieval = rag.retrieve_all(question, 10)
        runs = {own.get(label, label): list(map(repr, hits)) for label, hits in retrieval.runs.items()}
        fused = [
            (h.passage_id, h.score, [(own.get(s.retriever, s.retriever), s.rank, s.share) for s in h.strands])
            for h in retrieval.fused
        ]
        said += [repr(runs), repr(fused), renamed(rag.explain(question, 5).to_json(), names)]
    return said


def answered(answer: Answer) -> tuple[Any, ...]:
    return answer.text, answer.sentences, [(hit.passage_id, hit.score) for hit in answer.hits], answer.finish_reason


def model_files(rag: Rag, name: str) -> dict[str, bytes]:
    folder = rag.view.model(name)
    assert folder is not None
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir()) if file.suffix == ".safetensors"}


@pytest.fixture(scope="module")
def collection(papers: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Papers in communities, with two splits of questions."""
    folder: Path = papers.write(tmp_path_factory.mktemp("collection"), papers.records(papers.community()))
    lines = [json.dumps({"_id": f"q{n}", "text": question}) for n, question in enumerate(QUESTIONS)]
    (folder / "queries.jsonl").write_text("\n".join(lines))
    (folder / "qrels").mkdir()
    for split, numbers in (("train", (0, 1)), ("test", (2, 3))):
        rows = [f"q{n}\td{(17 * n + m) % 120:03}\t1" for n in numbers for m in range(40)]
        (folder / "qrels" / f"{split}.tsv").write_text("query-id\tcorpus-id\tscore\n" + "\n".join(rows) + "\n")
    return folder


def house(names: Mapping[str, str], place: Path, host: PluginHost, collection: Path, t5: Path) -> dict[str, Any]:
    """All that the parts of these names make of the collection."""
    made: dict[str, Any] = {}
    pairs = place / "pairs.jsonl"
    topics = [(a, b) for a in ("bread", "planet", "chess", "network", "whale") for b in ("old", "new", "big", "odd")]
    lines = [
        {"question": f"Which {b} {a}?", "answer": "yes", "documents": [f"d{n:03}"]} for n, (a, b) in enumerate(topics)
    ]
    pairs.write_text("\n".join(map(json.dumps, lines)))
    written = pipeline(names, use("fusion-in-decoder", model=str(t5)))
    with open_index(place / "index", written, host=host) as rag, pytest.MonkeyPatch.context() as patch:
        assert not rag.add(collection).failures
        made["added"] = columns(rag)
        made["found at first"] = found(rag, names)
        report = train_docgraph(rag, seed=1)
        assert report.commit is not None
        made["train docgraph"] = renamed(report.to_json(), names), model_files(rag, "docgraph"), columns(rag)
        made["found with structure"] = found(rag, names)
        # A reader of random weights teaches nothing worth keeping; here it is about who is taught, and who then obeys.
        decide = retriever_training.decide
        patch.setattr(retriever_training, "decide", lambda *given: (True, *decide(*given)[1:]))
        taught = train_retriever(rag, pairs, seed=1)
        assert taught.commit is not None
        made["train retriever"] = renamed(taught.to_json(), names), model_files(rag, "retriever")
        made["found with an adapter"] = found(rag, names)
    with open_index(place / "index", pipeline(names, use("extractive")), host=host) as rag:
        made["asked"] = [answered(rag.ask(question)) for question in QUESTIONS]
    evaluation = evaluate_collection(
        collection, pipeline=pipeline(names, use("extractive")), index=place / "index", host=host, calibrate="train",
        resamples=50,
    )  # fmt: skip
    made["evaluated"] = [repr(leg.values) for leg in evaluation.systems]
    made["calibrated"] = renamed(evaluation.settings["calibration"], names)
    return made


@pytest.fixture(scope="module")
def houses(
    host: PluginHost, collection: Path, tiny_t5: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Any], dict[str, Any]]:
    places = tmp_path_factory.mktemp("ours"), tmp_path_factory.mktemp("theirs")
    ours, theirs = (
        house(names, place, host, collection, tiny_t5) for names, place in zip((OURS, THEIRS), places, strict=True)
    )
    return ours, theirs


def test_no_class_of_the_other_distribution_is_one_of_plaits(host: PluginHost, tmp_path: Path) -> None:
    parts = open_index(tmp_path / "none", pipeline(THEIRS, use("extractive")), host=host).parts
    dense, lexical, docgraph = parts.retrievers.values()
    modules = {base.__module__ for part in (dense, lexical, docgraph, parts.fusion) for base in type(part).__mro__}
    assert modules == {
        "builtins",
        "otherhouse.dense",
        "otherhouse.lexical",
        "otherhouse.docgraph",
        "otherhouse.vectors",
    }
    assert isinstance(dense, VectorSearch) and isinstance(lexical, LexicalScores)
    assert isinstance(docgraph, TrainableStructure) and not isinstance(docgraph, VectorSearch)
    assert isinstance(parts.fusion, TrainableFusion) and isinstance(parts.fusion, VectorSearch)
    assert isinstance(parts.fusion, RankedVectorFusion)
    assert not isinstance(lexical, VectorSearch) and not isinstance(dense, LexicalScores)


@pytest.mark.slow
@pytest.mark.parametrize(
    "what",
    [
        "added",
        "found at first",
        "train docgraph",
        "found with structure",
        "train retriever",
        "found with an adapter",
        "asked",
        "evaluated",
        "calibrated",
    ],
)
def test_the_other_distribution_does_the_same_in_every_bit(houses: tuple[dict[str, Any], ...], what: str) -> None:
    ours, theirs = houses
    assert ours[what], "there is something to compare"
    assert ours[what] == theirs[what]


@pytest.mark.slow
def test_every_step_changed_what_is_found(houses: tuple[dict[str, Any], ...]) -> None:
    ours, _ = houses
    steps = ("found at first", "found with structure", "found with an adapter")
    assert len({repr(ours[step]) for step in steps}) == len(steps)
    assert any(not text.startswith("Nothing") for text, *_ in ours["asked"])
