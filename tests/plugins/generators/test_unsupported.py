import numpy as np
import pytest

from plait.contracts import GenerationRequest, Query
from plait.contracts.errors import GenerationError
from plait.generators.unsupported import refuse_choices, refuse_json_schema, refuse_soft_tokens

REFUSALS = [
    (refuse_choices, {"choices": ("yes", "no")}, "given choices"),
    (refuse_json_schema, {"json_schema": {}}, "JSON"),
    (refuse_soft_tokens, {"soft_tokens": {1: np.zeros((1, 4), dtype=np.float32)}}, "soft tokens"),
]


def _request(**settings):
    return GenerationRequest(Query("q"), (), (), **settings)


@pytest.mark.parametrize(("refuse", "settings", "what"), REFUSALS)
def test_what_a_backend_cannot_do_is_an_error_that_says_who_can(refuse, settings, what):
    with pytest.raises(GenerationError, match=what) as caught:
        refuse(_request(**settings), "generator tiny")
    assert caught.value.where == "generator tiny"
    assert caught.value.choices
    assert caught.value.fix


@pytest.mark.parametrize(("refuse", "settings", "what"), REFUSALS)
def test_a_plain_request_passes(refuse, settings, what):
    refuse(_request(), "generator tiny")
