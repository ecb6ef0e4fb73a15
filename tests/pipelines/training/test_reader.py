"""Teaching a language model to read structure, on a small index and with a small model, through to the prompt."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from plait.config import Pipeline, use
from plait.contracts import GenerationRequest
from plait.contracts.errors import ConfigError, IdentityError
from plait.fusion.tokens.checkpoint import PROJECTOR, READER
from plait.fusion.tokens.graph_tasks import TaskSettings
from plait.fusion.tokens.projector import Projector
from plait.fusion.tokens.soft_token_reader import FrozenReader
from plait.hooks import hookimpl
from plait.rag import Rag, open_index
from plait.training.reader import train_reader_of

pytestmark = pytest.mark.slow

COMMUNITIES = ("river", "castle", "engine", "garden")


def write_papers(folder: Path, each: int = 8, seed: int = 0) -> Path:
    """Markdown papers in four communities: each cites some of its own, and names its community as its topic."""
    random = np.random.default_rng(seed)
    folder.mkdir()
    for number in range(4 * each):
        community = number % 4
        own = [other for other in range(community, 4 * each, 4) if other != number]
        cited = sorted(random.permutation(own)[:3].tolist())
        references = "".join(f"\n  - p{other:02d}" for other in cited)
        (folder / f"p{number:02d}.md").write_text(
            f"---\nid: p{number:02d}\ntitle: Notes on {COMMUNITIES[community]} number {number}\nyear: {1990 + number}\n"
            f"topics: [{COMMUNITIES[community]}]\nreferences:{references}\n---\n\n"
            f"This note says little about any {COMMUNITIES[community]}, in {number} words or fewer.\n"
        )
    return folder


def tiny_language_model(folder: Path) -> Path:
    """A two-layer Llama with random weights and one token for each byte."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({c: n for n, c in enumerate([*alphabet, "<end>"])}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<end>").save_pretrained(folder)  # noqa: S106
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        LlamaForCausalLM(
            LlamaConfig(
                vocab_size=257,
                hidden_size=32,
                intermediate_size=64,
                num_hidden_layers=2,
                num_attention_heads=4,
                num_key_value_heads=2,
                max_position_embeddings=4096,
                eos_token_id=256,
                bos_token_id=None,
                initializer_range=0.2,
            )
        ).save_pretrained(folder)
    return folder


def structured_pipeline(model: Path | None = None, **docgraph: Any) -> Pipeline:
    """Text, words and the document graph; with a model, one that reads soft tokens."""
    chosen = {} if model is None else {
        "generator": use("transformers", model=str(model), chat="plain", soft_tokens=1, dtype="float32"),
        "answer": {"prompt_tokens": 3000, "max_tokens": 12, "passages": 3},
    }  # fmt: skip
    retrievers = [use("dense"), use("lexical"), use("docgraph", **docgraph)]
    return Pipeline(retrievers=retrievers, fusion=use("gated"), **chosen)


QUESTION = "What does the note on the castle number 5 say?"


_numbers = count()


class Listener:
    """Notes the requests that reach the generator."""

    def __init__(self) -> None:
        self.requests: list[GenerationRequest] = []

    @hookimpl
    def plait_before_generate(self, request: GenerationRequest) -> GenerationRequest | None:
        self.requests.append(request)
        return None


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_language_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def rag(tmp_path: Path, model: Path) -> Iterator[Rag]:
    papers = write_papers(tmp_path / "papers")
    with open_index(tmp_path / "papers.plait", structured_pipeline(model)) as opened:
        assert not opened.add(papers).failures
        yield opened


def _open_projector(rag: Rag) -> None:
    """Puts a projector into use whose gate is open."""
    source = rag.parts.structure_source
    assert source is not None
    projector = Projector(384, rag.parts.generator.embedding_space(), k=1, seed=3)  # type: ignore[attr-defined]
    projector.gate.data.fill_(2.0)
    place = rag.path / ".made"
    place.mkdir()
    projector.save(place / PROJECTOR, source.structure_identity(rag.view))
    with rag.index.writer() as writer:
        writer.keep_model(READER, place)
        writer.commit("by hand")


def _asked(rag: Rag) -> tuple[GenerationRequest, Any]:
    listener = Listener()
    rag.host.register(listener, name=f"listener {next(_numbers)}")
    answer = rag.ask(QUESTION)
    return listener.requests[-1], answer


def test_untrained_the_prompt_has_markers_and_says_ties_in_words(rag: Rag) -> None:
    request, answer = _asked(rag)
    assert request.soft_tokens == {}
    (user,) = [message for message in request.messages if message.slots]
    assert len(user.slots) == len(request.evidence)
    detail = next(stage.detail for stage in answer.trace.stages if stage.name == "prompt")
    assert "plait train reader" in detail["structure"]


