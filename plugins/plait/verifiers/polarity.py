"""What turns a sentence around: negation, opposites, quantifiers and doubt.

Word overlap is blind to all four: "does not improve" covers "improves" entirely. Each check here answers one
question about a claim and the span that is to support it, and names the word that differs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from plait.text.content import Word, stem, words

__all__ = ["clauses", "doubt_lost", "negated_stems", "negation_differs", "opposites_of", "quantifier_missing"]


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_NEGATORS = _set(
    """
    not no never without neither nor cannot none nothing nobody hardly rarely seldom unable lack lacks lacked
    lacking fail fails failed failing absence barely scarcely unlike except excluding refuse refuses refused
    avoid avoids avoided avoiding prevent prevents prevented deny denies denied denied false untrue incorrect
    """
)
_NOT_NEGATING = re.compile(
    r"\bnot only\b|\bno (?:more|less|fewer|later|earlier) than\b|\bnot necessarily\b|\bwhether or not\b|\bno doubt\b",
    re.IGNORECASE,
)
_INSTEAD = re.compile(r"\b(?:instead of|rather than|as opposed to)\b", re.IGNORECASE)
_CLAUSE = re.compile(
    r"[;:—]|[,.!?](?=\s)|\s(?:and|but|while|whereas|although|though|because|however|yet|than)\s", re.IGNORECASE
)
_SCOPE = 4
"""Content words after a negator that it reaches, unless the clause ends before."""

_PAIRS = """
increase/decrease increase/reduce increase/drop increase/decline increase/diminish increase/lower rise/fall rise/drop
rise/decline grow/shrink raise/lower gain/loss gain/lose improve/worsen improve/degrade improve/hurt improve/harm
improve/deteriorate better/worse best/worst higher/lower high/low highest/lowest above/below over/under more/less
more/fewer most/least most/fewest first/last faster/slower fast/slow fastest/slowest before/after larger/smaller
large/small largest/smallest bigger/smaller big/small longer/shorter long/short longest/shortest greater/lesser
greater/smaller greater/less maximum/minimum maximal/minimal maximise/minimise maximize/minimize add/remove
include/exclude positive/negative positively/negatively success/failure succeed/fail accept/reject support/refute
support/contradict upper/lower earlier/later early/late left/right true/false same/different similar/different
similar/dissimilar strong/weak stronger/weaker easy/hard easy/difficult easier/harder cheap/expensive
cheaper/costlier dense/sparse supervised/unsupervised directed/undirected exact/approximate exactly/approximately
outperform/underperform frozen/trainable frozen/trained open/closed public/private male/female active/inactive
activate/inhibit activate/suppress activate/deactivate promote/inhibit promote/suppress promote/prevent
induce/inhibit induce/suppress stimulate/inhibit enhance/inhibit enhance/reduce enhance/impair enhance/suppress
enhance/weaken upregulate/downregulate upregulation/downregulation agonist/antagonist acute/chronic gain/lose
win/lose exceed/trail encoder/decoder encode/decode input/output start/end begin/end start/stop
presence/absence internal/external local/global static/dynamic linear/nonlinear parametric/nonparametric
significant/insignificant sufficient/insufficient necessary/unnecessary possible/impossible stable/unstable
known/unknown complete/incomplete able/unable aware/unaware equal/unequal likely/unlikely common/rare
frequent/rare often/rarely always/never all/none up/down north/south east/west odd/even hot/cold warm/cold
heat/cool heavy/light wide/narrow deep/shallow thick/thin horizontal/vertical online/offline forward/backward
parent/child mother/father horizontal/vertical agree/disagree benefit/harm protect/harm safe/dangerous
good/bad survive/die shallow/deep simple/complex tight/loose dependent/independent homogeneous/heterogeneous
symmetric/asymmetric reversible/irreversible adult/child upstream/downstream attract/repel expand/contract
immune/susceptible resistant/sensitive resistance/sensitivity resistance/susceptibility scarce/abundant scarce/expanded
compress/expand accelerate/slow accelerate/decelerate discourage/encourage allow/forbid allow/prevent enable/disable
enable/prevent train/test training/test training/inference subsonic/supersonic laminar/turbulent convex/concave
"""


def _opposites() -> dict[str, frozenset[str]]:
    table: dict[str, set[str]] = {}
    for pair in _PAIRS.split():
        one, other = pair.split("/")
        for a, b in ((one, other), (other, one)):
            table.setdefault(stem(a), set()).add(stem(b))
    return {key: frozenset(value) for key, value in table.items()}


_OPPOSITES = _opposites()
_QUANTIFIERS: dict[str, frozenset[str]] = {
    word: frozenset(group.split())
    for group in (
        "all every each any always entire entirely whole wholly completely fully both",
        "only solely exclusively sole alone merely just",
        "most majority mostly",
        "first earliest initially",
        "second",
        "third",
        "last final finally latest",
        "half",
        "twice double doubled doubles doubling",
        "best",
        "worst",
        "never none",
    )
    for word in group.split()
}
_STRICT = _set(
    """
    all every each always entirely completely fully both only solely exclusively most majority mostly first
    third last final half twice double doubled doubles best worst never none
    """
)
_DOUBT = _set(
    """
    may might could possibly perhaps maybe whether hypothesis hypothesise hypothesised hypothesize hypothesized
    hypothesizes speculate speculated unclear unknown conjecture conjectured potentially presumably supposedly
    allegedly would if
    """
)


def opposites_of(word_stem: str) -> frozenset[str]:
    """Stems that say the contrary of a stem.

    Example:
        >>> "wors" in opposites_of(stem("better"))
        True
    """
    return _OPPOSITES.get(word_stem, frozenset())


def clauses(text: str) -> list[tuple[int, int]]:
    """Character spans of the clauses of one sentence, cut at punctuation and conjunctions.

    Example:
        >>> s = "Precision falls, but recall rises."
        >>> [s[a:b].strip() for a, b in clauses(s)]
        ['Precision falls', 'recall rises.']
    """
    found: list[tuple[int, int]] = []
    start = 0
    for match in _CLAUSE.finditer(text):
        if text[start : match.start()].strip():
            found.append((start, match.start()))
        start = match.end()
    if text[start:].strip():
        found.append((start, len(text)))
    return found


def negated_stems(text: str) -> list[list[str]]:
    """For each negation in ``text``, the stems of the content words it reaches, nearest first.

    Example:
        >>> negated_stems("It does not need any training, and it never fails to converge.")
        [['need', 'train']]
    """
    harmless = [match.span() for match in _NOT_NEGATING.finditer(text)]
    sentence = list(words(text))
    scopes: list[list[str]] = []
    counted: set[int] = set()
    for place, word in enumerate(sentence):
        if place in counted or not _is_negator(word) or any(a <= word.start < b for a, b in harmless):
            continue
        reach, double = _reach(text, sentence, place)
        counted.update(double)
        if len(double) % 2 == 0:
            scopes.append(reach)
    for match in _INSTEAD.finditer(text):
        reach = [word.stem for word in sentence if word.start >= match.end() and word.content]
        scopes.append(reach[:2])
    return [scope for scope in scopes if scope]


def negation_differs(claim: str, span: str) -> str:
    """The word that one text negates and the other does not, or an empty string.

    A negation agrees when the other text negates any of the words it reaches ("needs no training", "does not need
    training"); otherwise the nearest word that both texts share decides. A word that the span has both with and
    without negation decides nothing.
    """
    ours, theirs = negated_stems(claim), negated_stems(span)
    claim_plain, span_plain = _plain(claim, ours), _plain(span, theirs)
    claim_negated = {item for scope in ours for item in scope}
    span_negated = {item for scope in theirs for item in scope}
    shared = {w.stem for w in words(claim) if w.content} & {w.stem for w in words(span) if w.content}
    for scope in ours:
        if span_negated.intersection(scope):
            continue
        head = next((item for item in scope if item in shared), None)
        if head is None:
            if not theirs:
                return scope[0]
        else:
            return head
    for scope in theirs:
        if claim_negated.intersection(scope):
            continue
        head = next((item for item in scope if item in shared), None)
        if head is not None and head in claim_plain and head not in span_plain:
            return head
    return ""


def quantifier_missing(claim: str, span: str) -> str:
    """A word such as "all", "only" or "first" that the claim has and the span, in any form, has not."""
    there = {word.lower for word in words(span)}
    for word in words(claim):
        if word.lower in _STRICT and not there & _QUANTIFIERS[word.lower]:
            return word.lower
    return ""


def doubt_lost(claim: str, span: str) -> str:
    """The word of doubt ("may", "whether", ...) that the span has and the claim leaves out, or an empty string."""
    if any(word.lower in _DOUBT for word in words(claim)):
        return ""
    return next((word.lower for word in words(span) if word.lower in _DOUBT), "")


def _is_negator(word: Word) -> bool:
    return word.lower in _NEGATORS or word.lower.endswith("n't")


def _reach(text: str, sentence: list[Word], place: int) -> tuple[list[str], list[int]]:
    """Stems after the negator at ``place`` up to the clause's end, and negators right behind it (double negation)."""
    reach: list[str] = []
    double: list[int] = []
    end = sentence[place].end
    for later in range(place + 1, len(sentence)):
        word = sentence[later]
        if re.search(r"[,;:.!?()—]", text[end : word.start]) or word.lower in {"but", "although", "whereas", "while"}:
            break
        end = word.end
        if _is_negator(word):
            if not reach:
                double.append(later)
            continue
        if word.content:
            reach.append(word.stem)
            if len(reach) == _SCOPE:
                break
    return reach, double


def _plain(text: str, scopes: Iterable[list[str]]) -> set[str]:
    """Stems that occur in ``text`` outside every negation."""
    counts: dict[str, int] = {}
    for word in words(text):
        if word.content:
            counts[word.stem] = counts.get(word.stem, 0) + 1
    for scope in scopes:
        for item in scope:
            counts[item] = counts.get(item, 0) - 1
    return {item for item, count in counts.items() if count > 0}
