"""Passages are cut to what the embedders read, and an ingest says how much of them is in a vector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from plait.config import Pipeline, use
from plait.contracts import Coverage, Document, Passage
from plait.contracts.errors import IdentityError
from plait.hooks import Component, PluginHost, hookimpl
from plait.rag import open_index
from plait.testing import BlockChunker, LetterEmbedder


class Counting(LetterEmbedder):
    """Reads 30 tokens at once, the rest in windows."""

    def __init__(self) -> None:
        super().__init__(30)


class Wider(LetterEmbedder):
    """Reads 60 tokens, and leaves out the rest."""

    def __init__(self) -> None:
        super().__init__(60, windows=False)


class Silent:
    """Does not tell how much it reads."""

    dimension = 64

    def fingerprint(self) -> dict[str, int]:
        return {"version": 1}

    def embed_passages(self, texts: Sequence[str]) -> np.ndarray:
        return LetterEmbedder(10_000).embed_passages(texts)

    embed_queries = embed_passages


class Whole(BlockChunker):
    """One passage a block, with an id of its own."""

    def chunk(self, document: Document) -> list[Passage]:
        return [replace(passage, context="") for passage in super().chunk(document)]


class Plugin:
    @hookimpl
    def plait_components(self) -> list[Component]:
        made = [("chunker", Whole), *(("embedder", part) for part in (Counting, Wider, Silent))]
        return [Component(kind, part.__name__.lower(), factory=f"{__name__}:{part.__name__}") for kind, part in made]


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> PluginHost:
    import sys

    monkeypatch.setitem(sys.modules, __name__, sys.modules.get(__name__) or __import__(__name__))
    host = PluginHost.discover(third_party=False)
    host.register(Plugin(), name="counting-plugin")
    return host


@pytest.fixture
def paper(tmp_path: Path) -> Path:
    file = tmp_path / "braids.md"
    file.write_text("# On braids\n\n" + " ".join(f"Strand {number} crosses the next one." for number in range(60)))
    return file


def dense(*embedders: str, chunker: str = "sections") -> Pipeline:
    retrievers = [use("dense", embedder=use(name), column=f"{name}_vectors") for name in embedders]
    return Pipeline(retrievers=[*retrievers, use("lexical")], chunker=use(chunker))


def test_passages_fit_the_embedder_and_all_of_their_tokens_are_in_vectors(
    tmp_path: Path, paper: Path, host: PluginHost
) -> None:
    with open_index(tmp_path / "index", dense("counting"), host=host) as rag:
        summary = rag.add(paper)
        texts = [rag.view.passage(row).embedding_text for row in range(len(rag.view))]
    counts = [len(starts) for starts in Counting().token_starts(texts)]
    assert max(counts) <= 29
    assert summary.coverage == {"dense": Coverage(sum(counts), 0, 0)}
    assert summary.to_json()["coverage"] == {"dense": {"tokens": sum(counts), "windowed": 0, "unread": 0}}


def test_of_several_embedders_the_smallest_budget_counts(tmp_path: Path, paper: Path, host: PluginHost) -> None:
    lengths = []
    for name, embedders in (("both", ("wider", "counting")), ("small", ("counting",)), ("wide", ("wider",))):
        with open_index(tmp_path / name, dense(*embedders), host=host) as rag:
            lengths.append(rag.add(paper).passages)
    assert lengths[0] == lengths[1] > lengths[2]


def test_what_another_chunker_makes_too_long_is_counted(tmp_path: Path, paper: Path, host: PluginHost) -> None:
    with open_index(tmp_path / "index", dense("counting", "wider", chunker="whole"), host=host) as rag:
        coverage = rag.add(paper).coverage
    assert coverage["dense"] == Coverage(420, 1, 0)
    assert coverage["dense-2"] == Coverage(420, 0, 420 - 59), "what is left out is said"


def test_an_embedder_that_does_not_tell_gets_passages_in_words(tmp_path: Path, paper: Path, host: PluginHost) -> None:
    with open_index(tmp_path / "index", dense("silent"), host=host) as rag:
        summary = rag.add(paper)
    assert (summary.passages, summary.coverage) == (2, {"dense": None})


def test_without_embedders_there_is_nothing_to_cover(tmp_path: Path, paper: Path, host: PluginHost) -> None:
    with open_index(tmp_path / "index", Pipeline(retrievers=[use("lexical")]), host=host) as rag:
        assert rag.add(paper).coverage == {}


def test_what_decides_passages_is_part_of_the_identity(tmp_path: Path, paper: Path, host: PluginHost) -> None:
    with open_index(tmp_path / "index", dense("counting"), host=host) as rag:
        rag.add(paper)
    shorter = dense("counting").model_copy(update={"chunker": use("sections", max_tokens=20)})
    with (
        open_index(tmp_path / "index", shorter, host=host) as rag,
        pytest.raises(IdentityError, match=r"chunker.settings.max_tokens: the index has 256.*wants 20.*rebuild"),
    ):
        rag.retrieve("strand")
    with open_index(tmp_path / "index", Pipeline(retrievers=[use("lexical")]), host=host) as rag:
        assert rag.retrieve("strand"), "who uses less of the index may read it"


def test_an_embedder_that_reads_more_than_before_is_named(
    tmp_path: Path, paper: Path, host: PluginHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LetterEmbedder, "fingerprint", lambda self: {"version": 1})  # one that leaves it out
    with open_index(tmp_path / "index", dense("counting"), host=host) as rag:
        rag.add(paper)
    monkeypatch.setattr(Counting, "__init__", lambda self: LetterEmbedder.__init__(self, 50))
    with (
        open_index(tmp_path / "index", dense("counting"), host=host) as rag,
        pytest.raises(IdentityError, match=r"chunker.fitted.dense: the index has 30, the pipeline wants 50"),
    ):
        rag.retrieve("strand")
