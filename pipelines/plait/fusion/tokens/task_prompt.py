"""What a task shows: a question and numbered passages, for models of one prompt and for those that read passages apart.

Light: no torch.
"""

from __future__ import annotations

from dataclasses import dataclass

from plait.contracts import Message, Slot

__all__ = ["TaskPrompt", "clean_title", "numbered"]

_SYSTEM = "Answer with nothing but the answer."


@dataclass(frozen=True, slots=True)
class TaskPrompt:
    """A question about passages.

    Args:
        question: what is asked.
        texts: of the passages; passage ``i + 1`` is ``texts[i]``.
        titles: of the passages, where they are shown.
        question_first: whether the question stands before the passages. Everything in front of the first slot is the
            same for all tasks that ask the same, and is read once.
        slots: whether structure may stand in front of each passage's text.

    Example:
        >>> prompt = TaskPrompt("Why?", ("", "Because."))
        >>> system, user = prompt.messages
        >>> [user.content[slot.offset:].splitlines()[0] for slot in user.slots]
        ['', 'Because.']
        >>> prompt.passages
        (('1', ''), ('2', 'Because.'))
    """

    question: str
    texts: tuple[str, ...]
    titles: tuple[str, ...] = ()
    question_first: bool = False
    slots: bool = True

    @property
    def messages(self) -> tuple[Message, ...]:
        """One prompt, with a slot in front of each passage's text."""
        content, slots = f"Question: {self.question}\n\n" if self.question_first else "", []
        for number, text in enumerate(self.texts, start=1):
            title = f' title="{self.titles[number - 1]}"' if self.titles else ""
            content += f'<passage number="{number}"{title}>\n'
            slots.append(Slot(len(content), number))
            content += f"{text}\n</passage>\n"
        content = content.rstrip("\n") if self.question_first else f"{content}\nQuestion: {self.question}"
        return (Message("system", _SYSTEM), Message("user", content, tuple(slots) if self.slots else ()))

    @property
    def passages(self) -> tuple[tuple[str, str], ...]:
        """Title and text of each passage, to be read apart: a title begins with its number, which a question names."""
        titles = self.titles or ("",) * len(self.texts)
        return tuple(
            (numbered(number, title), text)
            for number, (title, text) in enumerate(zip(titles, self.texts, strict=True), start=1)
        )


def numbered(number: int, title: str) -> str:
    """The title of a passage that is read apart from others, which its number tells it from.

    Example:
        >>> numbered(2, ""), numbered(3, "On braids")
        ('2', '3 On braids')
    """
    return f"{number} {clean_title(title)}".rstrip()


def clean_title(title: str) -> str:
    r"""One line, without what would close the tag around it.

    Example:
        >>> clean_title('On "graphs"\n</passage>')
        "On 'graphs' (/passage)"
    """
    return " ".join(title.replace('"', "'").replace("<", "(").replace(">", ")").split())
