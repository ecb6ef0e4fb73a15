"""The plugin template as its users meet it: built into a wheel, installed, discovered, and asked through."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both example plugins, built offline and installed into a folder of their own."""
    wheels, site = tmp_path_factory.mktemp("wheels"), tmp_path_factory.mktemp("site")
    for plugin in ("plugin_template", "broken_plugin"):
        _must(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", wheels, EXAMPLES / plugin)
    built = sorted(wheels.glob("*.whl"))
    assert [wheel.name.split("-")[0] for wheel in built] == ["plait_broken_example", "plait_title_match"]
    _must(sys.executable, "-m", "pip", "install", "--no-index", "--no-deps", "--quiet", "--target", site, *built)
    return site


def _must(*command: str | Path, **environment: str) -> str:
    result = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, **environment},
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def _run(site: Path, code: str, **environment: str) -> Any:
    """Runs ``code`` where the plugins are installed; it prints one JSON value last."""
    output = _must(sys.executable, "-c", textwrap.dedent(code), PYTHONPATH=str(site), **environment)
    return json.loads(output.splitlines()[-1])


LIST = """
    import json
    from plait.hooks import PluginHost
    host = PluginHost.discover({arguments})
    print(json.dumps({{
        "components": [str(registered) for registered in host.components()],
        "problems": [[problem.distribution, problem.entry_point, problem.cause] for problem in host.problems],
    }}))
"""


def test_the_plugin_is_listed_with_its_distribution(installed: Path) -> None:
    listed = _run(installed, LIST.format(arguments=""))
    assert "retriever 'title-match' (plait-title-match 1.0.0)" in listed["components"]


def test_the_broken_sister_is_reported_and_disturbs_nothing(installed: Path) -> None:
    listed = _run(installed, LIST.format(arguments=""))
    alone = _run(installed, LIST.format(arguments="third_party=False"))
    assert [problem for problem in listed["problems"] if problem[0] != "plait"] == [
        [
            "plait-broken-example",
            "broken",
            "OSError: libbraid.so.3: cannot open shared object file: No such file or directory",
        ]
    ]
    assert set(listed["components"]) - set(alone["components"]) == {"retriever 'title-match' (plait-title-match 1.0.0)"}


def test_third_parties_can_be_left_out(installed: Path) -> None:
    listed = _run(installed, LIST.format(arguments="third_party=False"))
    assert all("(plait " in component for component in listed["components"])
    assert all(problem[0] == "plait" for problem in listed["problems"])


@pytest.mark.parametrize("name", ["plait-title-match", "Plait_Title_Match", "title-match"])
def test_the_environment_allows_one_plugin_and_no_other(installed: Path, name: str) -> None:
    listed = _run(installed, LIST.format(arguments=""), PLAIT_PLUGINS=name)
    assert "retriever 'title-match' (plait-title-match 1.0.0)" in listed["components"]
    assert all(problem[0] == "plait" for problem in listed["problems"])


def test_an_empty_allow_list_in_the_environment_allows_nobody(installed: Path) -> None:
    listed = _run(installed, LIST.format(arguments=""), PLAIT_PLUGINS="")
    assert all("(plait " in component for component in listed["components"])


def test_a_name_in_the_allow_list_that_nobody_has_is_reported(installed: Path) -> None:
    listed = _run(installed, LIST.format(arguments="allow=['title-mach']"))
    [problem] = [problem for problem in listed["problems"] if problem[0] != "plait"]
    assert problem[0] == "title-mach"
    assert "did you mean 'title-match'?" in problem[2]


def test_the_plugin_retrieves_in_a_view_in_memory(installed: Path) -> None:
    code = """
        import json
        from plait.config import use
        from plait.contracts import Query
        from plait.hooks import Assembly, PluginHost
        from plait.testing import memory_view, sample_documents
        retriever = Assembly(PluginHost.discover()).build("retriever", use("title-match", weight=2.0))
        view = memory_view(sample_documents(), [retriever])
        hits = retriever.retrieve(Query("rank fusion"), view, 3)
        print(json.dumps([[hit.document_id, hit.score] for hit in hits]))
    """
    assert _run(installed, code) == [["rrf", 2.0]]


def test_the_plugins_own_tests_pass(installed: Path) -> None:
    """As its author runs them: the inherited conformance suite and the fixtures of Plait's pytest plugin.

    What the suite asks only of retrievers by vectors, words or structure, or with a weight of their own, is skipped.
    """
    tests = EXAMPLES / "plugin_template" / "tests"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--rootdir={tests}", "-c", os.devnull]
    output = _must(*command, tests, PYTHONPATH=str(installed))
    assert " passed" in output
    assert "4 skipped" in output


def test_a_pipeline_indexes_and_answers_through_the_plugin(installed: Path, tmp_path: Path) -> None:
    corpus = tmp_path / "papers"
    corpus.mkdir()
    (corpus / "fusion.md").write_text(
        "---\ntitle: Reciprocal rank fusion\nyear: 2009\n---\n\n"
        "The constant of reciprocal rank fusion is 60. Each document gets one over the constant plus its rank.\n"
    )
    (corpus / "bm25.md").write_text(
        "---\ntitle: Term weighting\nyear: 1994\n---\n\nBM25 saturates the frequency of a term in a document.\n"
    )
    (tmp_path / "pipeline.py").write_text(
        "from plait.config import Pipeline, use\n"
        "pipeline = Pipeline(retrievers=[use('title-match', weight=2.0), use('lexical')])\n"
    )
    code = f"""
        import json
        from plait.rag import open_index
        with open_index({str(tmp_path / "papers.plait")!r}, pipeline={str(tmp_path / "pipeline.py")!r}) as rag:
            rag.add({str(corpus)!r})
            answer = rag.ask("What is the constant of reciprocal rank fusion?")
        print(json.dumps({{
            "strands": [[strand.retriever for strand in hit.strands] for hit in answer.hits],
            "documents": [hit.document_id for hit in answer.hits],
            "text": answer.text,
            "quotes": [citation.quote for citation in answer.citations],
        }}))
    """
    answer = _run(installed, code)
    assert "title-match" in answer["strands"][0], answer
    assert "60" in answer["text"], answer
    assert any("fusion is 60" in quote for quote in answer["quotes"]), answer
