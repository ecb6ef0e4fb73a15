"""The context of a passage: the title, then the headings above it."""

from __future__ import annotations

from collections.abc import Sequence

from plait.contracts import Document

__all__ = ["common_path", "context_of"]


def context_of(document: Document, path: Sequence[str]) -> str:
    """``title > heading > heading``, each line once.

    Example:
        >>> context_of(Document("a", "On braids", ()), ("On braids", "Method", "Data"))
        'On braids > Method > Data'
    """
    parts: list[str] = []
    for part in (document.title, *path):
        shown = " ".join(part.split())
        if shown and (not parts or shown.casefold() != parts[-1].casefold()):
            parts.append(shown)
    return " > ".join(parts)


def common_path(paths: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The headings that all of ``paths`` begin with.

    Example:
        >>> common_path([("Method", "Data"), ("Method", "Loss")])
        ('Method',)
    """
    shared: list[str] = []
    for level in zip(*paths, strict=False):
        if len(set(level)) > 1:
            break
        shared.append(level[0])
    return tuple(shared)
