"""How well the PDF reader finds what the JATS reader knows, on papers that exist as both.

    python benchmarks/readers.py PAPERS [--json OUT]
    python benchmarks/readers.py PAPERS --constants     # some ten minutes

PAPERS is a folder with one sub-folder a paper, each holding a PDF and (somewhere below) its JATS full text.

Recall: the share of the words of the JATS body's paragraphs that stand in the PDF's body text in the same order
(longest common subsequence over words; lower case, letters and digits only).

Bibliography: the titles of the JATS references
must not stand in the PDF's body text, except where the JATS body itself mentions them, and must stand in its
references.

``--constants`` tells what each number in the layout's modules does: it is set to 0.7 and 1.4 of its value (whole
numbers to half and double), all papers are read again, and what differs from the numbers as they are is printed.
"""

from __future__ import annotations

import argparse
import ast
import functools
import re
import statistics
import sys
import time
import types
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import plait.readers.pdf
import plait.readers.pdf_document
from plait.contracts import Document, ReadReport, Text
from plait.evaluation.reporting import json_report, rows_of, write_json
from plait.readers.jats import JatsReader
from plait.readers.pdf import PdfReader

MIN_TITLE_WORDS = 4
LAYOUT = ("pdf_lines", "pdf_paragraphs", "pdf_document")
"""The layout's modules, each after those that it imports."""


def normalised(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.casefold().replace("\u00ad", ""))


def longest_common_subsequence(first: Sequence[str], second: Sequence[str]) -> int:
    """Length, by the bit-parallel algorithm of Hyyrö (2004): one addition of long integers a word."""
    positions: dict[str, int] = defaultdict(int)
    for index, word in enumerate(first):
        positions[word] |= 1 << index
    full = (1 << len(first)) - 1
    row = full
    for word in second:
        matches = row & positions.get(word, 0)
        row = ((row + matches) | (row - matches)) & full
    return len(first) - row.bit_count()


def paragraphs(document: Document) -> list[str]:
    return [block.text for section in document.sections for block in section.blocks if isinstance(block, Text)]


def everything(document: Document) -> str:
    return "\n".join(block.text for section in document.sections for block in section.blocks)


def compare(pdf: Document, jats: Document) -> dict[str, Any]:
    wanted = normalised(" ".join(paragraphs(jats)))
    found = normalised(everything(pdf))
    titles = [" ".join(normalised(reference.title)) for reference in jats.references]
    titles = [title for title in titles if title.count(" ") >= MIN_TITLE_WORDS - 1]
    body, gold_body = f" {' '.join(found)} ", f" {' '.join(normalised(everything(jats)))} "
    listed = f" {' '.join(normalised(' '.join(reference.text for reference in pdf.references)))} "
    return {
        "recall": longest_common_subsequence(wanted, found) / len(wanted),
        "words": len(wanted),
        "pdf_words": len(found),
        "titles": len(titles),
        "titles_in_body": sum(f" {title} " in body and f" {title} " not in gold_body for title in titles),
        "titles_in_references": sum(f" {title} " in listed for title in titles),
        "references": len(pdf.references),
        "gold_references": len(jats.references),
        "title_right": normalised(pdf.title) == normalised(jats.title),
    }


def read(reader: PdfReader | JatsReader, path: Path, report: ReadReport) -> Document:
    return next(iter(reader.read(path, report)))


def whole(pdf: Document, jats: Document) -> dict[str, int]:
    """What :func:`compare` does not count: headings and paragraphs that stand in both, word for word."""
    wanted = [normalised(section.title) for section in jats.sections if section.title and section.role == "body"]
    found = [normalised(re.sub(r"^[\d.]+\s", "", section.title)) for section in pdf.sections if section.title]
    both = {" ".join(normalised(text)) for text in paragraphs(jats)} & {
        " ".join(normalised(text)) for text in paragraphs(pdf)
    }
    return {
        "headings": sum(heading in found for heading in wanted),
        "false_headings": sum(heading not in wanted and heading != ["notes"] for heading in found),
        "paragraphs": len(both),
    }


