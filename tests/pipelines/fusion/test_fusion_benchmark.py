"""benchmarks/fusion.py on two collections made here, from files to exit status, and each of its bars."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from plait.config import Pipeline
from plait.contracts.errors import IdentityError
from plait.evaluation import Collection
from plait.rag import open_index

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "fusion.py"
CORPUS = {
    "tea": ("Steeping green tea", "Green tea is steeped for two minutes at 75 degrees Celsius."),
    "rope": ("Laid rope", "A laid rope is made of three strands that are twisted together."),
    "glass": ("Cobalt glass", "Cobalt glass is deep blue even with 0.5 percent of cobalt oxide."),
}
QUERIES = {"q1": "how long does one brew a green tea", "q2": "strands of a rope", "glass": "Cobalt glass"}
JUDGED = {"q1": "tea", "q2": "rope", "glass": "tea"}


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """The benchmark as a module."""
    spec = importlib.util.spec_from_file_location("fusion_benchmark", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up there
    spec.loader.exec_module(module)
    return module


def collection(folder: Path, split: str) -> Path:
    (folder / "qrels").mkdir(parents=True)
    corpus = [{"_id": name, "title": title, "text": text} for name, (title, text) in CORPUS.items()]
    (folder / "corpus.jsonl").write_text("".join(json.dumps(line) + "\n" for line in corpus))
    queries = [{"_id": name, "text": text} for name, text in QUERIES.items()]
    (folder / "queries.jsonl").write_text("".join(json.dumps(line) + "\n" for line in queries))
    (folder / "qrels" / f"{split}.tsv").write_text("".join(f"{q}\t{d}\t1\n" for q, d in JUDGED.items()))
    return folder


def test_two_collections_are_measured_and_their_indexes_kept(script: ModuleType, tmp_path: Path) -> None:
    folders = [str(collection(tmp_path / "one", "test")), str(collection(tmp_path / "papers", "dev"))]
    out, kept = tmp_path / "out.json", tmp_path / "indexes"
    asked = [*folders, "--json", str(out), "--indexes", str(kept), "--exclude-self", "papers", "--rounds", "1"]
    script.main(asked)
    report = json.loads(out.read_text())
    figures = {(row["task"], row["arm"], row["measure"]): row["value"] for row in report["rows"]}
    arms = {arm for task, arm, measure in figures if (task, measure) == ("one, test", "nDCG@10")}
    assert {"dense", "lexical", "default", "rrf", "weighted", "default - best leg", "default - rrf"} <= arms
    for task in ("one, test", "papers, dev"):
        best = max(figures[task, leg, "nDCG@10"] for leg in ("dense", "lexical"))
        assert figures[task, "default - best leg", "nDCG@10"] == pytest.approx(
            figures[task, "default", "nDCG@10"] - best
        )
        assert figures[task, "default", "fusion CPU-ms"] > 0
        assert figures[task, "default", "index MiB"] > 0
        assert figures[task, "default", "ingest CPU-s"] > 0
    # "glass" finds itself first, and its relevant document only where it is left out.
    own = report["per_query"]
    assert own["papers, dev"]["lexical"]["glass"] <= own["one, test"]["lexical"]["glass"]
    assert own["papers, dev"]["dense"]["glass"] > own["one, test"]["dense"]["glass"]
    assert report["had_a_say"] == {"one": None, "papers": None}

    before = {file: file.stat().st_mtime_ns for file in kept.rglob("*") if file.is_file()}
    script.main(asked)
    again = json.loads(out.read_text())
    assert {file: file.stat().st_mtime_ns for file in kept.rglob("*") if file.is_file()} == before
    assert again["per_query"] == report["per_query"]
    ingest = {(row["task"], row["value"]) for row in report["rows"] if row["measure"] == "ingest CPU-s"}
    assert {(row["task"], row["value"]) for row in again["rows"] if row["measure"] == "ingest CPU-s"} == ingest


def test_an_index_of_other_parts_is_refused(script: ModuleType, tmp_path: Path) -> None:
    folder, kept = collection(tmp_path / "one", "test"), tmp_path / "indexes"
    from fusion_bench import measured

    measured(folder, script.OTHERS, indexes=kept, rounds=1)
    (place,) = kept.glob("one-*.plait")
    with open_index(place, Pipeline(chunker={"use": "sections", "max_words": 50})) as rag:  # type: ignore[arg-type]
        rag.rebuild()
    with pytest.raises(IdentityError, match="max_words"):
        measured(folder, script.OTHERS, indexes=kept, rounds=1)


def test_what_cannot_be_read_ends_with_a_message(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert script.main([str(tmp_path / "nowhere")]) == 1
    assert "nowhere" in capsys.readouterr().err


def result(
    script: ModuleType, name: str, fused: float, leg: float, rrf: float, milliseconds: float = 0.1, hybrid: float = 0.5
) -> Any:
    """A collection of one query with these values."""
    from fusion_bench import FusionCosts, FusionFigures

    judged: Mapping[str, Mapping[str, int]] = {"q": {"d": 1}}
    return FusionFigures(
        Collection(name, Path(name), "test", {}, judged, frozenset({"d"})),
        100,
        {"dense": {"q": leg}, "lexical": {"q": leg - 0.1}},
        {"default": {"q": fused}, "rrf": {"q": rrf}, "weighted": {"q": rrf}},
        {},
        FusionCosts(milliseconds, hybrid, 1.0, None, 1),
        [],
    )


def test_each_bar_is_missed_by_what_it_is_about(script: ModuleType) -> None:
    def missed(*results: Any) -> list[str]:
        return [bar.what for bar in script.bars(results) if bar.met is False]

    assert missed(result(script, "any", 0.700, 0.704, 0.9)) == []
    assert missed(result(script, "any", 0.700, 0.706, 0.9)) == ["any: default - best leg"]
    assert missed(result(script, "cacm", 0.574, 0.5, 0.5)) == ["cacm: default"]
    assert missed(result(script, "any", 0.7, 0.7, 0.7, 0.51)) == ["any: fusion, CPU-ms a question (the dearest)"]
    assert missed(result(script, "scifact", 0.74, 0.7, 0.7, hybrid=2.1)) == ["scifact: hybrid, CPU-ms a question"]
    all_eight = [result(script, name, 0.99, 0.9, 0.97 - 0.001) for name in script.GAIN_OVER]
    assert missed(*all_eight) == []
    lower = [result(script, name, 0.99, 0.9, 0.971) for name in script.GAIN_OVER]
    assert missed(*lower) == ["mean of 8 collections: default - rrf"]
