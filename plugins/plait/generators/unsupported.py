"""Refuses what a backend cannot do: an answer in another form than asked for is no answer."""

from __future__ import annotations

from plait.contracts import GenerationRequest
from plait.contracts.errors import GenerationError
from plait.generators.embedding_checks import check_soft_tokens

__all__ = ["refuse_choices", "refuse_json_schema", "refuse_soft_tokens"]


def refuse_choices(request: GenerationRequest, where: str) -> None:
    """For backends that cannot answer with one of given strings.

    Raises:
        GenerationError: the request has choices.
    """
    if request.choices:
        raise GenerationError(
            "this generator cannot answer with one of given choices",
            where=where,
            choices=["transformers", "vllm", "vllm-server"],
            fix="use one of these generators, or leave choices out of the request",
        )


def refuse_json_schema(request: GenerationRequest, where: str) -> None:
    """For backends that cannot hold to a JSON schema.

    Raises:
        GenerationError: the request has a schema.
    """
    if request.json_schema is not None:
        raise GenerationError(
            "this generator cannot write JSON of a given schema",
            where=where,
            choices=["vllm", "vllm-server", "openai-compatible"],
            fix="use one of these generators, or leave json_schema out of the request",
        )


def refuse_soft_tokens(request: GenerationRequest, where: str) -> None:
    """For backends that take no embeddings.

    Raises:
        GenerationError: the request has soft tokens.
    """
    check_soft_tokens(request.soft_tokens, (), 0, None, where)
