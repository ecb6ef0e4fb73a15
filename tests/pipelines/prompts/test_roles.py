import pytest

from plait.prompts.roles import exchanged_roles, turned_comparison


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
