"""A question in three moves: prepare (retrieve, gate, pack), generate, finish (verify, number the citations).

``ask``, ``ask_many``, ``aask`` and ``astream`` of a session are arrangements of these three and of nothing else.
"""

from __future__ import annotations

import collections.abc
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from plait.contracts import (
    Answer,
    AsyncGenerator,
    BatchGenerator,
    Chunk,
    Evidence,
    Generation,
    GenerationRequest,
    HasEmbedder,
    Hit,
    IndexView,
    Query,
    Sentence,
    Stage,
    Trace,
    Usage,
    VectorSearch,
)
from plait.contracts.errors import GenerationError, PlaitError
from plait.hooks import plugin_errors
from plait.prompts import checked_sentences, pack
from plait.rag.parts import Parts
from plait.rag.retrieval import Retrieval
from plait.rag.structure import ReadStructure, read_structure, structure_of, ties_of
from plait.text.passages import as_evidence

__all__ = [
    "DECLINED",
    "AnswerForm",
    "Prepared",
    "Tracer",
    "finish",
    "generate",
    "generate_async",
    "generate_many",
    "prepare",
]

DECLINED = "Nothing in the indexed documents answers this question."


class Tracer:
    """Collects stages in order.

    CPU seconds are those of the whole process, so that the work of native threads counts.

    Example:
        >>> tracer = Tracer()
        >>> with tracer.stage("retrieve") as detail:
        ...     detail["hits"] = 3
        >>> tracer.trace().stages[0].name, dict(tracer.trace().stages[0].detail)
        ('retrieve', {'hits': 3})
    """

    def __init__(self) -> None:
        self._stages: list[Stage] = []

    @contextmanager
    def stage(self, name: str) -> Iterator[dict[str, Any]]:
        """Times the block; what it puts into the yielded dictionary becomes the stage's detail."""
        detail: dict[str, Any] = {}
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            yield detail
        finally:
            self._stages.append(Stage(name, time.perf_counter() - wall, time.process_time() - cpu, detail))

    def add(self, stage: Stage) -> None:
        """Takes a stage that was measured elsewhere, such as a share of a batch."""
        self._stages.append(stage)

    def trace(self) -> Trace:
        """The stages so far."""
        return Trace(tuple(self._stages))


