"""Pipelines in files: Python and TOML give equal ones, and what is wrong is named with file and key or line."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.config import (
    AnswerSettings,
    Pipeline,
    Use,
    dump_toml,
    load_pipeline,
    load_python,
    load_toml,
    parse_toml,
    use,
)
from plait.contracts.errors import ConfigError

PYTHON = """
from plait.config import AnswerSettings, Pipeline, use

pipeline = Pipeline(
    retrievers=[
        use("dense", embedder=use("minilm", max_tokens=512)),
        use("lexical", k1=0.9),
        use("graph", of=("a", "b")),
    ],
    fusion=use("weighted", weights={"dense": 2.0}),
    ranker=use("mmr"),
    generator=use("transformers", model="smollm2-135m", soft_tokens=True),
    answer=AnswerSettings(passages=4),
)
"""

TOML = """
ranker = "mmr"

[[retrievers]]
use = "dense"
embedder = {use = "minilm", max_tokens = 512}

[[retrievers]]
use = "lexical"
k1 = 0.9

[[retrievers]]
use = "graph"
of = ["a", "b"]

[fusion]
use = "weighted"
weights = {dense = 2.0}

[generator]
use = "transformers"
model = "smollm2-135m"
soft_tokens = true

[answer]
passages = 4
"""

keys = st.text("abcdefghijklmnopqrstuvwxyz_-. é", min_size=1, max_size=8).filter(lambda key: key != "use")
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
leaves = (
    texts
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.dates()
    | st.times()
    | st.datetimes()
)
uses: Any = st.deferred(
    lambda: st.builds(lambda name, found: use(name, **found), keys, st.dictionaries(keys, values, max_size=3))
)
values: Any = st.recursive(
    leaves | uses, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=6
)
pipelines = st.builds(
    Pipeline,
    readers=st.lists(uses, max_size=3),
    chunker=uses,
    retrievers=st.lists(uses, min_size=1, max_size=3),
    fusion=uses,
    ranker=st.none() | uses,
    generator=uses,
    candidates=st.integers(1, 10_000),
    answer=st.builds(
        AnswerSettings, passages=st.integers(1, 200), template=texts, temperature=st.just(0.0) | st.floats(0.01, 2)
    ),
)


def test_python_and_toml_give_equal_pipelines(tmp_path: Path) -> None:
    (tmp_path / "pipeline.py").write_text(PYTHON)
    (tmp_path / "pipeline.toml").write_text(TOML)
    written, read = load_python(tmp_path / "pipeline.py"), load_toml(tmp_path / "pipeline.toml")
    assert written == read
    assert written.retrievers[0].settings["embedder"] == {"use": "minilm", "max_tokens": 512}


@settings(max_examples=100, deadline=None)
@given(pipelines)
def test_a_pipeline_comes_back_equal_from_toml(pipeline: Pipeline) -> None:
    assert parse_toml(dump_toml(pipeline)) == pipeline


@settings(max_examples=50, deadline=None)
@given(uses)
def test_a_use_comes_back_equal_from_its_table(written: Use) -> None:
    assert Use.model_validate(written.model_dump()) == written


def test_dates_and_times_survive() -> None:
    pipeline = Pipeline(chunker=use("x", a=datetime(2024, 1, 2, 3, 4, tzinfo=UTC), b=date(2024, 1, 2), c=time(3, 4, 5)))
    assert parse_toml(dump_toml(pipeline)) == pipeline


def test_the_default_pipeline_comes_back_equal() -> None:
    assert parse_toml(dump_toml(Pipeline())) == Pipeline() == parse_toml("")


def test_none_has_no_word_in_toml() -> None:
    with pytest.raises(ConfigError, match=r"chunker\.sizes\[1\]\.limit: the setting is None"):
        dump_toml(Pipeline(chunker=use("x", sizes=[1, {"limit": None}])))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("candidate = 3", ["unknown key 'candidate'", "write 'candidates'"]),
        ("[answer]\npasages = 3", ["unknown key 'answer.pasages'", "write 'passages'", "Choices: passages"]),
        ("[answer]\npassages = 0", ["'answer.passages' is 0", "greater than or equal to 1"]),
        ("[answer]\npassages = 'many'", ["'answer.passages' is 'many'", "a valid integer"]),
        ("retrievers = []", ["'retrievers' is []", "at least 1 item"]),
        ("[[retrievers]]\nk1 = 0.9", ["'retrievers[0].use' is missing"]),
        ("[[retrievers]]\nuse = 'a'\n[[retrievers]]\nuse = 3", ["'retrievers[1].name' is 3", "a valid string"]),
        ("[generator]\nname = 'extractive'\nmodel = 'x'", ["unknown key 'generator.model'", "Choices: use"]),
        ("generator = 3", ["'generator' is 3"]),
        ("candidates = = 3", ["not valid TOML", "line 1"]),
        ("[[retrievers]]\nuse = 'a'\nx = nan", ["not a number (nan)"]),
    ],
)
def test_a_mistake_is_named_with_file_key_and_choices(tmp_path: Path, text: str, said: list[str]) -> None:
    file = tmp_path / "pipeline.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_toml(file)
    for sentence in [str(file), *said]:
        assert sentence in str(caught.value)


def test_every_mistake_is_named_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_toml("candidate = 3\n[answer]\npasages = 3\npassages = 0", where="p.toml")
    message = str(caught.value)
    assert message.startswith("p.toml: 3 problems\n")
    assert all(key in message for key in ("'candidate'", "'answer.pasages'", "'answer.passages'"))
    assert message.count("p.toml") == 1


def test_a_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    file = tmp_path / "pipeline.toml"
    file.write_bytes(b"x = '\xff'")
    with pytest.raises(ConfigError, match=r"pipeline\.toml: the file is not UTF-8 text \(byte 5\)"):
        load_toml(file)


GOOD = "from plait.config import Pipeline, use\npipeline = Pipeline(retrievers=[use('lexical')])\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "pipeline.py"


def test_a_file_gives_its_pipeline(file: Path) -> None:
    file.write_text(GOOD)
    assert load_python(file) == Pipeline(retrievers=(use("lexical"),))


def test_a_file_may_use_dataclasses_with_late_annotations(file: Path) -> None:
    """They look their module up in ``sys.modules`` while the file runs; afterwards nothing is left there."""
    file.write_text(
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        f"@dataclass\nclass Sizes:\n    candidates: int = 7\n{GOOD.replace('])', '], candidates=Sizes().candidates)')}"
    )
    before = set(sys.modules)
    assert load_python(file).candidates == 7
    assert not {name for name in set(sys.modules) - before if "pipeline" in name}


def test_a_file_beside_it_is_not_imported(file: Path) -> None:
    (file.parent / "helper_lying_beside.py").write_text("raise AssertionError('it was executed')")
    file.write_text("import helper_lying_beside\n")
    with pytest.raises(ConfigError, match="ModuleNotFoundError: No module named 'helper_lying_beside'"):
        load_python(file)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ["defines no 'pipeline'", "add: pipeline = Pipeline(...)"]),
        (GOOD.replace("pipeline =", "my_pipe ="), ["defines no 'pipeline'", "rename 'my_pipe' to 'pipeline'"]),
        ("pipeline = {'retrievers': ['dense']}", ["of type dict, not plait.config.Pipeline"]),
        ("x = 1\n1 / 0\n", ["line 2", "ZeroDivisionError: division by zero"]),
        ("def f():\n    raise ValueError('deep')\n\nf()\n", ["line 2", "ValueError: deep"]),
        ("x = 1\n\nif:\n", ["line 3", "not valid Python"]),
        ("import sys\nsys.exit('bye')\n", ["line 2", "SystemExit: bye"]),
        ("import no_such_thing\n", ["line 1", "No module named 'no_such_thing'"]),
        (f"{GOOD}Pipeline(candidate=3)\n", ["line 3", "unknown key 'candidate'", "write 'candidates'"]),
        (f"{GOOD}use('dense', f=print)\n", ["line 3", "use(...).f", "cannot hold"]),
        ("pipeline = '\0'", ["not valid Python"]),
    ],
)
def test_a_broken_file_is_named_with_line_and_fix(file: Path, text: str, said: list[str]) -> None:
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_python(file)
    for sentence in [str(file), *said]:
        assert sentence in str(caught.value)


def test_a_wrongly_encoded_file_is_named(file: Path) -> None:
    file.write_bytes("# fünf\n".encode("latin-1"))
    with pytest.raises(ConfigError, match="not valid Python"):
        load_python(file)


def test_python_inside_an_index_is_never_executed(tmp_path: Path) -> None:
    index = tmp_path / "papers.plait"
    hidden = index / "deep" / "pipeline.py"
    hidden.parent.mkdir(parents=True)
    (index / "index.json").write_text("{}")
    hidden.write_text("raise AssertionError('it was executed')")
    with pytest.raises(ConfigError, match="never executed"):
        load_python(hidden)


def test_a_link_into_an_index_or_inside_one_is_refused_too(tmp_path: Path) -> None:
    index, outside = tmp_path / "papers.plait", tmp_path / "outside"
    index.mkdir()
    outside.mkdir()
    (index / "index.json").write_text("{}")
    (index / "pipeline.py").write_text("raise AssertionError('it was executed')")
    (outside / "real.py").write_text("raise AssertionError('it was executed')")
    (outside / "into.py").symlink_to(index / "pipeline.py")
    (index / "out.py").symlink_to(outside / "real.py")
    for link in (outside / "into.py", index / "out.py"):
        with pytest.raises(ConfigError, match="never executed"):
            load_python(link)


def test_loading_goes_by_suffix(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(GOOD)
    (tmp_path / "a.toml").write_text("[[retrievers]]\nuse = 'lexical'\n")
    assert load_pipeline(tmp_path / "a.py") == load_pipeline(str(tmp_path / "a.toml"))
    assert load_pipeline(None) == Pipeline()


@pytest.mark.parametrize("name", ["pipeline.json", "pipeline", "pipeline.pyc"])
def test_another_suffix_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(GOOD)
    with pytest.raises(ConfigError, match=r"Choices: pipeline\.py, pipeline\.toml"):
        load_pipeline(tmp_path / name)


@pytest.mark.parametrize("suffix", [".py", ".toml"])
def test_a_missing_file_is_told_what_is_there(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "real.toml").write_text("")
    with pytest.raises(ConfigError, match=r"there is no such pipeline file\. Choices: real\.toml"):
        load_pipeline(tmp_path / f"gone{suffix}")


@pytest.mark.parametrize("suffix", [".py", ".toml"])
def test_a_folder_is_no_pipeline(tmp_path: Path, suffix: str) -> None:
    folder = tmp_path / f"pipeline{suffix}"
    folder.mkdir()
    with pytest.raises(ConfigError, match="this is a folder"):
        load_pipeline(folder)
