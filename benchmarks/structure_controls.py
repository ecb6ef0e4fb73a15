"""How often `plait train docgraph` keeps what it learns from citations that mean nothing.

    python benchmarks/structure_controls.py INDEX [--graphs 20] [--json OUT]      INDEX: made by `plait index add`

The citations that the index's documents state are dealt out anew: every document cites as many as before and is cited
by as many, and nothing else is left of them. Authors, topics and texts stay. From each such graph, and from the true
one, encoder and walk are learnt and judged as the command does, with the pipeline and the settings that the index was
written with; nothing is written. Exits with 1 when more than one shuffled graph has anything kept, or the true one has
nothing kept.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from plait.contracts import IndexView, TrainableFusion
from plait.docgraph import DocumentGraph, GraphSettings, graph_of_view
from plait.docgraph.rewiring import swapped
from plait.evaluation.reporting import environment, json_report, rows_of, write_json
from plait.rag import Rag, open_index
from plait.training.docgraph import docgraph_of
from plait.training.graph_encoder import train_encoder
from plait.training.graph_walk import learn_walk


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index", type=Path)
    parser.add_argument("--graphs", type=int, default=20)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    figures: dict[str, Any] = {"environment": environment(), "rows": {}}
    with open_index(options.index) as rag:
        settings = docgraph_of(rag).graph_settings
        for number in [*range(options.graphs), -1]:  # the true one last: it costs most
            graph = graph_of_view(rag.view, settings, facts=rag.view.edges()) if number < 0 else (
                nonsense(rag.view, settings, number)
            )  # fmt: skip
            name = "true" if number < 0 else f"shuffled {number}"
            figures["rows"][name] = row = judged(rag, graph)
            shown = ", ".join(f"{key} {value:.4f}" for key, value in row.items() if isinstance(value, float))
            print(f"{name:12} vectors {row['vectors']:8} walk {row['walk']:8} {shown}", flush=True)
    shuffled = [row for name, row in figures["rows"].items() if name != "true"]
    figures["kept"] = sum("kept" in (row["vectors"], row["walk"]) for row in shuffled)
    figures["true kept"] = "kept" in (figures["rows"]["true"]["vectors"], figures["rows"]["true"]["walk"])
    print(
        f"of {len(shuffled)} shuffled graphs {figures['kept']} had anything kept; the true one: {figures['true kept']}"
    )
    if options.json:
        told = {key: value for key, value in figures.items() if key != "environment"}
        write_json(options.json, json_report(rows_of(options.index.stem, told), figures=figures))
    return 0 if figures["kept"] <= 1 and figures["true kept"] else 1


def nonsense(view: IndexView, settings: GraphSettings, seed: int) -> DocumentGraph:
    """The graph of an index whose documents cite as often and are cited as often as they do, and by whom is chance."""
    facts = list(view.edges() or ())
    numbers = {document_id: number for number, document_id in enumerate(view.document_ids)}
    stated = {
        (numbers[fact.source], numbers[fact.target]): place
        for place, fact in enumerate(facts)
        if fact.relation == "cites" and fact.target in numbers
    }
    source, target = np.array(list(stated)).T
    dealt = swapped(source, target, np.random.default_rng((99, seed)))
    for place, number in zip(stated.values(), dealt.tolist(), strict=True):
        facts[place] = replace(facts[place], target=view.document_ids[number])
    return graph_of_view(view, settings, facts=facts)


def judged(rag: Rag, graph: DocumentGraph) -> dict[str, Any]:
    """Whether encoder and walk are kept, and their gains beside the bound that shuffling set."""
    source = docgraph_of(rag)
    start = time.process_time()
    row: dict[str, Any] = {"vectors": "none"}
    if source.training_settings is not None:
        fusion = rag.parts.fusion if isinstance(rag.parts.fusion, TrainableFusion) else None
        encoder = train_encoder(graph, source.text_vectors(rag.view), source.training_settings, fusion)
        row |= {"vectors": "refused" if encoder.reason else "kept", "link AUC over text": encoder.gain.value}
        row |= {"its bound": encoder.gain.bound, "reason of vectors": encoder.reason}
    walk = learn_walk(rag, source, graph=graph)
    row |= {"walk": "refused" if walk.reason else "kept", "reason of walk": walk.reason}
    if "fused" in walk.gains:
        row |= {"nDCG@10 over text": walk.gains["fused"].value, "bound of that": walk.gains["fused"].bound}
    row["CPU-s"] = time.process_time() - start
    return row


if __name__ == "__main__":
    sys.exit(main())
