"""What may be asked of a generator: once in the settings, once in a request, by the same rule."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from plait.config import AnswerSettings, check_request, explain, load_toml
from plait.contracts import GenerationRequest, Query
from plait.contracts.errors import ConfigError, GenerationError

OUTSIDE = [
    *(("max_tokens", value) for value in (0, -1, 2**31)),
    *(("temperature", value) for value in (-0.1, -math.inf, math.inf, math.nan, 1e-310, 0.009, 2.1, 1e30)),
    *(("seed", value) for value in (-1, 2**63, 2**70)),
]
INSIDE = [
    *(("max_tokens", value) for value in (1, 256, 2**31 - 1)),
    *(("temperature", value) for value in (0, 0.0, -0.0, 0.01, 1, 2.0)),
    *(("seed", value) for value in (0, 2**63 - 1)),
]


def _request(name: str, value: Any) -> GenerationRequest:
    return GenerationRequest(Query("q"), (), (), **{name: value})


@pytest.mark.parametrize(("name", "value"), OUTSIDE, ids=str)
def test_what_is_outside_is_refused_with_field_value_and_range(name: str, value: Any) -> None:
    with pytest.raises(GenerationError, match=rf"^generator tiny: {name} is .*, but it must be: .*from") as refused:
        check_request(_request(name, value), "generator tiny")
    assert len(str(refused.value)) < 250
    with pytest.raises(ValidationError) as caught:
        AnswerSettings(**{name: value})
    assert f"'answer.{name}' is" in explain(caught.value, AnswerSettings, "pipeline.toml", "answer").message


@pytest.mark.parametrize(("name", "value"), INSIDE)
def test_what_is_inside_passes(name: str, value: Any) -> None:
    check_request(_request(name, value), "generator tiny")
    assert getattr(AnswerSettings(**{name: value}), name) == value


@pytest.mark.parametrize("value", ["1", None, True, 1.5, [1], pytest.param(10**5000, id="huge")])
def test_a_request_of_another_type_is_refused(value: Any) -> None:
    with pytest.raises(GenerationError, match="max_tokens is"):
        check_request(_request("max_tokens", value), "generator tiny")


@pytest.mark.parametrize(
    ("name", "value"),
    [("choices", ("yes", "no")), ("json_schema", {}), ("soft_tokens", {1: np.ones((1, 4), np.float32)})],
)
def test_what_a_backend_lacks_is_refused_with_who_has_it(name: str, value: Any) -> None:
    parts = ("choices", "json_schema", "soft_tokens")
    with pytest.raises(GenerationError, match=f"leave {name} out of the request") as caught:
        check_request(_request(name, value), "generator tiny", lacks=parts)
    assert caught.value.where == "generator tiny"
    assert "transformers" in caught.value.choices
    check_request(_request(name, value), "generator tiny", lacks=set(parts) - {name})
    check_request(GenerationRequest(Query("q"), (), ()), "generator tiny", lacks=parts)


def test_a_pipeline_file_says_what_would_be_allowed(tmp_path: Path) -> None:
    file = tmp_path / "pipeline.toml"
    file.write_text('retrievers = [{ use = "lexical" }]\nanswer = { temperature = nan }\n')
    with pytest.raises(ConfigError, match=r"'answer.temperature' is nan, but it must be: 0 \(greedy\), or a number"):
        load_toml(file)
