"""``plait index add``, killed again and again within one large file, loses nothing and completes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

PLAIT = Path(sys.executable).with_name("plait")
DOCUMENTS = 8_000
KILLS = 3


@pytest.mark.slow
def test_the_command_killed_at_any_moment_completes_when_it_is_run_again(tmp_path: Path) -> None:
    """The index-level test kills 32 writers; here it is the real command, whose start-up is most of its time."""
    corpus, index, pipeline = tmp_path / "corpus", tmp_path / "index", tmp_path / "lexical.toml"
    corpus.mkdir()
    with (corpus / "corpus.jsonl").open("w") as lines:
        for number in range(DOCUMENTS):
            lines.write(json.dumps({"_id": f"d{number}", "title": f"T{number}", "text": f"common word{number}"}) + "\n")
    pipeline.write_text('retrievers = [{ use = "lexical" }]\n')
    command = [PLAIT, "index", "add", corpus, "--index", index, "--pipeline", pipeline, "--json"]
    check = [PLAIT, "index", "check", "--index", index, "--json"]
    chance = np.random.default_rng(5)
    halfway = 0
    for _ in range(KILLS):
        before = commit(index)
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while commit(index) == before and process.poll() is None:
            time.sleep(0.005)
        time.sleep(chance.uniform(0.0, 0.3))  # the next commit is being prepared
        process.send_signal(signal.SIGKILL)
        process.wait()
        result = subprocess.run(check, capture_output=True, text=True)
        assert result.returncode == 0, result.stdout + result.stderr
        halfway += 0 < json.loads((index / "index.json").read_text())["counts"]["documents"] < DOCUMENTS
    assert halfway >= 2, "the kills missed the moments that matter"
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert len(summary["added"]) + summary["unchanged"] == DOCUMENTS
    assert subprocess.run(check, capture_output=True).returncode == 0
    found = subprocess.run([PLAIT, "search", "word7999", "--index", index, "--json"], capture_output=True, text=True)
    assert [hit["document"] for hit in json.loads(found.stdout)["hits"]] == ["d7999"]


def commit(index: Path) -> int:
    """Number of the current commit; 0 while there is no index."""
    try:
        return int(json.loads((index / "index.json").read_text())["number"])
    except FileNotFoundError:
        return 0
