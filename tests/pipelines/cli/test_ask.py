"""``plait ask``: what an answer looks like on a terminal and as JSON, whoever wrote it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from plait.testing.chat_server import ChatServer, chat_server

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with chat_server(answer="Three strands make one braid. Braids are green.") as running:
        yield running


@pytest.fixture
def remote(server: ChatServer, tmp_path: Path) -> Path:
    path = tmp_path / "remote.toml"
    generator = f'{{ use = "openai-compatible", base_url = "{server.url}" }}'
    path.write_text(f'retrievers = [{{ use = "lexical" }}]\ngate = "open"\ngenerator = {generator}\n')
    return path


def test_each_sentence_is_cited_or_called_unsupported(plait: Run, index: Path, remote: Path) -> None:
    status, out, _ = plait("ask", "How many strands make a braid?", "--index", index, "--pipeline", remote)
    assert status == 0
    assert "Three strands make one braid. [1]\n" in out
    assert "Braids are green.  (unsupported: " in out
    cited = out.partition("Citations")[2]
    assert "[1] On braids  braids, characters " in cited
    assert "    “Three strands make one braid.”\n" in cited
    assert "gate" in out.partition("Time")[2]


def test_the_same_as_json(plait: Run, index: Path, remote: Path) -> None:
    _, out, _ = plait("ask", "How many strands make a braid?", "--index", index, "--pipeline", remote, "--json")
    answer = json.loads(out)
    assert [sentence["verdict"] for sentence in answer["sentences"]] == ["supported", "unsupported"]
    assert answer["sentences"][0]["citations"][0]["quote"] == "Three strands make one braid."
    assert not answer["declined"]


def test_what_nothing_was_found_for_is_declined_before_the_model_is_asked(
    plait: Run, index: Path, remote: Path, server: ChatServer
) -> None:
    status, out, _ = plait("ask", "Zebras?", "--index", index, "--pipeline", remote)
    assert status == 0
    assert "Nothing in the indexed documents answers this question." in out
    assert server.answers() == []
