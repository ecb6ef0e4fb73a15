from __future__ import annotations

from plait.fusion.tokens.task_prompt import TaskPrompt


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
