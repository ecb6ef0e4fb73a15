"""Throughput of the generators, and what remembering a shared context saves, on SmolLM2-135M.

    .venv-vllm/bin/python benchmarks/generators.py [--server] [--rounds N] [--json OUT]     # after 'make vllm'
    .venv/bin/python benchmarks/generators.py                                               # transformers alone

Every backend gets the same prompts, greedily, in bfloat16, in turn: one round of each, then the next round of each, so
that a busy machine is busy for all. Every round opens all its prompts with another line: what a backend remembers of a
round before is of no use in the next, and a shared context is read once a round. CPU seconds are those of this process
and of every process below it, the server's included. Where vLLM is not installed, or without ``--server``, that part is
named as not measured.
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from plait.contracts import Generation, GenerationRequest, Message, Query
from plait.contracts.errors import PlaitError
from plait.evaluation.reporting import environment, json_report, rows_of, write_json
from plait.generators.local.generator import Config, Transformers

NOTES = Path(__file__).resolve().parent.parent / "examples" / "papers"
BATCH = 16
QUESTIONS = 20
STARTS_WITHIN = 600
_TURNS = ("Amber", "Basalt", "Cedar", "Dune", "Ember", "Fjord", "Garnet", "Heath", "Indigo", "Juniper")
"""First words of a round's prompts; a word each, so that all rounds are equally long or nearly so."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one piece of work took and gave."""

    cpu: float
    wall: float
    prompt_tokens: int
    written_tokens: int
    texts: tuple[str, ...]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Throughput of the generators and the gain of a remembered context.")
    parser.add_argument("--rounds", type=int, default=3, choices=range(1, len(_TURNS)), help="rounds (default 3)")
    parser.add_argument("--tokens", type=int, default=32, help="longest answer (default 32)")
    parser.add_argument("--server", action="store_true", help="measure a vLLM server on loopback as well")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args(arguments)
    console = Console(highlight=False, width=120)
    with ExitStack() as stack:
        backends, missing = backends_here(stack, options.server)
        single = measured("Alone", options.rounds, {
            name: lambda turn, generator=generator: one_by_one(generator, throughput_requests(options.tokens, turn))
            for name, generator in backends.items()
        })  # fmt: skip
        batch = measured("Together", options.rounds, {
            name: lambda turn, generator=generator: generator.generate(throughput_requests(options.tokens, turn))
            for name, generator in backends.items()
        })  # fmt: skip
        shared = measured("Shared", options.rounds, shared_work(backends, options.tokens))
    result = {
        "throughput": {
            f"{name}, {how}": summary(costs)
            for how, found in (("one by one", single), (f"batch of {BATCH}", batch))
            for name, costs in found.items()
        },
        "shared_context": shared_summary(shared),
        "not_measured": missing,
        "environment": environment(),
        "load_average": os.getloadavg()[0],
    }
    console.print(throughput_table(result["throughput"]), shared_table(result["shared_context"]))
    for name, reason in missing.items():
        console.print(f"{name}: NOT measured, {reason}")
    console.print(f"load average {result['load_average']:.1f} on {result['environment']['cores']} cores", style="dim")
    if options.json:
        figures = {name: {key: value for key, value in own.items() if key != "rounds"} for part in
                   ("throughput", "shared_context") for name, own in result[part].items()}  # fmt: skip
        write_json(options.json, json_report(rows_of("throughput", figures), **result))
    return 0


def backends_here(stack: ExitStack, with_server: bool) -> tuple[dict[str, Any], dict[str, str]]:
    """The generators that can run here, and why the others cannot."""
    backends: dict[str, Any] = {"transformers": Transformers(Config(dtype="bfloat16", repetition_penalty=1.0))}
    missing: dict[str, str] = {}
    if find_spec("vllm") is None:
        why = "vLLM is not installed in this environment; run it with .venv-vllm/bin/python after 'make vllm'"
        return backends, {"vllm": why, "vllm-server": why}
    from plait.generators.vllm.generator import Config as VllmConfig
    from plait.generators.vllm.generator import Vllm

    backends["vllm"] = Vllm(VllmConfig(window=4096))
    stack.callback(backends["vllm"].close)
    if with_server:
        from plait.generators.vllm.server import Config as ServerConfig
        from plait.generators.vllm.server import VllmServer

        url = stack.enter_context(server())
        backends["vllm-server"] = VllmServer(ServerConfig(base_url=url, concurrency=BATCH))
    else:
        missing["vllm-server"] = "ask for it with --server"
    return backends, missing


