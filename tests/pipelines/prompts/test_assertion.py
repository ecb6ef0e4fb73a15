import pytest

from plait.prompts.assertion import announced_only, direction_missing
from plait.prompts.support import judge


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
