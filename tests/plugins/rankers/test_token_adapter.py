from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from plait.contracts.errors import IdentityError
from plait.embedders.transformers import MiniLM, MiniLMConfig
from plait.rankers.token_adapter import adapted_tokens, load_token_adapter, save_token_adapter
from plait.retrievers.query_adapter import QueryAdapter
from plait.testing.memory import MemoryView

ENCODER = MiniLM(MiniLMConfig())


def test_what_was_saved_turns_every_token_of_a_question(tmp_path: Path) -> None:
    matrix = np.random.default_rng(0).standard_normal((384, 384)).astype(np.float32)
    save_token_adapter(QueryAdapter(matrix), tmp_path, ENCODER)
    tokens = np.eye(384, dtype=np.float32)[:3]
    wanted = tokens + tokens @ matrix.T
    wanted /= np.linalg.norm(wanted, axis=1, keepdims=True)
    view = MemoryView((), (), models={"late": tmp_path})
    np.testing.assert_allclose(adapted_tokens(tokens, view, ENCODER), wanted, atol=1e-5)


def test_where_nothing_was_learnt_tokens_stay_as_they_are(tmp_path: Path) -> None:
    tokens = np.eye(384, dtype=np.float32)[:3]
    assert load_token_adapter(tmp_path, ENCODER) is None
    assert adapted_tokens(tokens, MemoryView((), ()), ENCODER) is tokens


def test_another_encoder_is_refused(tmp_path: Path) -> None:
    save_token_adapter(QueryAdapter(np.zeros((384, 384), np.float32)), tmp_path, ENCODER)
    with pytest.raises(IdentityError, match="plait train late"):
        load_token_adapter(tmp_path, MiniLM(MiniLMConfig(max_tokens=64)))
