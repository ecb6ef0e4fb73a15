"""What a heading says about the section under it."""

from __future__ import annotations

import re
from typing import Literal

__all__ = ["Role", "is_bibliography", "role_of", "strip_number"]

Role = Literal["body", "abstract", "front", "appendix"]

_NUMBER = re.compile(
    r"(?:(?:section|chapter)\s+)?(?:\d{1,2}(?:\.\d{1,2})*|[IVX]{1,5}|[A-Z])(?:[.):]\s*|\s+)(?=\S)", re.I
)
_BIBLIOGRAPHY = re.compile(
    r"(?:selected |cited |list of |key )?(?:references?|bibliography|literature|works|literature cited|works cited)"
    r"(?: cited| list)?(?: and (?:notes|further reading))?"
)
_ABSTRACT = {"abstract", "summary of the paper", "zusammenfassung", "résumé", "resumen"}
_NO_BIBLIOGRAPHY = {"works", "literature"}


def strip_number(heading: str) -> str:
    """``heading`` without its section number.

    Example:
        >>> strip_number("3.1 Training"), strip_number("IV. Results"), strip_number("A Proofs"), strip_number("Data")
        ('Training', 'Results', 'Proofs', 'Data')
        >>> strip_number("A")
        'A'
    """
    return _NUMBER.sub("", heading, count=1) if _NUMBER.match(heading) else heading


def is_bibliography(heading: str) -> bool:
    """Whether what follows ``heading`` is a list of references.

    Example:
        >>> [is_bibliography(h) for h in ("7. References", "BIBLIOGRAPHY", "Literature Cited", "Reference model")]
        [True, True, True, False]
    """
    plain = strip_number(heading).strip(" .:").casefold()
    return plain not in _NO_BIBLIOGRAPHY and _BIBLIOGRAPHY.fullmatch(plain) is not None


def role_of(heading: str) -> Role:
    """The role of the section under ``heading``.

    Example:
        >>> role_of("Abstract"), role_of("Appendix A: Proofs"), role_of("Method")
        ('abstract', 'appendix', 'body')
    """
    plain = strip_number(heading).strip(" .:").casefold()
    if plain in _ABSTRACT:
        return "abstract"
    if re.match(r"(?:appendix|appendices|supplementary (?:material|information))\b", plain):
        return "appendix"
    return "body"
