import pytest

from plait.contracts import Slot
from plait.contracts.errors import ConfigError
from plait.prompts.template import load_template, parse_template, template_names

GOOD = "[system]\nBe brief.\n[passage]\n<p>{text}</p>\n[user]\n{evidence}\n{question}\n"


@pytest.mark.parametrize("name", template_names())
def test_every_shipped_template_passes_its_own_checks(name):
    messages = load_template(name).messages("Why {x}?", "<passage>{y}</passage>")
    assert messages[-1].role == "user"
    assert "Why {x}?" in messages[-1].content
    assert "{y}" in messages[-1].content


def test_a_template_loads_from_a_path(tmp_path):
    path = tmp_path / "mine.txt"
    path.write_text(GOOD, encoding="utf-8")
    assert load_template(str(path)).frame(1, "t", "{text}") == ("<p>{text}</p>", 3)


def test_a_byte_order_mark_is_no_text_before_the_first_section(tmp_path):
    path = tmp_path / "mine.txt"
    path.write_text(GOOD, encoding="utf-8-sig")
    assert load_template(str(path)).turns == parse_template(GOOD, "mine.txt").turns


def test_an_unknown_name_lists_the_choices_and_the_nearest():
    with pytest.raises(ConfigError, match=r"did you mean 'default'.*Choices: default, thorough"):
        load_template("defualt")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD.replace("{question}", ""), r"\{question\} is missing"),
        (GOOD.replace("{evidence}", ""), r"\{evidence\} is missing"),
        (GOOD.replace("{text}", "{title}"), r"\{text\} is missing"),
        (GOOD.replace("</p>", "</p>{text}"), r"\{text\} is here more than once"),
        (GOOD.replace("<p>", "{text}<p>"), r"\{text\} is here more than once"),
        (GOOD.replace("{text}", "{text}{text}"), r"\{text\} is here more than once"),
        (GOOD.replace("{question}", "{question.__class__}"), "unknown placeholder"),
        (GOOD.replace("{question}", "{question!r}"), "unknown placeholder"),
        (GOOD.replace("Be brief.", "Be {brief"), "literal braces"),
        (GOOD.replace("<p>", "").replace("</p>", ""), "opening and a closing tag"),
        (GOOD.replace("<p>", "<p>{title}</p>"), "opening and a closing tag"),
        (GOOD.replace("<p>{text}</p>", "<p>{{text}}</p>{text}"), "opening and a closing tag"),
        (GOOD + "[assistant]\nFine.\n", "end with a"),
        ("Hello\n" + GOOD, "before the first section"),
        (GOOD.replace("[passage]\n<p>{text}</p>\n", ""), r"0 \[passage\] sections"),
    ],
)
def test_a_broken_template_says_which_rule_it_breaks(text, message):
    with pytest.raises(ConfigError, match=message):
        parse_template(text, "mine.txt")


def test_a_template_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "mine.txt"
    path.write_bytes(b"\xff\xfe\x00[user]")
    with pytest.raises(ConfigError, match="UTF-8"):
        load_template(str(path))


def test_slots_stand_right_before_the_text_of_their_passage(tmp_path):
    path = tmp_path / "mine.txt"
    path.write_text(
        "[system]\nBe {{brief}}.\n[passage]\n<p n={number}>{title}: {text}</p>\n[user]\n{question}\n{evidence}!"
    )
    template = load_template(str(path))
    framed, begins = template.frame(7, "{T}", "Te{x}t")
    assert framed[begins:] == "Te{x}t</p>"
    system, user = template.messages("Why {text}?", framed, [Slot(begins, 7)])
    assert (system.content, system.slots) == ("Be {brief}.", ())
    (slot,) = user.slots
    assert (slot.number, user.content[slot.offset :]) == (7, "Te{x}t</p>!")
