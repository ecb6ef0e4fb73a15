"""A pipeline of words and a remote model asks for no torch: where it is not installed, everything else works."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from plait.testing.chat_server import chat_server

WITHOUT = (
    "torch",
    "transformers",
    "sentence_transformers",
    "safetensors",
    "torch_geometric",
    "llama_index",
    "tokenizers",
)
RUN = """
import importlib.abc, json, sys

class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {without!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
        return None

sys.meta_path.insert(0, Missing())
from plait.config import Pipeline, use
from plait.rag import open_index

pipeline = Pipeline(retrievers=[use("lexical")], generator={generator})
with open_index({index!r}, pipeline) as rag:
    rag.add({papers!r})
    answer = rag.ask("What is green tea?")
gate = next(stage.detail for stage in answer.trace.stages if stage.name == "gate")
print(json.dumps([answer.text, answer.declined, [s.verdict for s in answer.sentences], gate["calibration"]]))
"""


def run(generator: str, tmp_path: Path) -> list[object]:
    papers = tmp_path / "papers"
    papers.mkdir()
    (papers / "tea.md").write_text("# Tea\n\nGreen tea is steamed after picking.\n\nBlack tea is oxidised.\n")
    code = RUN.format(without=set(WITHOUT), generator=generator, index=str(tmp_path / "t.plait"), papers=str(papers))
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    found: list[object] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_words_and_a_remote_model(tmp_path: Path) -> None:
    with chat_server() as server:
        text, declined, verdicts, gate = run(
            f'use("openai-compatible", base_url="{server.url}", model="parrot")', tmp_path
        )
    assert not declined
    assert text
    assert verdicts
    assert str(gate).startswith("words alone")


def test_words_and_quotation(tmp_path: Path) -> None:
    text, declined, verdicts, _ = run('use("extractive")', tmp_path)
    assert not declined
    assert "Green tea is steamed after picking." in str(text)
    assert set(verdicts) == {"supported"}  # type: ignore[call-overload]