def throughput_requests(tokens: int, turn: str) -> list[GenerationRequest]:
    """Sixteen prompts that share no more than their first words."""
    notes = sorted(NOTES.glob("*.md"))[:BATCH]
    return [
        _request(f"{note.read_text(encoding='utf-8')[:1200]}\n\nQuestion: What is this note about?", tokens, turn)
        for note in notes
    ]


def shared_requests(tokens: int, turn: str) -> list[GenerationRequest]:
    """Twenty questions over one context of about 1,500 tokens."""
    context = "\n\n".join(note.read_text(encoding="utf-8")[:1500] for note in sorted(NOTES.glob("*.md"))[:4])
    topics = ("method", "result", "data", "baseline", "limit", "cost", "model", "idea", "training", "evaluation")
    asked = [f"{verb} the {topic} of note {1 + n % 4}?" for verb in ("What is", "Why is there")
             for n, topic in enumerate(topics)]  # fmt: skip
    return [_request(f"{context}\n\nQuestion: {question}", tokens, turn) for question in asked[:QUESTIONS]]


def _request(content: str, tokens: int, turn: str) -> GenerationRequest:
    turns = (Message("system", f"{turn}. Answer from the passages."), Message("user", content))
    return GenerationRequest(Query("benchmark"), (), turns, max_tokens=tokens)


def one_by_one(generator: Any, requests: Sequence[GenerationRequest]) -> list[Generation]:
    return [whole(generator.stream(request)) for request in requests]


def whole(chunks: Any) -> Generation:
    found = list(chunks)
    last = found[-1]
    return Generation("".join(chunk.text for chunk in found), last.finish_reason, last.usage, last.detail)


def shared_work(backends: dict[str, Any], tokens: int) -> dict[str, Callable[[str], list[Generation]]]:
    """Each backend that can be told to remember or to forget, in both ways."""
    remembering = backends["transformers"]
    forgetting = Transformers(remembering.config.model_copy(update={"prefix_megabytes": 0}))
    work: dict[str, Callable[[str], list[Generation]]] = {
        "transformers, remembering": lambda turn: one_by_one(remembering, shared_requests(tokens, turn)),
        "transformers, forgetting": lambda turn: one_by_one(forgetting, shared_requests(tokens, turn)),
    }
    if "vllm" in backends:
        engine = backends["vllm"]

        def cleared(turn: str) -> list[Generation]:
            answers = []
            for request in shared_requests(tokens, turn):
                engine.forget_prefixes()
                answers.append(whole(engine.stream(request)))
            return answers

        work["vllm, remembering"] = lambda turn: one_by_one(engine, shared_requests(tokens, turn))
        work["vllm, forgetting"] = cleared
    return work


def measured(kind: str, rounds: int, work: dict[str, Callable[[str], list[Generation]]]) -> dict[str, list[Cost]]:
    """Every piece of work once without the clock, then ``rounds`` times in turn."""
    names = (f"{kind} {word}" for word in _TURNS)
    turn = next(names)
    for once in work.values():
        once(turn)
    costs: dict[str, list[Cost]] = {name: [] for name in work}
    for _ in range(rounds):
        turn = next(names)
        for name, once in work.items():
            cpu, wall = cpu_seconds(), time.perf_counter()
            answers = once(turn)
            cpu, wall = cpu_seconds() - cpu, time.perf_counter() - wall
            read = sum(answer.usage.prompt_tokens for answer in answers if answer.usage)
            written = sum(answer.usage.completion_tokens for answer in answers if answer.usage)
            costs[name].append(Cost(cpu, wall, read, written, tuple(answer.text for answer in answers)))
    return costs


def cpu_seconds() -> float:
    """Of this process and of all below it."""
    total = 0.0
    here = psutil.Process()
    for process in (here, *here.children(recursive=True)):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


