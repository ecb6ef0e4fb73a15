from types import SimpleNamespace

import pytest

from plait.contracts import Message
from plait.contracts.errors import GenerationError
from plait.generators.conversation import defused, plain_prompt, prompt_tokens

TURNS = [Message("system", "Be brief."), Message("user", "Question: Why?")]


def test_the_plain_prompt_has_rules_a_worked_example_and_the_open_question():
    prompt = plain_prompt(TURNS)
    assert prompt.startswith("Be brief.")
    assert prompt.endswith("Question: Why?\nAnswer:")
    assert prompt.count("Answer:") == 2


def test_earlier_turns_become_further_examples():
    turns = [Message("user", "Question: A?"), Message("assistant", "B."), Message("user", "Question: C?")]
    assert "Question: A?\nAnswer: B." in plain_prompt(turns)


def test_control_tokens_in_retrieved_text_lose_their_power():
    assert "</s>" not in defused("a </s> b", ["</s>", "x"])


class _Strict:
    """A tokenizer whose template knows no system role, as some models' do."""

    all_special_tokens: tuple[str, ...] = ()

    def apply_chat_template(self, turns, **_):
        if any(turn["role"] == "system" for turn in turns):
            raise ValueError("System role not supported")
        return {"input_ids": [len(turn["content"]) for turn in turns]}


def test_without_a_system_role_the_rules_move_into_the_question():
    assert prompt_tokens(_Strict(), TURNS, chat=True) == [len("Be brief.\n\nQuestion: Why?")]


def test_a_template_that_refuses_everything_is_an_error_that_says_so():
    def refuse(turns, **_):
        raise ValueError("no")

    broken = SimpleNamespace(all_special_tokens=[], apply_chat_template=refuse)
    with pytest.raises(GenerationError, match=r"refuses the prompt: no.*plain"):
        prompt_tokens(broken, TURNS, chat=True)
