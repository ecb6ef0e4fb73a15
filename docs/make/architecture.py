"""Draws docs/architecture.svg from what the packages import, and lists them in docs/architecture.md.

    python docs/make/architecture.py [--check]

A package stands one row above the highest of those that it imports. A line is left out where a longer way says the same
(transitive reduction), so that what is drawn is what holds the house up. ``--check`` writes nothing and exits with 1
where picture or list are not what the code says.
"""

from __future__ import annotations

import argparse
import ast
import sys
from pathlib import Path
from xml.sax.saxutils import escape

import networkx as nx

ROOT = Path(__file__).resolve().parents[2]
PICTURE = ROOT / "docs" / "architecture.svg"
PAGE = ROOT / "docs" / "architecture.md"
BEGIN, END = "<!-- made from the code: begin -->\n", "<!-- made from the code: end -->\n"
COLOURS = {"core": "#dbe9f6", "plugins": "#fde8c8", "graphs": "#dcefd9", "pipelines": "#ecdff2"}
WIDTH, BOX, HEIGHT, STEP, TOP = 860, 118, 34, 74, 44


def main() -> int:
    parser = argparse.ArgumentParser(description="Draw the packages and what they import.")
    parser.add_argument("--check", action="store_true", help="only say whether page and picture are what the code says")
    options = parser.parse_args()
    areas = {place.name: area for area in COLOURS for place in packages(area)}
    graph = imports(areas)
    page = PAGE.read_text(encoding="utf-8")
    before, after = page.split(BEGIN)[0], page.split(END)[1]
    wanted = {PICTURE: picture(graph, areas), PAGE: before + BEGIN + listing(graph, areas) + END + after}
    for file, text in wanted.items():
        if not options.check:
            file.write_text(text, encoding="utf-8")
        elif not file.exists() or file.read_text(encoding="utf-8") != text:
            fix = "python docs/make/architecture.py"
            print(f"{file.relative_to(ROOT)} is not what the code says. Fix: {fix}", file=sys.stderr)
            return 1
    return 0


def packages(area: str) -> list[Path]:
    return sorted(file.parent for file in (ROOT / area / "plait").glob("*/__init__.py"))


def imports(areas: dict[str, str]) -> nx.DiGraph:
    """An edge from each package to every other one that it imports, anywhere in it."""
    graph = nx.DiGraph()
    graph.add_nodes_from(sorted(areas))
    for name, area in areas.items():
        for file in sorted((ROOT / area / "plait" / name).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                found = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                found += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                for parts in (module.split(".") for module in found):
                    if parts[0] == "plait" and len(parts) > 1 and parts[1] not in ("", name):
                        graph.add_edge(name, parts[1])
    if not nx.is_directed_acyclic_graph(graph):
        raise SystemExit(f"packages import each other in a circle: {nx.find_cycle(graph)}")
    return graph


def places(graph: nx.DiGraph, drawn: nx.DiGraph) -> dict[str, tuple[float, float]]:
    """The middle of each box; in a row, boxes stand near those that they are tied to."""
    level: dict[str, int] = {}
    for name in reversed(list(nx.lexicographical_topological_sort(graph))):
        level[name] = max((level[below] + 1 for below in graph.successors(name)), default=0)
    rows = [sorted(name for name in level if level[name] == height) for height in range(max(level.values()) + 1)]
    across: dict[str, float] = {}
    for row in rows:
        # From the bottom up: the mean place of what a package stands on, its name where that says nothing.
        wish = {name: [across[below] for below in drawn.successors(name)] for name in row}
        row.sort(key=lambda name: (sum(wish[name]) / len(wish[name]) if wish[name] else 0.0, name))
        for number, name in enumerate(row):
            across[name] = WIDTH * (number + 1) / (len(row) + 1)
    return {name: (across[name], TOP + HEIGHT / 2 + STEP * (len(rows) - 1 - level[name])) for name in level}


def picture(graph: nx.DiGraph, areas: dict[str, str]) -> str:
    drawn = nx.transitive_reduction(graph)
    place = places(graph, drawn)
    height = max(y for _, y in place.values()) + HEIGHT
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" font-family="sans-serif" '
        'font-size="13" role="img" aria-label="The packages of Plait and what they import">',
        f'<rect width="{WIDTH}" height="{height:g}" fill="white"/>',
    ]
    for number, (area, colour) in enumerate(COLOURS.items()):
        x = 12 + 104 * number
        lines.append(f'<rect x="{x}" y="10" width="14" height="14" fill="{colour}" stroke="#666"/>')
        lines.append(f'<text x="{x + 20}" y="22">{area}/</text>')
    for above, below in sorted(drawn.edges):
        (x1, y1), (x2, y2) = place[above], place[below]
        start, end = y1 + HEIGHT / 2, y2 - HEIGHT / 2
        lines.append(
            f'<path d="M{x1:.0f} {start:.0f} C{x1:.0f} {start + 26:.0f} {x2:.0f} {end - 26:.0f} {x2:.0f} {end:.0f}" '
            'fill="none" stroke="#999"/>'
        )
    for name, (x, y) in sorted(place.items()):
        left, top = f"{x - BOX / 2:.0f}", f"{y - HEIGHT / 2:.0f}"
        colour = COLOURS[areas[name]]
        lines.append(
            f'<rect x="{left}" y="{top}" width="{BOX}" height="{HEIGHT}" rx="6" fill="{colour}" stroke="#666"/>'
        )
        lines.append(f'<text x="{x:.0f}" y="{y + 5:.0f}" text-anchor="middle">{escape(name)}</text>')
    return "\n".join([*lines, "</svg>", ""])


def listing(graph: nx.DiGraph, areas: dict[str, str]) -> str:
    """The packages by area, with the first sentence of their docstring and what they import."""
    lines = ["| package | what it is for | imports |", "|---|---|---|"]
    for area in COLOURS:
        for name in (name for name, owner in areas.items() if owner == area):
            file = ROOT / area / "plait" / name / "__init__.py"
            said = (ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "").split("\n\n")[0]
            said = " ".join(said.replace("``", "`").split()).replace("|", "\\|")
            below = ", ".join(sorted(graph.successors(name))) or "nothing of Plait"
            lines.append(f"| `{area}/plait/{name}` | {said} | {below} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.exit(main())
