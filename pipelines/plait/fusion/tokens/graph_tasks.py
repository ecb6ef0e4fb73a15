"""Tasks that a document graph sets all by itself: what a language model can be taught, or asked, about structure.

In tasks about structure a passage has no text. Whatever the answer, it can only come from the soft token in its slot:

- ``topic``, ``venue``: name the topic or the venue of a document, one of the most common ones, by its letter;
- ``cites``: say whether a document cites another; as many that do as that do not;
- ``cited_title``: name the title that a document cites, among titles of others.

``reading`` tasks show titles and ask for one of them; they tell whether soft tokens get in the way of the text, and
``answer`` tasks, made from pairs of questions and answers, do the same with what users really ask.

Documents are split once: no document, and no title, of a held-out task about structure is seen in training. Of
``answer`` tasks the questions are split; their passages may be the same. Light: no torch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from plait.config import Settings
from plait.contracts.errors import ConfigError
from plait.docgraph import DocumentGraph
from plait.docgraph.relations import EntityKind
from plait.fusion.tokens.tasks import Task, TaskKind, TaskPrompt, TaskSet, clean_title, label_tasks

__all__ = ["QuestionAnswer", "TaskSettings", "answer_tasks", "make_tasks"]

Numbers = NDArray[np.int64]
_SHARES: Mapping[TaskKind, tuple[float, float]] = {"cited_title": (1.0, 1 / 2), "reading": (1 / 3, 2 / 3)}
"""Of the most tasks to learn from and to hold out, where tasks are long."""


class TaskSettings(Settings):
    """Which tasks are made, and how many."""

    kinds: tuple[TaskKind, ...] = ("topic", "venue", "cites", "cited_title", "reading")
    """In this order. Kinds that the graph has nothing for are left out; ``answer`` needs pairs."""
    held_out: float = Field(default=0.25, gt=0.0, lt=1.0)
    """Share of the documents that no training task is about."""
    choices: int = Field(default=8, ge=2)
    """Most topics or venues to choose from."""
    titles: int = Field(default=4, ge=2)
    """Titles to choose from, each of which has to be read word by word."""
    most: int = Field(default=600, ge=1)
    """Most training tasks of a kind; a third of it for ``reading``, whose tasks show three passages."""
    most_held_out: int = Field(default=90, ge=1)
    """Most held-out tasks of a kind; half of it for ``cited_title``, and two thirds for ``reading``: of fewer than 50 a
    single wrong answer would be more than what is tolerated."""


@dataclass(frozen=True, slots=True)
class QuestionAnswer:
    """A question, its answer, and the passages it was answered from: document id, title and text of each."""

    question: str
    answer: str
    passages: tuple[tuple[str, str, str], ...]


def make_tasks(graph: DocumentGraph, settings: TaskSettings | None = None, *, seed: int = 0) -> TaskSet:
    """All tasks of a graph. The same graph, settings and seed give the same tasks.

    Raises:
        ConfigError: the graph is too small to hold documents out, or has nothing to ask about.
    """
    settings = settings or TaskSettings()
    split = np.random.default_rng([seed, 11]).permutation(len(graph))
    held = round(settings.held_out * len(graph))
    parts = (np.sort(split[held:]), np.sort(split[:held]))
    if min(map(len, parts)) < 2:
        raise ConfigError(
            f"{len(graph)} documents cannot be split into {len(parts[0])} to learn from and {len(parts[1])} held out",
            where="reader tasks",
            fix="add documents",
        )
    made: tuple[list[Task], list[Task]] = ([], [])
    for order, kind in enumerate(settings.kinds):
        random = np.random.default_rng([seed, 13, order])
        both = [_of_kind(graph, kind, part, settings, random) for part in parts]
        if not all(both):
            continue
        learnt, asked = _SHARES.get(kind, (1.0, 1.0))
        wanted = (settings.most * learnt, settings.most_held_out * asked)
        for tasks, found, most in zip(made, both, wanted, strict=True):
            kept = max(1, round(most))
            chosen = np.sort(random.permutation(len(found))[:kept])
            tasks.extend(found[number] for number in chosen)
    if not any(task.kind != "reading" for task in made[0]):
        raise ConfigError(
            "the graph has no topics, venues or citations to ask about",
            where="reader tasks",
            fix="add documents with metadata or references, or name the keys of their topics in the graph's settings",
        )
    return TaskSet(tuple(made[0]), tuple(made[1]))


def answer_tasks(graph: DocumentGraph, pairs: Sequence[QuestionAnswer]) -> list[Task]:
    """Questions that users ask, with their passages, as tasks without wrong answers.

    Raises:
        DocumentError: a passage is from a document that the graph does not have.
    """
    return [
        Task(
            "answer",
            TaskPrompt(
                pair.question,
                tuple(text for _, _, text in pair.passages),
                tuple(clean_title(title) for _, title, _ in pair.passages),
            ),
            tuple(graph.number(document) for document, _, _ in pair.passages),
            pair.answer,
        )
        for pair in pairs
    ]


def _of_kind(
    graph: DocumentGraph, kind: TaskKind, documents: Numbers, settings: TaskSettings, random: np.random.Generator
) -> list[Task]:
    if kind in ("topic", "venue"):
        return _named(graph, kind, documents, settings.choices)
    if kind == "cites":
        return _cites(graph, documents, random)
    if kind == "cited_title":
        return _cited_titles(graph, documents, settings.titles, random)
    if kind == "reading":
        return _reading(graph, documents, random)
    return []


def _named(graph: DocumentGraph, kind: TaskKind, documents: Numbers, most: int) -> list[Task]:
    """Documents that carry exactly one of the most common names: those of two have no one right answer."""
    key: EntityKind = "topic" if kind == "topic" else "venue"
    entities = graph.entities[key]
    counts = Counter(entities.entity.tolist())
    common = [entity for entity, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:most]]
    names = {entity: " ".join(entities.labels[entity].split()) for entity in common}
    if len(set(names.values())) < 2:
        return []
    found: dict[int, list[str]] = {}
    for document, entity in zip(entities.document.tolist(), entities.entity.tolist(), strict=True):
        if entity in names:
            found.setdefault(document, []).append(names[entity])
    wanted = set(documents.tolist())
    labels = {node: own[0] for node, own in found.items() if len(own) == 1 and node in wanted}
    return label_tasks(
        kind, f"Which {kind} does passage 1 belong to?", labels, choices=list(names.values()), lettered=True
    )


def _cites(graph: DocumentGraph, documents: Numbers, random: np.random.Generator) -> list[Task]:
    linked = _links(graph, documents)
    known = set(linked)
    prompt = TaskPrompt("Does passage 1 cite passage 2? Answer yes or no.", ("", ""), question_first=True)
    tasks = []
    for source, target in linked:
        # The same citing document, so that the answer cannot be read off how much a document cites at all.
        other = int(random.choice(documents))
        if other in (source, target) or (source, other) in known:
            continue
        tasks.append(Task("cites", prompt, (source, target), "yes", ("no",)))
        tasks.append(Task("cites", prompt, (source, other), "no", ("yes",)))
    return tasks


def _cited_titles(graph: DocumentGraph, documents: Numbers, most: int, random: np.random.Generator) -> list[Task]:
    titles = {node: clean_title(graph.titles[node]) for node in documents.tolist()}
    titles = {node: title for node, title in titles.items() if title}
    cited: dict[int, set[str]] = {}
    linked = [(source, target) for source, target in _links(graph, documents) if target in titles]
    for source, target in linked:
        cited.setdefault(source, set()).add(titles[target])
    prompt = TaskPrompt("Which title does passage 1 cite?", ("",), question_first=True)
    pool = sorted(titles)
    tasks = []
    for source, target in linked:
        drawn = [titles[pool[i]] for i in random.permutation(len(pool))[: 4 * most]] if len(pool) else []
        own = {*cited[source], titles.get(source, "")}
        others = [title for title in dict.fromkeys(drawn) if title not in own][: most - 1]
        if others:
            tasks.append(Task("cited_title", prompt, (source,), titles[target], tuple(others)))
    return tasks


def _reading(graph: DocumentGraph, documents: Numbers, random: np.random.Generator) -> list[Task]:
    nodes = [node for node in documents.tolist() if clean_title(graph.titles[node])]
    tasks = []
    order = random.permutation(len(nodes))
    for start in range(0, len(order) - 2, 3):
        three = [nodes[i] for i in order[start : start + 3]]
        titles = [clean_title(graph.titles[node]) for node in three]
        if len(set(titles)) < 3:
            continue
        asked = int(random.integers(3))
        prompt = TaskPrompt(f"What does passage {asked + 1} say, word by word?", tuple(titles))
        others = tuple(title for title in titles if title != titles[asked])
        tasks.append(Task("reading", prompt, tuple(three), titles[asked], others))
    return tasks


def _links(graph: DocumentGraph, documents: Numbers) -> list[tuple[int, int]]:
    """Citations between these documents."""
    cites = graph.relations.get("cites")
    if cites is None:
        return []
    inside = np.isin(cites.source, documents) & np.isin(cites.target, documents)
    return list(zip(cites.source[inside].tolist(), cites.target[inside].tolist(), strict=True))
