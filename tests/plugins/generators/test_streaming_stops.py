import pytest

from plait.generators.streaming import StopFilter


@pytest.mark.parametrize("cut", range(1, 12))
def test_a_stop_string_is_found_however_the_text_is_cut(cut):
    text = "one two\nQuestion: three"
    stop = StopFilter(["\nQuestion:"])
    shown = "".join(stop.push(text[i : i + cut]) for i in range(0, len(text), cut)) + stop.flush()
    assert shown == "one two"
    assert stop.stopped


def test_a_beginning_that_turns_out_harmless_is_shown_in_the_end():
    stop = StopFilter(["###"])
    assert stop.push("a ##") == "a "
    assert stop.flush() == "##"
    assert not stop.stopped


def test_the_earliest_of_several_stops_counts_and_empty_ones_are_ignored():
    stop = StopFilter(["", "two", "one"])
    assert stop.push("zero one two") == "zero "
