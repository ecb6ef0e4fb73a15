from __future__ import annotations

import random
from dataclasses import replace

import pytest

from plait.config import Pipeline, use
from plait.contracts import Hit
from plait.contracts.errors import ConfigError
from plait.evaluation.retrieval.measures import per_query
from plait.fusion.calibration import Calibration, calibrate
from plait.fusion.ranks import ScoreFusion, ScoresConfig

DOCUMENTS = [f"d{number}" for number in range(30)]
Runs = dict[str, dict[str, list[Hit]]]


def hits(order: list[str]) -> list[Hit]:
    return [Hit(f"{d}#0", d, float(len(order) - rank), DOCUMENTS.index(d)) for rank, d in enumerate(order)]


def made(skills: dict[str, float], queries: int = 25, seed: int = 0) -> tuple[Runs, dict[str, dict[str, int]]]:
    """Runs that place the relevant document near the top as often as the retriever's skill says."""
    chance = random.Random(seed)  # noqa: S311 - reproducible test data, no secrets
    runs: Runs = {}
    qrels: dict[str, dict[str, int]] = {}
    for number in range(queries):
        relevant = chance.choice(DOCUMENTS)
        qrels[f"q{number}"] = {relevant: 1}
        runs[f"q{number}"] = {}
        for label, skill in skills.items():
            order = [d for d in DOCUMENTS if d != relevant]
            chance.shuffle(order)
            order.insert(0 if chance.random() < skill else chance.randrange(5, 30), relevant)
            runs[f"q{number}"][label] = hits(order)
    return runs, qrels


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("skills", [{"dense": 0.6, "lexical": 0.6}, {"dense": 0.9, "lexical": 0.0}])
def test_the_outcome_is_never_below_the_best_leg(skills: dict[str, float], seed: int) -> None:
    found = calibrate(*made(skills, seed=seed))
    assert found.best.value >= max(found.legs.values())
    assert found.gain >= 0


def test_two_legs_that_help_each_other_beat_both() -> None:
    """Each puts the relevant document second, behind another distractor."""
    runs = {"q": {"dense": hits(["d1", "d0", "d2"]), "lexical": hits(["d3", "d0", "d4"])}}
    found = calibrate(runs, {"q": {"d0": 1}})
    assert found.best.value == 1.0 and found.gain == pytest.approx(1 - 0.63093, abs=1e-5)


def test_a_useless_leg_does_not_pull_the_fusion_down() -> None:
    runs, qrels = made({"dense": 1.0, "lexical": 0.0})
    for query in runs:
        runs[query]["lexical"].reverse()
    found = calibrate(runs, qrels)
    assert found.best.value == found.legs["dense"] == 1.0


def alone(found: Calibration) -> bool:
    return sorted(found.best.fusion.settings.get("weights", {}).values()) == [0.0, 1.0]


def test_the_best_leg_stays_alone_where_another_only_guesses() -> None:
    outcomes = [calibrate(*made({"dense": 0.9, "lexical": 0.0}, seed=seed)) for seed in range(40)]
    assert sum(alone(found) and "one retriever" in found.why for found in outcomes) >= 30
    assert all(found.best.value >= found.legs["dense"] for found in outcomes)


def test_legs_that_know_as_much_as_each_other_keep_equal_weights() -> None:
    """Weights of the best candidate of 25 queries are luck, and the guard is not for them."""
    outcomes = []
    for seed in range(40):
        runs, qrels = made({"dense": 0.6, "lexical": 0.6}, seed=seed)
        for found in runs.values():  # what stands first stands out, so that either leg is heard
            for leg in found.values():
                leg[0] = replace(leg[0], score=90.0)
        outcomes.append(calibrate(runs, qrels))
    assert sum(found.best.fusion == use("scores") for found in outcomes) >= 36


