"""The plugins' stage hooks, as the pipeline calls them: each plugin sees what the one before it returned."""

from __future__ import annotations

from collections.abc import Sequence

from plait.contracts import Answer, GenerationRequest, Hit, IndexView, Query
from plait.hooks import PluginHost

__all__ = ["Stages"]


class Stages:
    """Placeholder until the host's chain helpers land."""

    def __init__(self, host: PluginHost) -> None:
        self._host = host

    def before_retrieve(self, query: Query) -> Query:
        raise RuntimeError

    def after_retrieve(self, query: Query, hits: Sequence[Hit], view: IndexView) -> Sequence[Hit]:
        raise RuntimeError

    def before_generate(self, request: GenerationRequest) -> GenerationRequest:
        raise RuntimeError

    def after_generate(self, answer: Answer) -> Answer:
        raise RuntimeError
