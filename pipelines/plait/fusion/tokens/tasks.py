"""Tasks for language models: what they show, a question and numbered passages, and the answers to choose from.

They are shown to models of one prompt and to those that read passages apart. Light: no torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Literal

from plait.contracts import Message, Slot
from plait.contracts.errors import ConfigError

__all__ = [
    "WITH_TEXT",
    "Task",
    "TaskKind",
    "TaskPrompt",
    "TaskSet",
    "by_kind",
    "clean_title",
    "label_tasks",
    "numbered",
]

TaskKind = Literal["topic", "venue", "cites", "cited_title", "reading", "answer"]
WITH_TEXT: tuple[TaskKind, ...] = ("reading", "answer")
"""Kinds whose passages have text: they say nothing about structure, and tell whether soft tokens get in its way."""
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


@dataclass(frozen=True, slots=True)
class Task:
    """A prompt, the answer to it, and wrong answers.

    Args:
        kind: what is asked.
        prompt: the question and its passages.
        documents: node of the document that passage ``i + 1`` is from.
        target: the answer.
        distractors: wrong answers; none where only the answer's likelihood is of interest.
    """

    kind: TaskKind
    prompt: TaskPrompt
    documents: tuple[int, ...]
    target: str
    distractors: tuple[str, ...] = ()

    @property
    def messages(self) -> tuple[Message, ...]:
        """The prompt, with a slot for each passage."""
        return self.prompt.messages

    @property
    def choices(self) -> tuple[str, ...]:
        """The answer among the wrong ones, in an order that does not give it away."""
        return tuple(sorted({self.target, *self.distractors}))


@dataclass(frozen=True, slots=True)
class TaskSet:
    """Tasks to learn from, and tasks about other documents to be judged by."""

    train: tuple[Task, ...]
    held_out: tuple[Task, ...]


def label_tasks(
    kind: TaskKind,
    question: str,
    labels: Mapping[int, str],
    *,
    choices: Sequence[str] = (),
    text: str = "",
    lettered: bool = False,
) -> list[Task]:
    """One task per document: which of the labels is its own.

    Args:
        kind: of the tasks.
        question: about passage 1.
        labels: node of a document -> its label.
        choices: all labels to choose from; by default all that occur.
        text: of every passage, one and the same.
        lettered: whether the answer is the letter that the question gives to a label. A letter is one token, whatever
            it stands for, which makes long labels a good deal cheaper to train with.

    Raises:
        ConfigError: there are more labels than letters.

    Example:
        >>> task, _ = label_tasks("topic", "Which one?", {3: "graphs", 5: "trees"}, lettered=True)
        >>> task.messages[1].content.splitlines()[0], task.target, task.distractors
        ('Question: Which one? One of: A = graphs, B = trees.', 'A', ('B',))
    """
    names = sorted(set(choices) | set(labels.values()))
    if lettered and len(names) > len(ascii_uppercase):
        raise ConfigError(f"{len(names)} labels are more than there are letters", where="reader tasks")
    called = dict(zip(names, ascii_uppercase if lettered else names, strict=False))
    # Named in the question, the labels are likely answers before any training; it is read once for all tasks.
    listed = ", ".join(f"{called[name]} = {name}" if lettered else name for name in names)
    prompt = TaskPrompt(f"{question} One of: {listed}.", (text,), question_first=True)
    return [
        Task(kind, prompt, (node,), called[label], tuple(called[name] for name in names if name != label))
        for node, label in sorted(labels.items())
    ]


def by_kind(tasks: Sequence[Task]) -> Mapping[str, list[int]]:
    """Numbers of the tasks of each kind, in the order in which kinds first occur."""
    found: dict[str, list[int]] = {}
    for number, task in enumerate(tasks):
        found.setdefault(task.kind, []).append(number)
    return found


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
