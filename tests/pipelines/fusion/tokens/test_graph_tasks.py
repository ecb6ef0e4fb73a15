from __future__ import annotations

import subprocess
import sys
from collections import Counter

import pytest

from plait.contracts import Document
from plait.contracts.errors import ConfigError, DocumentError
from plait.docgraph import DocumentGraph, build_graph
from plait.fusion.tokens.graph_tasks import QuestionAnswer, TaskSettings, answer_tasks, make_tasks
from plait.fusion.tokens.tasks import Task


def of(tasks: tuple[Task, ...], kind: str) -> list[Task]:
    return [task for task in tasks if task.kind == kind]


def test_a_graph_sets_tasks_of_every_kind_it_has_something_for(library: DocumentGraph) -> None:
    made = make_tasks(library)
    for part in (made.train, made.held_out):
        assert set(Counter(task.kind for task in part)) == {"topic", "venue", "cites", "cited_title", "reading"}


def test_right_answers_are_what_the_graph_says(library: DocumentGraph) -> None:
    made = make_tasks(library)
    tasks = (*made.train, *made.held_out)
    cites = library.relations["cites"]
    links = set(zip(cites.source.tolist(), cites.target.tolist(), strict=True))
    titles = {node: {library.titles[b] for a, b in links if a == node} for node in range(len(library))}
    (topics,) = {task.messages[1].content.splitlines()[0] for task in of(tasks, "topic")}
    assert topics.endswith("One of: A = graphs, B = lattices, C = parsing, D = sorting.")
    assert of(tasks, "topic") and all(task.target == "ABCD"[task.documents[0] % 4] for task in of(tasks, "topic"))
    assert all(task.target == "AB"[task.documents[0] % 2] for task in of(tasks, "venue"))
    for task in of(tasks, "cites"):
        assert ((task.documents[0], task.documents[1]) in links) == (task.target == "yes")
    for task in of(tasks, "cited_title"):
        assert task.target in titles[task.documents[0]]
        assert not set(task.distractors) & titles[task.documents[0]]
    for task in of(tasks, "reading"):
        assert task.target in {library.titles[node] for node in task.documents}
        assert task.target in task.messages[1].content


def test_wrong_answers_are_wrong_and_the_right_one_is_not_given_away(library: DocumentGraph) -> None:
    made = make_tasks(library)
    for task in (*made.train, *made.held_out):
        assert task.distractors and task.target not in task.distractors
        assert task.choices == tuple(sorted({task.target, *task.distractors}))
    yes = Counter(task.target for task in of(made.train, "cites"))
    assert yes["yes"] == yes["no"]


def test_prompts_about_structure_say_nothing_about_the_document(library: DocumentGraph) -> None:
    made = make_tasks(library)
    for kind in ("topic", "venue", "cites", "cited_title"):
        assert len({task.prompt for task in of(made.train, kind)}) == 1


def test_no_document_of_a_held_out_task_is_seen_in_training(library: DocumentGraph) -> None:
    made = make_tasks(library, seed=3)
    seen = {node for task in made.train for node in task.documents}
    assert not seen & {node for task in made.held_out for node in task.documents}
    told = {title for task in of(made.train, "cited_title") for title in task.choices}
    assert not told & {title for task in of(made.held_out, "cited_title") for title in task.choices}


def test_tasks_are_the_same_under_a_seed_and_bounded(library: DocumentGraph) -> None:
    assert make_tasks(library, seed=1) == make_tasks(library, seed=1)
    assert make_tasks(library, seed=1) != make_tasks(library, seed=2)
    made = make_tasks(library, TaskSettings(most=6, most_held_out=3, kinds=("topic", "reading")))
    assert Counter(task.kind for task in made.train) == {"topic": 6, "reading": 2}
    assert Counter(task.kind for task in made.held_out) == {"topic": 3, "reading": 2}


def test_documents_of_several_common_topics_are_not_asked_about() -> None:
    papers = [Document(f"p{n}", f"T{n}", (), {"topics": ["a", "b"] if n < 5 else ["ab"[n % 2]]}) for n in range(40)]
    made = make_tasks(build_graph(papers), TaskSettings(kinds=("topic",)))
    asked = {task.documents[0] for task in (*made.train, *made.held_out)}
    assert asked == set(range(5, 40))


def test_questions_of_users_become_tasks_with_their_passages(library: DocumentGraph) -> None:
    pair = QuestionAnswer("What?", "That.", (("p3", 'A "title"', "Text of it."), ("p1", "B", "More.")))
    (task,) = answer_tasks(library, [pair])
    assert task.documents == (3, 1)
    assert (task.target, task.distractors) == ("That.", ())
    assert "title=\"A 'title'\"" in task.messages[1].content
    with pytest.raises(DocumentError, match="no document 'nope'"):
        answer_tasks(library, [QuestionAnswer("What?", "That.", (("nope", "", ""),))])


def test_graphs_with_nothing_to_ask_are_refused() -> None:
    bare = build_graph([Document(f"d{n}", f"T{n}", ()) for n in range(12)])
    with pytest.raises(ConfigError, match="no topics, venues or citations"):
        make_tasks(bare)
    with pytest.raises(ConfigError, match="2 documents cannot be split"):
        make_tasks(build_graph([Document("a", "A", ()), Document("b", "B", ())]))


def test_making_tasks_needs_no_torch() -> None:
    light = ("checkpoint", "graph_tasks", "verbalised")
    modules = ", ".join(f"plait.fusion.tokens.{name}" for name in light)
    code = f"import sys; import {modules}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