def test_weights_are_learnt_where_queries_that_had_no_say_show_it() -> None:
    """Of 300 queries the better leg is right three times in four, and the other one beside it one time in three."""
    found = calibrate(*made({"dense": 0.75, "lexical": 0.35}, queries=300))
    assert "no say" in found.why or alone(found)
    assert found.best.value > next(c.value for c in found.tried if c.fusion == use("scores"))


def test_values_equal_those_of_the_evaluation() -> None:
    runs, qrels = made({"dense": 0.5, "lexical": 0.4})
    found = calibrate(runs, qrels)
    for label, value in found.legs.items():
        ranked = {query: [(hit.document_id, hit.score) for hit in run[label]] for query, run in runs.items()}
        values = per_query(qrels, ranked, ["nDCG@10"])["nDCG@10"]
        assert value == pytest.approx(sum(values.values()) / len(values), abs=1e-5)
    plain = next(candidate for candidate in found.tried if candidate.fusion == use("scores"))
    from plait.contracts import Query

    fused = {q: ScoreFusion(ScoresConfig()).fuse(Query("?"), run, 60) for q, run in runs.items()}
    values = per_query(
        qrels, {q: [(hit.document_id, hit.score) for hit in run] for q, run in fused.items()}, ["nDCG@10"]
    )["nDCG@10"]
    assert plain.value == pytest.approx(sum(values.values()) / len(values), abs=1e-5)


def test_the_outcome_is_plain_settings_that_a_pipeline_can_hold() -> None:
    found = calibrate(*made({"dense": 0.6, "lexical": 0.5}))
    pipeline = Pipeline(fusion=found.best.fusion)
    assert Pipeline.model_validate(pipeline.model_dump()) == pipeline
    assert found.queries == 25


def test_it_comes_out_the_same_each_time() -> None:
    one, other = (calibrate(*made({"dense": 0.6, "lexical": 0.5})) for _ in range(2))
    assert isinstance(one, Calibration) and one == other


def test_a_single_retriever_stays_as_it_is() -> None:
    found = calibrate(*made({"dense": 0.6}))
    assert found.best.fusion == use("scores") and found.gain == 0


def test_passages_of_one_document_count_once() -> None:
    run = [Hit("a#0", "a", 3.0, 0), Hit("a#1", "a", 2.0, 1), Hit("b#0", "b", 1.0, 2)]
    assert calibrate({"q": {"dense": run}}, {"q": {"b": 1}}).legs["dense"] == pytest.approx(0.63093)


def test_queries_without_judgements_are_an_error() -> None:
    runs, _ = made({"dense": 0.6})
    with pytest.raises(ConfigError, match="no query has a relevant document"):
        calibrate(runs, {})


def test_queries_with_other_labels_are_an_error() -> None:
    runs, qrels = made({"dense": 0.6})
    runs["q3"] = {"lexical": runs["q3"]["dense"]}
    with pytest.raises(ConfigError, match="'q3'"):
        calibrate(runs, qrels)


def test_a_run_that_another_stands_in_for_counts_alone_or_not_at_all() -> None:
    runs, qrels = made({"dense": 0.4, "gated": 0.6, "lexical": 0.5})
    found = calibrate(runs, qrels, replaced=["dense"])
    assert set(found.legs) == {"dense", "gated", "lexical"}
    for candidate in found.tried:
        weights = candidate.fusion.settings["weights"]
        assert weights["dense"] == 0.0 or weights == {"dense": 1.0, "gated": 0.0, "lexical": 0.0}
    without = {query: {label: own[label] for label in ("gated", "lexical")} for query, own in runs.items()}
    assert found.best.value == max(calibrate(without, qrels).best.value, found.legs["dense"])


def test_where_the_replaced_run_is_best_the_fusion_still_hands_it_on() -> None:
    runs, qrels = made({"dense": 1.0, "gated": 0.1, "lexical": 0.1})
    found = calibrate(runs, qrels, replaced=["dense"])
    assert found.best.value == found.legs["dense"] == 1.0
