import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from semsig_kernels._jit import kernel
from semsig_kernels.simd import popcount, trailing_zeros


@kernel
def both(word):
    return popcount(word), trailing_zeros(word)


@given(st.integers(1, 2**64 - 1))
def test_bits_counted_as_in_the_binary_notation(number):
    notation = f"{number:b}"
    ones, zeros = both(np.uint64(number))
    assert ones == notation.count("1")
    assert zeros == len(notation) - len(notation.rstrip("0"))
    assert (ones, zeros) == (popcount(np.uint64(number)), trailing_zeros(np.uint64(number)))
