"""The three ways an engine answers: alone and piece by piece, in company, or with one of given choices."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Sequence

from plait.contracts import Chunk, Generation, GenerationRequest, Usage
from plait.generators.local.batching import PaddedBatch
from plait.generators.local.engine import Engine
from plait.generators.local.prefill import EndedError, Prompt
from plait.generators.local.scoring import log_likelihoods
from plait.generators.local.writing import Writing

__all__ = ["choose", "write", "write_together"]


def write(engine: Engine, writing: Writing, prompt: Prompt, ended: Callable[[], bool]) -> Generator[Chunk, None, None]:
    """Writes one answer, piece by piece.

    Raises:
        GenerationError: the model failed.
        EndedError: ``ended`` said that nobody waits any more; asked before each block and each token.
    """
    with engine.running():
        read = engine.read(prompt, ended)
        logits = read.logits
    while True:
        if ended():
            raise EndedError("the request was ended while its answer was written")
        with engine.running():
            piece = writing.push(logits)
        if piece:
            yield Chunk(piece)
        if writing.finish:
            break
        with engine.running():
            logits = engine.step(read.cache, writing.tokens[-1:])[0]
    usage = Usage(len(prompt), len(writing.tokens))
    yield Chunk(writing.rest(), writing.finish, usage, {"model": engine.model.name, "reused_tokens": read.reused})


def write_together(engine: Engine, writings: Sequence[Writing], prompts: Sequence[Prompt]) -> list[Generation]:
    """Writes several answers, one token of each in a step; who has ended leaves.

    Raises:
        GenerationError: the model failed; nothing is an answer then.
    """
    import torch

    texts = [""] * len(prompts)
    with engine.running():
        reads = [engine.read(prompt) for prompt in prompts]
        reused = [read.reused for read in reads]
        rows = list(range(len(prompts)))
        logits = torch.stack([read.logits for read in reads])
        batch = PaddedBatch(engine.model, reads)
        del reads  # their caches live on in the batch's alone
        while True:
            for values, row in zip(logits.float().cpu(), rows, strict=True):
                texts[row] += writings[row].push(values)
            going = [place for place, row in enumerate(rows) if writings[row].finish is None]
            if not going:
                break
            rows = [rows[place] for place in going]
            batch.keep(going)
            logits = batch.step([writings[row].tokens[-1] for row in rows])
    return [
        Generation(
            texts[row] + writing.rest(),
            writing.finish or "length",
            Usage(len(prompts[row]), len(writing.tokens)),
            {"model": engine.model.name, "reused_tokens": reused[row]},
        )
        for row, writing in enumerate(writings)
    ]


def choose(
    engine: Engine,
    request: GenerationRequest,
    prompt: Prompt,
    answers: Sequence[Sequence[int]],
    ends: Collection[int],
    ended: Callable[[], bool],
) -> Generation:
    """Answers with one of the request's choices, by the likelihood of the whole choice.

    Args:
        engine: what judges.
        request: the choices, the temperature and the seed.
        prompt: what they answer.
        answers: token numbers of each choice.
        ends: tokens that may follow a choice.
        ended: whether nobody waits any more.

    Raises:
        GenerationError: the model failed.
    """
    import torch

    with engine.running():
        read = engine.read(prompt, ended)
        scores = log_likelihoods(engine.model, read, answers, ends)
    place = scores.index(max(scores))
    if request.temperature > 0:
        random = torch.Generator(device="cpu").manual_seed(request.seed)
        chances = torch.softmax(torch.tensor(scores, dtype=torch.float64) / request.temperature, dim=-1)
        place = int(torch.multinomial(chances, 1, generator=random))
    detail = {
        "model": engine.model.name,
        "reused_tokens": read.reused,
        "log_likelihoods": dict(zip(request.choices, scores, strict=True)),
    }
    return Generation(request.choices[place], "stop", Usage(len(prompt), len(answers[place])), detail)
