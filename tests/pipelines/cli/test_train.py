"""``plait train docgraph``: what it prints, what it keeps, and how it ends."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

Run = Callable[..., tuple[int, str, str]]


def silent(err: str) -> bool:
    """Whether nothing but progress was said, which a slow machine shows."""
    return all(re.fullmatch(r".*, \d+ s", line) for line in err.splitlines())


def test_it_prints_each_measure_beside_its_controls_and_ends_with_0(plait: Run, community: Path) -> None:
    status, out, err = plait("train", "docgraph", "--index", community, "--seed", 1)
    assert status == 0 and silent(err), err
    assert "trained on 274 links, measured on 69 others" in out
    rows = {line.split("  ")[0].strip(): line.split()[-2:] for line in out.splitlines() if "0." in line}
    assert {"text", "structure", "fused", "shuffled", "shuffled, fused"} <= rows.keys()
    assert float(rows["fused"][0]) > float(rows["text"][0])
    assert "structural vectors: kept" in out
    assert "walk: not kept: nDCG@10 of the fused list" in out
    assert "in use from commit 2 on" in out
    commits = json.loads(plait("index", "versions", "--index", community, "--json")[1])
    assert commits[0]["message"] == "train docgraph (on commit 1)"
    assert plait("index", "check", "--index", community)[0] == 0


def test_what_is_not_better_ends_with_3_and_changes_nothing(plait: Run, chance: Path) -> None:
    before = (chance / "index.json").read_bytes()
    found = plait("search", "yeast", "--index", chance, "--json")[1]
    status, out, _ = plait("train", "docgraph", "--index", chance, "--seed", 0)
    assert status == 3
    assert "structural vectors: not kept: its " in out
    assert "the index is as it was" in out
    assert (chance / "index.json").read_bytes() == before
    assert not (chance / "models").exists()
    hits, again = (
        json.loads(text)["hits"] for text in (found, plait("search", "yeast", "--index", chance, "--json")[1])
    )
    assert hits == again


def test_json_holds_the_same(plait: Run, chance: Path) -> None:
    status, out, _ = plait("train", "docgraph", "--index", chance, "--json")
    told = json.loads(out)
    assert status == 3
    assert told["commit"] is None
    assert told["encoder"]["kept"] is False
    assert told["encoder"]["reason"]
    assert set(told["encoder"]["scores"]["text"]) == {"auc", "hits@10"}
    assert told["seed"] == 0


def test_resuming_without_a_stopped_training_begins_one(plait: Run, chance: Path) -> None:
    assert plait("train", "docgraph", "--index", chance, "--resume")[0] == 3


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--held-out", "1.5"], "1.5 is no share of the citations"),
        (["--held-out", "nan"], "nan is no share of the citations"),
        (["--held-out", "0.0001"], "leaves no link to learn from or to measure on"),
    ],
)
def test_a_wrong_share_is_an_error_with_a_sentence(plait: Run, chance: Path, options: list[str], said: str) -> None:
    status, out, err = plait("train", "docgraph", "--index", chance, *options)
    assert (status, out) == (1, "")
    assert said in err
    assert "Traceback" not in err


def test_an_index_without_a_graph_says_what_to_add(plait: Run, index: Path) -> None:
    status, _, err = plait("train", "docgraph", "--index", index)
    assert status == 1
    assert "no retriever that reads the document graph" in err
    assert "use('docgraph')" in err


def test_too_few_citations_are_counted(plait: Run, papers: Any, tmp_path: Path) -> None:
    pipeline = tmp_path / "graph.toml"
    pipeline.write_text('retrievers = [{ use = "dense" }, { use = "lexical" }, { use = "docgraph" }]\n')
    corpus = papers.write(tmp_path / "few", papers.records([(1, 0), (2, 0)], 4))
    assert plait("index", "add", corpus, "--index", tmp_path / "i", "--pipeline", pipeline)[0] == 0
    status, _, err = plait("train", "docgraph", "--index", tmp_path / "i")
    assert status == 1
    assert "the index has 2 links of the relation 'cites'" in err


def test_an_embedder_that_changes_puts_the_model_out_of_use_and_says_so(
    plait: Run, trained: Path, tmp_path: Path
) -> None:
    small = '{ use = "minilm", max_tokens = 64 }'
    pipeline = tmp_path / "small.toml"
    pipeline.write_text(
        f'retrievers = [{{ use = "dense", embedder = {small} }}, {{ use = "lexical" }}, '
        f'{{ use = "docgraph", relations = ["cites", "cited_by"], embedder = {small} }}]\n'
        f'fusion = {{ use = "gated", embedder = {small} }}\n'
    )
    status, _, err = plait("search", "yeast", "--index", trained, "--pipeline", pipeline)
    assert status == 1
    assert "max_tokens" in err
    status, out, _ = plait("index", "rebuild", "--index", trained, "--pipeline", pipeline)
    assert status == 0
    assert "trained model out of use: this graph encoder was trained with another text encoder" in " ".join(out.split())
    assert plait("search", "yeast", "--index", trained)[0] == 0
    assert json.loads(plait("explain", "yeast", "--index", trained, "--json")[1])["trained"] is False


def reading(place: Path, t5: Path) -> Path:
    """A pipeline whose generator is a small T5."""
    pipeline = place / "reading.toml"
    pipeline.write_text(
        'retrievers = [{ use = "dense" }, { use = "lexical" }, '
        '{ use = "docgraph", relations = ["cites", "cited_by"] }]\nfusion = "gated"\n'
        f'generator = {{ use = "fusion-in-decoder", model = "{t5}", mode = "additive" }}\n'
    )
    return pipeline


def test_a_fusion_in_decoder_is_taught_by_the_same_command(
    plait: Run, community: Path, tiny_t5: Path, tmp_path: Path
) -> None:
    pipeline = reading(tmp_path, tiny_t5)
    options = ["--index", community, "--pipeline", pipeline, "--steps", 2, "--text-control"]
    status, out, err = plait("train", "reader", *options)
    assert status == 3 and silent(err), err
    shown = " ".join(out.split())
    assert "held out asked structure shuffled gate off majority chance text" in shown
    assert "structural vectors do not beat those of other documents" in shown
    assert "not kept: the index is as it was" in shown


def test_a_retriever_is_distilled_from_the_pipelines_own_reader(
    plait: Run, community: Path, tiny_t5: Path, tmp_path: Path
) -> None:
    pairs, before = tmp_path / "pairs.jsonl", (community / "index.json").read_bytes()
    lines = [{"question": f"Where does number {n} stand?", "answer": "Here.", "documents": ["d001"]} for n in range(20)]
    pairs.write_text("\n".join(map(json.dumps, lines)))
    options = ["--index", community, "--pipeline", reading(tmp_path, tiny_t5), "--pairs", pairs]
    status, out, err = plait("train", "retriever", *options)
    shown = " ".join(out.split())
    assert status in (0, 3) and silent(err), err
    assert "for 20 questions; log-likelihood of the answer per token" in shown
    assert "retriever best passage best 8 nDCG@10" in shown
    assert {"untrained", "distilled", "shuffled"} <= {line.split()[0] for line in out.splitlines() if line.strip()}
    assert "column gated: " in shown
    assert ((community / "index.json").read_bytes() == before) == (status == 3)
    told = json.loads(plait("train", "retriever", *options, "--json")[1])
    assert (told["questions"], told["told"], told["column"]) == (20, 20, "gated")
    assert (told["commit"] is None) == (status == 3)


def test_a_retriever_is_not_distilled_from_too_little(plait: Run, community: Path, tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text('{"question": "Where?", "answer": "Here."}\n')
    status, _, err = plait("train", "retriever", "--index", community, "--pairs", pairs)
    assert status == 1
    assert "1 different questions with answers" in err
    status, _, err = plait("train", "retriever", "--index", community, "--pairs", tmp_path / "none.jsonl")
    assert status == 1
    assert "cannot be read" in err
    assert plait("train", "retriever", "--index", community)[0] == 2
