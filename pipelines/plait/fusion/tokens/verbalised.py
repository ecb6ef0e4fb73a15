"""Structure in words, for models that take only text: how the passages of a prompt are tied to each other.

Only ties between documents that are in the prompt are named, by their numbers there, strongest first, as many as fit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby, takewhile

from plait.contracts.errors import ConfigError
from plait.docgraph import DocumentGraph

__all__ = ["verbalised"]

_SAME = "is from the same document as"
_PHRASES = {
    "same_as": "is another version of",
    "cites": "cites",
    "co_author": "shares authors with",
    "co_citation": "is often cited together with",
    "bibliographic_coupling": "shares references with",
    "co_topic": "shares topics with",
    "co_institution": "shares institutions with",
    "co_venue": "appeared in the same venue as",
}
"""Strongest first: what a document says itself, then what people, then what readers and lists of references say."""
_DIRECTED = frozenset({"cites"})


@dataclass(frozen=True, slots=True)
class _Tie:
    rank: int
    weight: float
    source: int
    target: int
    phrase: str


def verbalised(graph: DocumentGraph, documents: Sequence[str], *, limit: int, count: Callable[[str], int] = len) -> str:
    """The ties between the documents of a prompt, one line a passage; empty where there is nothing to say, or no room.

    Ties are taken by relation, in the order of what they say about two papers, then by weight, then by number. A tie
    that does not fit ends the list: weaker ones are not slipped in where a stronger one had to stay out. How many were
    left out is said too, where that fits. Ties that go both ways are named once, from the lower number.

    Args:
        graph: the document graph.
        documents: passage ``i + 1`` of the prompt is from the document ``documents[i]``.
        limit: most that ``count`` may give for the text.
        count: measures a text; characters by default, or a function that counts a model's tokens.

    Raises:
        ConfigError: the limit is negative.
        DocumentError: the graph has no such document.

    Example:
        >>> from plait.contracts import Document, Reference
        >>> from plait.docgraph import build_graph
        >>> def paper(name, *cited, authors=()):
        ...     references = tuple(Reference(identifiers={"id": c}) for c in cited)
        ...     return Document(name, name, (), {"authors": list(authors)}, references)
        >>> graph = build_graph([paper("a", "c", authors=["Ada Lovelace"]), paper("b", authors=["Ada Lovelace"]),
        ...                      paper("c", "b")])
        >>> print(verbalised(graph, ["a", "b", "c"], limit=200))
        [1] cites [3]; shares authors with [2].
        [3] cites [2].
    """
    if limit < 0:
        raise ConfigError(f"the limit is {limit}", where="verbalised structure", fix="give 0 or more")
    ties = _ties(graph, documents)
    lists = (_told(ties[:said]) for said in range(1, len(ties) + 1))
    fitting = list(takewhile(lambda text: count(text) <= limit, lists))
    # A reader who is not told that ties are missing takes the list for whole: rather one tie less.
    for said in range(len(fitting), 0, -1):
        left_out = len(ties) - said
        text = fitting[said - 1]
        if left_out:
            text += f"\n({left_out} weaker tie{'s' if left_out > 1 else ''} left out)"
        if count(text) <= limit:
            return text
    return fitting[0] if fitting else ""


def _ties(graph: DocumentGraph, documents: Sequence[str]) -> list[_Tie]:
    nodes = [graph.number(document) for document in documents]
    places: dict[int, list[int]] = {}
    for number, node in enumerate(nodes, start=1):
        places.setdefault(node, []).append(number)
    found = [_Tie(-1, 0.0, numbers[0], later, _SAME) for numbers in places.values() for later in numbers[1:]]
    for rank, (name, phrase) in enumerate(_PHRASES.items()):
        relation = graph.relations.get(name)
        if relation is None:
            continue
        for node, numbers in places.items():
            for target, weight in zip(*(part.tolist() for part in relation.of(node)), strict=True):
                if target not in places:
                    continue
                # Of several passages of one document the first speaks for all.
                source, other = numbers[0], places[target][0]
                if name in _DIRECTED or source < other:
                    found.append(_Tie(rank, weight, source, other, phrase))
    return sorted(found, key=lambda tie: (tie.rank, -tie.weight, tie.source, tie.target))


def _told(ties: Sequence[_Tie]) -> str:
    lines = []
    # The sort is stable: within a passage, ties stay in their order of strength.
    for source, of_source in groupby(sorted(ties, key=lambda tie: tie.source), key=lambda tie: tie.source):
        clauses = [
            f"{phrase} {_listed([tie.target for tie in alike])}"
            for phrase, alike in groupby(of_source, key=lambda tie: tie.phrase)
        ]
        lines.append(f"[{source}] {'; '.join(clauses)}.")
    return "\n".join(lines)


def _listed(numbers: Sequence[int]) -> str:
    shown = [f"[{number}]" for number in numbers]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
