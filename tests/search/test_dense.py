import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semsig.errors import OptionError, SignatureError
from semsig.search.dense import BitIndex, DenseScan
from tests.search.scans import ScanLaws


class TestDenseScan(ScanLaws):
    scan = DenseScan


@settings(max_examples=30)
@given(
    st.integers(1, 200), st.lists(st.integers(0, 5), min_size=1, max_size=3), st.integers(0, 2**32)
)
def test_bit_index_as_by_definition(n_bits, sizes, seed):
    rng = np.random.default_rng(seed)
    added = [rng.integers(0, 2, (size, n_bits)).astype(np.uint8) for size in sizes]
    index = BitIndex(n_bits)
    for bits in added:
        index.add(np.packbits(bits, axis=1))
    rows, queries = np.concatenate(added), rng.integers(0, 2, (3, n_bits)).astype(np.uint8)
    distances, found = index.search(np.packbits(queries, axis=1), 4)
    answers = index.search_radius(np.packbits(queries, axis=1), n_bits // 2)
    assert len(index) == len(rows)
    for q, query in enumerate(queries):
        every = sorted((int((row != query).sum()), i) for i, row in enumerate(rows))
        expected = (every + [(-1, -1)] * 4)[:4]
        assert list(zip(distances[q].tolist(), found[q].tolist(), strict=True)) == expected
        near = list(zip(*(a.tolist() for a in answers[q]), strict=True))
        assert near == [pair for pair in every if pair[0] <= n_bits // 2]


def test_bit_index_leaves_out_rows_that_are_not_allowed():
    index = BitIndex(8)
    index.add(np.array([[0], [1], [3]], np.uint8))
    allowed = np.array([False, True, True])
    distances, rows = index.search(np.zeros((1, 1), np.uint8), 3, allowed=allowed)
    assert rows.tolist() == [[1, 2, -1]]
    assert distances.tolist() == [[1, 2, -1]]


@pytest.mark.parametrize("bitorder", ["big", "little"])
def test_bit_index_takes_either_bit_order(bitorder):
    index = BitIndex(9)
    bits = np.array([[1] * 9, [0] * 8 + [1]], np.uint8)
    index.add(np.packbits(bits, axis=1, bitorder=bitorder))
    distances, _ = index.search(np.packbits(bits[:1], axis=1, bitorder=bitorder), 2)
    assert distances.tolist() == [[0, 8]]


def test_bit_index_refuses_set_bits_after_the_last():
    index = BitIndex(9)
    index.add(np.array([[1, 1]], np.uint8))
    for last in (0xFF, 0x81):
        with pytest.raises(SignatureError, match="Bits after the last of 9"):
            index.search(np.array([[1, last]], np.uint8), 1)
        with pytest.raises(SignatureError, match="Bits after the last of 9"):
            index.add(np.array([[1, last]], np.uint8))


def test_bit_index_says_what_it_expects():
    with pytest.raises(OptionError, match="n_bits"):
        BitIndex(0)
    index = BitIndex(20)
    with pytest.raises(SignatureError, match=r"shape \(N, 3\)"):
        index.add(np.zeros((1, 2), np.uint8))
    with pytest.raises(SignatureError, match="uint8"):
        index.search(np.zeros((1, 3), np.int64), 1)
    with pytest.raises(OptionError, match="k is an integer >= 1"):
        index.search(np.zeros((1, 3), np.uint8), 0)
