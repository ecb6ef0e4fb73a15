"""What the README and the pages in docs/ tell a newcomer to type is typed here."""

from __future__ import annotations

import pkgutil
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from plait.cli.app import app
from plait.config import Pipeline, parse_toml, use, validate_pipeline
from plait.hooks import PluginHost
from plait.rag import open_index
from plait.testing.chat_server import chat_server

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
NOTES = ROOT / "examples" / "papers"


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def commands() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for line in re.findall(r"^(?:\$ |    )?((?:plait|python|make) .*)$", text, re.MULTILINE):
            yield page.name, line.partition("  #")[0].strip()


def named(page: str, line: str) -> str:
    return f"{page}: {line}"


COMMANDS = sorted({named(*found) for found in commands()})


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "papers"
    folder.mkdir()
    for name in ("longembed.md", "peg.md", "bert.md"):
        shutil.copy(NOTES / name, folder)
    return folder


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_code_compiles_and_its_pipelines_are_valid(page: Path) -> None:
    host = PluginHost.discover(third_party=False)
    for code in blocks(page, "python"):
        compile(code, page.name, "exec")
        if code.startswith("# pipeline.py"):
            known: dict[str, object] = {}
            exec(code, known)  # noqa: S102 - our own page
            assert isinstance(known["pipeline"], Pipeline)
            validate_pipeline(known["pipeline"], host, where=page.name)
    for text in blocks(page, "toml"):
        if "entry-points" not in text:
            validate_pipeline(parse_toml(text, where=page.name), host, where=page.name)


def test_the_first_pipeline_asks_a_model_server(
    notes: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(notes.parent)
    code = next(code for code in blocks(ROOT / "README.md", "python") if "openai-compatible" in code)
    with chat_server() as server:
        here = code.replace("http://127.0.0.1:11434/v1", server.url).replace("llama3.2", "parrot")
        assert here != code
        exec(here, {})  # noqa: S102 - our own page
        assert server.answers()
    assert "one sentence." in capsys.readouterr().out


@pytest.mark.parametrize("name", ["ask.py", "moves.py"])
def test_the_programs_on_the_page_about_asking_run(
    name: str, notes: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(notes.parent)
    with open_index("papers.plait") as rag:
        rag.add(notes)
    code = next(code for code in blocks(ROOT / "docs" / "asking.md", "python") if code.startswith(f"# {name}"))
    exec(code, {})  # noqa: S102 - our own page
    assert capsys.readouterr().out


def test_the_plugin_in_twenty_lines_is_one(notes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "my_plugin"
    package.mkdir()
    for code in blocks(ROOT / "README.md", "python"):
        if code.startswith("# my_plugin/"):
            (tmp_path / code.split("\n", 1)[0].removeprefix("# ")).write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    import my_plugin  # type: ignore[import-not-found]

    host = PluginHost.discover(third_party=False)
    host.register(my_plugin, name="my-plugin")
    with open_index(tmp_path / "index", pipeline=Pipeline(retrievers=[use("newest")]), host=host) as rag:
        rag.add(notes)
        years = [rag.view.metadata(hit.document_id)["year"] for hit in rag.retrieve("anything")]
    assert years == sorted(years, reverse=True)
    assert len(set(years)) > 1


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_on_a_page_exists_with_its_options(command: str) -> None:
    program, *words = shlex.split(command.partition(": ")[2].partition(" [")[0])
    if program == "python":
        assert (ROOT / words[0]).is_file()
    elif program == "make":
        target = next(word for word in words if "=" not in word)
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    else:
        known = typer.main.get_command(app)
        while words and (inner := getattr(known, "commands", {}).get(words[0])) is not None:
            known, words = inner, words[1:]
        assert not hasattr(known, "commands"), f"there is no 'plait {' '.join(words)}'"
        options = {option for parameter in known.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
        assert link.startswith("https://") or (page.parent / link).exists(), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_a_page_names_exist(page: Path) -> None:
    places = r"`((?:core|plugins|graphs|pipelines|tests|docs|examples|benchmarks)/[\w./-]*)"
    named = re.findall(places, page.read_text(encoding="utf-8"))
    assert [place for place in named if not (ROOT / place).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_names_that_a_page_gives_can_be_imported(page: Path) -> None:
    for name in re.findall(r"`(plait(?:\.\w+)+)", page.read_text(encoding="utf-8")):
        pkgutil.resolve_name(name)
