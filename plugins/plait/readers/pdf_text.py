"""Joining printed lines into running text: hyphens at line ends, broken addresses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

__all__ = ["join_lines", "vocabulary"]

_HYPHENS = "-\u2010\u00ad\u0002"
_WORD = re.compile(r"[^\W\d_]+(?:[-\u2010][^\W\d_]+)*")
_ADDRESS = re.compile(r"(?:https?:|www\.|doi\.org|10\.\d{4,9}/)\S*$")
_KEEPS_HYPHEN = frozenset(
    """
    self well high low long short open real cross multi single two one three four five six seven eight nine ten first
    second third full half large small state hands peer user data time cost end non pre post semi co
    """.split()  # noqa: SIM905 - fifty quoted words would be harder to read
)


def vocabulary(lines: Iterable[str]) -> set[str]:
    """The words of a document that no line end can have cut, in lower case."""
    words: set[str] = set()
    for line in lines:
        found = [match.group().casefold().replace("\u2010", "-") for match in _WORD.finditer(line)]
        words.update(found[:-1] if line.rstrip().endswith(tuple(_HYPHENS)) else found)
    return words


def join_lines(lines: Sequence[str], words: set[str]) -> str:
    """One paragraph from its lines. A hyphen at a line end goes, unless the document writes the word with it.

    Example:
        >>> join_lines(["We use well-", "known repre-", "sentations, see https://doi.org/10.1/", "ab."], {"x"})
        'We use well-known representations, see https://doi.org/10.1/ab.'
    """
    text = ""
    for line in lines:
        line = line.strip()
        if not line:
            continue
        text = _append(text, line, words) if text else line
    return text.replace("\u00ad", "").replace("\u0002", "-")


def _append(text: str, line: str, words: set[str]) -> str:
    if text[-1] in _HYPHENS and len(text) > 1 and text[-2].isalpha():
        return _after_hyphen(text, line, words)
    address = _ADDRESS.search(text)
    if re.search(r"\d[-\u2013]$", text) and line[0].isdigit():
        return text + line
    # A full stop ends a sentence far more often than it breaks an address before a capital.
    ends = text[-1] == "." and line[0].isupper()
    if address and not ends and (text[-1] in "/:._=&?#%" or line[0] in "/.?=&#%_-"):
        return text + line
    return f"{text} {line}"


def _after_hyphen(text: str, line: str, words: set[str]) -> str:
    if not line[0].isalpha():
        return text + line if line[0].isdigit() else f"{text} {line}"
    before = re.search(r"[^\W\d_]+(?:[-\u2010][^\W\d_]+)*$", text[:-1])
    after = re.match(r"[^\W\d_]+(?:[-\u2010][^\W\d_]+)*", line)
    if before is None or after is None:
        return text + line
    left, right = before.group().casefold(), after.group().casefold()
    if text[-1] in "\u00ad\u0002" and f"{left}-{right}" not in words:
        return text[:-1] + line
    if f"{left}-{right}" in words and left + right not in words:
        return text[:-1] + "-" + line
    if left + right in words:
        return text[:-1] + line
    both_words = len(left) >= 4 and len(right) >= 4 and left in words and right in words
    if line[0].isupper() or "-" in left or left in _KEEPS_HYPHEN or both_words:
        return text[:-1] + "-" + line
    return text[:-1] + line
