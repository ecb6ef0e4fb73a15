"""One question in three moves, and the ways to arrange them: alone, many together, on an event loop, in pieces."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from plait.config import Pipeline, use
from plait.contracts import (
    Answer,
    Chunk,
    Claim,
    Evidence,
    Generation,
    GenerationRequest,
    IndexView,
    Message,
    Span,
    Support,
    SupportingSpan,
    Usage,
)
from plait.contracts.errors import GenerationError, PluginError, QueryError
from plait.hooks import Component, PluginHost, hookimpl
from plait.rag import Rag, open_index
from plait.rag.answering import Tracer

TEA, ROPE, NONSENSE = "Is green tea steamed?", "How many strands has a laid rope?", "Who won the world cup in Rome?"


class Echo:
    """Writes the first passage back. What it was asked, and how, stands in ``asked``."""

    context_tokens: int | None = None

    def __init__(self) -> None:
        self.asked: list[GenerationRequest] = []
        self.batches: list[int] = []
        self.threads: set[int] = set()
        self.closed = 0
        self.fails = False

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return sum(len(message.content.split()) for message in messages)

    def _write(self, request: GenerationRequest) -> Generation:
        self.asked.append(request)
        self.threads.add(threading.get_ident())
        if self.fails:
            raise RuntimeError("the wires are cut")
        text = request.choices[0] if request.choices else request.evidence[0].passage.text
        return Generation(text, "stop", Usage(3, len(text.split())))

    def stream(self, request: GenerationRequest) -> Iterator[Chunk]:
        written = self._write(request)
        for word in written.text.split(" "):
            yield Chunk(word + " ")
        yield Chunk("", "stop", written.usage)


class Together(Echo):
    def generate(self, requests: Sequence[GenerationRequest]) -> Sequence[Generation]:
        self.batches.append(len(requests))
        return [self._write(request) for request in requests]


class Waiting(Echo):
    async def astream(self, request: GenerationRequest) -> AsyncIterator[Chunk]:
        try:
            for chunk in self.stream(request):
                await asyncio.sleep(0)
                yield chunk
        finally:
            self.closed += 1


class Silent(Echo):
    def stream(self, request: GenerationRequest) -> Iterator[Chunk]:
        yield Chunk(self._write(request).text)


class Believer:
    """Supports everything with the first word of the first passage; with ``far`` by what is not in the evidence."""

    far = False

    def verify(self, claims: Sequence[Claim], evidence: Sequence[Evidence], view: IndexView) -> list[Support]:
        passage = evidence[0].passage
        span = Span(passage.document_id, passage.start, passage.start + 5)
        return [Support("supported", (SupportingSpan(span, "x" if self.far else passage.id, 1.0),), "", 1.0)] * len(
            claims
        )


class Doubter:
    def verify(self, claims: Sequence[Claim], evidence: Sequence[Evidence], view: IndexView) -> list[Support]:
        return [Support("unsupported", reason="who knows")] * len(claims)


class Stranger(Believer):
    far = True


PARTS = (("generator", Echo), ("generator", Together), ("generator", Waiting), ("generator", Silent))
JUDGES = (("verifier", Believer), ("verifier", Doubter), ("verifier", Stranger))


@pytest.fixture(scope="module")
def host() -> Iterator[PluginHost]:
    module = ModuleType("moves_parts")
    for _, made in (*PARTS, *JUDGES):
        setattr(module, made.__name__, made)

    class Plugin:
        @hookimpl
        def plait_components(self) -> list[Component]:
            return [
                Component(kind, made.__name__.lower(), factory=f"moves_parts:{made.__name__}")  # type: ignore[arg-type]
                for kind, made in (*PARTS, *JUDGES)
            ]

    sys.modules["moves_parts"] = module
    host = PluginHost.discover(third_party=False)
    host.register(Plugin(), name="moves")
    yield host
    del sys.modules["moves_parts"]


@pytest.fixture(scope="module")
def index(host: PluginHost, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("moves")
    (folder / "tea.md").write_text("---\nyear: 2020\n---\n# Green tea\n\nGreen tea is steamed after picking.\n")
    (folder / "rope.md").write_text("---\nyear: 1990\n---\n# Laid rope\n\nA laid rope has three strands.\n")
    with open_index(folder / "moves.plait", Pipeline(retrievers=[use("lexical")]), host=host) as rag:
        rag.add(folder)
    return folder / "moves.plait"


def opened(index: Path, host: PluginHost, generator: str = "echo", **changes: Any) -> Rag:
    pipeline = Pipeline(retrievers=[use("lexical")], generator=use(generator), **changes)
    return open_index(index, pipeline, host=host)


def stages(answer: Answer) -> list[str]:
    return [stage.name for stage in answer.trace.stages]


def test_ask_is_the_three_moves_one_after_the_other(index: Path, host: PluginHost) -> None:
    rag = opened(index, host)
    prepared = rag.prepare(TEA)
    assert prepared.request is not None
    assert prepared.request.evidence[0].passage.document_id == "tea"
    generation = rag.generate(prepared)
    assert generation.text.strip() == "Green tea is steamed after picking."
    answer = rag.finish(prepared, generation)
    assert (answer.text, answer.sentences) == (rag.ask(TEA).text, rag.ask(TEA).sentences)
    assert answer.sentences[0].supported
    assert stages(answer) == ["open", "retrieve", "gate", "prompt", "generate", "verify"]


def test_what_the_gate_declines_is_never_written(index: Path, host: PluginHost) -> None:
    rag = opened(index, host)
    prepared = rag.prepare(NONSENSE)
    assert prepared.request is None
    with pytest.raises(ValueError, match="declined"):
        rag.generate(prepared)
    answer = rag.finish(prepared, None)
    assert answer.declined
    assert not rag.parts.generator.asked  # type: ignore[attr-defined]
    assert stages(answer) == ["open", "retrieve", "gate"]


def test_an_open_gate_answers_whatever_found_something(index: Path, host: PluginHost) -> None:
    assert not opened(index, host, gate=use("open")).ask("Is the strands football?").declined


@pytest.mark.parametrize("generator", ["echo", "together", "waiting"])
def test_many_questions_get_the_answers_they_get_alone(index: Path, host: PluginHost, generator: str) -> None:
    rag = opened(index, host, generator)
    asked = [TEA, NONSENSE, ROPE, TEA, ROPE]
    together = rag.ask_many(asked, batch=4)
    alone = [rag.ask(question) for question in asked]
    assert [(a.text, a.sentences, a.declined) for a in together] == [(a.text, a.sentences, a.declined) for a in alone]
    assert [answer.question for answer in together] == asked
    if generator == "together":
        assert rag.parts.generator.batches == [3, 1]  # type: ignore[attr-defined]
        shares = [stage for stage in together[0].trace.stages if stage.name == "generate"]
        assert shares[0].detail["together"] == 3


def test_no_questions_have_no_answers(index: Path, host: PluginHost) -> None:
    assert opened(index, host, "together").ask_many([]) == []


def test_a_question_may_ask_for_form_and_length_and_documents(index: Path, host: PluginHost) -> None:
    rag = opened(index, host)
    answer = rag.ask(TEA, choices=["yes", "no"], stop=["\n"], max_tokens=7)
    (request,) = rag.parts.generator.asked  # type: ignore[attr-defined]
    assert (request.choices, request.stop, request.max_tokens) == (("yes", "no"), ("\n",), 7)
    assert (answer.text, answer.sentences[0].verdict) == ("yes", "unchecked")
    assert not answer.unsupported
    schema = {"type": "object"}
    rag.ask(TEA, json_schema=schema)
    assert rag.parts.generator.asked[-1].json_schema == schema  # type: ignore[attr-defined]
    found = {hit.document_id for hit in rag.ask("steamed strands", filters={"year": {"max": 2000}}).hits}
    assert found == {"rope"}


def test_given_passages_are_not_searched_for(index: Path, host: PluginHost) -> None:
    rag = opened(index, host)
    (rope,) = [hit for hit in rag.retrieve("laid rope strands", 5) if hit.document_id == "rope"]
    prepared = rag.prepare("How many strands has a rope?", hits=[rope])
    assert [hit.document_id for hit in prepared.hits] == ["rope"]


@pytest.mark.parametrize("generator", ["echo", "together", "waiting"])
def test_on_an_event_loop_the_answer_is_the_same(index: Path, host: PluginHost, generator: str) -> None:
    rag = opened(index, host, generator)

    async def both() -> tuple[list[Answer], list[str | Answer]]:
        answers = await asyncio.gather(*(rag.aask(question) for question in (TEA, ROPE, NONSENSE)))
        return list(answers), [piece async for piece in rag.astream(TEA)]

    answers, pieces = asyncio.run(both())
    assert [answer.text for answer in answers] == [rag.ask(question).text for question in (TEA, ROPE, NONSENSE)]
    *texts, last = pieces
    assert isinstance(last, Answer)
    assert "".join(str(text) for text in texts).strip() == last.text


def test_a_backend_that_waits_by_itself_holds_no_thread_and_hears_of_the_end(index: Path, host: PluginHost) -> None:
    rag = opened(index, host, "waiting")

    async def first_piece() -> None:
        stream = rag.astream(TEA)
        async for _ in stream:
            break
        await stream.aclose()  # type: ignore[attr-defined]

    asyncio.run(first_piece())
    generator: Any = rag.parts.generator
    assert generator.closed == 1
    assert generator.threads == {threading.get_ident()}  # the loop's own


@pytest.mark.parametrize("arranged", ["ask", "ask_many", "aask"])
@pytest.mark.parametrize("generator", ["echo", "together", "waiting"])
def test_a_failing_backend_leaves_no_partial_answer(
    index: Path, host: PluginHost, generator: str, arranged: str
) -> None:
    rag = opened(index, host, generator)
    rag.parts.generator.fails = True  # type: ignore[attr-defined]
    with pytest.raises(GenerationError, match="the wires are cut"):
        if arranged == "aask":
            asyncio.run(rag.aask(TEA))
        else:
            rag.ask(TEA) if arranged == "ask" else rag.ask_many([TEA, ROPE])


def test_a_backend_that_does_not_say_why_it_ended_has_not_answered(index: Path, host: PluginHost) -> None:
    with pytest.raises(GenerationError, match="stopped without saying why"):
        opened(index, host, "silent").ask(TEA)


def test_an_error_of_whoever_reads_along_is_not_called_the_backends(index: Path, host: PluginHost) -> None:
    def read(text: str) -> None:
        raise KeyError(text)

    with pytest.raises(KeyError):
        opened(index, host).ask(TEA, on_text=read)


def test_a_wrong_question_is_refused_before_anything_is_written(index: Path, host: PluginHost) -> None:
    rag = opened(index, host)
    with pytest.raises(QueryError):
        rag.ask_many([TEA, "  "])
    assert not rag.parts.generator.asked  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("verifiers", "rule", "verdict", "cites"),
    [
        (("believer",), "all", "supported", True),
        (("doubter",), "all", "unsupported", False),
        (("believer", "doubter"), "all", "unsupported", False),
        (("doubter", "believer"), "any", "supported", True),
        (("none",), "all", "unchecked", False),
        (("none", "believer"), "all", "supported", True),
        (("none", "doubter"), "any", "unsupported", False),
    ],
)
def test_verdicts_of_several_verifiers_are_joined_by_the_rule(
    index: Path, host: PluginHost, verifiers: tuple[str, ...], rule: str, verdict: str, cites: bool
) -> None:
    changes = {"verifiers": [use(name) for name in verifiers], "answer": {"supported_by": rule}}
    answer = opened(index, host, **changes).ask(TEA)
    assert {sentence.verdict for sentence in answer.sentences} == {verdict}
    assert all(bool(sentence.citations) == cites for sentence in answer.sentences)
    if cites:
        assert answer.citations[0].quote == "Green"


def test_a_verifier_that_cites_what_was_not_in_the_evidence_is_named(index: Path, host: PluginHost) -> None:
    with pytest.raises(PluginError, match=r"Stranger.*not in the evidence"):
        opened(index, host, verifiers=[use("stranger")]).ask(TEA)


def test_many_threads_share_one_session(index: Path, host: PluginHost) -> None:
    rag = opened(index, host, "extractive")
    expected = {question: rag.ask(question).text for question in (TEA, ROPE, NONSENSE)}
    wrong: list[str] = []

    def ask() -> None:
        for question, text in expected.items():
            if rag.ask(question).text != text:
                wrong.append(question)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_stages_keep_their_order_and_detail() -> None:
    tracer = Tracer()
    with tracer.stage("first") as detail:
        detail["seen"] = 2
    with tracer.stage("second"):
        sum(range(100_000))
    first, second = tracer.trace().stages
    assert (first.name, first.detail, second.name) == ("first", {"seen": 2}, "second")
    assert second.wall_seconds > 0
    assert tracer.trace().wall_seconds == first.wall_seconds + second.wall_seconds


def test_a_stage_that_fails_is_still_in_the_trace() -> None:
    tracer = Tracer()
    with pytest.raises(ValueError, match="boom"), tracer.stage("failing"):
        raise ValueError("boom")
    assert [stage.name for stage in tracer.trace().stages] == ["failing"]
