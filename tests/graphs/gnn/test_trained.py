"""A checkpoint comes back as it was, or is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from plait.contracts.errors import IdentityError, ModelError
from plait.gnn import ArrayGraph, TrainingSettings
from plait.gnn.trained import GraphIdentity, load
from plait.gnn.training import train

Made = tuple[ArrayGraph, NDArray[np.float32]]
SETTINGS = TrainingSettings(relations=("cites", "cited_by"), epochs=20, batch=32, width=16, heads=2, rank=4)
IDENTITY = GraphIdentity(("cites", "cited_by"), {"group_cap": 200}, {"model": "mini", "dimension": 24})


def test_a_checkpoint_comes_back_as_it_was(communities: Made, tmp_path: Path) -> None:
    graph, text = communities
    trained = train(graph, text, SETTINGS.model_copy(update={"max_steps": 5}), seed=0)
    trained.save(tmp_path, IDENTITY)
    opened = load(tmp_path, IDENTITY, device="cpu")
    assert np.array_equal(opened.encode(graph, text).vectors, trained.encode(graph, text).vectors)
    assert opened.settings == trained.settings
    assert sorted(file.name for file in tmp_path.iterdir()) == ["encoder.json", "encoder.safetensors"]


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (GraphIdentity(("cites", "co_venue"), IDENTITY.graph, IDENTITY.text), "another relations of the graph"),
        (
            GraphIdentity(IDENTITY.relations, {"group_cap": 50}, IDENTITY.text),
            "settings of the graph: {'group_cap': 200}",
        ),
        (GraphIdentity(IDENTITY.relations, IDENTITY.graph, {"model": "maxi", "dimension": 24}), "text encoder.*maxi"),
    ],
)
def test_a_checkpoint_of_something_else_is_refused(
    other: GraphIdentity, message: str, communities: Made, tmp_path: Path
) -> None:
    graph, text = communities
    train(graph, text, SETTINGS.model_copy(update={"max_steps": 1}), seed=0).save(tmp_path, IDENTITY)
    with pytest.raises(IdentityError, match=message):
        load(tmp_path, other)


def test_a_damaged_checkpoint_is_refused(communities: Made, tmp_path: Path) -> None:
    graph, text = communities
    with pytest.raises(ModelError, match="no usable graph encoder"):
        load(tmp_path, IDENTITY)
    train(graph, text, SETTINGS.model_copy(update={"max_steps": 1}), seed=0).save(tmp_path, IDENTITY)
    weights = tmp_path / "encoder.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(ModelError, match=r"encoder\.safetensors is not the file"):
        load(tmp_path, IDENTITY)
