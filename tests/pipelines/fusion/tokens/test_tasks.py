from __future__ import annotations

import pytest

from plait.contracts.errors import ConfigError
from plait.fusion.tokens.tasks import TaskPrompt, label_tasks


def test_slots_stand_right_in_front_of_the_texts() -> None:
    _, message = TaskPrompt("Why?", ("first", "second"), ("A", "B")).messages
    assert [(slot.number, message.content[slot.offset :][:5]) for slot in message.slots] == [(1, "first"), (2, "secon")]
    _, early = TaskPrompt("Why?", ("first",), question_first=True).messages
    assert early.content.startswith("Question: Why?")
    assert early.content[early.slots[0].offset :] == "first\n</passage>"


def test_a_prompt_that_is_about_text_alone_has_no_slots() -> None:
    with_slots, without = (TaskPrompt("Why?", ("first",), slots=slots).messages[1] for slots in (True, False))
    assert with_slots.slots and not without.slots
    assert with_slots.content == without.content


def test_passages_that_are_read_apart_begin_with_their_numbers() -> None:
    assert TaskPrompt("Why?", ("first", ""), ("A", "B")).passages == (("1 A", "first"), ("2 B", ""))


def test_labels_are_named_in_the_question_by_themselves_or_by_letters() -> None:
    plain = label_tasks("topic", "Which?", {4: "x", 2: "y"}, choices=["x", "y", "z"], text="Same for all.")
    assert [(task.documents, task.target, task.distractors) for task in plain] == [
        ((2,), "y", ("x", "z")),
        ((4,), "x", ("y", "z")),
    ]
    assert "One of: x, y, z." in plain[0].messages[1].content
    assert "Same for all." in plain[0].messages[1].content
    lettered = label_tasks("topic", "Which?", {4: "x", 2: "y"}, choices=["x", "y", "z"], lettered=True)
    assert [task.target for task in lettered] == ["B", "A"]
    with pytest.raises(ConfigError, match="27 labels"):
        label_tasks("topic", "Which?", {n: str(n) for n in range(27)}, lettered=True)
