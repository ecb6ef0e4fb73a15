"""The suite every retriever passes, and what is particular to this one."""

import pytest
from plait_title_match.retriever import Config, TitleMatch

from plait.contracts import Query
from plait.testing import memory_view, sample_documents
from plait.testing.conformance import RetrieverConformance


class TestTitleMatch(RetrieverConformance):
    """Inherits every check of the contract."""

    @pytest.fixture
    def retriever(self) -> TitleMatch:
        return TitleMatch(Config())

    def test_the_best_title_comes_first(self, retriever: TitleMatch) -> None:
        view = memory_view(sample_documents(), [retriever])
        assert retriever.retrieve(Query("reciprocal rank fusion"), view, 1)[0].document_id == "rrf"

    def test_the_score_is_the_share_of_words_times_the_weight(self) -> None:
        retriever = TitleMatch(Config(weight=2.0))
        view = memory_view(sample_documents(), [retriever])
        assert retriever.retrieve(Query("rank or retrieval"), view, 9)[0].score == pytest.approx(2 / 3)


def test_the_host_finds_the_plugin(plait_host) -> None:  # type: ignore[no-untyped-def] # a fixture of Plait's
    assert "title-match" in [registered.name for registered in plait_host.components("retriever")]
