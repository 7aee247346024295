import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from semsig_kernels.bits import pack_cells, shared_bit_weights, shared_bits

from semsig import ClassTable, SbsSchema
from tests.search.batches import batches


@settings(max_examples=40)
@given(st.data(), st.integers(1, 9), st.integers(0, 2))
def test_packs_like_the_signature_itself(data, n_classes, levels):
    schema = SbsSchema(levels, ClassTable([str(c) for c in range(n_classes)]))
    batch = data.draw(batches(schema))
    packed = np.zeros((len(batch), -(-schema.n_bits // 8)), np.uint8)
    pack_cells(batch.cells.astype(np.int64), batch.offsets, schema.n_cells, packed)
    assert [row.tolist() for row in packed] == [s.to_bits().tolist() for s in batch]


@settings(max_examples=20)
@given(st.integers(0, 2**32), st.integers(0, 70), st.integers(0, 3), st.integers(1, 4))
def test_counts_and_weighs_shared_bits(seed, n_rows, n_queries, n_words):
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, 2**64, (n_rows, n_words), np.uint64)
    queries = rng.integers(0, 2**64, (n_queries, n_words), np.uint64)
    counts = np.empty((n_queries, n_rows), np.int32)
    shared_bits(rows, queries, counts)
    both = rows[None] & queries[:, None]
    unpacked = np.unpackbits(both.view(np.uint8), axis=2, bitorder="little").astype(np.int64)
    np.testing.assert_array_equal(counts, unpacked.sum(axis=2))
    weights = rng.integers(0, 1000, 64 * n_words)
    for q in range(n_queries):
        shared = np.empty(n_rows, np.int64)
        shared_bit_weights(rows, queries[q], weights, shared)
        np.testing.assert_array_equal(shared, unpacked[q] @ weights)
