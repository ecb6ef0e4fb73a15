"""A real vLLM server on loopback, and SmolLM2 in it, for ``make test-vllm`` in the environment of ``make vllm``."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from plait.contracts import GenerationRequest, Message, Query, Slot
from plait.generators.vllm.engine import ENVIRONMENT, engine_folder

WINDOW = 2048
STARTS_WITHIN = 600
"""Seconds; one to three minutes are usual, on a machine that does nothing else."""


@pytest.fixture(scope="session")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the server answers, up to ``/v1``."""
    folder = engine_folder("smollm2-135m", "tests/vllm")
    log = tmp_path_factory.mktemp("vllm") / "server.log"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = ["--model", str(folder), "--served-model-name", "smollm2-135m", "--host", "127.0.0.1",
                 "--port", str(port), "--dtype", "bfloat16", "--enforce-eager", "--enable-prompt-embeds",
                 "--max-model-len", str(WINDOW)]  # fmt: skip
    settings = {name: value for name, value in ENVIRONMENT.items() if name != "VLLM_ENABLE_V1_MULTIPROCESSING"}
    with log.open("wb") as out:
        server = subprocess.Popen(
            [sys.executable, "-m", "vllm.entrypoints.openai.api_server", *arguments],
            stdout=out, stderr=subprocess.STDOUT, env={**settings, **os.environ}, cwd=log.parent,
        )  # fmt: skip
        try:
            _await(server, f"http://127.0.0.1:{port}/health", log)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.terminate()
            try:
                server.wait(timeout=60)
            except subprocess.TimeoutExpired:
                server.kill()


def _await(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    end = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < end:
        if server.poll() is not None:
            break
        try:
            if httpx2.get(url, timeout=5, trust_env=False).status_code == 200:
                return
        except httpx2.TransportError:
            pass
        time.sleep(1)
    lines = log.read_text(errors="replace").splitlines()[-30:]
    pytest.fail(f"the server did not start within {STARTS_WITHIN} seconds:\n" + "\n".join(lines))


QUESTIONS = (
    "What is the capital of France?",
    "Which river flows through Paris?",
    "Is Paris the capital of Italy?",
    "How many people live in Paris?",
)


@pytest.fixture(scope="session")
def ask():
    """Makes a request about Paris: ``ask(number, **settings)``; its passage has a slot."""

    def make(number: int = 0, **settings) -> GenerationRequest:
        text = "<passage>\nParis is the capital of France. The Seine flows through it. 2.1 million people live there."
        content = f"{text}\n</passage>\n\nQuestion: {QUESTIONS[number % len(QUESTIONS)]}"
        turns = (Message("system", "Answer from the passage."), Message("user", content, (Slot(10, 1),)))
        return GenerationRequest(Query("q"), (), turns, **{"max_tokens": 24, **settings})

    return make
