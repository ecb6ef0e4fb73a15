"""Sentences of scientific prose are found where a reader would put them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.text.sentences import sentence_spans

BREAK = "¦"

CASES = [
    "One ends.¦Two ends!¦Three?",
    "We follow Vaswani et al. (2017) here.¦It works.",
    "This was shown by Devlin et al.¦The second stage differs.",
    "Vaswani et al. BERT-style masking is different from this.",
    "See Fig. 3 and Figs. 4 and 5.¦Eq. (2) follows.",
    "See Sec. A for details.¦Then Tab. 2 holds.",
    "Dense retrievers, e.g. DPR, and others, i.e. ANCE, win.¦BM25 loses.",
    "Compare BM25 vs. DPR.¦Both work.",
    "It reached nDCG@10 .679 on SciFact.¦MiniLM reached .6505 there.",
    "The score rose by 3.5 points.¦Then it fell to .45.",
    "It was released in 2020.¦Since then it is common.",
    "J. R. R. Tolkien and J. Smith wrote it.¦Nobody read it.",
    "He lives in the U.S. and works.¦So does she.",
    "They met in the U.S.¦The plan failed.",
    "This was known [12].¦It was known before [3, 4].",
    "This was known. [12]¦It was known before.",
    "This was known.[12]¦It was known before.",
    "It was shown before.12¦Others disagree.",
    '"It works."¦He left.',
    "He said “it works.”¦Then he left.",
    "(It is true.)¦So we go on.",
    "It ends (as said.)¦Then more.",
    "1. Install it.¦2. Run it.",
    "Steps:¦- first step¦- second step.",
    "A soft-wrapped line goes on in the\nnext line of the paragraph.¦Then a second one.",
    "First paragraph without a stop¦\n\nSecond paragraph.",
    "model | score\n¦BM25 | .679\n¦MiniLM | .6505",
    "the first was made .¦an experimental study followed .¦it ended",
    "Wait . . . there is more.¦Done.",
    "It stops... and goes on.¦Done.",
    "The protein binds mRNA strongly.¦mRNA decays.",
    "Accuracy was tested.¦scikit-learn was used.",
    "It costs approx. three dollars.¦That is all.",
    "Read plait.dev/docs.html now.¦It helps.",
    "Yahoo! is a company.¦Yes!",
    "Really?!¦Yes.",
    "Use plants, tools, etc.¦Then stop.",
    "Use plants, tools, etc. and stop.",
    "Dr. Smith and Prof. Jones agree.¦No. 5 does not.",
    "Is it so?¦No.¦Then stop.",
    "これは文です。¦次の文です。",
    "Escherichia sp. were found.¦They grew.",
    "Values (p < .001).¦99 patients were asked.",
]


@pytest.mark.parametrize("marked", CASES)
def test_boundaries_stand_where_a_reader_puts_them(marked: str) -> None:
    text = marked.replace("\n¦", "\n").replace("¦\n", "\n")
    text = text.replace("¦-", "\n-").replace(BREAK, "" if "。" in marked else " ")
    wanted = [part.strip() for part in marked.split(BREAK)]
    assert [text[start:end] for start, end in sentence_spans(text)] == wanted


def test_an_empty_text_has_no_sentences() -> None:
    assert sentence_spans("") == []
    assert sentence_spans(" \n\t ") == []


PROSE = st.text(alphabet=st.sampled_from("aA1 .!?\n-[](),e g\"'。|:…é\u00a0"), max_size=80)


@given(PROSE)
def test_spans_hold_every_visible_character_once_and_in_order(text: str) -> None:
    spans = sentence_spans(text)
    position = 0
    for start, end in spans:
        assert position <= start < end <= len(text)
        assert not text[position:start].strip()
        assert text[start:end] == text[start:end].strip()
        position = end
    assert not text[position:].strip()


def test_a_long_text_takes_linear_time() -> None:
    unit = "This is a sentence by Smith et al. in 2020 with (Fig. 2) a score of .5. "
    assert len(sentence_spans(unit * 2_000)) == 2_000
    assert len(sentence_spans("." * 50_000)) == 1
    assert len(sentence_spans("a" * 200_000)) == 1
    assert len(sentence_spans("\n" * 50_000 + "a")) == 1
