import pytest

from plait.generators.decoding import StopFilter, TextFromTokens


def _decoder(pieces):
    return TextFromTokens(lambda ids: b"".join(pieces[i] for i in ids).decode("utf-8", "replace"))


def test_pieces_join_to_what_decoding_everything_gives():
    pieces = [
        "Ein Ärger: ".encode(),
        "日".encode()[:1],
        "日".encode()[1:],
        b" end",
        "🙂".encode()[:2],
        "🙂".encode()[2:],
    ]
    decoder = _decoder(pieces)
    shown = [decoder.push(i) for i in range(len(pieces))]
    assert "".join(shown) + decoder.flush() == b"".join(pieces).decode()
    assert "\ufffd" not in "".join(shown)


def test_half_a_character_at_the_end_is_shown_as_such():
    decoder = _decoder([b"ab", b"\xe6"])
    assert [decoder.push(0), decoder.push(1), decoder.flush()] == ["ab", "", "\ufffd"]


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
