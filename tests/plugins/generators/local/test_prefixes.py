import pytest

from plait.generators.local.prefixes import PrefixStore

torch = pytest.importorskip("torch")
BLOCK = 4
BYTES = 2 * 2 * 8 * 4  # of one position: keys and values of two heads, eight numbers of four bytes


def _layers(blocks, fill=0.0):
    tensor = torch.full((1, 2, blocks * BLOCK, 8), fill)
    return [(tensor, tensor + 1)]


def test_the_longest_common_beginning_is_found_and_cut_to_what_is_shared():
    store = PrefixStore(10**6, BLOCK)
    store.keep("abcd", _layers(4, 1.0))
    store.keep("abx", _layers(3, 2.0))
    blocks, [(keys, values)] = store.find("abcz")
    assert blocks == 3
    assert keys.shape == values.shape == (1, 2, 3 * BLOCK, 8)
    assert keys.eq(1.0).all()
    assert values.eq(2.0).all()


def test_nothing_shared_is_nothing_found():
    store = PrefixStore(10**6, BLOCK)
    store.keep("abc", _layers(3))
    assert store.find("xbc") == (0, [])
    assert store.find("") == (0, [])


def test_a_later_block_counts_only_behind_the_same_blocks():
    store = PrefixStore(10**6, BLOCK)
    store.keep("abc", _layers(3))
    assert store.find("axc")[0] == 1


def test_a_longer_prompt_takes_the_place_of_its_own_beginning():
    store = PrefixStore(10**6, BLOCK)
    store.keep("ab", _layers(2))
    store.keep("abc", _layers(3))
    store.keep("ab", _layers(2))
    assert store.bytes == 3 * BLOCK * BYTES


def test_memory_is_bounded_and_the_least_recently_used_goes_first():
    store = PrefixStore(5 * BLOCK * BYTES, BLOCK)
    store.keep("ab", _layers(2))
    store.keep("cd", _layers(2))
    store.find("ab")
    store.keep("ef", _layers(2))
    assert store.bytes == 4 * BLOCK * BYTES
    assert [store.find(keys)[0] for keys in ("ab", "cd", "ef")] == [2, 0, 2]


@pytest.mark.parametrize("limit", [0, 3 * BLOCK * BYTES - 1])
def test_what_is_too_large_alone_is_not_remembered(limit):
    store = PrefixStore(limit, BLOCK)
    store.keep("abc", _layers(3))
    assert store.bytes == 0


def test_it_forgets_when_told():
    store = PrefixStore(10**6, BLOCK)
    store.keep("abc", _layers(3))
    store.clear()
    assert store.find("abc") == (0, [])
