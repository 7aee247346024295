import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from semsig_kernels import vectors
from semsig_kernels._jit import kernel

seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)


def mask(flags):
    return sum(1 << j for j, flag in enumerate(flags) if flag)


@kernel
def majority(one, two, three, found):
    for start in range(0, found.size, vectors.LANE_WORDS):
        a, b = vectors.load(one, start), vectors.load(two, start)
        c = vectors.load(three, start)
        vectors.store(found, start, (a & b) | (c & (a ^ b)))


@kernel
def add_counts(planes, word, shared):
    vectors.add_counts(planes, word, shared)


@kernel
def lanes_below(totals, first, shared, start, rule):
    return vectors.lanes_below(totals, first, shared, start, rule)


@kernel
def highest(scores, start):
    return vectors.highest(scores, start)


@kernel
def lanes_reaching(scores, start, limit):
    return vectors.lanes_reaching(scores, start, limit)


@kernel
def add_lines(sums, start, lines, picked, tables, first):
    vectors.add_lines(sums, start, lines, picked, tables, first)


@kernel
def equal_lanes(labels, start, label, lanes):
    return vectors.equal_lanes(labels, start, label, lanes)


@settings(max_examples=20)
@given(seeds)
def test_operators_on_words(rng):
    words = rng.integers(0, 2**64, (3, 16), np.uint64)
    found = np.zeros(16, np.uint64)
    majority(*words, found)
    bits = np.unpackbits(words.view(np.uint8), axis=1).sum(axis=0)
    np.testing.assert_array_equal(np.unpackbits(found.view(np.uint8)), bits >= 2)


@settings(max_examples=20)
@given(seeds, st.integers(0, 2))
def test_bits_of_planes_are_added_as_numbers(rng, word):
    counts = rng.integers(0, 256, 192).astype(np.uint8)
    bits = np.unpackbits(counts[:, None], axis=1, bitorder="little")
    planes = np.packbits(bits.T.copy(), axis=1, bitorder="little").view(np.uint64)
    before = rng.integers(0, 60_000, 192).astype(np.uint16)
    shared = before.copy()
    add_counts(np.ascontiguousarray(planes), word, shared)
    added = np.zeros(192, np.uint16)
    added[64 * word : 64 * word + 64] = counts[64 * word : 64 * word + 64]
    np.testing.assert_array_equal(shared, before + added)


@pytest.mark.parametrize("dtypes", [(np.int32, np.uint16), (np.int64, np.int64)])
@settings(max_examples=20)
@given(seeds, st.integers(0, 9), st.integers(0, 4096), st.integers(-(2**30), 2**30))
def test_lanes_below_a_limit(dtypes, rng, at, factor, limit):
    totals = rng.integers(0, 2**16, 80).astype(dtypes[0])
    shared = rng.integers(0, 2**16, 80).astype(dtypes[1])
    rule = (factor, factor + 4096, limit)
    left = rule[0] * totals[at : at + 64].astype(int) - rule[1] * shared[3:67].astype(int)
    expected = mask(left < limit)
    assert lanes_below(totals, at, shared, 3, rule) == expected
    assert vectors.few_below(totals, at, shared, 3, rule, 64) == expected


@settings(max_examples=20)
@given(seeds, st.integers(0, 8), st.integers(0, 2**16 - 1))
def test_highest_and_reaching_scores(rng, start, limit):
    scores = rng.integers(0, 2**16, 40).astype(np.uint16)
    part = scores[start : start + 32]
    assert highest(scores, start) == part.max()
    assert lanes_reaching(scores, start, limit) == mask(part >= limit)


@settings(max_examples=20)
@given(seeds, st.sampled_from([0, 128]), st.tuples(*[st.integers(0, 5)] * 4), st.integers(0, 3))
def test_what_tables_have_for_four_lines_is_added(rng, start, picked, first):
    counts = rng.integers(0, 16, (6, 2, 4, 32))
    pairs = (counts[:, :, ::2] | counts[:, :, 1::2] << 4).astype(np.uint8)
    lines = np.ascontiguousarray(pairs.swapaxes(2, 3)).reshape(6, 128)
    entries = rng.integers(0, 10_000, (7, 16)).astype(np.uint16)
    sums = rng.integers(0, 20_000, 256).astype(np.uint16)
    expected = sums.astype(int)
    here = slice(start, start + 128)
    for j, line in enumerate(picked):
        expected[here] += entries[first + j][counts[line].ravel()[here]]
    add_lines(sums, start, lines, picked, entries, first)
    np.testing.assert_array_equal(sums, expected)


@settings(max_examples=20)
@given(seeds, st.integers(0, 99), st.integers(1, 64), st.integers(0, 3))
def test_lanes_of_one_label(rng, start, count, label):
    labels = rng.integers(0, 4, 100).astype(np.uint8)
    count = min(count, 100 - start)
    found = equal_lanes(labels, start, label, np.uint64(2**count - 1))
    assert found == mask(labels[start : start + count] == label)
