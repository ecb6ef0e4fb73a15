"""A pipeline on several collections and against others, with real parts, and the sums behind the table."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plait.config import Pipeline, use
from plait.contracts.errors import ConfigError, ReadError
from plait.evaluation.retrieval.command import evaluate_collection
from plait.evaluation.retrieval.comparing import SideBySide, evaluate_collections, side_by_side
from plait.evaluation.retrieval.comparison_report import comparison_json, render_comparison
from plait.evaluation.retrieval.evaluating import Evaluation, SystemScores
from plait.evaluation.statistics.significance import bootstrap_interval, holm, paired_randomisation

HYBRID = Pipeline(readers=[use("beir")], retrievers=[use("dense"), use("lexical")])
WEIGHTED = HYBRID.model_copy(update={"fusion": use("weighted")})
LEXICAL = Pipeline(readers=[use("beir")], retrievers=[use("lexical")])
CORPUS = {
    "tea": ("Steeping green tea", "Green tea is steeped for two minutes at 75 degrees Celsius."),
    "rope": ("Laid rope", "A laid rope is made of three strands that are twisted together."),
    "glass": ("Cobalt glass", "Cobalt glass is deep blue even with 0.5 percent of cobalt oxide."),
}
SEED = 3


def collection(folder: Path, queries: Mapping[str, tuple[str, str]], split: str = "test") -> Path:
    """Queries as id -> (text, relevant document)."""
    (folder / "qrels").mkdir(parents=True)
    corpus = [{"_id": name, "title": title, "text": text} for name, (title, text) in CORPUS.items()]
    (folder / "corpus.jsonl").write_text("".join(json.dumps(line) + "\n" for line in corpus))
    lines = [json.dumps({"_id": name, "text": text}) + "\n" for name, (text, _) in queries.items()]
    (folder / "queries.jsonl").write_text("".join(lines))
    (folder / "qrels" / f"{split}.tsv").write_text("".join(f"{q}\t{d}\t1\n" for q, (_, d) in queries.items()))
    return folder


@pytest.fixture
def two(tmp_path: Path) -> list[Path]:
    easy = {"a": ("strands of a laid rope", "rope"), "b": ("cobalt oxide in glass", "glass")}
    hard = {"c": ("brewing time of a hot drink", "tea"), "d": ("colour of cobalt", "glass"), "e": ("twisted", "tea")}
    return [collection(tmp_path / "easy", easy), collection(tmp_path / "hard", hard, "dev")]


def test_each_collection_is_evaluated_as_it_is_alone(two: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    found = evaluate_collections(two, pipeline=HYBRID, baselines=[WEIGHTED, LEXICAL], json_out=out, resamples=200)
    assert [each.evaluation.task for each in found.collections] == ["easy, test", "hard, dev"]
    assert found.baselines == ("baseline 1", "baseline 2")
    for path, each in zip(two, found.collections, strict=True):
        evaluations = (each.evaluation, *each.baselines.values())
        for pipeline, evaluation in zip((HYBRID, WEIGHTED, LEXICAL), evaluations, strict=True):
            alone = evaluate_collection(path, pipeline=pipeline, resamples=200)
            assert evaluation.fused.values == alone.fused.values
            assert {n: leg.values for n, leg in evaluation.legs.items()} == {
                n: leg.values for n, leg in alone.legs.items()
            }
    report = json.loads(out.read_text())
    assert {"command", "commit", "versions", "rows", "collections", "overall"} <= set(report)
    assert report["collections"][1]["collection"]["split"] == "dev"
    arms = {row["arm"] for row in report["rows"] if row["task"] == "easy, test"}
    assert arms == {"dense", "lexical", "fused", "baseline 1", "baseline 2", "fused - best leg"} | {
        "fused - baseline 1",
        "fused - baseline 2",
    }
    assert {row["task"] for row in report["rows"]} >= {"mean"}


def test_pipelines_that_store_the_same_share_an_index_which_may_be_kept(two: list[Path], tmp_path: Path) -> None:
    told: list[str] = []
    asked = {"pipeline": HYBRID, "baselines": [WEIGHTED, LEXICAL], "indexes": tmp_path / "kept", "resamples": 50}
    first = evaluate_collections(two, progress=lambda what, _done, _all: told.append(what), **asked)  # type: ignore[arg-type]
    places = sorted(place.name for place in (tmp_path / "kept").iterdir())
    assert [name.split("-")[0] for name in places] == ["easy", "hard"]  # lexical stores nothing that hybrid lacks
    assert any("encoding" in what for what in told)
    told.clear()
    again = evaluate_collections(two, progress=lambda what, _done, _all: told.append(what), **asked)  # type: ignore[arg-type]
    assert not any("encoding" in what for what in told)
    assert sorted(place.name for place in (tmp_path / "kept").iterdir()) == places
    assert [each.evaluation.fused.values for each in again.collections] == [
        each.evaluation.fused.values for each in first.collections
    ]


def test_what_cannot_be_measured_is_refused_before_the_work(two: list[Path], tmp_path: Path) -> None:
    twin = collection(tmp_path / "other" / "easy", {"a": ("rope", "rope")})
    with pytest.raises(ConfigError, match="two collections are called 'easy'"):
        evaluate_collections([two[0], twin], pipeline=LEXICAL)
    kept = tmp_path / "kept"
    with pytest.raises(ReadError, match=r"no split 'test'.*Choices: dev"):
        evaluate_collections(two, pipeline=LEXICAL, indexes=kept, split="test")
    with pytest.raises(ConfigError, match="no retriever 'nothing'"):
        evaluate_collections(two, pipeline=LEXICAL, baselines=[Pipeline(retrievers=[use("nothing")])], indexes=kept)
    file = tmp_path / "same.toml"
    file.write_text('retrievers = [{ use = "lexical" }]\n')
    with pytest.raises(ConfigError, match="two baselines are called 'same'"):
        evaluate_collections(two, pipeline=LEXICAL, baselines=[file, file], indexes=kept)
    assert not kept.exists() or not any(kept.iterdir())


def evaluation(name: str, fused: Sequence[float], **legs: Sequence[float]) -> Evaluation:
    """Made of values by query, for one measure."""

    def scores(label: str, values: Sequence[float]) -> SystemScores:
        by_query = {"m": {f"q{place}": value for place, value in enumerate(values)}}
        return SystemScores(label, {}, by_query, {"m": bootstrap_interval(values, resamples=50)}, {})

    about = {"name": name, "split": "test"}
    environment: dict[str, Any] = {"python": "3", "versions": {}, "cores": 1, "threads": {}}
    return Evaluation(
        about,
        ("m",),
        {label: scores(label, values) for label, values in legs.items()},
        scores("fused", fused),
        len(fused),
        settings={"resamples": 500, "seed": SEED},
        environment=environment,
    )


CHANCE = np.random.default_rng(1)
FUSED = {"one": CHANCE.random(30).tolist(), "two": CHANCE.random(12).tolist(), "three": CHANCE.random(50).tolist()}
LEG = {"one": 0.2, "two": -0.3, "three": 0.05}
BASE = {"one": 0.03, "two": -0.02, "three": 0.4}


@pytest.fixture
def compared() -> SideBySide:
    made = []
    for name, fused in FUSED.items():
        noise = np.random.default_rng(len(fused)).normal(0, 0.05, len(fused))
        leg = (np.array(fused) + LEG[name] + noise).tolist()
        other = (np.array(fused) - BASE[name] + noise).tolist()
        made.append(
            (evaluation(name, fused, dense=leg, lexical=[0.0] * len(leg)), {"base": evaluation(name, other, dense=leg)})
        )
    return side_by_side(made, resamples=500, seed=SEED)


def test_the_worst_loss_is_that_of_the_collection_where_fusing_harmed_most(compared: SideBySide) -> None:
    losses = {}
    for each in compared.collections:
        legs = {name: np.mean(list(leg.values["m"].values())) for name, leg in each.evaluation.legs.items()}
        best = max(legs, key=lambda name: legs[name])
        assert each.best_leg["m"].system == best
        losses[each.evaluation.task] = each.evaluation.fused.mean("m") - legs[best]
        assert each.best_leg["m"].difference.mean == pytest.approx(losses[each.evaluation.task])
        low, high = each.best_leg["m"].difference.low, each.best_leg["m"].difference.high
        assert low <= losses[each.evaluation.task] <= high
    overall = compared.overall["m"]
    assert overall.worst == "one, test"
    assert overall.loss.difference.mean == pytest.approx(min(losses.values()))


def test_differences_to_a_baseline_are_paired_and_corrected_over_collections(compared: SideBySide) -> None:
    p_values = []
    for each in compared.collections:
        mine = list(each.evaluation.fused.values["m"].values())
        theirs = list(each.baselines["base"].fused.values["m"].values())
        against = each.against["base"]["m"]
        assert against.difference.mean == pytest.approx(np.mean(np.array(mine) - np.array(theirs)))
        assert against.p == paired_randomisation(mine, theirs, resamples=500, seed=SEED)
        p_values.append(against.p)
    assert [each.against["base"]["m"].p_holm for each in compared.collections] == holm(p_values)
    means = [each.against["base"]["m"].difference.mean for each in compared.collections]
    assert compared.overall["m"].against["base"].mean == pytest.approx(np.mean(means))
    assert compared.overall["m"].fused.mean == pytest.approx(np.mean([np.mean(fused) for fused in FUSED.values()]))


def test_the_table_and_the_rows_say_the_same(compared: SideBySide) -> None:
    from rich.console import Console

    console = Console(width=200)
    with console.capture() as capture:
        console.print(render_comparison(compared))
    shown = capture.get()
    rows = {(row["task"], row["arm"]): row["value"] for row in comparison_json(compared)["rows"]}
    assert f"{rows['one, test', 'fused - base']:+.4f}" in shown
    assert f"{rows['mean', 'fused - base']:+.4f}" in shown
    assert f"{rows['worst loss: one, test', 'fused - best leg']:+.4f}" in shown
    assert "corrected for 3 collections (Holm)" in " ".join(shown.split())


def test_the_querys_own_document_is_left_out_where_asked(two: list[Path]) -> None:
    for path in two:
        with (path / "queries.jsonl").open("a") as file:
            file.write(json.dumps({"_id": "glass", "text": "cobalt glass"}) + "\n")
        (qrels,) = (path / "qrels").iterdir()
        qrels.write_text(qrels.read_text() + "glass\ttea\t1\n")
    found = evaluate_collections(two, pipeline=LEXICAL, exclude_self=["hard"], resamples=50)
    runs = {each.evaluation.collection["name"]: each.evaluation.fused.run["glass"] for each in found.collections}
    assert "glass" in dict(runs["easy"])
    assert "glass" not in dict(runs["hard"])
    with pytest.raises(ConfigError, match=r"no collection 'harder'.*Choices: easy, hard"):
        evaluate_collections(two, pipeline=LEXICAL, exclude_self=["harder"])


def test_the_fusion_is_fitted_on_each_collection_and_baselines_stay_as_they_are(two: list[Path]) -> None:
    for path in two:
        with (path / "queries.jsonl").open("a") as file:
            file.write(json.dumps({"_id": "t", "text": "three strands"}) + "\n")
        (path / "qrels" / "train.tsv").write_text("t\trope\t1\n")
        (qrels,) = (file for file in (path / "qrels").iterdir() if file.stem != "train")
        qrels.rename(qrels.with_stem("test"))
    found = evaluate_collections(two, pipeline=HYBRID, baselines=[HYBRID], calibrate="train", resamples=50)
    for each in found.collections:
        assert each.evaluation.settings["calibration"]["split"] == "train"
        assert "calibration" not in each.baselines["baseline 1"].settings
