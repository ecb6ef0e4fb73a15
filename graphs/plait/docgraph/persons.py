"""Decides which author keys of a corpus mean one person, and says so.

"J. Smith" is taken for "John Smith" only while no other fuller name in the corpus fits it; "Jane Smith" in one more
document keeps all three apart. Nothing is merged on likelihood, and every merge and every refusal is reported.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from plait.docgraph.names import parse_name

__all__ = ["Persons", "merge_persons"]


@dataclass(frozen=True, slots=True)
class Persons:
    """What became of the author keys: key -> the key it is merged into, and the keys that could be several."""

    merged: Mapping[str, str] = field(default_factory=dict)
    ambiguous: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __getitem__(self, key: str) -> str:
        return self.merged.get(key, key)


def merge_persons(authors: Iterable[tuple[str, str]], papers: Iterable[Sequence[str]] = ()) -> Persons:
    """Merges a shorter form of a name into the one fuller form that fits it.

    Args:
        authors: (key, name as written) pairs; the written name matters for ORCID keys.
        papers: the author keys of each paper. Two authors of one paper are two people.

    Example:
        >>> merge_persons([("smith, j", ""), ("smith, john", "")]).merged
        {'smith, j': 'smith, john'}
        >>> merge_persons([("smith, j", ""), ("smith, john", ""), ("smith, jane", "")]).ambiguous
        {'smith, j': ('smith, jane', 'smith, john')}
        >>> merge_persons([("smith, j a", ""), ("smith, john", "")]).merged
        {}
        >>> merge_persons([("wang, wei", ""), ("wang, wei 0001", "")]).ambiguous
        {'wang, wei': ('wang, wei 0001',)}
        >>> merge_persons([("smith, j", ""), ("smith, john", "")], papers=[("smith, j", "smith, john")]).merged
        {}
    """
    # Only names with one surname and one first letter can fit each other: that keeps each comparison small.
    blocks: dict[tuple[str, str], dict[tuple[str, ...], str]] = defaultdict(dict)
    known: dict[str, set[str]] = defaultdict(set)  # name key -> ORCID keys
    names: set[str] = set()
    for key, label in authors:
        if key.startswith("orcid:"):
            name = parse_name(label)
            if name is None:
                continue
            known[name.key].add(key)
            named = name.key
        else:
            named = key
            names.add(key)
        surname, _, rest = named.partition(", ")
        if given := tuple(rest.split()):
            blocks[surname, given[0][0]][given] = named
    merged: dict[str, str] = {}
    ambiguous: dict[str, tuple[str, ...]] = {}
    for forms in blocks.values():
        if len(forms) > 1:
            _merge_forms(forms, merged, ambiguous)
    _use_orcids(known, merged, ambiguous)
    _keep_apart(papers, merged, ambiguous)
    return Persons(
        {key: merged[key] for key in sorted(merged) if key in names},
        {key: ambiguous[key] for key in sorted(ambiguous) if key in names},
    )


def _merge_forms(
    forms: Mapping[tuple[str, ...], str], merged: dict[str, str], ambiguous: dict[str, tuple[str, ...]]
) -> None:
    by_first: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    for form in forms:
        by_first[form[0]].append(form)

    def fuller_than(given: tuple[str, ...]) -> list[tuple[str, ...]]:
        # Only an initial can stand for other first names; a full one is compared with those who share it.
        others = list(forms) if len(given[0]) == 1 else by_first[given[0]]
        return [form for form in others if form != given and _says_more(form, given)]

    for given, key in forms.items():
        fullest = [form for form in fuller_than(given) if not fuller_than(form)]
        # A number says that several people share the name: one without it may be any of them.
        if len(fullest) == 1 and not fullest[0][-1].isdigit():
            merged[key] = forms[fullest[0]]
        elif fullest:
            ambiguous[key] = tuple(sorted(forms[form] for form in fullest))


def _use_orcids(known: Mapping[str, set[str]], merged: dict[str, str], ambiguous: dict[str, tuple[str, ...]]) -> None:
    """A name without ORCID iD is that of the one person who has one under this name; of two, nobody knows."""
    people = {name: tuple(sorted(orcids)) for name, orcids in known.items()}
    for key, into in [*merged.items(), *((name, name) for name in people if name not in merged)]:
        owners = people.get(into, ())
        if key != into and key in people and people[key] != owners:
            owners = (*people[key], *(owners or (into,)))
        if key in ambiguous:
            continue
        if len(owners) == 1:
            merged[key] = owners[0]
        elif owners:
            merged.pop(key, None)
            ambiguous[key] = tuple(sorted(set(owners)))


def _keep_apart(papers: Iterable[Sequence[str]], merged: dict[str, str], ambiguous: dict[str, tuple[str, ...]]) -> None:
    """Takes back what would make one person of two who wrote a paper together."""
    for keys in papers:
        became: dict[str, list[str]] = defaultdict(list)
        for key in keys:
            became[merged.get(key, key)].append(key)
        for into, together in became.items():
            for key in together if len(together) > 1 else ():
                if merged.pop(key, None) is not None:
                    ambiguous[key] = (into,)


def _says_more(fuller: tuple[str, ...], shorter: tuple[str, ...]) -> bool:
    """Whether ``fuller`` holds each part of ``shorter``, written out at least as far."""
    return len(fuller) >= len(shorter) and all(
        full == short or (len(short) == 1 and full.startswith(short))
        for full, short in zip(fuller, shorter, strict=False)
    )
