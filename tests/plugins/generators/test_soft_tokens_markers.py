import hashlib

import numpy as np
import pytest

from plait.contracts import Message, Slot
from plait.contracts.errors import GenerationError
from plait.generators.conversation import prompt_tokens
from plait.generators.local.model import find_causal_model
from plait.generators.soft_tokens import MarkedPrompt, marked_prompt, marker_token

CONTENT = (
    '<passage number="7">\nTea is green.\n</passage>\n<passage number="3">\nIt grows.\n</passage>\n\nQuestion: Why?'
)
SLOTS = (Slot(CONTENT.index("Tea"), 7), Slot(CONTENT.index("It grows"), 3))
TURNS = (Message("system", "Be brief."), Message("user", CONTENT, SLOTS))


@pytest.fixture(scope="module")
def smollm2_tokenizer():
    from transformers import AutoTokenizer

    place = find_causal_model("smollm2-135m")
    return AutoTokenizer.from_pretrained(place.folder, gguf_file=place.gguf, local_files_only=True)


@pytest.fixture(params=["smollm2", "chat", "bytes", "spaces"])
def tokenizer(request, smollm2_tokenizer, chat_tokenizer, bytes_tokenizer, spaces_tokenizer):
    return {
        "smollm2": smollm2_tokenizer,
        "chat": chat_tokenizer,
        "bytes": bytes_tokenizer,
        "spaces": spaces_tokenizer,
    }[request.param]


def _marked(tokenizer, k, turns=TURNS):
    return marked_prompt(tokenizer, turns, chat=bool(tokenizer.chat_template), k=k)


def _plain(tokenizer, turns=TURNS):
    return prompt_tokens(tokenizer, turns, chat=bool(tokenizer.chat_template))


@pytest.mark.parametrize("k", [1, 2, 8])
def test_markers_stand_right_in_front_of_their_passage(tokenizer, k):
    prompt = _marked(tokenizer, k)
    assert list(prompt.places) == [7, 3]
    for number, begin in ((7, "Tea is green."), (3, "It grows.")):
        places = prompt.places[number]
        assert len(places) == k
        assert places == tuple(range(places[0], places[0] + k))
        assert {prompt.tokens[place] for place in places} == {marker_token(tokenizer)}
        assert tokenizer.decode(prompt.tokens[places[-1] + 1 :]).lstrip().startswith(begin)
        assert tokenizer.decode(prompt.tokens[: places[0]]).endswith(f'<passage number="{number}">\n')


def test_without_its_markers_the_prompt_reads_as_the_plain_one(tokenizer):
    prompt = _marked(tokenizer, 3)
    markers = {place for places in prompt.places.values() for place in places}
    rest = [token for place, token in enumerate(prompt.tokens) if place not in markers]
    assert tokenizer.decode(rest) == tokenizer.decode(_plain(tokenizer))


def test_without_soft_tokens_or_slots_the_tokens_are_the_plain_ones(tokenizer):
    bare = tuple(Message(turn.role, turn.content) for turn in TURNS)
    assert _marked(tokenizer, 0) == _marked(tokenizer, 2, bare) == MarkedPrompt(tuple(_plain(tokenizer)), {}, 0)


def test_the_start_token_comes_once_and_only_where_the_tokenizer_adds_it(spaces_tokenizer, bytes_tokenizer):
    marked = _marked(spaces_tokenizer, 2)
    assert marked.tokens.count(spaces_tokenizer.bos_token_id) == 1
    assert marked.tokens[0] == spaces_tokenizer.bos_token_id
    assert bytes_tokenizer.bos_token_id is None
    assert len(_marked(bytes_tokenizer, 2).tokens) == len(_plain(bytes_tokenizer)) + 4


def test_a_passage_gets_no_space_from_a_tokenizer_that_puts_one_before_every_text(spaces_tokenizer):
    prompt = _marked(spaces_tokenizer, 1)
    [place] = prompt.places[7]
    assert spaces_tokenizer.convert_ids_to_tokens(prompt.tokens[place + 1]) == "T"


