"""Reading in blocks, from a remembered beginning or not, gives the same bits."""

import numpy as np
import pytest

from plait.generators.local.model import find_causal_model, load_causal_model
from plait.generators.local.prompt_reading import BLOCK, EndedError, PrefixStore, TokenPrompt, read_prompt

torch = pytest.importorskip("torch")
LENGTH = 3 * BLOCK + 17


@pytest.fixture(scope="module")
def model(folder):
    return load_causal_model(find_causal_model(str(folder)), "tiny", "float32", "cpu")


def _tokens(length=LENGTH, seed=0):
    return tuple(int(n) for n in np.random.default_rng(seed).integers(1, 250, length))


def _read(model, prompt, store=None):
    return read_prompt(model, prompt, store or PrefixStore(0))


def _state(read):
    return [read.logits, *(tensor for layer in read.cache.layers for tensor in (layer.keys, layer.values))]


def _same(one, other):
    return all(torch.equal(a, b) for a, b in zip(_state(one), _state(other), strict=True))


def test_blocks_read_what_the_whole_prompt_says(model):
    read = _read(model, TokenPrompt(_tokens()))
    reference = model.model(input_ids=torch.tensor([_tokens()])).logits[0, -1]
    assert torch.allclose(read.logits, reference, atol=1e-4)
    assert (read.length, read.reused) == (LENGTH, 0)


@pytest.mark.parametrize("length", [1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, LENGTH])
def test_reading_again_reuses_whole_blocks_and_changes_no_bit(model, length):
    store = PrefixStore(10**8)
    prompt = TokenPrompt(_tokens(length))
    fresh, first, second = _read(model, prompt), _read(model, prompt, store), _read(model, prompt, store)
    assert first.reused == 0
    assert second.reused == (length - 1) // BLOCK * BLOCK
    assert _same(fresh, first)
    assert _same(fresh, second)


def test_another_question_on_the_same_context_reads_only_itself_and_changes_no_bit(model):
    store = PrefixStore(10**8)
    shared = _tokens(2 * BLOCK + 5)
    for seed in range(1, 5):
        prompt = TokenPrompt(shared + _tokens(BLOCK, seed))
        read = _read(model, prompt, store)
        assert read.reused == (0 if seed == 1 else 2 * BLOCK)
        assert _same(read, _read(model, prompt))


def test_going_on_from_a_remembered_beginning_leaves_it_as_it_was(model):
    store = PrefixStore(10**8)
    prompt = TokenPrompt(_tokens())
    _read(model, prompt, store)
    read = _read(model, prompt, store)
    for _ in range(3):
        model.step(read.cache, torch.tensor([[7]]))
    assert _same(_read(model, prompt, store), _read(model, prompt))


def _soft(seed=0, positions=(3, BLOCK + 9)):
    rng = np.random.default_rng(seed)
    return np.array(positions), rng.normal(size=(len(positions), 32)).astype(np.float32)


def test_additions_change_the_prompt_from_their_position_on(model):
    plain = _read(model, TokenPrompt(_tokens()))
    soft = _read(model, TokenPrompt(_tokens(), *_soft()))
    before, after = (read.cache.layers[1].keys[0, :, :, :] for read in (plain, soft))
    assert torch.equal(before[:, :3], after[:, :3])
    assert not torch.equal(before[:, 3], after[:, 3])
    assert not torch.equal(plain.logits, soft.logits)


def test_additions_are_what_adding_to_the_embeddings_gives(model):
    positions, vectors = _soft()
    embeddings = model.embed([_tokens()])
    embeddings[0, positions] += torch.from_numpy(vectors)
    soft = _read(model, TokenPrompt(_tokens(), positions, vectors))
    assert torch.allclose(soft.logits, model.model(inputs_embeds=embeddings).logits[0, -1], atol=1e-4)


def test_prompts_with_soft_tokens_share_a_beginning_only_as_far_as_these_are_equal(model):
    store = PrefixStore(10**8)
    positions, vectors = _soft()
    _read(model, TokenPrompt(_tokens(), positions, vectors), store)
    assert _read(model, TokenPrompt(_tokens(), positions, vectors), store).reused == 3 * BLOCK
    other = vectors.copy()
    other[1, 0] += 1e-6
    read = _read(model, TokenPrompt(_tokens(), positions, other), store)
    assert read.reused == BLOCK
    assert _same(read, _read(model, TokenPrompt(_tokens(), positions, other)))
    assert _read(model, TokenPrompt(_tokens()), store).reused == 0
    moved = TokenPrompt(_tokens(), positions - np.array([1, 0]), vectors)
    assert _read(model, moved, store).reused == 0


def test_a_reading_that_nobody_waits_for_stops_before_the_next_block(model):
    asked = []

    def ended():
        asked.append(True)
        return len(asked) > 2

    with pytest.raises(EndedError):
        read_prompt(model, TokenPrompt(_tokens()), PrefixStore(0), ended)
    assert len(asked) == 3


BYTES = 2 * 2 * 8 * 4  # of one position: keys and values of two heads, eight numbers of four bytes


def _layers(blocks, fill=0.0):
    tensor = torch.full((1, 2, blocks * BLOCK, 8), fill)
    return [(tensor, tensor + 1)]


def test_the_longest_common_beginning_is_found_and_cut_to_what_is_shared():
    store = PrefixStore(10**6)
    store.keep("abcd", _layers(4, 1.0))
    store.keep("abx", _layers(3, 2.0))
    blocks, [(keys, values)] = store.find("abcz")
    assert blocks == 3
    assert keys.shape == values.shape == (1, 2, 3 * BLOCK, 8)
    assert keys.eq(1.0).all()
    assert values.eq(2.0).all()


def test_nothing_shared_is_nothing_found():
    store = PrefixStore(10**6)
    store.keep("abc", _layers(3))
    assert store.find("xbc") == (0, [])
    assert store.find("") == (0, [])


def test_a_later_block_counts_only_behind_the_same_blocks():
    store = PrefixStore(10**6)
    store.keep("abc", _layers(3))
    assert store.find("axc")[0] == 1


def test_a_longer_prompt_takes_the_place_of_its_own_beginning():
    store = PrefixStore(10**6)
    store.keep("ab", _layers(2))
    store.keep("abc", _layers(3))
    store.keep("ab", _layers(2))
    assert store.bytes == 3 * BLOCK * BYTES


def test_memory_is_bounded_and_the_least_recently_used_goes_first():
    store = PrefixStore(5 * BLOCK * BYTES)
    store.keep("ab", _layers(2))
    store.keep("cd", _layers(2))
    store.find("ab")
    store.keep("ef", _layers(2))
    assert store.bytes == 4 * BLOCK * BYTES
    assert [store.find(keys)[0] for keys in ("ab", "cd", "ef")] == [2, 0, 2]


@pytest.mark.parametrize("limit", [0, 3 * BLOCK * BYTES - 1])
def test_what_is_too_large_alone_is_not_remembered(limit):
    store = PrefixStore(limit)
    store.keep("abc", _layers(3))
    assert store.bytes == 0


def test_it_forgets_when_told():
    store = PrefixStore(10**6)
    store.keep("abc", _layers(3))
    store.clear()
    assert store.find("abc") == (0, [])