def summary(costs: Sequence[Cost]) -> dict[str, Any]:
    """Medians over the rounds."""
    return {
        "written_per_cpu_second": statistics.median(cost.written_tokens / cost.cpu for cost in costs),
        "written_per_second": statistics.median(cost.written_tokens / cost.wall for cost in costs),
        "cpu_seconds": statistics.median(cost.cpu for cost in costs),
        "prompt_tokens": costs[0].prompt_tokens,
        "written_tokens": costs[0].written_tokens,
        "rounds": [{key: value for key, value in asdict(replace(cost, texts=())).items() if key != "texts"}
                   for cost in costs],
    }  # fmt: skip


def shared_summary(costs: dict[str, list[Cost]]) -> dict[str, Any]:
    """CPU seconds a question in both ways, the gain, and how many answers came out the same."""
    found = {}
    for name in {name.split(",")[0]: None for name in costs}:
        kept, forgot = costs[f"{name}, remembering"], costs[f"{name}, forgetting"]
        with_memory, without = (statistics.median(cost.cpu for cost in each) / QUESTIONS for each in (kept, forgot))
        same = sum(a == b for a, b in zip(kept[-1].texts, forgot[-1].texts, strict=True))
        found[name] = {
            "cpu_seconds_remembering": with_memory,
            "cpu_seconds_forgetting": without,
            "gain": without / with_memory,
            "same_answers": same,
            "questions": QUESTIONS,
            "prompt_tokens": kept[0].prompt_tokens // QUESTIONS,
        }
    return found


@contextmanager
def server() -> Iterator[str]:
    """A vLLM server on a free port of loopback; its address up to ``/v1``."""
    from plait.generators.vllm.engine import ENVIRONMENT, engine_folder
    from plait.generators.vllm.server import Config as ServerConfig
    from plait.generators.vllm.server import VllmServer

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server",
               "--model", str(engine_folder("smollm2-135m", "benchmark")), "--served-model-name", "smollm2-135m",
               "--host", "127.0.0.1", "--port", str(port), "--dtype", "bfloat16", "--enforce-eager",
               "--enable-prompt-embeds", "--max-model-len", "4096"]  # fmt: skip
    settings = {name: value for name, value in ENVIRONMENT.items() if name != "VLLM_ENABLE_V1_MULTIPROCESSING"}
    with tempfile.TemporaryFile() as log:
        child = subprocess.Popen(  # noqa: S603  (our own interpreter and arguments)
            command, stdout=log, stderr=subprocess.STDOUT, env={**settings, **os.environ}, cwd=tempfile.gettempdir()
        )
        try:
            url = f"http://127.0.0.1:{port}/v1"
            end = time.monotonic() + STARTS_WITHIN
            while True:
                try:
                    VllmServer(ServerConfig(base_url=url, retries=0)).check_health()
                    break
                except PlaitError:
                    if child.poll() is not None or time.monotonic() > end:
                        raise
                    time.sleep(1)
            yield url
        finally:
            child.terminate()
            try:
                child.wait(timeout=60)
            except subprocess.TimeoutExpired:
                child.kill()


def throughput_table(found: dict[str, Any]) -> Table:
    shown = Table(title="Throughput, greedy, bfloat16 (median of the rounds)", title_justify="left")
    for heading in ("backend", "tokens read", "written", "written / CPU-s", "written / s", "CPU-s"):
        shown.add_column(heading, justify="left" if heading == "backend" else "right")
    for name, values in found.items():
        shown.add_row(
            name, f"{values['prompt_tokens']:,}", f"{values['written_tokens']:,}",
            f"{values['written_per_cpu_second']:.1f}", f"{values['written_per_second']:.1f}",
            f"{values['cpu_seconds']:.1f}",
        )  # fmt: skip
    return shown


def shared_table(found: dict[str, Any]) -> Table:
    shown = Table(title=f"{QUESTIONS} questions over one context, one after the other", title_justify="left")
    for heading in ("backend", "prompt tokens", "CPU-s a question", "without memory", "gain", "same answers"):
        shown.add_column(heading, justify="left" if heading == "backend" else "right")
    for name, values in found.items():
        shown.add_row(
            name, f"{values['prompt_tokens']:,}", f"{values['cpu_seconds_remembering']:.2f}",
            f"{values['cpu_seconds_forgetting']:.2f}", f"{values['gain']:.2f} x",
            f"{values['same_answers']}/{values['questions']}",
        )  # fmt: skip
    return shown


if __name__ == "__main__":
    try:
        sys.exit(main())
    except PlaitError as error:
        sys.exit(f"error: {error}")
