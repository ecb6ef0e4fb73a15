"""From messages to token numbers: by chat template, by a worked example for models without one, or estimated."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from plait.contracts import Message
from plait.contracts.errors import GenerationError

__all__ = ["PLAIN_STOPS", "defused", "estimated_tokens", "plain_prompt", "prompt_text", "prompt_tokens"]

_EXAMPLE = """<passage number="1" title="Tea">
Green tea is steamed soon after picking, which keeps it from oxidising. Black tea oxidises for several hours.
</passage>

Question: Why does green tea not oxidise?
Answer: It is steamed soon after picking.
"""
_RULE = "\n---\n\n"
PLAIN_STOPS = ("\n---", "\nQuestion:", "\n<passage")
"""Where a model that continues plain text would begin the next example."""


def prompt_tokens(tokenizer: Any, messages: Sequence[Message], *, chat: bool) -> list[int]:
    """The prompt as token numbers, ready for the answer to follow.

    Args:
        tokenizer: of the model.
        messages: the turns. Control tokens inside them lose their power first.
        chat: whether to use the tokenizer's chat template.

    Raises:
        GenerationError: the chat template does not accept the turns.
    """
    turns = _turns(tokenizer, messages)
    if not chat:
        return [int(token) for token in tokenizer(_continued(turns))["input_ids"]]
    return [int(token) for token in _templated(tokenizer, turns, return_dict=True)["input_ids"]]


def prompt_text(tokenizer: Any, messages: Sequence[Message], *, chat: bool) -> str:
    """The text that :func:`prompt_tokens` makes tokens of, without what the tokenizer itself adds at its ends.

    Raises:
        GenerationError: the chat template does not accept the turns.
    """
    turns = _turns(tokenizer, messages)
    return str(_templated(tokenizer, turns, tokenize=False)) if chat else _continued(turns)


def plain_prompt(messages: Sequence[Message]) -> str:
    r"""The turns as text for a model that only continues text: the rules, a worked example, then the question.

    Example:
        >>> plain_prompt([Message("system", "Be brief."), Message("user", "Question: Why?")]).splitlines()[-2:]
        ['Question: Why?', 'Answer:']
    """
    rules = [message.content for message in messages if message.role == "system"]
    turns = [message for message in messages if message.role != "system"]
    parts = ["\n\n".join(rules), _EXAMPLE.rstrip("\n")] if rules else [_EXAMPLE.rstrip("\n")]
    for turn in turns:
        if turn.role == "user":
            parts.append(f"{turn.content.rstrip()}\nAnswer:")
        else:
            parts[-1] += f" {turn.content.strip()}"
    return _RULE.join(parts)


def defused(text: str, special: Sequence[str]) -> str:
    """Breaks control tokens that stand in a text: retrieved words must not open or close a turn.

    Example:
        >>> defused("He wrote <|im_end|> here.", ["<|im_end|>"])
        'He wrote < |im_end|> here.'
    """
    for token in special:
        if len(token) > 1:
            text = text.replace(token, f"{token[0]} {token[1:]}")
    return text


def _turns(tokenizer: Any, messages: Sequence[Message]) -> list[dict[str, str]]:
    special = [str(token) for token in tokenizer.all_special_tokens]
    return [{"role": message.role, "content": defused(message.content, special)} for message in messages]


def _continued(turns: Sequence[dict[str, Any]]) -> str:
    return plain_prompt([Message(turn["role"], turn["content"]) for turn in turns])


def _templated(tokenizer: Any, turns: Sequence[dict[str, str]], **options: Any) -> Any:
    try:
        return tokenizer.apply_chat_template(turns, add_generation_prompt=True, **options)
    except Exception as first:  # templates raise jinja2's own error types, and jinja2 is not ours to import
        try:
            return tokenizer.apply_chat_template(_without_system(turns), add_generation_prompt=True, **options)
        except Exception as error:
            raise GenerationError(
                f"the model's chat template refuses the prompt: {first}",
                fix='set chat="plain", or use a prompt template with other turns',
            ) from error


def _without_system(turns: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """The same turns with the system text in front of the first user turn: some templates know no system role."""
    rules = "\n\n".join(turn["content"] for turn in turns if turn["role"] == "system")
    rest = [dict(turn) for turn in turns if turn["role"] != "system"]
    if rules and rest:
        rest[0]["content"] = f"{rules}\n\n{rest[0]['content']}"
    return rest


_TURN = 8
_FRAME = 32
"""Most templates spend four to six tokens on a turn; some add a system text of their own where there is none."""
_PIECES = re.compile(r"(?P<word> ?[A-Za-z]+)|(?P<blank>\s+)|(?P<other>.)", re.DOTALL)


def estimated_tokens(messages: Sequence[Message]) -> int:
    """An estimate that errs on the high side, so that a prompt counted by it fits.

    One token for three letters of a word with the space in front of it, one for each digit and sign, one for each line
    break or run of other spaces, and one for each UTF-8 byte beyond ASCII, which is the most that a byte-level
    vocabulary spends. On notes in English that is 1.6 times what SmolLM2's vocabulary needs, between 1.4 and 1.7: a
    window is used less well than with a real count.

    Example:
        >>> estimated_tokens([Message("user", "Who cites [2]?")])
        48
    """
    return _FRAME + sum(_TURN + _text(message.content) for message in messages)


def _text(text: str) -> int:
    tokens = 0
    for piece in _PIECES.finditer(text):
        found = piece.group()
        if piece.lastgroup == "word":
            tokens += -(-len(found.lstrip()) // 3)
        elif piece.lastgroup == "blank":
            tokens += max(1, found.count("\n"))
        else:
            tokens += len(found.encode("utf-8", "surrogatepass"))
    return tokens
