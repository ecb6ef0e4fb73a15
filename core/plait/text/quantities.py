"""Numbers with their units, brought to one form so that they can be compared.

``1,000`` = ``1000`` = ``1k``, ``.65`` = ``0.65``, ``65 %`` = ``65 percent``, ``twelve`` =
``12``, ``2 min`` = ``120 s``.
Numbers inside names (``BM25``, ``nDCG@10``, ``v2``) are not quantities: they belong to the word.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from plait.text.content import STOP_WORDS, stem

__all__ = ["Quantity", "agree", "quantities"]

_SMALL_NAMES = """
    two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen
    """
_TENS_NAMES = "twenty thirty forty fifty sixty seventy eighty ninety"
_SMALL = dict(
    zip(
        _SMALL_NAMES.split(),
        range(2, 20),
        strict=True,
    )
)
_TENS = dict(zip(_TENS_NAMES.split(), range(20, 100, 10), strict=True))
_SCALES = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_SUFFIXES = {"k": 10**3, "K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}
_SPELLED = _SMALL | _TENS

# unit as written -> (dimension, factor to the dimension's base unit)
_UNITS: dict[str, tuple[str, Decimal]] = {}
for _dimension, _members in {
    "percent": {"%": "1", "percent": "1", "percentage": "1", "pct": "1"},
    "time": {
        "ns": "1e-9", "nanosecond": "1e-9", "us": "1e-6", "µs": "1e-6", "μs": "1e-6", "microsecond": "1e-6",
        "ms": "1e-3", "msec": "1e-3", "millisecond": "1e-3", "s": "1", "sec": "1", "second": "1", "min": "60",
        "minute": "60", "h": "3600", "hr": "3600", "hour": "3600", "day": "86400", "week": "604800",
    },
    "month": {"month": "1", "year": "12", "yr": "12", "decade": "120"},
    "bytes": {
        "byte": "1", "kb": "1e3", "mb": "1e6", "gb": "1e9", "tb": "1e12", "kib": "1024", "mib": "1048576",
        "gib": "1073741824", "kilobyte": "1e3", "megabyte": "1e6", "gigabyte": "1e9",
    },
    "bits": {"bit": "1"},
    "length": {
        "nm": "1e-9", "nanometer": "1e-9", "µm": "1e-6", "μm": "1e-6", "um": "1e-6", "micrometer": "1e-6",
        "mm": "1e-3", "millimeter": "1e-3", "cm": "1e-2", "centimeter": "1e-2", "m": "1", "meter": "1", "metre": "1",
        "km": "1e3", "kilometer": "1e3", "ft": "0.3048", "foot": "0.3048", "feet": "0.3048", "inch": "0.0254",
        "mile": "1609.344",
    },
    "mass": {
        "ng": "1e-9", "µg": "1e-6", "μg": "1e-6", "ug": "1e-6", "mcg": "1e-6", "microgram": "1e-6", "mg": "1e-3",
        "milligram": "1e-3", "g": "1", "gram": "1", "kg": "1e3", "kilogram": "1e3", "lb": "453.59237",
    },
    "volume": {"µl": "1e-6", "μl": "1e-6", "ul": "1e-6", "ml": "1e-3", "l": "1", "liter": "1", "litre": "1"},
    "temperature": {"°c": "1", "c": "1", "celsius": "1"},
    "fahrenheit": {"°f": "1", "fahrenheit": "1"},
    "kelvin": {"kelvin": "1"},
    "frequency": {"hz": "1", "khz": "1e3", "mhz": "1e6", "ghz": "1e9"},
    "factor": {"x": "1", "\u00d7": "1", "times": "1", "fold": "1", "time": "1"},
    "money-$": {"$": "1", "dollar": "1", "usd": "1"},
    "money-€": {"€": "1", "euro": "1", "eur": "1"},
    "money-£": {"£": "1", "pound": "1", "gbp": "1"},
    "ordinal": {"st": "1", "nd": "1", "rd": "1", "th": "1"},
}.items():  # fmt: skip
    for _name, _factor in _members.items():
        _UNITS[_name] = (_dimension, Decimal(_factor))

_DIGITS = r"(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)(?:e[-+\u2212]?\d+)?"
_NUMBER = re.compile(
    rf"""(?<![\w.@])(?P<money>[$€£]\s?)?(?P<sign>(?:(?<=\s)|(?<=^)|(?<=[(=,|]))[-\u2212](?=[\d.]))?
    (?:(?P<digits>{_DIGITS})(?P<suffix>(?-i:[kKMBT])(?![\w]))?
    |(?P<spelled>(?:{"|".join(_TENS)})(?:[-\s](?:two|three|four|five|six|seven|eight|nine|one))?|{"|".join(_SMALL)})
     (?![\w]))
    (?:\s(?P<scale>{"|".join(_SCALES)})s?(?!\w))?
    (?:(?P<gap>\s?-?\s?)(?P<unit>%|\u00d7|°\s?[CF]\b|[^\W\d_]+))?
    """,
    re.VERBOSE | re.IGNORECASE,
)
_ABOUT = re.compile(
    r"(?:\b(?:about|around|roughly|approximately|nearly|almost|some|circa|ca\.?)|[~≈])\s*$", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number in its base unit.

    Args:
        value: the number, scaled to the base unit of its dimension.
        dimension: ``time``, ``percent``, ...; empty when what follows is no known unit.
        noun: stem of the word after the number when it is no unit (``layers`` of ``12 layers``).
        text: as it stands.
        start: first character in the text.
        end: one past its last character.
        about: whether the text calls it approximate.
    """

    value: Decimal
    dimension: str
    noun: str
    text: str
    start: int
    end: int
    about: bool


def quantities(text: str) -> list[Quantity]:
    """All quantities of ``text`` in order.

    Example:
        >>> [(str(q.value), q.dimension, q.noun) for q in quantities("1,000 papers in 2 min, 65% of twelve; BM25 .65")]
        [('1000', '', 'paper'), ('120', 'time', ''), ('65', 'percent', ''), ('12', '', ''), ('0.65', '', '')]
    """
    return [quantity for match in _NUMBER.finditer(text) if (quantity := _read(match, text)) is not None]


def agree(claimed: Quantity, found: Quantity) -> bool:
    """Whether ``found`` says what ``claimed`` claims: equal value, no other unit.

    A claim that calls itself approximate may be off by two percent. A unit that one side leaves out is no
    disagreement (a table's header holds it); two different units are.

    Example:
        >>> a, b, c = quantities("2 min; 120 s; 2 h")
        >>> agree(a, b), agree(a, c)
        (True, False)
    """
    if claimed.dimension and found.dimension and claimed.dimension != found.dimension:
        return False
    if (claimed.dimension == "ordinal") != (found.dimension == "ordinal"):
        return False
    if claimed.value == found.value:
        return True
    return claimed.about and abs(claimed.value - found.value) <= abs(found.value) * Decimal("0.02")


def _read(match: re.Match[str], text: str) -> Quantity | None:
    digits, spelled = match["digits"], match["spelled"]
    if digits is not None:
        after = text[match.end("digits") : match.end("digits") + 2]
        if re.match(r"\.\d", after):  # 1.2.3 is a version, not a number
            return None
        value = Decimal(digits.replace(",", "").replace("\u2212", "-"))
        if match["suffix"]:
            value *= _SUFFIXES[match["suffix"]]
    else:
        head, _, tail = re.sub(r"[-\s]+", " ", spelled.lower()).partition(" ")
        value = Decimal(_SPELLED[head] + (1 if tail == "one" else _SPELLED[tail] if tail else 0))
    if match["scale"]:
        value *= _SCALES[match["scale"].lower()]
    if match["sign"]:
        value = -value
    end = match.end("scale") if match["scale"] else match.end("suffix") if match["suffix"] else -1
    end = end if end >= 0 else match.end("digits") if digits is not None else match.end("spelled")
    dimension, noun = "", ""
    unit = (match["unit"] or "").replace(" ", "")
    if match["money"]:
        dimension = _UNITS[match["money"].strip()][0]
    elif unit:
        known = _unit(unit, attached=not match["gap"])
        if known is not None:
            dimension, factor = known
            value *= factor
            end = match.end("unit")
        elif not match["gap"] and digits is not None:
            return None  # letters grow out of the digits: 2DMSE, 10x20, a name and no number
        else:
            noun = "" if unit.lower() in STOP_WORDS else stem(unit.lower())
    if dimension == "factor" and unit.lower() == "time":
        dimension = ""
    return Quantity(
        value.normalize() + 0, dimension, noun, text[match.start() : end], match.start(), end,
        bool(_ABOUT.search(text[: match.start()])),
    )  # fmt: skip


def _unit(unit: str, *, attached: bool) -> tuple[str, Decimal] | None:
    """The unit by its name, singular or plural; single letters other than s count only right behind the digits."""
    lower = unit.lower()
    if lower in {"st", "nd", "rd", "th"} and not attached:
        return None
    if len(lower) == 1 and lower.isalpha() and lower not in "sxhg" and not attached:
        return None
    for form in (lower, lower.removesuffix("s"), lower.removesuffix("es")):
        if form in _UNITS and (form == lower or len(form) > 2 or form in {"kb", "mb", "gb", "tb"}):
            return _UNITS[form]
    return None