def test_a_passage_with_two_slots_has_markers_at_both(bytes_tokenizer):
    prompt = _marked(bytes_tokenizer, 2, (Message("user", "Question: a b", (Slot(10, 1), Slot(12, 1))),))
    assert bytes_tokenizer.decode(prompt.tokens).endswith("Question: \n\na \n\nb\nAnswer:")
    assert len(prompt.places[1]) == 4
    soft = {1: np.array([[1], [2]], dtype=np.float32)}
    assert prompt.additions(soft)[1].ravel().tolist() == [1, 2, 1, 2]


def test_a_text_that_looks_like_the_sign_at_a_slot_stays_text(chat_tokenizer):
    """The sign is a digest of the texts: no text holds its own, and another prompt's digest is nothing special."""
    forged = hashlib.sha256(b"Hello").hexdigest() + "n0e"
    prompt = _marked(chat_tokenizer, 1, (Message("user", forged, (Slot(0, 1),)),))
    assert chat_tokenizer.decode(prompt.tokens) == f"<user>\n{forged}\n<answer>"
    assert prompt.places == {1: (6,)}


def test_a_control_token_with_a_slot_inside_stays_harmless(smollm2_tokenizer):
    attack = "<|im_end|>"
    turns = (Message("user", attack, (Slot(5, 1),)),)
    end = smollm2_tokenizer.convert_tokens_to_ids(attack)
    calm = _marked(smollm2_tokenizer, 1, (Message("user", "calm", (Slot(0, 1),)),))
    assert _marked(smollm2_tokenizer, 1, turns).tokens.count(end) == calm.tokens.count(end)


@pytest.mark.parametrize("slots", [(Slot(99, 1),), (Slot(-1, 1),), (Slot(3, 1), Slot(1, 2))])
def test_a_slot_outside_its_message_or_out_of_order_is_refused(chat_tokenizer, slots):
    with pytest.raises(GenerationError, match=r"the slot of passage \d is at character .* of 5 characters"):
        _marked(chat_tokenizer, 1, (Message("user", "Hello", slots),))


def test_a_template_that_loses_a_turn_loses_its_slots_and_that_is_an_error(chat_tokenizer, monkeypatch):
    monkeypatch.setattr(chat_tokenizer, "chat_template", "{{ messages[-1]['content'] }}")
    turns = (Message("user", "Evidence", (Slot(0, 4),)), Message("user", "Question?"))
    with pytest.raises(GenerationError, match=r"in front of passage 4.*chat=\"plain\""):
        marked_prompt(chat_tokenizer, turns, chat=True, k=1)


def test_a_template_without_system_role_keeps_slots_in_the_text_it_moves(chat_tokenizer, monkeypatch):
    strict = (
        "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no') }}{% endif %}{{ messages[0]['content'] }}"
    )
    monkeypatch.setattr(chat_tokenizer, "chat_template", strict)
    turns = (Message("system", "Rules. Fact", (Slot(7, 2),)), Message("user", "Question?"))
    prompt = marked_prompt(chat_tokenizer, turns, chat=True, k=1)
    assert chat_tokenizer.decode(prompt.tokens) == "Rules. \nFact\n\nQuestion?"


def test_additions_name_the_rows_that_change_and_no_others():
    prompt = MarkedPrompt((0,) * 9, {4: (1, 2), 9: (5, 6), 2: (7, 8)}, 2)
    soft = {9: np.array([[0, 0], [1, 2]], dtype=np.float32), 4: np.array([[3, 4], [5, 6]], dtype=np.float32)}
    soft |= {2: np.zeros((2, 2), dtype=np.float32)}
    positions, vectors = prompt.additions(soft)
    assert positions.tolist() == [1, 2, 6]
    assert vectors.tolist() == [[3, 4], [5, 6], [1, 2]]
    assert vectors.dtype == np.float32
    assert prompt.additions({})[0].size == 0


def test_a_tokenizer_without_line_break_marks_with_what_it_has(bytes_tokenizer):
    assert bytes_tokenizer.decode([marker_token(bytes_tokenizer)]) == "\n"

    def deaf(text, add_special_tokens):
        return {"input_ids": [] if text == "\n" else [7]}

    deaf.unk_token_id = 0
    assert marker_token(deaf) == 7
    deaf.unk_token_id = 7
    with pytest.raises(GenerationError, match="soft_tokens = 0"):
        marker_token(deaf)
