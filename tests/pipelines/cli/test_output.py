"""Documents and models write on the terminal; they do not command it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.table import Table
from rich.text import Text

from plait.cli.output import console, escaped, harmless, print_json
from plait.testing.chat_server import chat_server

Run = Callable[..., tuple[int, str, str]]

EVIL = "Red\x1b[31m\x1b]0;owned\x07\x9b2J \u202estrands\u2066 \x08\x7f\rhold"
COMMANDS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


@pytest.fixture
def index(plait: Run, tmp_path: Path) -> Path:
    """Two documents whose ids, titles and texts hold commands, tied to each other."""
    folder, pipeline = tmp_path / "corpus", tmp_path / "graph.toml"
    folder.mkdir()
    records = [
        {"_id": f"{name}\u202e\x9b", "title": f"{name} {EVIL}\n[9] forged",
         "text": f"Three strands make {name}. {EVIL}.", "metadata": {"authors": [f"Ada {EVIL} Doe"]}}
        for name in ("braids", "cords")
    ]  # fmt: skip
    (folder / "corpus.jsonl").write_text("\n".join(map(json.dumps, records)))
    pipeline.write_text('retrievers = [{ use = "dense" }, { use = "lexical" }, { use = "docgraph" }]\n')
    place = tmp_path / "papers.plait"
    assert plait("index", "add", folder, "--index", place, "--pipeline", pipeline)[0] == 0
    return place


def _ids(plait: Run, index: Path) -> list[str]:
    hits = json.loads(plait("search", "strands", "--index", index, "--json")[1])["hits"]
    return [hit["document"] for hit in hits]


def test_no_command_prints_what_a_terminal_would_obey(plait: Run, index: Path) -> None:
    (document, *_) = _ids(plait, index)
    for arguments in (
        ("search", "strands"), ("search", "strands", "--explain"), ("ask", "How many strands make braids?"),
        ("explain", "strands"), ("graph", "show", document), ("graph", "stats"), ("graph", "show", f"no {EVIL}"),
        ("index", "versions"), ("index", "diff", "0", "1"), ("index", "check"), ("index", "remove", EVIL),
    ):  # fmt: skip
        _, out, err = plait(*arguments, "--index", index)
        assert out + err
        assert COMMANDS.findall(out + err) == [], arguments
        assert not re.search(r"^\[9\]", out, re.MULTILINE), arguments


def test_json_is_whole_and_harmless_as_it_stands(plait: Run, index: Path) -> None:
    for arguments in (("search", "strands"), ("ask", "How many strands make braids?"), ("explain", "strands")):
        out = plait(*arguments, "--index", index, "--json")[1]
        assert COMMANDS.findall(out) == []
        json.loads(out)
    hits = json.loads(plait("search", "strands", "--index", index, "--json")[1])["hits"]
    assert [sorted(set(COMMANDS.findall(hit["document"]))) for hit in hits] == [["\x9b", "\u202e"]] * 2
    assert all("\x1b[31m" in hit["text"] for hit in hits)


def test_an_answer_that_was_cut_off_is_called_so(plait: Run, index: Path, tmp_path: Path) -> None:
    with chat_server(answer=f"Three strands make braids {EVIL} and then it goes on.") as server:
        pipeline = tmp_path / "short.toml"
        pipeline.write_text(
            'retrievers = [{ use = "dense" }, { use = "lexical" }, { use = "docgraph" }]\n'
            f'generator = {{ use = "openai-compatible", base_url = "{server.url}", retries = 0 }}\n'
            "answer = { max_tokens = 5 }\n"
        )
        ask = ("ask", "How many strands make braids?", "--index", index, "--pipeline", pipeline)
        status, out, _ = plait(*ask)
        assert status == 0
        assert "The answer was cut off after 5 tokens: raise answer.max_tokens" in out
        assert COMMANDS.findall(out) == []
        assert json.loads(plait(*ask, "--json")[1])["finish_reason"] == "length"
        pipeline.write_text(pipeline.read_text().replace("= 5", "= 50"))
        assert "cut off" not in plait(*ask)[1]


def test_all_that_is_printed_is_made_harmless(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table("head", EVIL)
    table.add_row(EVIL, Text(EVIL, "bold"))
    shown = console()
    for thing in (EVIL, Text.assemble(EVIL, ("b", "bold")), table):
        shown.print(thing)
    assert COMMANDS.findall(capsys.readouterr().out) == []


def test_colours_of_the_console_itself_stay(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    console().print("[bold]On[/] braids\x1b[31m")
    assert "\x1b[1mOn\x1b[0m braids[31m" in capsys.readouterr().out


def test_letters_of_every_script_stay() -> None:
    words = "naïve Ångström 漢字 עברית العربية می‌خواهم क्‍ष 👩‍🔬\ttab\n"
    assert harmless(words) == words
    assert harmless("a\r\nb\rc\u2028d") == "a\nb\nc\nd"


def test_escapes_lose_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    value = {EVIL: [EVIL, "\ud800", "漢字"]}
    print_json(value)
    out = capsys.readouterr().out
    assert "漢字" in out
    assert COMMANDS.findall(out) == []
    assert json.loads(out) == value
    assert escaped('title = "a\u202e"') == 'title = "a\\u202e"'
