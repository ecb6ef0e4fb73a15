"""The suites that third parties run, run over every built-in component."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from plait.config import Use, use
from plait.contracts import Retriever
from plait.hooks import KINDS, Assembly, PluginHost
from plait.testing.conformance import (
    ChunkerConformance,
    EmbedderConformance,
    FusionConformance,
    GateConformance,
    GeneratorConformance,
    RankerConformance,
    ReaderConformance,
    RetrieverConformance,
    VerifierConformance,
)

Build = Callable[[str, str], Any]


def test_nothing_of_plait_itself_fails_to_load(host: PluginHost) -> None:
    assert [str(problem) for problem in host.problems] == []


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_built_in_component(host: PluginHost, kind: str) -> None:
    assert host.components(kind)


def test_every_component_says_what_it_is(host: PluginHost) -> None:
    assert [str(registered) for registered in host.components() if not registered.component.summary] == []


def test_every_component_accepts_its_default_settings(host: PluginHost, default_uses: list[tuple[str, Use]]) -> None:
    for kind, component in default_uses:
        assert isinstance(host.settings(kind, component), BaseModel)


class TestEveryChunker(ChunkerConformance):
    kind = "chunker"

    @pytest.fixture
    def chunker(self, component: str, build: Build) -> Any:
        return build("chunker", component)


class TestEveryEmbedder(EmbedderConformance):
    kind = "embedder"

    @pytest.fixture
    def embedder(self, component: str, build: Build) -> Any:
        return build("embedder", component)


class TestEveryRetriever(RetrieverConformance):
    kind = "retriever"

    @pytest.fixture
    def retriever(self, component: str, build: Build) -> Any:
        return build("retriever", component)

    @pytest.fixture
    def before(self, component: str, build: Build) -> Sequence[Retriever]:
        names = {"docgraph": ["dense", "lexical"]}
        return [build("retriever", name) for name in names.get(component, ())]


class TestEveryRanker(RankerConformance):
    kind = "ranker"

    @pytest.fixture
    def ranker(self, component: str, build: Build) -> Any:
        return build("ranker", component)

    @pytest.fixture
    def retrievers(self, build: Build) -> Sequence[Retriever]:
        return [build("retriever", "dense"), build("retriever", "lexical")]


class TestEveryFusion(FusionConformance):
    kind = "fusion"

    @pytest.fixture
    def fusion(self, component: str, build: Build) -> Any:
        return build("fusion", component)


class TestEveryGenerator(GeneratorConformance):
    kind = "generator"

    @pytest.fixture
    def generator(self, component: str, build: Build) -> Any:
        return build("generator", component)


class TestEveryGate(GateConformance):
    kind = "gate"

    @pytest.fixture
    def gate(self, component: str, build: Build) -> Any:
        return build("gate", component)


class TestEveryVerifier(VerifierConformance):
    kind = "verifier"

    @pytest.fixture
    def verifier(self, component: str, build: Build) -> Any:
        return build("verifier", component)


class TestEveryReader(ReaderConformance):
    kind = "reader"

    @pytest.fixture
    def reader(self, component: str, build: Build) -> Any:
        return build("reader", component)

    @pytest.fixture
    def path(self, component: str, tmp_path: Path) -> Path:
        assert component in SAMPLES, f"add a sample for the reader {component!r} to SAMPLES"
        return SAMPLES[component](tmp_path)


def _markdown(folder: Path) -> Path:
    file = folder / "braids.md"
    file.write_text(
        "---\ntitle: On braids\nauthors: [Ada Lovelace]\nyear: 1843\n---\n\n"
        "# Strands\n\nThree strands hold.\n\n| strands | load |\n|---|---|\n| 2 | 10 |\n| 3 | 19 |\n"
    )
    return file


def _text(folder: Path) -> Path:
    file = folder / "braids.txt"
    file.write_text("On braids\n\nThree strands hold.\n\nTwo strands slip — „always“.\n")
    return file


def _beir(folder: Path) -> Path:
    records = [
        {"_id": "1", "title": "On braids", "text": "Three strands hold.", "metadata": {"year": 1843}},
        {"_id": "2", "title": "On knots", "text": "A knot weakens a rope.", "metadata": {}},
    ]
    file = folder / "corpus.jsonl"
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
    return file


def _jats(folder: Path) -> Path:
    file = folder / "braids.xml"
    file.write_text(
        '<?xml version="1.0"?><article><front><article-meta><title-group><article-title>On braids</article-title>'
        "</title-group><abstract><p>Three strands hold.</p></abstract></article-meta></front><body><sec>"
        "<title>Strands</title><p>Two strands slip.</p></sec></body></article>"
    )
    return file


def _pdf(folder: Path) -> Path:
    """A one-page PDF, written by hand: an open format needs no library for one line of text."""
    stream = b"BT /F1 12 Tf 72 720 Td (Three strands hold under a heavy load.) Tj ET"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    content, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(content))
        content += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    content += b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, table)
    content += b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, content.index(b"xref\n"))
    file = folder / "braids.pdf"
    file.write_bytes(content)
    return file


SAMPLES: dict[str, Callable[[Path], Path]] = {
    "markdown": _markdown,
    "text": _text,
    "beir": _beir,
    "jats": _jats,
    "pdf": _pdf,
}


def test_equal_parts_of_the_built_ins_are_shared(host: PluginHost) -> None:
    assembly = Assembly(host)
    dense = assembly.build("retriever", use("dense"))
    assert vars(dense)["embedder"] is assembly.build("embedder", use("minilm"))
