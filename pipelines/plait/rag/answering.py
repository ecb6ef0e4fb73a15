"""From hits to an answer whose every citation was re-opened."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from plait.contracts import Answer, Chunk, Evidence, GenerationRequest, Hit, IndexView, Query
from plait.contracts.errors import GenerationError, PlaitError
from plait.prompts import assess, pack, verify
from plait.rag.parts import Parts
from plait.rag.structure import read_structure, structure_of, ties_of
from plait.rag.tracing import Tracer

__all__ = ["DECLINED", "answer_from"]

DECLINED = "Nothing in the indexed documents answers this question."


def answer_from(
    parts: Parts,
    query: Query,
    hits: Sequence[Hit],
    view: IndexView,
    tracer: Tracer,
    on_text: Callable[[str], None] | None = None,
) -> Answer:
    """Writes and checks the answer.

    Args:
        parts: the pipeline's components.
        query: the question.
        hits: what was found, best first.
        view: the snapshot it was found in; citations are re-opened from the same one.
        tracer: receives the stages ``relevance``, ``prompt``, ``generate`` and ``verify``.
        on_text: called with each piece of text as the generator writes it, before it is checked.

    Raises:
        GenerationError: the generator failed or ended without saying why; there is no partial answer.
    """
    settings = parts.pipeline.answer
    with tracer.stage("relevance") as detail:
        evidence = _evidence(parts, hits, view, settings.passages)
        relevance = assess(query, evidence, parts.relevance_embedder, view)
        detail |= {"score": relevance.score, "answerable": relevance.answerable, "reason": relevance.reason}
    if not relevance.answerable:
        return Answer(query.text, DECLINED, (), tuple(hits), True, "declined", tracer.trace())
    with tracer.stage("prompt") as detail:
        packed = pack(query, evidence, parts.generator, settings, ties_of(parts, view))
        structure = read_structure(parts, packed.evidence, view)
        detail |= {
            "passages": len(packed.evidence),
            "left_out": [e.passage.id for e in packed.left_out],
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
        soft_tokens=structure.soft_tokens,
        structure=structure.weights,
    )
    with tracer.stage("generate") as detail:
        request = parts.host.hook.before_generate(request)
        pieces: list[str] = []
        finish = None
        for chunk in _written(parts, request):
            pieces.append(chunk.text)
            if on_text is not None and chunk.text:
                on_text(chunk.text)
            if chunk.finish_reason is not None:
                finish = chunk.finish_reason
                detail["finish_reason"] = finish
            if chunk.usage is not None:
                detail["prompt_tokens"] = chunk.usage.prompt_tokens
                detail["completion_tokens"] = chunk.usage.completion_tokens
        if finish is None:
            raise GenerationError(
                f"the generator {parts.pipeline.generator.name!r} stopped without saying why",
                fix="its last chunk must carry a finish_reason; what it wrote is not passed off as an answer",
            )
    text = "".join(pieces).strip()
    if finish == "declined" or not text:
        return Answer(query.text, DECLINED, (), tuple(hits), True, "declined", tracer.trace())
    with tracer.stage("verify") as detail:
        sentences = verify(text, request.evidence, view)
        detail |= {"sentences": len(sentences), "supported": sum(sentence.supported for sentence in sentences)}
    shown = " ".join(sentence.text for sentence in sentences)
    return Answer(query.text, shown, sentences, tuple(hits), False, finish, tracer.trace())


def _written(parts: Parts, request: GenerationRequest) -> Iterator[Chunk]:
    try:
        yield from parts.generator.stream(request)
    except PlaitError:
        raise
    except Exception as error:
        raise GenerationError(
            f"the generator {parts.pipeline.generator.name!r} failed ({type(error).__name__}: {error})",
            fix="try again, or choose another generator; what it wrote is not passed off as an answer",
        ) from error


def _evidence(parts: Parts, hits: Sequence[Hit], view: IndexView, most: int) -> list[Evidence]:
    vectors = structure_of(parts, view)
    return [
        Evidence(number, view.passage(hit.row), view.title(hit.document_id), hit.score, vectors(hit.row))
        for number, hit in enumerate(hits[:most], start=1)
    ]
