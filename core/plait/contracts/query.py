"""The question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from plait.contracts.errors import QueryError

__all__ = ["MAX_QUERY_CHARACTERS", "Query"]

MAX_QUERY_CHARACTERS = 20_000
"""Longer queries are refused: encoders would cut them silently long before."""


@dataclass(frozen=True, slots=True)
class Query:
    """A question, optionally with a picture and with conditions on document metadata.

    Args:
        text: the question: not blank, at most :data:`MAX_QUERY_CHARACTERS` characters.
        image: path of a picture, for multimodal retrievers.
        filters: metadata key -> wanted value, list of accepted values, or a range such as
            ``{"min": 2020, "max": 2024}``. A list in the metadata matches if any of its items does.

    Raises:
        QueryError: the text is blank or too long.

    Example:
        >>> Query("What is a soft token?", filters={"year": {"min": 2023}}).text
        'What is a soft token?'
        >>> Query("  ")
        Traceback (most recent call last):
        ...
        plait.contracts.errors.QueryError: the query is empty. Fix: ask with at least one word.
    """

    text: str
    image: str | None = None
    filters: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise QueryError("the query is empty", fix="ask with at least one word")
        try:
            self.text.encode()
        except UnicodeEncodeError as error:
            raise QueryError(
                f"character {error.start} of the query is no Unicode character", fix="type the query as UTF-8"
            ) from None
        if len(self.text) > MAX_QUERY_CHARACTERS:
            raise QueryError(
                f"the query has {len(self.text):,} characters, at most {MAX_QUERY_CHARACTERS:,} are accepted",
                fix="ask a shorter question; index a long text as a document instead",
            )
