"""Small collections whose citations follow communities that no text tells of, or nothing at all; indexes of them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plait.config import Pipeline, use
from plait.rag import open_index
from plait.training.docgraph import DocgraphReport, train_docgraph

TOPICS = (
    *("sorting order compare keys", "compiler grammar token syntax", "network packet route protocol"),
    *("matrix root polynomial series", "garden flower seed soil", "whale ocean reef plankton"),
    *("violin opera choir sonata", "glacier ice polar snow", "volcano lava ash crater", "bread yeast oven flour"),
    *("football goal referee league", "court judge law verdict", "bridge steel beam arch", "planet orbit comet moon"),
    *("virus vaccine antibody fever", "market bank loan tax", "chess queen pawn opening", "camel desert dune oasis"),
    *("loom wool thread fabric", "clock pendulum gear spring"),
)
SEED = 1
Links = list[tuple[int, int]]


class Papers:
    """Writes collections of papers ``d000``, ``d001`` ... in the BEIR layout, each of one topic drawn at random."""

    gated = Pipeline(
        retrievers=(use("dense"), use("lexical"), use("docgraph", relations=["cites", "cited_by"])), fusion=use("gated")
    )

    def community(self, papers: int = 120, size: int = 8, share: float = 0.8) -> Links:
        """Citations inside groups of ``size`` that are drawn apart from the topics; the later paper cites."""
        chance = np.random.default_rng(SEED)
        group = chance.permutation(papers) // size
        return [(a, b) for a in range(papers) for b in range(a) if group[a] == group[b] and chance.random() < share]

    def chance(self, papers: int = 120, links: int = 400) -> Links:
        """Citations between any two papers."""
        pairs = np.random.default_rng(SEED).integers(0, papers, (links, 2))
        return [(int(max(pair)), int(min(pair))) for pair in pairs if pair[0] != pair[1]]

    def records(self, links: Iterable[tuple[int, int]], papers: int = 120) -> list[dict[str, Any]]:
        """The lines of ``corpus.jsonl``."""
        chance = np.random.default_rng(0)
        cites: dict[int, list[str]] = {}
        for citing, cited in links:
            cites.setdefault(citing, []).append(f"d{cited:03}")
        made = []
        for number in range(papers):
            words = TOPICS[chance.integers(len(TOPICS))].split()
            title, text = " ".join(chance.permutation(words)[:3]), " ".join(chance.choice(words, 8))
            metadata = {"year": 1960 + number // 8, "references": cites.get(number, [])}
            made.append({"_id": f"d{number:03}", "title": f"{title} {number}", "text": text, "metadata": metadata})
        return made

    def write(self, folder: Path, records: Iterable[dict[str, Any]]) -> Path:
        """A collection on disk."""
        folder.mkdir(parents=True, exist_ok=True)
        lines = (json.dumps(record, ensure_ascii=False) + "\n" for record in records)
        (folder / "corpus.jsonl").write_text("".join(lines), encoding="utf-8")
        return folder


@pytest.fixture(scope="session")
def papers() -> Papers:
    return Papers()


@pytest.fixture(scope="session")
def _made(papers: Papers, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Indexes that are made once; tests work on copies of them."""
    folder = tmp_path_factory.mktemp("papers")

    def make(name: str) -> Path:
        place = folder / f"{name}.plait"
        if not place.exists():
            links = papers.community() if name == "community" else papers.chance()
            with open_index(place, papers.gated) as rag:
                rag.add(papers.write(folder / name, papers.records(links)))
        return place

    return make


@pytest.fixture
def community(_made: Callable[[str], Path], tmp_path: Path) -> Path:
    """An index of papers that cite inside their community; nothing is trained on it."""
    return Path(shutil.copytree(_made("community"), tmp_path / "community.plait"))


@pytest.fixture
def chance(_made: Callable[[str], Path], tmp_path: Path) -> Path:
    """An index of papers that cite anything."""
    return Path(shutil.copytree(_made("chance"), tmp_path / "chance.plait"))


@pytest.fixture(scope="session")
def _trained(
    _made: Callable[[str], Path], papers: Papers, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, DocgraphReport]:
    place = tmp_path_factory.mktemp("trained") / "community.plait"
    shutil.copytree(_made("community"), place)
    with open_index(place) as rag:
        return place, train_docgraph(rag, seed=SEED)


@pytest.fixture
def trained(_trained: tuple[Path, DocgraphReport], tmp_path: Path) -> Path:
    """The index of communities after ``plait train docgraph``: commit 2."""
    return Path(shutil.copytree(_trained[0], tmp_path / "trained.plait"))


@pytest.fixture(scope="session")
def training_report(_trained: tuple[Path, DocgraphReport]) -> DocgraphReport:
    """What that training reported."""
    return _trained[1]


@pytest.fixture(scope="session")
def tiny_t5(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A T5 of two layers with random weights and one token for each byte."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast, T5Config, T5ForConditionalGeneration

    place = tmp_path_factory.mktemp("tiny-t5")
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({c: n for n, c in enumerate(["<pad>", "</s>", *alphabet])}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="</s>", pad_token="<pad>").save_pretrained(place)  # noqa: S106
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        config = T5Config(
            vocab_size=258, d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4, decoder_start_token_id=0,
            pad_token_id=0, eos_token_id=1, initializer_factor=3.0,
        )  # fmt: skip
        T5ForConditionalGeneration(config).save_pretrained(place)
    return place
