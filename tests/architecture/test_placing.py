"""A test stands where its module's name leads, and a module's name leads to a test.

``plugins/plait/readers/pdf.py`` is tested by ``tests/plugins/readers/test_pdf.py``, or by ``test_pdf_limits.py``
beside it where there is more to say than one file holds. ``tests/architecture``, ``tests/conformance``, ``tests/e2e``
and ``tests/vllm`` test more than one module and stand apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
AREAS = ("core", "plugins", "graphs", "pipelines")

APART = {
    "core/plait/contracts": "dataclasses and protocols without logic",
    "core/plait/testing/conformance": "suites, which are run on every built-in component and on faulty ones",
}
"""Packages whose modules need no tests of their own, and why."""
WITHOUT = {
    "plugins/plait/generators/openai/client.py": "tests/plugins/generators/openai",
    "plugins/plait/generators/vllm/engine.py": "tests/vllm",
    "plugins/plait/generators/vllm/generator.py": "tests/vllm",
    "plugins/plait/generators/vllm/prompt_embeddings.py": "tests/vllm",
    "plugins/plait/embedders/late_recipe.py": "tests/plugins/embedders/test_late_interaction.py",
    "plugins/plait/rankers/pair_classifier.py": "tests/plugins/rankers/test_cross_encoder.py",
    "plugins/plait/retrievers/graph_model.py": "tests/plugins/retrievers/test_docgraph.py",
    "graphs/plait/docgraph/matrices.py": "tests/graphs/docgraph/test_graph.py",
    "graphs/plait/docgraph/report.py": "tests/graphs/docgraph/test_graph.py",
    "graphs/plait/gnn/layers.py": "tests/graphs/gnn/test_encoders.py",
    "pipelines/plait/evaluation/answers/answer_reports.py": "tests/pipelines/evaluation/answers",
    "pipelines/plait/evaluation/retrieval/caveats.py": "tests/pipelines/evaluation/retrieval/test_evaluating.py",
    "pipelines/plait/evaluation/retrieval/fitting.py": "tests/pipelines/evaluation/retrieval/test_command.py",
    "pipelines/plait/evaluation/retrieval/grouping.py": "tests/pipelines/evaluation/retrieval/test_facets.py",
    "pipelines/plait/evaluation/retrieval/querying.py": "tests/pipelines/evaluation/retrieval/test_evaluating.py",
    "pipelines/plait/evaluation/retrieval/comparison_report.py": "tests/pipelines/evaluation/retrieval",
    "pipelines/plait/evaluation/retrieval/reports.py": "tests/pipelines/evaluation/retrieval/test_command.py",
    "pipelines/plait/fusion/tokens/checkpoint.py": "tests/pipelines/fusion/tokens/test_fusion_reader.py",
    "pipelines/plait/fusion/tokens/prefix_attention.py": "tests/pipelines/fusion/tokens/test_fid.py",
    "pipelines/plait/rag/corpus_columns.py": "tests/pipelines/training/test_docgraph.py",
    "pipelines/plait/rag/ingest_summary.py": "tests/pipelines/rag/test_ingest.py",
    "pipelines/plait/rag/retrieval.py": "tests/pipelines/rag/test_session.py",
    "pipelines/plait/rag/structure.py": "tests/pipelines/training/test_reader.py",
    "pipelines/plait/training/graph_encoder.py": "tests/pipelines/training/test_docgraph.py",
    "pipelines/plait/training/retriever_report.py": "tests/pipelines/training/test_retriever.py",
}
"""Modules that are tested through another, and where."""
ELSEWHERE = {
    "tests/plugins/chunkers/test_tails_benchmark.py": "of benchmarks/tails.py",
    "tests/pipelines/evaluation/answers/test_injections_benchmark.py": "of benchmarks/injections.py",
    "tests/pipelines/test_one_door.py": "of a distribution that re-declares parts of several packages",
}
"""Test files that are named after no module, and why."""


def subjects(area: str, folder: Path) -> set[str]:
    """What a test in ``tests/<area>/<folder>`` may be named after: a module there, or the package itself."""
    there = ROOT / area / "plait" / folder
    if not there.is_dir():
        return set()
    packages = {inner.name for inner in there.iterdir() if (inner / "__init__.py").exists()}
    return {file.stem for file in there.glob("*.py")} - {"__init__"} | packages | {there.name}


def found_tests() -> Iterator[tuple[str, Path]]:
    for area in AREAS:
        for file in sorted((ROOT / "tests" / area).rglob("test_*.py")):
            yield area, file.relative_to(ROOT / "tests" / area)


def modules() -> Iterator[tuple[str, Path]]:
    for area in AREAS:
        for file in sorted((ROOT / area / "plait").rglob("*.py")):
            if file.name != "__init__.py" and str(file.parent.relative_to(ROOT)) not in APART:
                yield area, file.relative_to(ROOT / area / "plait")


def named_after(test: str, subject: str) -> bool:
    return test == f"test_{subject}" or test.startswith(f"test_{subject}_")


def misplaced_tests() -> list[str]:
    return [
        f"tests/{area}/{test}"
        for area, test in found_tests()
        if not any(named_after(test.stem, subject) for subject in subjects(area, test.parent))
    ]


def untested_modules() -> list[str]:
    placed = {area: [test for owner, test in found_tests() if owner == area] for area in AREAS}
    return [
        f"{area}/plait/{module}"
        for area, module in modules()
        if not any(t.parent == module.parent and named_after(t.stem, module.stem) for t in placed[area])
        and ">>>" not in (ROOT / area / "plait" / module).read_text(encoding="utf-8")
    ]


def test_every_test_is_named_after_a_module_beside_which_it_stands() -> None:
    assert [test for test in misplaced_tests() if test not in ELSEWHERE] == []


def test_every_module_has_a_test_where_its_name_leads_or_examples_that_run() -> None:
    assert [module for module in untested_modules() if module not in WITHOUT] == []


def test_the_exceptions_are_still_what_they_say() -> None:
    assert [place for place in (*WITHOUT, *WITHOUT.values(), *ELSEWHERE) if not (ROOT / place).exists()] == []