def test_trained_soft_tokens_reach_the_model_and_change_what_it_expects(rag: Rag) -> None:
    _open_projector(rag)
    request, _ = _asked(rag)
    assert set(request.soft_tokens) == {item.number for item in request.evidence}
    assert all(table.shape == (1, 32) for table in request.soft_tokens.values())
    reader = FrozenReader(rag.parts.generator.scoring_model(), 1)  # type: ignore[attr-defined]
    prompt = reader.prompt(request.messages)
    offsets = {number: torch.from_numpy(table) for number, table in request.soft_tokens.items()}
    silent = {number: torch.zeros_like(table) for number, table in offsets.items()}
    with_them, without, zeros = (reader.read([prompt], [[(65, 66)]], [given])[0] for given in (offsets, {}, silent))
    assert torch.equal(zeros, without)
    assert float((with_them - without).detach().abs().max()) > 1e-4


def test_papers_without_ties_get_no_soft_token(rag: Rag, tmp_path: Path) -> None:
    alone = tmp_path / "alone.md"
    alone.write_text(
        "---\nid: alone\ntitle: The castle number 5\n---\n\nThe note on the castle number 5 says it all.\n"
    )
    rag.add(alone)
    _open_projector(rag)
    request, _ = _asked(rag)
    numbers = {item.passage.document_id: item.number for item in request.evidence}
    assert "alone" in numbers
    assert set(request.soft_tokens) == set(numbers.values()) - {numbers["alone"]}


def test_a_projector_of_another_graph_encoder_is_taken_out_of_use_and_named(rag: Rag, model: Path) -> None:
    _open_projector(rag)
    other = structured_pipeline(model, encoder="propagation")
    with open_index(rag.path, other) as changed:
        summary = changed.rebuild()
        assert any("another structural encoder" in str(what) for what in summary.report.skipped)
        request, _ = _asked(changed)
        assert request.soft_tokens == {}


def test_a_projector_that_does_not_fit_is_refused_when_it_is_asked(rag: Rag) -> None:
    source = rag.parts.structure_source
    assert source is not None
    projector = Projector(384, rag.parts.generator.embedding_space(), k=1)  # type: ignore[attr-defined]
    place = rag.path / ".made"
    place.mkdir()
    projector.save(place / PROJECTOR, {**source.structure_identity(rag.view), "weights": "others"})
    with rag.index.writer() as writer:
        writer.keep_model(READER, place)
        writer.commit("by hand")
    with pytest.raises(IdentityError, match="trained with another structural encoder"):
        rag.ask(QUESTION)


def test_training_reports_its_controls_and_leaves_the_index_alone_when_it_is_not_kept(rag: Rag) -> None:
    before = rag.index.commit
    found = train_reader_of(rag, steps=2)
    told = json.loads(json.dumps(found.to_json()))
    assert {"accuracy", "shuffled", "gate_off", "majority", "chance"} <= set(told["probe"])
    assert found.commit is None
    assert rag.index.commit == before


def test_what_is_learnt_is_kept_and_used(tmp_path: Path, model: Path) -> None:
    papers = write_papers(tmp_path / "papers", each=16)
    with open_index(tmp_path / "papers.plait", structured_pipeline(model)) as rag:
        rag.add(papers)
        found = train_reader_of(rag, steps=100, tasks=TaskSettings(kinds=("topic",), held_out=0.4))
        assert found.report.probe.accuracy > found.report.probe.shuffled
        assert found.commit is not None, found.report.reasons
        request, _ = _asked(rag)
        assert request.soft_tokens
        assert "papers above are tied" not in request.messages[-1].content
        rag.index.rollback(found.commit - 1)
        request, _ = _asked(rag)
        assert request.soft_tokens == {}


def fusion_in_decoder(rag_path: Path, t5: Path, **settings: Any) -> Rag:
    generator = use("fusion-in-decoder", model=str(t5), mode="additive", **settings)
    plain = structured_pipeline()
    answer = plain.answer.model_copy(update={"max_tokens": 6, "passages": 3})
    return open_index(rag_path, plain.model_copy(update={"generator": generator, "answer": answer}))


