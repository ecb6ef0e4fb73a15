"""Does the span assert it? A direction of change that it does not name, and a question that it only announces.

Both pass any comparison of words: "prior infection decreases the risk" shares all but one of its words with "To
investigate the association between prior infection and the risk".
"""

from __future__ import annotations

import re

from plait.prompts.synonyms import canonical
from plait.text.content import content_words, stem, words
from plait.text.sentences import sentence_spans

__all__ = ["announced_only", "direction_missing"]

_UP = """
increase raise rise grow elevate enhance boost improve promote stimulate upregulate activate augment accelerate gain
expand amplify strengthen intensify facilitate exacerbate higher greater more larger better up induce double triple
"""
_DOWN = """
decrease reduce lower diminish decline drop fall lessen inhibit suppress impair attenuate weaken downregulate block
prevent shrink slow worsen deteriorate abolish abrogate repress deplete limit restrict hamper minimise minimize
less fewer smaller worse down protect avoid eliminate remove lose loss decreased halve mitigate alleviate curb
"""
_WAYS = tuple(frozenset(stem(word) for word in way.split()) for way in (_UP, _DOWN))
_CHANGE = """
increase raise elevate enhance boost improve promote stimulate upregulate activate augment accelerate exacerbate
decrease reduce lower diminish decline inhibit suppress impair attenuate weaken downregulate prevent worsen
"""
_VERBS = frozenset(map(stem, _CHANGE.split()))
"""Words of change that a claim makes its point with; "more" or "up" may stand there for other reasons."""

_AIM = re.compile(
    r"""\b(?: (?:aim|objective|purpose|goal)s?\b(?=[^.]{0,40}\b(?:to|of|was|is|were)\b) | aim(?:ed|ing)?\ to\b
    | (?:to|we|study|studies|trial|review|paper|and)\ (?:\w+ly\ )?(?:investigat|examin|explor|determin|assess|evaluat
    |test|study|ask)\w*\ (?:whether|if|how|the|their|its)\b )""",
    re.IGNORECASE | re.VERBOSE,
)


def direction_missing(claim: str, span: str) -> str:
    """A word of change in the claim, such as "decreases", where no word of the span points the same way.

    Example:
        >>> direction_missing("Infection decreases the risk.", "The risk after infection was studied.")
        'decreases'
        >>> direction_missing("Infection decreases the risk.", "Infection was tied to a lower risk.")
        ''
    """
    there = {word.stem for word in words(_closest(claim, span))}
    for word in words(claim):
        if word.stem in _VERBS and not any(word.stem in way and there & way for way in _WAYS):
            return word.lower
    return ""


def _closest(claim: str, span: str) -> str:
    """The sentence of the span that holds most of the claim: a direction in one beside it belongs to something else."""
    asked = {canonical(word.stem) for word in content_words(claim)}
    sentences = [span[start:end] for start, end in sentence_spans(span)] or [span]
    return max(sentences, key=lambda text: len(asked & {canonical(word.stem) for word in content_words(text)}))


def announced_only(claim: str, span: str) -> bool:
    """Whether every sentence of the span says what was to be found out, and the claim says what is so.

    Example:
        >>> announced_only("Tea lowers the risk.", "OBJECTIVE To investigate whether tea lowers the risk.")
        True
        >>> announced_only("The study aimed to find causes.", "The study aimed to find causes of it.")
        False
    """
    if _AIM.search(claim):
        return False
    return all(_AIM.search(span[start:end]) for start, end in sentence_spans(span))
