"""Prompt templates: text files with one section a role and a section that frames each passage.

A template is read top to bottom. ``[system]``, ``[user]`` and ``[assistant]`` sections become the turns of the prompt
in their order (several user and assistant sections make a few-shot prompt); ``[passage]`` frames one passage and is
repeated for each inside ``{evidence}``. The frame must put ``{text}``, once, between an opening and a closing tag,
because the tag is what tells the model where quoted material ends; see :mod:`plait.prompts.packing`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from string import Formatter
from typing import Literal, cast

from plait.contracts import Message, Slot
from plait.contracts.errors import ConfigError, nearest

__all__ = ["Template", "load_template", "template_names"]

Role = Literal["system", "user", "assistant"]
_SECTION = re.compile(r"^\[(system|user|assistant|passage)\][ \t]*$", re.MULTILINE)
_TURN_FIELDS = frozenset({"question", "evidence"})
_PASSAGE_FIELDS = frozenset({"number", "title", "text"})


@dataclass(frozen=True, slots=True)
class Template:
    """A checked template.

    Args:
        name: its name or path, for messages.
        turns: role and text of each turn; the texts may hold ``{question}`` and ``{evidence}``.
        passage: the frame of one passage; holds ``{text}`` and may hold ``{number}`` and ``{title}``.
        tag: name of the tag around ``{text}``, such as ``passage``.
    """

    name: str
    turns: tuple[tuple[Role, str], ...]
    passage: str
    tag: str

    def frame(self, number: int, title: str, text: str) -> tuple[str, int]:
        """One passage in its frame, and how many characters in its text begins.

        The caller has neutralised ``title`` and ``text``.
        """
        framed, places = _filled(self.passage, {"number": str(number), "title": title, "text": text})
        return framed, places["text"][0]

    def messages(self, question: str, evidence: str, slots: Sequence[Slot] = ()) -> tuple[Message, ...]:
        """The prompt. Values are put in as they are: braces inside them mean nothing.

        Args:
            question: put for ``{question}``.
            evidence: put for ``{evidence}``.
            slots: places in the evidence; they stand at the same places of the messages.
        """
        turns = []
        for role, text in self.turns:
            content, places = _filled(text, {"question": question, "evidence": evidence})
            # Repeated evidence keeps the slots of its last place, right before the question.
            start = places["evidence"][-1] if "evidence" in places else None
            moved = () if start is None else tuple(Slot(start + slot.offset, slot.number) for slot in slots)
            turns.append(Message(role, content, moved))
        return tuple(turns)


def template_names() -> tuple[str, ...]:
    """Names of the templates that come with Plait.

    Example:
        >>> template_names()
        ('default', 'thorough')
    """
    folder = resources.files("plait.prompts") / "templates"
    return tuple(sorted(item.name.removesuffix(".txt") for item in folder.iterdir() if item.name.endswith(".txt")))


def load_template(name: str) -> Template:
    """Loads a template by name, or by the path of a text file.

    Raises:
        ConfigError: there is no such template, or it breaks a rule; the message says which.

    Example:
        >>> [role for role, _ in load_template("default").turns]
        ['system', 'user']
    """
    if name in template_names():
        text = (resources.files("plait.prompts") / "templates" / f"{name}.txt").read_text(encoding="utf-8")
        return parse_template(text, name)
    path = Path(name).expanduser()
    if not path.is_file():
        close = nearest(name, template_names())
        raise ConfigError(
            f"there is no prompt template '{name}'" + (f", did you mean '{close}'?" if close else ""),
            where="answer.template",
            choices=template_names(),
            fix="name one of them, or give the path of a text file",
        )
    try:
        # Some editors put a byte order mark first, which would stand before the first section.
        return parse_template(path.read_text(encoding="utf-8-sig"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"cannot be read as UTF-8 text: {error}", where=str(path), fix="save the template as UTF-8"
        ) from error


def parse_template(text: str, name: str) -> Template:
    r"""Checks the text of a template.

    Raises:
        ConfigError: a section or placeholder is missing, unknown, or stands in the wrong place.

    Example:
        >>> parse_template("[passage]\n<p>{text}</p>\n[user]\n{evidence}\n{question}", "mine").tag
        'p'
    """
    pieces = _SECTION.split(text)
    if pieces[0].strip():
        raise ConfigError("there is text before the first section", where=name, choices=_section_names())
    sections = [(pieces[i], pieces[i + 1].strip("\n")) for i in range(1, len(pieces), 2)]
    frames = [body for role, body in sections if role == "passage"]
    turns = tuple((cast(Role, role), body) for role, body in sections if role != "passage")
    if len(frames) != 1:
        raise ConfigError(
            f"{len(frames)} [passage] sections, exactly one is needed",
            where=name,
            fix="frame a passage once, such as <passage>{text}</passage>",
        )
    used = set().union(*(_placeholders(body, _TURN_FIELDS, f"{name} [{role}]") for role, body in turns), set())
    if missing := sorted(_TURN_FIELDS - used):
        raise ConfigError(
            "the placeholder {" + missing[0] + "} is missing", where=name, fix="put it into the [user] section"
        )
    if turns[-1][0] != "user":
        raise ConfigError(f"the last turn is [{turns[-1][0]}]", where=name, fix="end with a [user] section")
    found = _placeholders(frames[0], _PASSAGE_FIELDS, f"{name} [passage]")
    if found.count("text") != 1:
        raise ConfigError(
            f"the placeholder {{text}} is {'here more than once' if 'text' in found else 'missing'}",
            where=f"{name} [passage]",
            fix="write it once, as <passage>{text}</passage>",
        )
    return Template(name, turns, frames[0], _tag(frames[0], name))


def _filled(text: str, values: Mapping[str, str]) -> tuple[str, dict[str, list[int]]]:
    """A checked text with its placeholders filled, and where each value begins."""
    parts: list[str] = []
    places: dict[str, list[int]] = {}
    length = 0
    for literal, field, _, _ in Formatter().parse(text):
        parts.append(literal)
        length += len(literal)
        if field is not None:
            places.setdefault(field, []).append(length)
            parts.append(values[field])
            length += len(values[field])
    return "".join(parts), places


def _section_names() -> tuple[str, ...]:
    return ("[system]", "[user]", "[assistant]", "[passage]")


def _placeholders(text: str, allowed: frozenset[str], where: str) -> list[str]:
    """The placeholders of ``text`` in order; only bare names are accepted, so a template cannot reach into objects."""
    try:
        fields = [(field, spec, conversion) for _, field, spec, conversion in Formatter().parse(text)]
    except ValueError as error:
        raise ConfigError(str(error), where=where, fix="write {{ and }} for literal braces") from error
    found: list[str] = []
    for field, spec, conversion in fields:
        if field is None:
            continue
        if field not in allowed or spec or conversion:
            raise ConfigError(
                "unknown placeholder {" + field + "}",
                where=where,
                choices=["{" + item + "}" for item in sorted(allowed)],
                fix="write {{ and }} for literal braces",
            )
        found.append(field)
    return found


def _tag(frame: str, name: str) -> str:
    # Filled, not searched for "{text}": "{{text}}" is text too.
    framed, places = _filled(frame, dict.fromkeys(_PASSAGE_FIELDS, ""))
    before, after = framed[: places["text"][0]], framed[places["text"][0] :]
    opened = list(re.finditer(r"<([A-Za-z][\w-]*)[^<>]*>", before))
    closed = re.findall(r"</([A-Za-z][\w-]*)>", after)
    tag = opened[-1][1] if opened else ""
    if not tag or closed[:1] != [tag] or f"</{tag}>" in before[opened[-1].end() :]:
        raise ConfigError(
            "{text} does not stand between an opening and a closing tag",
            where=f"{name} [passage]",
            fix="write <passage>{text}</passage>: the tag shows the model where quoted material ends",
        )
    return tag
