"""The benchmark of tails: what it asks with, and that it fails where ends are not found or tokens are lost."""

from __future__ import annotations

import numpy as np
from tails import Ends, first_window, measure

from plait.config import Pipeline, use
from plait.contracts import Coverage, Document, Section, Text
from plait.hooks import PluginHost
from plait.rag.parts import Parts
from plait.testing import LetterEmbedder

FOUND, MISSED = np.ones(10), np.zeros(10)


def test_the_bar_is_missed_by_ends_that_are_not_found_and_by_tokens_that_are_lost() -> None:
    whole = Coverage(100, 3, 0)
    assert not Ends(10, {"vectors": (FOUND, FOUND)}, whole).misses_bar
    assert Ends(10, {"vectors": (FOUND, FOUND), "fused": (FOUND, MISSED)}, whole).misses_bar
    assert Ends(10, {"vectors": (FOUND, FOUND)}, Coverage(100, 0, 1)).misses_bar


def test_the_control_reads_the_first_window_only() -> None:
    embedder = LetterEmbedder(4)
    assert first_window("one two three four five", embedder) == "one two three "
    assert first_window("one two", embedder) == "one two"


def test_the_end_is_lost_where_the_encoder_is_cut_and_not_where_it_has_windows() -> None:
    """Real parts on made text: every sentence has words that no other has."""
    texts = [
        " ".join(f"Item {letter}{n} rests upon shelf {letter}{n} beside box {letter}{n}." for n in range(40))
        for letter in "abcd"
    ]
    documents = [Document(f"d{n}", "", (Section("", (Text(text),)),)) for n, text in enumerate(texts)]
    parts = Parts(Pipeline(chunker=use("sections", max_words=400)), PluginHost.discover(third_party=False))
    windows, cut = (measure(parts, documents, 10, 0, cut=cut) for cut in (False, True))
    assert (windows.coverage.windowed, windows.coverage.unread) == (4, 0)
    assert cut.coverage.unread > 0 and cut.misses_bar
    assert windows.coverage.tokens == cut.coverage.tokens