def effects(papers: Sequence[tuple[Path, Document]]) -> Iterator[str]:
    """A line for each number of the layout and each of its two other values."""
    folder = Path(plait.readers.pdf_document.__file__).parent
    sources = {name: (folder / f"{name}.py").read_text() for name in LAYOUT}
    plait.readers.pdf._read_pages = functools.cache(plait.readers.pdf._read_pages)  # type: ignore[assignment]

    def figures(changed: dict[str, ast.Module]) -> dict[str, float]:
        for name in LAYOUT:
            module = types.ModuleType(f"plait.readers.{name}")
            sys.modules[module.__name__] = module
            exec(compile(changed.get(name) or sources[name], name, "exec"), module.__dict__)  # noqa: S102
        totals: dict[str, float] = defaultdict(float)
        for path, jats in papers:
            pdf = read(PdfReader(), path, ReadReport())
            found = compare(pdf, jats)
            kept = {key: found[key] for key in ("titles_in_body", "titles_in_references", "references", "title_right")}
            for key, value in (kept | whole(pdf, jats) | {"recall": found["recall"] / len(papers)}).items():
                totals[key] += value
        return {key: round(value, 4) for key, value in totals.items()}

    base = figures({})
    yield f"as they are: {base}"
    for name in LAYOUT:
        tree = ast.parse(sources[name])
        numbers = [
            node for node in ast.walk(tree) if isinstance(node, ast.Constant) and type(node.value) in {int, float}
        ]
        for node in sorted(numbers, key=lambda node: (node.lineno, node.col_offset)):
            value = node.value
            for factor in (0.5, 2) if isinstance(value, int) else (0.7, 1.4):
                node.value = round(value * factor) if isinstance(value, int) else value * factor
                if node.value == value or (isinstance(value, int) and abs(value) < 2):
                    continue
                try:
                    found = figures({name: tree})
                    effect = {key: found[key] for key in base if found[key] != base[key]} or "the same"
                except Exception as error:  # a number that the code cannot do without
                    effect = f"{type(error).__name__}: {error}"
                yield f"{name}:{node.lineno} {value:g} -> {node.value:g}: {effect}"
            node.value = value


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("papers", type=Path)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--constants", action="store_true", help="tell what each number of the layout does")
    arguments = parser.parse_args()
    jats_reader, report = JatsReader(), ReadReport()
    papers: dict[str, tuple[Path, Document]] = {}
    for folder in sorted(path for path in arguments.papers.iterdir() if path.is_dir()):
        pdfs = sorted(folder.rglob("*.pdf"))
        articles = [path for path in sorted(folder.rglob("*")) if jats_reader.accepts(path)]
        if pdfs and articles:
            papers[folder.name] = (pdfs[0], read(jats_reader, articles[0], report))
    if not papers:
        print(f"{arguments.papers}: no folder holds both a PDF and a JATS article", file=sys.stderr)
        return 1
    if arguments.constants:
        for line in effects(list(papers.values())):
            print(line, flush=True)
        return 0
    rows: dict[str, dict[str, Any]] = {}
    for name, (path, jats) in papers.items():
        started = time.perf_counter()
        pdf = read(PdfReader(), path, report)
        seconds = time.perf_counter() - started
        rows[name] = compare(pdf, jats) | {"seconds": seconds}
    excluded = [not row["titles_in_body"] for row in rows.values() if row["titles"]]
    listed = sum(row["titles_in_references"] for row in rows.values()) / sum(row["titles"] for row in rows.values())
    summary = {
        "papers": len(rows),
        "mean_recall": statistics.mean(row["recall"] for row in rows.values()),
        "least_recall": min(row["recall"] for row in rows.values()),
        "bibliography_excluded": sum(excluded) / len(excluded),
        "reference_titles_found": listed,
        "references": sum(row["references"] for row in rows.values()),
        "gold_references": sum(row["gold_references"] for row in rows.values()),
        "titles_right": sum(row["title_right"] for row in rows.values()) / len(rows),
        "mean_seconds": statistics.mean(row["seconds"] for row in rows.values()),
    }
    if arguments.json:
        told = json_report(rows_of(arguments.papers.name, {"mean": summary, **rows}), summary=summary, papers=rows)
        write_json(arguments.json, told)
    print(f"{'paper':<14}{'recall':>8}{'words':>8}{'pdf':>8}{'refs':>6}{'gold':>6}{'leaked':>8}{'listed':>8}{'s':>7}")
    for name, row in rows.items():
        leaked, found = f"{row['titles_in_body']}/{row['titles']}", f"{row['titles_in_references']}/{row['titles']}"
        counts = f"{row['words']:>8}{row['pdf_words']:>8}{row['references']:>6}{row['gold_references']:>6}"
        print(f"{name:<14}{row['recall']:>8.3f}{counts}{leaked:>8}{found:>8}{row['seconds']:>7.2f}")
    for key, value in summary.items():
        print(f"{key}: {value:.3f}" if isinstance(value, float) else f"{key}: {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
