"""The parts of a pipeline: made once, only when they are needed, under labels that tell them apart."""

from __future__ import annotations

import pytest

from plait.config import Pipeline, use
from plait.contracts import HasEmbedder
from plait.contracts.errors import ConfigError, IdentityError
from plait.hooks import PluginHost
from plait.rag.parts import Parts, compare_identity, differences
from plait.rankers.late import Late

BUILT = {"chunker": {"name": "sections"}, "columns": {"dense": {"model": "a", "dimension": 384}, "lexical": {"k": 1}}}


@pytest.fixture(scope="module")
def host() -> PluginHost:
    return PluginHost.discover(third_party=False)


def test_a_part_is_made_once(host: PluginHost) -> None:
    parts = Parts(Pipeline(retrievers=[use("lexical")]), host)
    assert parts.chunker is parts.chunker
    assert parts.retrievers["lexical"] is parts.retrievers["lexical"]


def test_a_generator_that_is_not_asked_need_not_work(host: PluginHost) -> None:
    parts = Parts(Pipeline(retrievers=[use("lexical")], generator=use("llama-index", llm="nowhere:Model")), host)
    assert list(parts.retrievers) == ["lexical"]


def test_retrievers_of_one_name_are_numbered(host: PluginHost) -> None:
    twice = [use("lexical"), use("lexical", column="unstemmed", stemmer="none")]
    assert list(Parts(Pipeline(retrievers=twice), host).retrievers) == ["lexical", "lexical-2"]


def test_two_that_would_write_one_column_are_refused(host: PluginHost) -> None:
    parts = Parts(Pipeline(retrievers=[use("lexical"), use("lexical", k1=0.9)]), host)
    with pytest.raises(ConfigError, match="'lexical' and 'lexical-2' both write the column 'lexical'"):
        _ = parts.retrievers


def test_what_is_stored_depends_on_chunker_and_columns_alone(host: PluginHost) -> None:
    def identity(**parts: object) -> object:
        return Parts(Pipeline.model_validate({"retrievers": [use("lexical")], **parts}), host).identity()

    plain = identity()
    assert identity(candidates=7, generator=use("extractive", max_sentences=1)) == plain
    assert identity(chunker=use("sections", max_words=64)) != plain


def test_equal_identities_have_no_difference() -> None:
    assert differences(BUILT, BUILT) == []


def test_a_column_that_the_pipeline_does_not_use_is_no_difference() -> None:
    now = {"chunker": {"name": "sections"}, "columns": {"lexical": {"k": 1}}}
    assert differences(BUILT, now) == []


def test_a_column_that_the_index_lacks_is_named() -> None:
    now = {"columns": {"docgraph": {"model": "sage"}}}
    assert differences(BUILT, now) == ["columns.docgraph: not in the index, the pipeline wants {'model': 'sage'}"]


def test_another_model_of_the_same_width_is_refused_with_the_way_out() -> None:
    now = {"columns": {"dense": {"model": "b", "dimension": 384}}}
    with pytest.raises(IdentityError, match=r"columns\.dense\.model: the index has 'a', the pipeline wants 'b'") as e:
        compare_identity(BUILT, now, "papers.plait")
    assert "plait index rebuild --index papers.plait" in str(e.value)


def test_a_ranker_whose_embedder_was_left_open_gets_that_of_the_retrievers(host: PluginHost) -> None:
    parts = Parts(Pipeline(retrievers=[use("dense")], ranker=use("late")), host)
    dense, ranker = parts.retrievers["dense"], parts.ranker
    assert isinstance(dense, HasEmbedder) and isinstance(ranker, Late)
    assert ranker.encoder is dense.embedder


def test_a_ranker_that_needs_vectors_of_tokens_says_so_where_there_is_no_embedder(host: PluginHost) -> None:
    with pytest.raises(ConfigError, match="vectors of tokens"):
        _ = Parts(Pipeline(retrievers=[use("lexical")], ranker=use("late")), host).ranker
