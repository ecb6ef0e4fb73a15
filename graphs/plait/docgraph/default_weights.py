"""Traversal weights for indexes on which none were learnt.

Learnt by :func:`plait.docgraph.weighing.learn_weights` from 400 recent papers of the ACL Anthology network, whose
titles had to find what they cite. ``plait train docgraph`` learns those of an index from its own citations.
"""

from __future__ import annotations

from plait.docgraph.traversal import TraversalWeights

__all__ = ["DEFAULT_WEIGHTS"]

DEFAULT_WEIGHTS = TraversalWeights(
    weights={
        "text": 0.1104,
        "in_degree": -0.7491,
        "cited_by_hits": -0.0054,
        "cited_by_nearest": 0.0004,
        "cites_hits": 0.0379,
        "co_cited": 0.1244,
        "coupled": 0.0961,
        "neighbours": 0.0534,
        "pagerank": 0.8064,
        "pagerank_near": 0.1748,
        "citing_text": -0.1663,
        "best_citing_text": 0.5463,
        "cited_lately": 0.6019,
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
        "best_citing_text": 0.2602,
        "cited_lately": 0.6193,
    },
)