@dataclass(frozen=True, slots=True)
class AnswerForm:
    """What one question asks of the generator beside the pipeline's settings.

    Args:
        choices: the answer is exactly one of them.
        json_schema: the answer is JSON of this schema.
        stop: texts that end the answer.
        max_tokens: most tokens of the answer; the pipeline's setting where it is None.
    """

    choices: Sequence[str] = ()
    json_schema: Mapping[str, Any] | None = None
    stop: Sequence[str] = ()
    max_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A question with its evidence, ready for the generator.

    Args:
        query: the question as the plugins want it asked.
        view: the snapshot it is asked of; citations are re-opened from the same one.
        hits: what was found, best first.
        request: what the generator is to write; None where the gate declined.
        tracer: what every move saw; it grows with each.
    """

    query: Query
    view: IndexView
    hits: tuple[Hit, ...]
    request: GenerationRequest | None
    tracer: Tracer = field(compare=False)


def prepare(parts: Parts, retrieval: Retrieval, tracer: Tracer, asked: AnswerForm) -> Prepared:
    """The first move, once retrieval is done: the gate judges the evidence, and what fits becomes a prompt.

    Args:
        parts: the pipeline's components.
        retrieval: what was found, and in which snapshot.
        tracer: receives the stages ``gate`` and ``prompt``.
        asked: what the question asks of the generator.

    Raises:
        GenerationError: not even the best passage fits beside the question.
        PluginError: the gate failed, or a plugin on the hooks.
    """
    settings, query, view = parts.pipeline.answer, retrieval.query, retrieval.view
    hits = tuple(retrieval.fused)
    if asked.max_tokens is not None:
        settings = settings.model_copy(update={"max_tokens": asked.max_tokens})
    with tracer.stage("gate") as detail:
        evidence = _evidence(parts, query, hits[: settings.passages], view)
        with plugin_errors(f"gate {parts.pipeline.gate.name!r}"):
            relevance = parts.gate.assess(query, evidence, view)
        detail |= {"score": relevance.score, "answerable": relevance.answerable, "reason": relevance.reason}
        detail |= relevance.detail
    if not relevance.answerable:
        return Prepared(query, view, hits, None, tracer)
    with tracer.stage("prompt") as detail:
        tied = parts.structure_source is not None
        packed = pack(query, evidence, parts.generator, settings, ties_of(parts, view) if tied else None)
        structure = read_structure(parts, packed.evidence, view) if tied else ReadStructure("no document graph")
        detail |= {
            "passages": len(packed.evidence),
            "left_out": [item.passage.id for item in packed.left_out],
            "ties": max(0, len(packed.ties.splitlines()) - 1),
            "structure": structure.told,
        }
        request = GenerationRequest(
            query,
            packed.evidence,
            packed.messages,
            settings.max_tokens,
            settings.temperature,
            settings.seed,
            stop=tuple(asked.stop),
            soft_tokens=structure.soft_tokens,
            choices=tuple(asked.choices),
            json_schema=asked.json_schema,
            structure=structure.weights,
        )
        request = parts.host.hook.before_generate(request)
    return Prepared(query, view, hits, request, tracer)


def generate(parts: Parts, prepared: Prepared, on_text: Callable[[str], None] | None = None) -> Generation:
    """The second move: the generator writes.

    Args:
        parts: the pipeline's components.
        prepared: a question that was not declined.
        on_text: called with each piece of text as it is written, before it is checked.

    Raises:
        GenerationError: the generator failed or ended without saying why; there is no partial answer.
    """
    request = _request(prepared)
    with prepared.tracer.stage("generate") as detail:
        collected = _Collected(parts)
        for chunk in _streamed(parts, request):
            collected.add(chunk)
            if on_text is not None and chunk.text:
                on_text(chunk.text)
        generation = collected.generation()
        detail |= _told(generation)
    return generation


def generate_many(parts: Parts, prepared: Sequence[Prepared]) -> list[Generation]:
    """The second move for several questions: together where the backend can, else one after the other.

    Raises:
        GenerationError: the generator failed; nothing of the batch is an answer.
    """
    if not isinstance(parts.generator, BatchGenerator):
        return [generate(parts, one) for one in prepared]
    requests = [_request(one) for one in prepared]
    wall, cpu = time.perf_counter(), time.process_time()
    with _generator_errors(parts):
        generations = list(parts.generator.generate(requests))
    if len(generations) != len(prepared):
        raise GenerationError(
            f"the generator {parts.pipeline.generator.name!r} gave {len(generations)} answers, not {len(prepared)}",
            fix="report this to its authors; nothing of the batch is passed off as an answer",
        )
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    for one, generation in zip(prepared, generations, strict=True):
        detail = {**_told(generation), "together": len(prepared)}
        one.tracer.add(Stage("generate", wall / len(prepared), cpu / len(prepared), detail))
    return generations


async def generate_async(parts: Parts, prepared: Prepared) -> collections.abc.AsyncGenerator[Chunk | Generation, None]:
    """The second move on an event loop: the chunks as they come, and at last the whole generation.

    A backend that cannot wait without a thread writes in one of the event loop's worker threads.

    Raises:
        GenerationError: the generator failed or ended without saying why; there is no partial answer.
    """
    if not isinstance(parts.generator, AsyncGenerator):
        import asyncio

        generation = await asyncio.to_thread(generate, parts, prepared)
        yield Chunk(generation.text)
        yield generation
        return
    request = _request(prepared)
    with prepared.tracer.stage("generate") as detail, _generator_errors(parts):
        collected = _Collected(parts)
        async for chunk in parts.generator.astream(request):
            collected.add(chunk)
            yield chunk
        generation = collected.generation()
        detail |= _told(generation)
    yield generation


def finish(parts: Parts, prepared: Prepared, generation: Generation | None) -> Answer:
    """The third move: sentences are verified, what supports them is re-opened, citations are numbered.

    Args:
        parts: the pipeline's components.
        prepared: the question.
        generation: what was written; None where the gate declined.

    Raises:
        PluginError: a verifier failed, or a plugin on the hooks.
    """
    query, request, tracer = prepared.query, prepared.request, prepared.tracer
    text = "" if generation is None else generation.text.strip()
    if request is None or generation is None or generation.finish_reason == "declined" or not text:
        answer = Answer(query.text, DECLINED, (), prepared.hits, True, "declined", tracer.trace())
        return parts.host.hook.after_generate(answer)
    with tracer.stage("verify") as detail:
        if request.choices or request.json_schema is not None:
            form = "one of the given choices" if request.choices else "JSON"
            sentences: tuple[Sentence, ...] = (
                Sentence(text, (), "unchecked", f"the answer is {form}, not a sentence to check"),
            )
        else:
            with plugin_errors("a verifier"):
                sentences = checked_sentences(
                    text, request.evidence, prepared.view, parts.verifiers, parts.pipeline.answer.supported_by
                )
            text = " ".join(sentence.text for sentence in sentences)
        detail |= {"sentences": len(sentences), "supported": sum(sentence.supported for sentence in sentences)}
    answer = Answer(query.text, text, sentences, prepared.hits, False, generation.finish_reason, tracer.trace())
    return parts.host.hook.after_generate(answer)


class _Collected:
    """What the chunks of one answer add up to."""

    def __init__(self, parts: Parts) -> None:
        self._name = parts.pipeline.generator.name
        self._pieces: list[str] = []
        self._usage: Usage | None = None
        self._last: Chunk | None = None

    def add(self, chunk: Chunk) -> None:
        self._pieces.append(chunk.text)
        self._usage = chunk.usage or self._usage
        if chunk.finish_reason is not None:
            self._last = chunk

    def generation(self) -> Generation:
        if self._last is None or self._last.finish_reason is None:
            raise GenerationError(
                f"the generator {self._name!r} stopped without saying why",
                fix="its last chunk must carry a finish_reason; what it wrote is not passed off as an answer",
            )
        return Generation("".join(self._pieces), self._last.finish_reason, self._usage, self._last.detail)


def _told(generation: Generation) -> dict[str, Any]:
    told: dict[str, Any] = {"finish_reason": generation.finish_reason}
    if generation.usage is not None:
        told["prompt_tokens"] = generation.usage.prompt_tokens
        told["completion_tokens"] = generation.usage.completion_tokens
    return told


def _request(prepared: Prepared) -> GenerationRequest:
    if prepared.request is None:
        raise ValueError("the gate declined this question: there is nothing to write")
    return prepared.request


def _streamed(parts: Parts, request: GenerationRequest) -> Iterator[Chunk]:
    """What the backend writes; its errors are named as its own, those of whoever reads along are not."""
    with _generator_errors(parts):
        yield from parts.generator.stream(request)


@contextmanager
def _generator_errors(parts: Parts) -> Iterator[None]:
    try:
        yield
    except PlaitError:
        raise
    except Exception as error:
        raise GenerationError(
            f"the generator {parts.pipeline.generator.name!r} failed ({type(error).__name__}: {error})",
            fix="try again, or choose another generator; what it wrote is not passed off as an answer",
        ) from error


def _evidence(parts: Parts, query: Query, hits: Sequence[Hit], view: IndexView) -> list[Evidence]:
    evidence = as_evidence(hits, view, parts.host.hook.steering)
    near = _similarities(parts, query, [hit.row for hit in hits], view)
    structural = structure_of(parts, view) if parts.structure_source is not None else lambda _row: None
    return [
        replace(item, similarity=cosine, structure=structural(hit.row))
        for item, hit, cosine in zip(evidence, hits, near, strict=True)
    ]


def _similarities(parts: Parts, query: Query, rows: Sequence[int], view: IndexView) -> list[float | None]:
    """Cosine of the question with each passage, by the first retriever that shares the gate's encoder."""
    searched = [retriever for retriever in parts.retrievers.values() if isinstance(retriever, VectorSearch)]
    if isinstance(parts.gate, HasEmbedder):
        searched = [retriever for retriever in searched if retriever.embedder is parts.gate.embedder]
    found = next(iter(searched), None)
    if found is None or not rows:
        return [None] * len(rows)
    vector = found.embedder.embed_queries([query.text])[0]  # the search before has asked for the same one
    return [float(cosine) for cosine in view.vectors(found.vector_column)[list(rows)] @ vector]
