import pytest

from plait.verifiers.assertion import announced_only, direction_missing, exchanged_roles, turned_comparison
from plait.verifiers.support import judge


@pytest.mark.parametrize(
    ("claim", "span", "word"),
    [
        ("Infection decreases the risk.", "The risk after infection was studied.", "decreases"),
        ("Infection decreases the risk.", "The risk rises after infection.", "decreases"),
        ("Infection decreases the risk.", "Infection was tied to a lower risk.", ""),
        ("Pooling improves recall.", "Recall was higher with pooling.", ""),
        ("Pooling works on large sets.", "Pooling was tried on large sets.", ""),
        # What another sentence of the span says goes up or down is something else.
        ("Infection decreases the risk.", "Infection and its risk were studied. Costs were reduced.", "decreases"),
    ],
)
def test_a_change_must_be_named_where_the_claim_is_spoken_of(claim, span, word):
    assert direction_missing(claim, span) == word


@pytest.mark.parametrize(
    ("span", "announced"),
    [
        ("OBJECTIVE To investigate the association between tea and risk.", True),
        ("The aim of this study was to find causes of risk.", True),
        ("We examined whether tea lowers the risk.", True),
        ("We examined whether tea lowers the risk. It did.", False),
        ("Tea lowers the risk, which aims at prevention.", False),
        ("The encoder is trained to study pairs.", False),
    ],
)
def test_an_announced_question_is_no_finding(span, announced):
    assert announced_only("Tea lowers the risk.", span) is announced


def test_who_says_that_something_was_studied_may_cite_the_announcement():
    assert judge("The study aimed to find causes of risk.", "This study aimed to find causes of risk in tea.").supported
    assert judge("Tea lowers the risk of gout.", "To investigate whether tea lowers the risk of gout.").reason == (
        "the span says it with doubt ('whether')"
    )
    assert "not what was found" in judge("Tea lowers risk of gout.", "To examine how tea lowers risk of gout.").reason


@pytest.mark.parametrize(
    ("claim", "span"),
    [
        ("A1 outperforms B2.", "B2 outperforms A1."),
        ("A1 is outperformed by B2.", "B2 is outperformed by A1."),
        ("Mice were heavier than rats.", "Rats were heavier than mice."),
        ("The teacher is small and the student is large.", "The teacher is large and the student is small."),
    ],
)
def test_exchanged_sides_are_noticed(claim, span):
    assert exchanged_roles(claim, span) != ""


@pytest.mark.parametrize(
    ("claim", "span"),
    [
        ("A1 outperforms B2.", "A1 outperforms B2 on SciFact."),
        ("A1 is outperformed by B2.", "B2 outperforms A1."),
        ("A1 is faster than B2.", "B2 is slower than A1."),
        ("Recall fell after quantisation.", "After quantisation, recall fell."),
    ],
)
def test_the_same_relation_in_another_order_is_accepted(claim, span):
    assert exchanged_roles(claim, span) == ""


def test_a_comparison_is_only_turned_when_both_ends_moved():
    assert turned_comparison("A1 is faster than B2.", "B2 is slower than A1.") == "faster"
    assert turned_comparison("A1 is faster than B2.", "A1 is slower than B2.") == ""
