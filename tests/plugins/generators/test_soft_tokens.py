import subprocess
import sys
import types

import numpy as np
import pytest

from plait.contracts import EmbeddingSpace
from plait.contracts.errors import GenerationError
from plait.generators.soft_tokens import LARGEST, check_prompt_embeddings, check_soft_tokens

SPACE = EmbeddingSpace("tiny@0123", 4, 0.02)
WHERE = "generator tiny"


def _rows(rows=2, width=4, dtype=np.float32, **cells):
    array = np.full((rows, width), 0.5, dtype=dtype)
    for value in cells.values():
        array[1, 2] = value
    return array


REFUSALS = [
    pytest.param([[0.0] * 4] * 2, r"a list, not a NumPy array.*numpy.asarray", id="list"),
    pytest.param(_rows()[0], r"1 dimensions, not 2.*batch", id="one-dimension"),
    pytest.param(_rows()[None], r"3 dimensions, not 2.*batch", id="three-dimensions"),
    pytest.param(_rows(rows=0), r"empty, of shape \(0, 4\)", id="no-rows"),
    pytest.param(_rows(width=0), r"empty, of shape \(2, 0\)", id="no-width"),
    pytest.param(_rows(width=5), r"width 5.*tiny@0123.*width 4.*another model", id="wide"),
    pytest.param(_rows(width=3), r"width 3.*width 4", id="narrow"),
    pytest.param(_rows(dtype=np.float64), r"float64, not float32.*astype", id="float64"),
    pytest.param(_rows(dtype=np.float16), r"float16, not float32", id="float16"),
    pytest.param(_rows(dtype=np.int32), r"int32, not float32", id="integers"),
    pytest.param(_rows(dtype=object), r"object, not float32", id="objects"),
    pytest.param(_rows(dtype=">f4") if sys.byteorder == "little" else _rows(dtype="<f4"), "not float32", id="swapped"),
    pytest.param(_rows(bad=np.nan), r"not finite, in row 1", id="nan"),
    pytest.param(_rows(bad=np.inf), r"not finite, in row 1", id="infinity"),
    pytest.param(_rows(bad=-np.inf), r"not finite, in row 1", id="minus-infinity"),
    pytest.param(_rows(bad=-1e30), r"size 1e\+30, beyond 65,504.*0.02", id="too-large"),
]


@pytest.mark.parametrize(("array", "message"), REFUSALS)
def test_a_prompt_that_would_harm_an_engine_is_refused(array, message):
    with pytest.raises(GenerationError, match=rf"generator tiny: the prompt embeddings.*{message}") as caught:
        check_prompt_embeddings(array, SPACE, WHERE)
    assert caught.value.choices == ("float32 of shape (positions, 4)",)
    assert caught.value.fix


@pytest.mark.parametrize(("array", "message"), REFUSALS)
def test_soft_tokens_that_would_harm_an_engine_are_refused(array, message):
    with pytest.raises(GenerationError, match=rf"generator tiny: the soft tokens of passage 3.*{message}") as caught:
        check_soft_tokens({3: array}, {3}, 2, SPACE, WHERE)
    assert caught.value.choices == ("float32 of shape (2, 4)",)
    assert caught.value.fix


@pytest.mark.parametrize("rows", [1, 3])
def test_the_number_of_rows_is_the_number_of_markers(rows):
    with pytest.raises(GenerationError, match=rf"have {rows} rows, and there are 2 markers.*soft_tokens = {rows}"):
        check_soft_tokens({1: _rows(rows)}, {1}, 2, SPACE, WHERE)


def test_soft_tokens_for_a_passage_without_slot_are_refused_with_the_passages_that_have_one():
    with pytest.raises(GenerationError, match=r"passage 4, which has no slot.*passage 1, passage 2"):
        check_soft_tokens({1: _rows(), 4: _rows()}, {2, 1}, 2, SPACE, WHERE)


@pytest.mark.parametrize("space", [SPACE, None])
def test_soft_tokens_for_a_backend_without_them_are_refused(space):
    with pytest.raises(GenerationError, match=r"soft tokens are off.*soft_tokens = 1.*soft_tokens = 8.*send none"):
        check_soft_tokens({1: _rows()}, {1}, 0, space, WHERE)


def test_one_bad_passage_among_good_ones_is_found_and_named():
    with pytest.raises(GenerationError, match="soft tokens of passage 2"):
        check_soft_tokens({1: _rows(), 2: _rows(bad=np.nan)}, {1, 2}, 2, SPACE, WHERE)


def test_no_soft_tokens_pass_everywhere():
    assert check_soft_tokens({}, (), 0, None, WHERE) == {}
    assert check_soft_tokens(types.MappingProxyType({}), {1}, 2, SPACE, WHERE) == {}


def test_what_passes_is_unchanged_and_contiguous():
    array = np.asfortranarray(np.arange(8, dtype=np.float32).reshape(2, 4))
    array[0, 0] = -LARGEST
    for passed in (
        check_prompt_embeddings(array, SPACE, WHERE),
        check_soft_tokens({1: array}, {1}, 2, SPACE, WHERE)[1],
    ):
        assert passed.flags.c_contiguous
        assert np.array_equal(passed, array)


def test_the_gate_loads_no_model_library():
    code = "import sys, plait.generators.soft_tokens; sys.exit(bool({'torch', 'transformers'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
