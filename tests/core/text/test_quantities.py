from decimal import Decimal

import pytest

from plait.text.quantities import agree, quantities


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1,000 papers", "1000 papers"),
        (".65", "0.65"),
        ("65%", "65 percent"),
        ("65 %", "65 per cent".replace("per cent", "percent")),
        ("twelve layers", "12 layers"),
        ("twenty-one", "21"),
        ("2 min", "120 s"),
        ("1 GB", "1,000 MB"),
        ("5 million", "5,000,000"),
        ("32k tokens", "32,000 tokens"),
        ("1e-3", "0.001"),
        ("\u22120.5", "-0.5"),
        ("$5 million", "5000000 dollars"),
        ("1.6x", "1.6 times"),
    ],
)
def test_two_ways_to_write_one_quantity_agree(one, other):
    assert agree(quantities(f"is {one} here")[0], quantities(f"is {other} here")[0])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (".65", ".66"),
        ("5 mg", "5 g"),
        ("20 ms", "20 s"),
        ("4%", "4 times"),
        ("-0.5", "0.5"),
        ("3rd", "3"),
        ("5m", "5M"),
    ],
)
def test_different_quantities_do_not_agree(one, other):
    assert not agree(quantities(f"is {one} here")[0], quantities(f"is {other} here")[0])


def test_names_with_digits_are_no_quantities():
    assert quantities("BM25, nDCG@10, v2, 2DMSE and release 1.2.3 of H200") == []


def test_an_approximate_claim_may_be_off_by_two_percent_and_no_more():
    claim, exact, far = quantities("about 65; 64.2; 62")
    assert agree(claim, exact)
    assert not agree(claim, far)
    assert not agree(exact, claim)


def test_a_missing_unit_is_no_disagreement():
    assert agree(*quantities("36 s and 36"))


def test_the_noun_behind_a_number_is_kept():
    assert [(q.value, q.noun) for q in quantities("12 layers and 9 heads")] == [
        (Decimal(12), "layer"),
        (Decimal(9), "head"),
    ]
