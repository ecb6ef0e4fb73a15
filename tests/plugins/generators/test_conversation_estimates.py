"""The estimate against a real tokenizer, on text as corpora have it."""

from pathlib import Path

import pytest

from plait.contracts import Message
from plait.generators.conversation import estimated_tokens, prompt_tokens
from plait.generators.local.model import load_tokenizer

PAPERS = sorted((Path(__file__).parents[3] / "examples" / "papers").glob("*.md"))
HARD = {
    "numbers": "3.14159 2.71828e-10 1,234,567 " * 20,
    "formulas": "$\\sum_{i=0}^{n} x_i^2 \\leq \\|x\\|_2^2$ " * 20,
    "code": "def f(x):\n    return {k: v for k, v in x.items() if v is not None}\n" * 10,
    "Russian": "Тише едешь, дальше будешь. " * 20,
    "Chinese": "道可道非常道。名可名非常名。" * 20,
    "emoji": "🧵🪢✨ " * 30,
    "nothing": "",
}


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer("smollm2-135m", "a test")


def _counts(tokenizer, text):
    messages = [Message("user", text)]
    return estimated_tokens(messages), len(prompt_tokens(tokenizer, messages, chat=True))


def test_it_is_never_below_the_count_of_a_paper_and_seldom_far_above(tokenizer):
    counts = [_counts(tokenizer, path.read_text(encoding="utf-8")) for path in PAPERS]
    assert len(counts) > 40
    ratios = [estimated / real for estimated, real in counts]
    assert min(ratios) >= 1
    assert 1.2 < sum(ratios) / len(ratios) < 2.2


@pytest.mark.parametrize("kind", HARD)
def test_it_is_never_below_the_count_of_what_is_hard_to_tokenise(tokenizer, kind):
    estimated, real = _counts(tokenizer, HARD[kind])
    assert estimated >= real