def test_a_fusion_in_decoder_is_taught_kept_and_reads_structure_when_it_is_asked(tmp_path: Path, tiny_t5: Path) -> None:
    papers = write_papers(tmp_path / "papers", each=16)
    with fusion_in_decoder(tmp_path / "papers.plait", tiny_t5) as rag:
        rag.add(papers)
        request, answer = _asked(rag)
        detail = next(stage.detail for stage in answer.trace.stages if stage.name == "prompt")
        assert request.structure is None
        assert "plait train reader" in detail["structure"]
        found = train_reader_of(rag, steps=100, tasks=TaskSettings(kinds=("topic",), held_out=0.4))
        assert found.commit is not None, found.report.reasons
        request, answer = _asked(rag)
        detail = next(stage.detail for stage in answer.trace.stages if stage.name == "prompt")
        assert detail["structure"] == f"{len(request.evidence)} of {len(request.evidence)} passages"
        assert request.structure is not None
        *_, last = rag.parts.generator.stream(request)
        *_, plain = rag.parts.generator.stream(replace(request, structure=None))
        assert (last.detail["structure"], plain.detail["structure"]) == (len(request.evidence), 0)
        # Random weights may choose the same few letters either way; not for every piece of evidence.
        texts = []
        for count in range(1, len(request.evidence) + 1):
            fewer = replace(request, evidence=request.evidence[:count])
            for structure in (request.structure, None):
                *_, chunk = rag.parts.generator.stream(replace(fewer, structure=structure))
                texts.append(chunk.text)
        assert texts[::2] != texts[1::2]
        rag.index.rollback(found.commit - 1)
        assert _asked(rag)[0].structure is None


def test_readers_of_both_kinds_lie_side_by_side(tmp_path: Path, tiny_t5: Path, model: Path) -> None:
    papers, place = write_papers(tmp_path / "papers", each=16), tmp_path / "papers.plait"
    tasks = TaskSettings(kinds=("topic",), held_out=0.4)
    with open_index(place, structured_pipeline(model)) as rag:
        rag.add(papers)
        assert train_reader_of(rag, steps=100, tasks=tasks).commit is not None
    with fusion_in_decoder(place, tiny_t5) as rag:
        assert _asked(rag)[0].structure is None
        assert train_reader_of(rag, steps=100, tasks=tasks).commit is not None
        assert _asked(rag)[0].structure is not None
    with open_index(place, structured_pipeline(model)) as rag:
        assert _asked(rag)[0].soft_tokens


def test_weights_taught_on_another_graph_encoder_are_taken_out_of_use(tmp_path: Path, tiny_t5: Path) -> None:
    papers, place = write_papers(tmp_path / "papers", each=16), tmp_path / "papers.plait"
    with fusion_in_decoder(place, tiny_t5) as rag:
        rag.add(papers)
        assert train_reader_of(rag, steps=100, tasks=TaskSettings(kinds=("topic",), held_out=0.4)).commit is not None
        generator, answer = rag.pipeline.generator, rag.pipeline.answer
    changed = structured_pipeline(encoder="propagation").model_copy(update={"generator": generator, "answer": answer})
    with open_index(place, changed) as rag:
        summary = rag.rebuild()
        assert any("another structural encoder" in str(what) for what in summary.report.skipped)
        assert _asked(rag)[0].structure is None


@pytest.mark.parametrize(
    ("settings", "what"),
    [({"dimension": 100}, "have 384 numbers, and 'dimension' is 100"), ({"weights": "w"}, "would be used in place")],
)
def test_a_fusion_in_decoder_whose_settings_do_not_fit_says_why(
    tmp_path: Path, tiny_t5: Path, settings: dict[str, Any], what: str
) -> None:
    with fusion_in_decoder(tmp_path / "papers.plait", tiny_t5, **settings) as rag:
        rag.add(write_papers(tmp_path / "papers"))
        with pytest.raises(ConfigError, match=what):
            train_reader_of(rag, steps=1)


def test_the_text_control_is_reported_beside_structure(rag: Rag) -> None:
    report = train_reader_of(rag, steps=2, text_control=True).report
    assert report.probe.text is not None
    assert any("text vectors" in reason for reason in report.reasons)


def test_generators_that_cannot_learn_are_named(tmp_path: Path) -> None:
    with open_index(tmp_path / "papers.plait", structured_pipeline()) as rag:
        rag.add(write_papers(tmp_path / "papers"))
        with pytest.raises(ConfigError, match="'extractive' cannot be taught"):
            train_reader_of(rag)


def test_a_generator_without_markers_says_how_to_get_them(rag: Rag, model: Path) -> None:
    plain = rag.pipeline.model_copy(update={"generator": use("transformers", model=str(model), chat="plain")})
    with open_index(rag.path, plain) as other, pytest.raises(ConfigError, match="soft_tokens=True"):
        train_reader_of(other)


def test_questions_with_answers_take_part(rag: Rag, tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.jsonl"
    lines = [{"question": f"What is note {n}?", "answer": "A note."} for n in range(8)]
    pairs.write_text("\n".join(json.dumps(line) for line in lines))
    found = train_reader_of(rag, steps=2, pairs=pairs)
    assert found.report.answers is not None
    assert found.report.answers.tasks >= 2
