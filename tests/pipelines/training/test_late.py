"""``plait train late`` keeps what finds more, and refuses what there was nothing to learn of."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from plait.config import Pipeline, use
from plait.contracts import Query
from plait.contracts.errors import ConfigError, IdentityError
from plait.rag import Rag, open_index
from plait.rankers.late import Config, Late
from plait.training.late import made_questions, train_late

pytestmark = pytest.mark.slow

WIDTH = 24
LEXICAL = Pipeline(retrievers=[use("lexical")], gate=use("open"))
SYLLABLES = ("ba", "ce", "di", "fo", "gu", "ka", "le", "mi", "no", "pu", "ra", "se")
WORDS = [one + two + three for one in SYLLABLES for two in SYLLABLES for three in SYLLABLES[:2]]


class Turned:
    """A vector for each word; those of questions are turned, so that nothing is found before the turn is learnt."""

    dimension = token_dimension = WIDTH

    def __init__(self, turn: NDArray[np.float64] | None = None, random: bool = False, name: str = "turned") -> None:
        self.turn, self.random, self.name = np.eye(WIDTH) if turn is None else turn, random, name

    def fingerprint(self) -> Mapping[str, Any]:
        return {"model": self.name}

    def embed_tokens(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> list[NDArray[np.float32]]:
        return [self._tokens(text, kind) for text in texts]

    def _tokens(self, text: str, kind: str) -> NDArray[np.float32]:
        found = np.empty((0, WIDTH))
        for word in text.lower().replace(".", " ").split():
            salt = f"{kind}{word}" if self.random else word
            seed = int.from_bytes(hashlib.sha256(salt.encode()).digest()[:8], "big")
            vector = np.random.default_rng(seed).standard_normal(WIDTH)
            found = np.vstack([found, vector / np.linalg.norm(vector)])
        return (found @ self.turn.T if kind == "query" else found).astype(np.float32)

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        raise NotImplementedError

    embed_queries = embed_passages


def turn() -> NDArray[np.float64]:
    """A rotation by some sixty degrees (Cayley's, of a skew matrix), after which words are nearest to others."""
    skew = np.random.default_rng(3).standard_normal((WIDTH, WIDTH))
    skew = (skew - skew.T) / np.sqrt(2 * WIDTH)
    return np.linalg.solve(np.eye(WIDTH) - skew, np.eye(WIDTH) + skew)


@pytest.fixture
def rag(tmp_path: Path) -> Rag:
    """Eighty notes of three sentences that share half of their words with one another."""
    chance = np.random.default_rng(0)
    notes = tmp_path / "notes"
    notes.mkdir()
    for number in range(80):
        own = chance.choice(WORDS, 12, replace=False)
        sentences = [" ".join(chance.choice(own, 7, replace=False)).capitalize() + "." for _ in range(3)]
        (notes / f"n{number:02}.md").write_text(f"---\nid: n{number:02}\n---\n\n{' '.join(sentences)}\n")
    rag = open_index(tmp_path / "index", pipeline=LEXICAL)
    rag.add(notes)
    return rag


def ranked_by(rag: Rag, encoder: Turned, monkeypatch: pytest.MonkeyPatch) -> Late:
    ranker = Late(Config(weight=1.0, top=100), encoder)
    monkeypatch.setattr(rag.parts, "ranker", ranker)
    return ranker


def share_first(rag: Rag) -> float:
    """How often a sentence finds its own passage first, among all."""
    view, ranker = rag.view, rag.parts.ranker
    assert ranker is not None
    hits = view.hits(np.arange(len(view)), np.zeros(len(view)))
    firsts = [ranker.rank(Query(view.passage(row).text.split(".")[0]), hits, view)[0].row == row for row in range(80)]
    return float(np.mean(firsts))


def test_a_turn_is_learnt_kept_used_and_taken_back(rag: Rag, monkeypatch: pytest.MonkeyPatch) -> None:
    ranked_by(rag, Turned(turn()), monkeypatch)
    before = share_first(rag)
    report = train_late(rag)
    assert report.reason == "" and report.commit == rag.view.commit
    assert report.scores["trained"] > report.scores["untrained"] + 0.1
    assert report.scores["trained"] > report.scores["shuffled"]
    assert share_first(rag) > before + 0.2
    rag.index.rollback(report.commit - 1)
    assert share_first(rag) == before


@pytest.mark.parametrize("encoder", [Turned(), Turned(random=True)], ids=["nothing left to learn", "nothing to learn"])
def test_what_finds_no_more_is_not_kept(rag: Rag, encoder: Turned, monkeypatch: pytest.MonkeyPatch) -> None:
    ranked_by(rag, encoder, monkeypatch)
    commit = rag.view.commit
    report = train_late(rag)
    assert report.reason and report.commit is None
    assert rag.view.commit == commit and rag.view.model("late") is None


def test_the_same_seed_learns_the_same(rag: Rag, monkeypatch: pytest.MonkeyPatch) -> None:
    ranked_by(rag, Turned(turn()), monkeypatch)
    reports = [train_late(rag, seed=5) for _ in range(2)]
    assert reports[0].scores == reports[1].scores


def test_what_was_learnt_with_another_encoder_is_an_error_and_goes_with_the_next_addition(
    rag: Rag, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ranked_by(rag, Turned(turn()), monkeypatch)
    assert train_late(rag).commit
    ranked_by(rag, Turned(turn(), name="another"), monkeypatch)
    word = rag.view.passage(0).text.split()[0]
    with pytest.raises(IdentityError, match=r"trained with another embedder.*plait train late"):
        rag.retrieve(word)
    (tmp_path / "notes" / "new.md").write_text(f"A new note of {' '.join(WORDS[:9])}.\n")
    summary = rag.add(tmp_path / "notes")
    assert any("'plait train late' makes another" in what for _, what in summary.report.skipped)
    assert rag.retrieve(word)


def test_no_question_has_its_answer_in_its_own_words(rag: Rag) -> None:
    for _, question, text in made_questions(rag.view, 40, seed=1):
        assert question not in text and len(text.split()) > 6


def test_a_pipeline_without_such_a_ranker_and_an_index_too_small_are_refused(
    rag: Rag, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match=r"no ranker by tokens.*Fix: add ranker=use\('late'\)"):
        train_late(rag)
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "one.md").write_text(f"One note of {' '.join(WORDS[:9])}. And a second sentence of it.\n")
    with open_index(tmp_path / "other", pipeline=LEXICAL) as other:
        other.add(tmp_path / "small")
        ranked_by(other, Turned(), monkeypatch)
        with pytest.raises(ConfigError, match="40 from several documents are needed"):
            train_late(other)
