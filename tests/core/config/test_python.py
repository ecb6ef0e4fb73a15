"""Only the file that the user names is executed, and a broken one is named with its line."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from plait.config import Pipeline, load_pipeline, load_python, use
from plait.contracts.errors import ConfigError

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
