"""When a pipeline fits an index, and what is said when it does not."""

from __future__ import annotations

import pytest

from plait.contracts.errors import IdentityError
from plait.rag.identity import compare_identity, differences

BUILT = {"chunker": {"name": "sections"}, "columns": {"dense": {"model": "a", "dimension": 384}, "lexical": {"k": 1}}}


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
