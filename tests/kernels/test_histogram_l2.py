import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from semsig_kernels.histogram_l2 import FEW_ROWS, encode_lists

from tests.reference import grouping

Counts = st.lists(
    st.dictionaries(st.integers(0, 5), st.sampled_from([1, 1, 1, 2, 65535]), max_size=5),
    max_size=3 * FEW_ROWS,
)


def entries_of(rows):
    entries = [
        column << 32 | count << 16 | row
        for row, counts in enumerate(rows)
        for column, count in counts.items()
    ]
    return np.array(sorted(entries), np.uint64)


def decode(stream):
    """The (row, count) pairs of one list."""
    numbers, found, at = stream.tolist(), [], 0
    while at < len(numbers):
        count, size = numbers[at], numbers[at + 1] + 1
        rows = numbers[at + 2 : at + 2 + size]
        at += 2 + size
        if count == 0:
            found += zip(rows, numbers[at : at + size], strict=True)
            at += size
        else:
            assert size >= FEW_ROWS
            found += [(row, count) for row in rows]
    return found


@settings(max_examples=60, deadline=None)
@given(Counts)
def test_lists_hold_every_count_of_a_column(rows):
    entries = entries_of(rows)
    stream = np.empty(4 * len(entries), np.uint16)
    columns, starts = np.empty((2, len(entries)), np.uint32)
    end, n_columns = encode_lists(entries, stream, columns, starts)
    edges = [*starts[:n_columns].tolist(), end]
    found = {
        int(column): sorted(decode(stream[first:last]))
        for column, first, last in zip(columns[:n_columns], edges[:-1], edges[1:], strict=True)
    }
    of_column = grouping.rows_by_slot(rows)
    assert list(found) == sorted(of_column)
    for column, those in of_column.items():
        assert found[column] == [(row, rows[row][column]) for row in those]


def test_a_list_worked_by_hand():
    """Rows 0 to 15 count 2, row 3 of another column 9; one alone makes no block of its own."""
    rows = [{0: 2}] * 16 + [{0: 5}]
    rows[3] = {0: 2, 4: 9}
    entries = entries_of(rows)
    stream = np.empty(4 * len(entries), np.uint16)
    columns, starts = np.empty((2, len(entries)), np.uint32)
    assert encode_lists(entries, stream, columns, starts) == (26, 2)
    assert stream[:26].tolist() == [2, 15, *range(16), 0, 0, 16, 5, 0, 0, 3, 9]
    assert (columns[:2].tolist(), starts[:2].tolist()) == ([0, 4], [0, 22])


def test_more_rows_than_a_block_counts_make_another():
    """Only a damaged file repeats a column in a row; reading it must end where the list does."""
    entries = np.full(70_000, 7 << 32 | 3 << 16 | 1, np.uint64)
    stream = np.empty(4 * len(entries), np.uint16)
    columns, starts = np.empty((2, 1), np.uint32)
    end, _ = encode_lists(entries, stream, columns, starts)
    assert decode(stream[:end]) == [(1, 3)] * 70_000
