"""References as one line of text that can be read back: what stands in :attr:`plait.contracts.Edge.label`."""

from __future__ import annotations

import re

from plait.contracts import Reference

__all__ = ["label_of", "reference_of", "shown"]

_MOST = 4_000
_ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
_MEANT = {written: meant for meant, written in _ESCAPES.items()}
_ESCAPE = re.compile(r"\\[\\tnr]")


def label_of(reference: Reference) -> str:
    r"""The entry as it was written, then ``key=value`` fields after tabs.

    Example:
        >>> label_of(Reference("Doe: On x. 1999.", "On x", 1999, {"doi": "10.1/x"}))
        'Doe: On x. 1999.\ttitle=On x\tyear=1999\tdoi=10.1/x'
    """
    fields = [_line(reference.text)]
    if reference.title:
        fields.append(f"title={_line(reference.title)}")
    if reference.year is not None:
        fields.append(f"year={reference.year}")
    fields += [f"{_line(scheme)}={_escaped(value)}" for scheme, value in reference.identifiers.items()]
    return "\t".join(fields)


def reference_of(label: str) -> Reference:
    r"""The reference that :func:`label_of` wrote.

    Example:
        >>> reference_of("\tid=bert").identifiers
        {'id': 'bert'}
    """
    text, *fields = label.split("\t")
    found = {key: value for key, _, value in (field.partition("=") for field in fields)}
    title, year = found.pop("title", ""), found.pop("year", "")
    identifiers = {scheme: _meant(value) for scheme, value in found.items()}
    return Reference(text, title, int(year) if year.isdecimal() else None, identifiers)


def shown(label: str) -> str:
    r"""What a person reads: the entry as written, else its title, else its identifiers.

    Example:
        >>> shown("\tid=bert\tdoi=10.1/x")
        'id bert, doi 10.1/x'
    """
    reference = reference_of(label)
    return (
        reference.text
        or reference.title
        or ", ".join(f"{scheme} {value}" for scheme, value in reference.identifiers.items())
    )


def _escaped(value: str) -> str:
    """An identifier in one line: unlike a title it is another one with other blanks."""
    return "".join(_ESCAPES.get(character, character) for character in value)


def _meant(value: str) -> str:
    return _ESCAPE.sub(lambda found: _MEANT[found[0]], value)


def _line(text: str) -> str:
    return " ".join(text.split())[:_MOST]
