"""Words that papers use for one another; each group stands under its first word."""

from __future__ import annotations

from plait.text.content import stem

__all__ = ["canonical"]

_GROUPS = """
use employ utilise utilize apply adopt leverage
show demonstrate reveal indicate report find observe
need require demand
method approach technique procedure
propose introduce present suggest
reach achieve attain obtain yield score
outperform beat surpass exceed
improve enhance boost ameliorate
increase raise rise grow
reduce decrease lower lessen diminish drop decline fall
contain hold comprise include consist
compute calculate
build construct create make
big large
small little tiny
fast quick rapid
test evaluate assess measure
document paper article
answer reply respond
question query
begin start
end finish
choose select pick
keep retain preserve maintain
remove delete discard drop
allow enable permit let
help assist aid
store save
merge combine fuse join
split divide cut
vector embedding
dataset corpus collection
result outcome finding
cause induce trigger
effect impact influence
people person human
car automobile vehicle
doctor physician
illness disease
children child
buy purchase
about concerning regarding
important crucial essential key
quality goodness
percent percentage
several multiple many
whole entire
size dimension width
model encoder
train fine-tune finetune
linked connected
unseen new novel
"""


def _table() -> dict[str, str]:
    table: dict[str, str] = {}
    for line in _GROUPS.strip().splitlines():
        head, *others = line.split()
        for word in others:
            table.setdefault(stem(word), stem(head))
    return table


_CANONICAL = _table()


def canonical(word_stem: str) -> str:
    """The stem that stands for a stem's group of near-synonyms, itself when it is in none.

    Example:
        >>> canonical(stem("employs")) == canonical(stem("uses"))
        True
    """
    return _CANONICAL.get(word_stem, word_stem)
