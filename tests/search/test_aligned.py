"""Aligned arrays are zeros like any others, but for where they start."""

import numpy as np
import pytest

from semsig.search.aligned import CACHE_LINE, aligned_zeros


@pytest.mark.parametrize("shape", [(0,), (1,), (3, 5), (0, 64), (129, 7)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_zeros_start_a_cache_line(shape, dtype):
    found = aligned_zeros(shape, dtype)
    assert found.size == 0 or found.ctypes.data % CACHE_LINE == 0
    assert found.flags.c_contiguous
    assert found.flags.writeable
    np.testing.assert_array_equal(found, np.zeros(shape, dtype), strict=True)
