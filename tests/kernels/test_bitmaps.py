import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from semsig_kernels.bitmaps import WIDTH, set_bits

from semsig import ClassTable, SbsBatch, SbsSchema
from semsig.search.bitmaps import BitmapsScan
from tests.kernels.test_postings import flatten
from tests.reference import hamming as reference
from tests.search.batches import random_batch
from tests.search.scans import pairs

SIZES = np.array([0, 2, 4], np.int64)
FIRSTS = np.array([0, 1, 3], np.int64)


@settings(max_examples=30)
@given(st.lists(st.dictionaries(st.integers(0, 2), st.integers(0, 3)), max_size=70))
def test_bits_say_which_rows_reach_a_level(rows):
    slots, offsets = flatten([[key * 4 + row[key] for key in sorted(row)] for row in rows])
    words, left = np.zeros((7, WIDTH), np.uint64), np.zeros(len(slots), np.bool_)
    set_bits(slots, offsets, FIRSTS, SIZES, words, left)
    bits = np.unpackbits(words.view(np.uint8), axis=1, bitorder="little")[:, : len(rows)]
    for key, (first, size) in enumerate(zip(FIRSTS, SIZES, strict=True)):
        for level in range(size):
            assert bits[first + level].tolist() == [row.get(key, -1) >= level for row in rows]
    assert left.tolist() == [above >= SIZES[key] for key, above in (divmod(s, 4) for s in slots)]


@pytest.mark.parametrize("metric", ["hamming", "tanimoto", "containment"])
def test_nearest_as_by_definition(metric):
    schema = SbsSchema(1, ClassTable("abcd"))
    rows, query = random_batch(70, schema, 1, 8), random_batch(1, schema, 2, 8)
    (distances,), (found,) = BitmapsScan(rows).search(query, 9, metric=metric)
    assert pairs(distances, found) == reference.search(rows, SbsBatch.of(query), 9, metric)
