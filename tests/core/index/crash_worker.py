"""Writers to be killed by test_writer_crash.py.

Importing lancedb takes over a second, so this process imports it once and forks a writer for each path it reads.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np

from plait.contracts import Column, Document, Passage, Section, Source, Text
from plait.index import Index

DOCUMENTS = 60


def document(number: int) -> Document:
    """The document of a number."""
    texts = tuple(Text(f"Sentence {n} of document {number}. " * (1 + number % 7)) for n in range(3))
    source = Source(f"/corpus/{number}.md", "0", "markdown")
    return Document(f"d{number:03}", f"Title {number}", (Section("", texts),), {"n": number}, source=source)


def write(path: Path, log: Path) -> None:
    """Adds 60 documents, two in a commit, skipping what is there; document 0 is rewritten by every commit.

    Notes in ``log`` that it has begun, and then the number of each commit once that is made.
    """
    with log.open("a", encoding="utf-8", buffering=1) as notes:
        notes.write("begun\n")
        index = Index.open(path, keep_commits=6) if Index.exists(path) else Index.create(path, keep_commits=6)
        with index.writer(timeout=30) as writer:
            writer.declare([Column("v", "vector", 16), Column("t", "sparse"), Column("x", "text")])
            while missing := sorted({f"d{n:03}" for n in range(DOCUMENTS)} - set(writer.view.document_ids)):
                documents = {name: document(int(name[1:])) for name in ("d000", *missing[:2])}.values()
                passages = [
                    Passage(f"{d.id}#{n}", d.id, n, block.start, block.end, block.block.text)
                    for d in documents
                    for n, block in enumerate(d.placed())
                ]
                vectors = np.eye(16, dtype=np.float32)[[len(p.text) % 16 for p in passages]]
                terms = [dict.fromkeys(p.text.split(), 1.0) for p in passages]
                writer.put(list(documents), passages, {"v": vectors, "t": terms, "x": [p.text for p in passages]})
                notes.write(f"{writer.commit(missing[0], identity={'v': 1}).number}\n")


def serve() -> None:
    """For each ``path<TAB>log`` on stdin: forks a writer, says its pid, and at the next line says how it ended."""
    import lancedb  # noqa: F401 - so that the forked writers have it
    import pyarrow.compute  # noqa: F401 - likewise

    print("ready", flush=True)  # noqa: T201 - the protocol
    for line in sys.stdin:
        path, log = line.rstrip("\n").split("\t")
        child = os.fork()
        if child == 0:
            code = 1
            try:
                write(Path(path), Path(log))
                code = 0
            finally:
                os._exit(code)
        print(child, flush=True)  # noqa: T201 - the protocol
        sys.stdin.readline()
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)  # noqa: T201 - the protocol


if __name__ == "__main__":
    serve()
