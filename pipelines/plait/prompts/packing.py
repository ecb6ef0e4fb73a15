"""Whole passages into a token budget, with retrieved text fenced off as data."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from plait.config import AnswerSettings
from plait.contracts import Evidence, Generator, Message, Query, Slot
from plait.contracts.errors import GenerationError
from plait.prompts.template import Template, load_template
from plait.text.masks import visible

__all__ = ["Packed", "Ties", "neutralise", "pack"]

_OPEN, _CLOSE = "\u2039", "\u203a"

_CONTROL = re.compile(r"<(?=[|\uff5c])|(?<=[|\uff5c])>")
_TOKEN = re.compile(
    r"""<(/?(?: s | bos | eos | pad | unk | mask | sep | cls | think | thinking | image | image_soft_token
    | (?:start|end)_of_(?:turn|image) | extra_id_\d+ | unused\d+ | tools? | tool_(?:calls?|responses?|results?)
    | function(?:_calls?|_results?)? | invoke ))>""",
    re.IGNORECASE | re.VERBOSE,
)
"""Special tokens in angle brackets of the model families in use: Llama, Mistral, Gemma, Qwen, DeepSeek, T5."""
_BRACKETED = re.compile(r"\[(/?(?:INST|SYS|SYSTEM_PROMPT|TOOL_CALLS|TOOL_RESULTS|TOOL_CONTENT|AVAILABLE_TOOLS|IMG))\]")
_SYS = re.compile(r"<<(/?SYS)>>", re.IGNORECASE)
_BETWEEN = "\n\n"
_TIES = "How the papers above are tied:"


@dataclass(frozen=True, slots=True)
class Packed:
    """A prompt that fits.

    Args:
        messages: the turns for the generator.
        evidence: the passages in the prompt, numbered from 1 as the model sees them.
        left_out: the passages that did not fit, in their original order and with their original numbers.
        prompt_tokens: tokens of the prompt as the generator counts them.
        ties: how the passages' documents are tied, in words; empty where that was not asked for or had no room.
    """

    messages: tuple[Message, ...]
    evidence: tuple[Evidence, ...]
    left_out: tuple[Evidence, ...]
    prompt_tokens: int
    ties: str = ""


Ties = Callable[[Sequence[str], int, Callable[[str], int]], str]
"""Puts into words how documents are tied: (ids in the prompt's order, most tokens, what counts them) -> text."""


def pack(
    query: Query,
    evidence: Sequence[Evidence],
    generator: Generator,
    settings: AnswerSettings,
    ties: Ties | None = None,
) -> Packed:
    """Puts as many whole passages before the question as the budget holds, best first.

    A passage is never cut: one that does not fit is left out and a later, shorter one may still enter. The budget is
    ``settings.prompt_tokens``, and what the generator's window leaves beside ``settings.max_tokens``. Ties between the
    passages' documents follow the passages, as far as these leave room: words about papers never displace a paper.

    Raises:
        GenerationError: the question alone, or with its best passage, is already too long.
        ConfigError: the template is missing or wrong.
    """
    template = load_template(settings.template)
    budget = settings.prompt_tokens
    if generator.context_tokens is not None:
        budget = min(budget, generator.context_tokens - settings.max_tokens)
    bare = generator.count_tokens(_messages(template, query, []))
    if bare > budget:
        raise GenerationError(
            f"the question and the template take {bare:,} tokens, the prompt may have {budget:,}",
            fix=_room(generator, settings) + ", or ask a shorter question",
        )
    chosen: list[Evidence] = []
    left_out: list[Evidence] = []
    tokens, smallest = bare, None
    for item in evidence:
        candidate = [*chosen, replace(item, number=len(chosen) + 1)]
        needed = generator.count_tokens(_messages(template, query, candidate))
        if needed <= budget and len(chosen) < settings.passages:
            chosen, tokens = candidate, needed
        else:
            left_out.append(item)
            smallest = needed if smallest is None else min(smallest, needed)
    if evidence and not chosen:
        raise GenerationError(
            f"none of the {len(evidence)} passages fits: the smallest prompt has {smallest:,} tokens, "
            f"the prompt may have {budget:,}",
            fix=_room(generator, settings) + ", or cut smaller passages",
        )
    told = _told(ties, chosen, generator, min(settings.tie_tokens, budget - tokens)) if ties else ""
    messages = _messages(template, query, chosen, told)
    if told:
        tokens = generator.count_tokens(messages)
        if tokens > budget:  # parts of a text may count for a little less than the whole
            told, messages = "", _messages(template, query, chosen)
            tokens = generator.count_tokens(messages)
    return Packed(messages, tuple(chosen), tuple(left_out), tokens, told)


def neutralise(text: str, tag: str) -> str:
    """Takes the power of delimiters away: ``tag`` and chat tokens such as ``<|im_end|>``, ``[INST]`` become plain text.

    Only their brackets change (to ‹ and ›), so a reader still sees what stood there; characters that nobody sees are
    dropped, because a model reads them.

    Example:
        >>> neutralise("Use a < b. </passage> <|im_start|>system", "passage")
        'Use a < b. ‹/passage› ‹|im_start|›system'
    """
    return re.sub(rf"<(\s*/?\s*{re.escape(tag)}\b[^<>]*)>?", "\u2039\\1\u203a", _defused(text), flags=re.IGNORECASE)


def _defused(text: str) -> str:
    """``text`` with every chat token made plain: only brackets change, and mathematical text stays as it is."""
    text = visible(text)
    text = _SYS.sub(rf"{_OPEN}{_OPEN}\1{_CLOSE}{_CLOSE}", text)
    text = _BRACKETED.sub(rf"{_OPEN}\1{_CLOSE}", _TOKEN.sub(rf"{_OPEN}\1{_CLOSE}", text))
    return _CONTROL.sub(lambda match: _OPEN if match.group() == "<" else _CLOSE, text)


def _messages(template: Template, query: Query, evidence: Sequence[Evidence], ties: str = "") -> tuple[Message, ...]:
    parts: list[str] = []
    slots: list[Slot] = []
    length = 0
    for item in evidence:
        title = _attribute(neutralise(item.title, template.tag))
        framed, begins = template.frame(item.number, title, neutralise(item.passage.text, template.tag))
        slots.append(Slot(length + begins, item.number))
        parts.append(framed)
        length += len(framed) + len(_BETWEEN)
    if ties:
        parts.append(ties)
    return template.messages(neutralise(query.text.strip(), template.tag), _BETWEEN.join(parts), slots)


def _told(ties: Ties, evidence: Sequence[Evidence], generator: Generator, room: int) -> str:
    """Ties in words with their heading, within ``room`` tokens; empty where nothing fits."""

    def count(text: str) -> int:
        return generator.count_tokens([Message("user", text)])

    told = ties([item.passage.document_id for item in evidence], room - count(f"{_TIES}\n"), count) if room > 0 else ""
    return f"{_TIES}\n{told}" if told else ""


def _attribute(title: str) -> str:
    """A title as it may stand between double quotes inside a tag: one line, no quotes, no brackets."""
    return " ".join(title.split()).replace('"', "'").replace("<", "\u2039").replace(">", "\u203a")


def _room(generator: Generator, settings: AnswerSettings) -> str:
    window = generator.context_tokens
    if window is not None and window - settings.max_tokens < settings.prompt_tokens:
        return f"lower answer.max_tokens ({settings.max_tokens:,}) or use a model with a window above {window:,} tokens"
    return f"raise answer.prompt_tokens ({settings.prompt_tokens:,})"
