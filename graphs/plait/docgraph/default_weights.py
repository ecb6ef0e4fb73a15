"""Traversal weights for indexes on which none were learnt.

Learnt by :func:`plait.docgraph.weighing.learn_weights` from 400 recent papers of the ACL Anthology network, whose
titles had to find what they cite. ``plait train docgraph`` learns those of an index from its own citations.
"""

from __future__ import annotations

from plait.docgraph.traversal import TraversalWeights

__all__ = ["DEFAULT_WEIGHTS"]

DEFAULT_WEIGHTS = TraversalWeights(
    weights={
        "text": 0.069,
        "in_degree": 0.076,
        "cited_by_hits": 0.0356,
        "cited_by_nearest": 0.0129,
        "cites_hits": 0.0404,
        "co_cited": 0.1869,
        "coupled": 0.0606,
        "neighbours": 0.0602,
        "pagerank": 1.0262,
        "pagerank_near": 0.0668,
        "citing_text": 0.0338,
    },
    scales={
        "text": 0.1291,
        "in_degree": 1.0117,
        "cited_by_hits": 0.5894,
        "cited_by_nearest": 0.3361,
        "cites_hits": 0.7098,
        "co_cited": 0.7951,
        "coupled": 0.3877,
        "neighbours": 0.4631,
        "pagerank": 1.6748,
        "pagerank_near": 1.4311,
        "citing_text": 0.1578,
    },
)
