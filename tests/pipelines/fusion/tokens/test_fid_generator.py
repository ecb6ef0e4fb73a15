"""A T5 of random weights as a generator: real in all but its judgement."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import T5ForConditionalGeneration

from plait.config import use
from plait.contracts import GenerationRequest, StructureWeights
from plait.contracts.errors import GenerationError, IdentityError, ModelError
from plait.embedders.model_folder import weights_digest
from plait.fusion.tokens.fid import FusionInDecoder
from plait.fusion.tokens.fid_generator import Config, FusionInDecoderGenerator
from plait.hooks import Assembly, PluginHost
from plait.testing.conformance import GeneratorConformance

DIMENSION = 8


@pytest.fixture(scope="session")
def folder(tiny_t5: Path) -> Path:
    return tiny_t5


@pytest.fixture
def generator(folder: Path) -> FusionInDecoderGenerator:
    return FusionInDecoderGenerator(Config(model=str(folder), dimension=DIMENSION))


class TestConformance(GeneratorConformance):
    @pytest.fixture
    def generator(self, folder: Path) -> FusionInDecoderGenerator:
        return FusionInDecoderGenerator(Config(model=str(folder), dimension=DIMENSION))


@pytest.fixture
def request_() -> GenerationRequest:
    return GeneratorConformance().request_.__wrapped__(GeneratorConformance())  # type: ignore[attr-defined,no-any-return]


def _text(generator: FusionInDecoderGenerator, request: GenerationRequest) -> str:
    return "".join(chunk.text for chunk in generator.stream(request))


def _trained(folder: Path, path: Path, *, gate: float, **changed: Any) -> Path:
    model = T5ForConditionalGeneration.from_pretrained(folder).eval()
    reader = FusionInDecoder(model, DIMENSION, "additive", seed=4)
    torch.nn.init.constant_(reader.gate, gate)
    identity = {"weights": weights_digest(folder), **changed}
    reader.save(path, identity, {"dimension": DIMENSION})
    return path


def _with_structure(request: GenerationRequest, seed: int) -> GenerationRequest:
    random = np.random.default_rng(seed)
    vectors = [5.0 * random.normal(size=DIMENSION).astype(np.float32) for _ in request.evidence]
    given = [replace(item, structure=vector) for item, vector in zip(request.evidence, vectors, strict=True)]
    return replace(request, evidence=given)


def test_nothing_is_written_while_it_loads(
    generator: Any, request_: GenerationRequest, capfd: pytest.CaptureFixture[str]
) -> None:
    capfd.readouterr()
    list(generator.stream(request_))
    assert capfd.readouterr() == ("", "")


def test_the_order_of_passages_means_nothing(generator: Any, request_: GenerationRequest) -> None:
    turned = replace(request_, evidence=list(reversed(request_.evidence)))
    assert _text(generator, request_) == _text(generator, turned)


def test_without_trained_weights_structure_changes_nothing(generator: Any, request_: GenerationRequest) -> None:
    assert _text(generator, _with_structure(request_, 1)) == _text(generator, request_)


def test_trained_weights_let_structure_in(folder: Path, tmp_path: Path, request_: GenerationRequest) -> None:
    def made(gate: float, name: str) -> FusionInDecoderGenerator:
        file = _trained(folder, tmp_path / name, gate=gate)
        config = Config(model=str(folder), dimension=DIMENSION, mode="additive", weights=str(file))
        return FusionInDecoderGenerator(config)

    closed, opened = made(0.0, "closed.safetensors"), made(2.0, "open.safetensors")
    with_structure = _with_structure(request_, 1)
    assert _text(closed, with_structure) == _text(closed, request_)
    assert _text(opened, with_structure) != _text(opened, request_)
    assert list(opened.stream(with_structure))[-1].detail["structure"] == 3


def test_weights_of_another_model_or_mode_are_refused(
    folder: Path, tmp_path: Path, request_: GenerationRequest
) -> None:
    other = _trained(folder, tmp_path / "other.safetensors", gate=1.0, weights="0" * 64)
    for mode, what in (("additive", "another language model"), ("concatenate", "another mode")):
        config = Config(model=str(folder), dimension=DIMENSION, mode=mode, weights=str(other))  # type: ignore[arg-type]
        with pytest.raises(IdentityError, match=what):
            _text(FusionInDecoderGenerator(config), request_)


def test_vectors_of_another_width_are_refused(folder: Path, tmp_path: Path, request_: GenerationRequest) -> None:
    file = _trained(folder, tmp_path / "w.safetensors", gate=1.0)
    wide = replace(request_.evidence[0], structure=np.ones(DIMENSION + 1, np.float32))
    config = Config(model=str(folder), dimension=DIMENSION, mode="additive", weights=str(file))
    with pytest.raises(ModelError, match="passage 1 has a structural vector of shape"):
        _text(FusionInDecoderGenerator(config), replace(request_, evidence=[wide]))


def test_cut_passages_are_counted(folder: Path, request_: GenerationRequest) -> None:
    short = FusionInDecoderGenerator(Config(model=str(folder), dimension=DIMENSION, longest=16))
    assert list(short.stream(request_))[-1].detail["cut"] == 3


def test_a_passage_that_just_fits_was_not_cut(folder: Path, request_: GenerationRequest) -> None:
    one = replace(request_, evidence=request_.evidence[:1])
    item = one.evidence[0]
    text = f"question: {one.query.text} title: {item.number} {item.title} context: {item.passage.text}"
    exact = len(text.encode()) + 1  # a token for each byte, and the one that ends them
    for longest, cut in ((exact, 0), (exact - 1, 1)):
        reader = FusionInDecoderGenerator(Config(model=str(folder), dimension=DIMENSION, longest=longest))
        assert list(reader.stream(one))[-1].detail["cut"] == cut


def test_weights_are_compared_with_the_encoder_of_every_request(
    folder: Path, tmp_path: Path, request_: GenerationRequest
) -> None:
    model = T5ForConditionalGeneration.from_pretrained(folder).eval()
    FusionInDecoder(model, DIMENSION, "additive").save(
        tmp_path / "w.safetensors", {"weights": weights_digest(folder)}, {"encoder": "a"}
    )
    reader = FusionInDecoderGenerator(Config(model=str(folder), dimension=DIMENSION, mode="additive"))
    known = replace(request_, structure=StructureWeights(tmp_path / "w.safetensors", {"encoder": "a"}))
    assert _text(reader, known)
    other = replace(request_, structure=StructureWeights(tmp_path / "w.safetensors", {"encoder": "b"}))
    with pytest.raises(IdentityError, match="another structural encoder"):
        _text(reader, other)


def test_the_same_model_in_another_folder_takes_its_weights(
    folder: Path, tmp_path: Path, request_: GenerationRequest
) -> None:
    file = _trained(folder, tmp_path / "w.safetensors", gate=1.0)
    moved = tmp_path / "moved"
    shutil.copytree(folder, moved)
    config = Config(model=str(moved), dimension=DIMENSION, mode="additive", weights=str(file))
    assert list(FusionInDecoderGenerator(config).stream(_with_structure(request_, 1)))[-1].detail["structure"] == 3


def test_what_it_cannot_do_is_refused(generator: Any, request_: GenerationRequest) -> None:
    for change, what in (
        ({"choices": ["yes"]}, "does not take choices"),
        ({"temperature": 0.5}, "does not take a temperature"),
        ({"evidence": []}, "no passage to answer from"),
    ):
        with pytest.raises(GenerationError, match=what):
            _text(generator, replace(request_, **change))


def test_another_family_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        FusionInDecoderGenerator(Config(model=str(tmp_path)))


def test_a_pipeline_finds_it_by_name(folder: Path) -> None:
    host = PluginHost.discover(third_party=False)
    made = Assembly(host).build("generator", use("fusion-in-decoder", model=str(folder)))
    assert isinstance(made, FusionInDecoderGenerator)
