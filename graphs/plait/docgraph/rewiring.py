r"""A graph with the same degrees and nothing else in common: the control of every claim about structure.

Much of what a citation graph seems to know it knows by degrees alone: a document that is cited often is likely to be
cited by the next one too. So a claim has to hold beyond graphs that keep every document's number of references and of
citations, drawn by swapping ends (Rao, Jana and Bandyopadhyay 1996, *A Markov chain Monte Carlo method for generating
random (0,1)-matrices with given marginals*): of two edges the ends change places, :math:`a \to b,\, c \to d` become
:math:`a \to d,\, c \to b`, unless one of them is there already.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from plait.docgraph.graph import DocumentGraph
from plait.docgraph.matrices import later
from plait.docgraph.relations import ENTITY_KINDS, EntityKind, incidence

__all__ = ["Facts", "rewired", "swapped"]

Facts = Literal["citations"] | EntityKind
"""What is stated of documents and can be dealt out anew: who cites whom, or who has which authors, topics ..."""

_CITATIONS: tuple[Facts, ...] = ("citations",)
_ROUNDS = 20  # swaps tried for each edge, half of them as its first and half as its second

Numbers = NDArray[np.int64]


def rewired(graph: DocumentGraph, seed: int | tuple[int, ...], facts: Collection[Facts] = _CITATIONS) -> DocumentGraph:
    """The graph with its citations dealt out anew, and everything that is derived from them derived again.

    Every document cites as many documents as before and is cited by as many; none cites itself, or another twice; as
    many citations as before lead to a later document. Authors, topics, venues and institutions stay, unless ``facts``
    names them: then every document keeps their number, and they their number of documents.

    Args:
        graph: the graph.
        seed: of the swaps.
        facts: what is dealt out anew.
    """
    generator = np.random.default_rng(seed)
    base = graph.base
    if "citations" in facts:
        source, target = base.citations.nonzero()

        def future(citing: Numbers, cited: Numbers) -> NDArray[np.bool_]:
            return later(graph.years[cited], graph.years[citing])

        target = swapped(source.astype(np.int64), target.astype(np.int64), generator, kept=future)
        base = replace(base, citations=incidence(source.astype(np.int64), target, base.citations.shape))
    entities = dict(base.entities)
    for kind in ENTITY_KINDS:
        if kind in facts:
            own = entities[kind]
            entity = swapped(own.document, own.entity, generator, loops=True)
            entities[kind] = replace(own, members=incidence(own.document, entity, own.members.shape))
    return graph.derived_from(replace(base, entities=entities))


def swapped(
    source: Numbers,
    target: Numbers,
    generator: np.random.Generator,
    *,
    loops: bool = False,
    kept: Callable[[Numbers, Numbers], NDArray[Any]] | None = None,
    rounds: int = _ROUNDS,
) -> Numbers:
    """Targets for the same sources after many swaps of two edges' ends: both ends keep their degrees.

    Args:
        source: of the edges, which are all different, shape (edges,).
        target: the same shape.
        generator: draws which edges swap.
        loops: whether an edge may lead to its source; so it is where sources and targets are numbered apart.
        kept: a property of edges; a swap leaves as many of the two with it as there were.
        rounds: how often each edge is tried.

    Example:
        >>> source, target = np.array([0, 0, 1, 2]), np.array([1, 2, 2, 0])
        >>> made = swapped(source, target, np.random.default_rng(0))
        >>> sorted(made.tolist()), bool((made != source).all())
        ([0, 1, 2, 2], True)
    """
    target = target.copy()
    if len(source) < 2:
        return target
    width = int(max(source.max(), target.max())) + 1
    half = len(source) // 2
    for _ in range(rounds):
        order = generator.permutation(len(source))
        one, other = order[:half], order[half : 2 * half]
        a, b, c, d = source[one], target[one], source[other], target[other]
        there = np.sort(source * width + target)
        first, second = a * width + d, c * width + b
        good = ~_among(first, there) & ~_among(second, there)
        if not loops:
            good &= (a != d) & (c != b)
        if kept is not None:
            before, after = (kept(*ends).astype(np.int8) for ends in ((a, b), (a, d)))
            good &= before + kept(c, d) == after + kept(c, b)
        # Swaps of one round must not make one edge twice.
        made, times = np.unique(np.concatenate([first[good], second[good]]), return_counts=True)
        twice = made[times > 1]
        good &= ~_among(first, twice) & ~_among(second, twice)
        target[one[good]], target[other[good]] = d[good], b[good]
    return target


def _among(values: Numbers, ordered: Numbers) -> NDArray[np.bool_]:
    places = np.searchsorted(ordered, values)
    found: NDArray[np.bool_] = ordered[np.minimum(places, len(ordered) - 1)] == values if len(ordered) else (
        np.zeros(len(values), np.bool_)
    )  # fmt: skip
    return found
