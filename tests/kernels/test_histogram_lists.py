import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from semsig_kernels.histogram_lists import FEW_ROWS, LINE_MARK, LINE_UNIT, count_lines, encode_lists

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


def encode(entries, least=2**30, n_rows=0):
    """Return stream, columns, starts and lines, cut to what was written."""
    stream = np.empty(4 * len(entries), np.uint16)
    columns, starts = np.empty((2, len(entries)), np.uint32)
    n_lines = count_lines(entries, least)
    lines = np.zeros((n_lines, -(-n_rows // LINE_UNIT) * LINE_UNIT // 2), np.uint8)
    end, n_columns = encode_lists(entries, least, stream, columns, starts, lines)
    return stream[:end], columns[:n_columns], starts[:n_columns], lines


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


@settings(max_examples=60)
@given(Counts)
def test_lists_hold_every_count_of_a_column(rows):
    stream, columns, starts, _ = encode(entries_of(rows))
    edges = [*starts.tolist(), len(stream)]
    found = {
        int(column): sorted(decode(stream[first:last]))
        for column, first, last in zip(columns, edges[:-1], edges[1:], strict=True)
    }
    of_column = grouping.rows_by_slot(rows)
    assert list(found) == sorted(of_column)
    for column, those in of_column.items():
        assert found[column] == [(row, rows[row][column]) for row in those]


def test_a_list_worked_by_hand():
    """Rows 0 to 31 count 2, row 3 of another column 9; one alone makes no block of its own."""
    rows = [{0: 2}] * 32 + [{0: 5}]
    rows[3] = {0: 2, 4: 9}
    stream, columns, starts, _ = encode(entries_of(rows))
    assert stream.tolist() == [2, 31, *range(32), 0, 0, 32, 5, 0, 0, 3, 9]
    assert (columns.tolist(), starts.tolist()) == ([0, 4], [0, 38])


def test_a_line_worked_by_hand():
    """Rows 0, 1, 33 and 64 have column 1; row 70's count is too large for half a byte."""
    rows = [{} for _ in range(71)]
    rows[0], rows[1], rows[33], rows[64], rows[70] = {1: 3}, {1: 4, 2: 7}, {1: 5}, {1: 6}, {1: 16}
    stream, columns, starts, lines = encode(entries_of(rows), 3, n_rows=71)
    assert stream.tolist() == [0, LINE_MARK, 0, 0, 0, 0, 70, 16, 0, 0, 1, 7]
    assert (columns.tolist(), starts.tolist()) == ([1, 2], [0, 8])
    assert lines.tolist() == [[3, 6, 4 + (5 << 4)] + [0] * 61]


@settings(max_examples=40)
@given(Counts)
def test_lines_and_what_follows_them_hold_every_count(rows):
    stream, _, starts, lines = encode(entries_of(rows), 3, len(rows))
    edges = [*starts.tolist(), len(stream)]
    of_column = sorted(grouping.rows_by_slot(rows).items())
    for first, last, (column, those) in zip(edges[:-1], edges[1:], of_column, strict=True):
        found = []
        if stream[first : first + 2].tolist() == [0, LINE_MARK]:
            pairs = lines[stream[first + 2]].reshape(-1, 32, 2).swapaxes(1, 2)[:, :, None]
            halves = (pairs >> np.array([[0], [4]])) & 15
            found = [(row, count) for row, count in enumerate(halves.ravel().tolist()) if count]
            first += 4
        found += decode(stream[first:last])
        assert sorted(found) == [(row, rows[row][column]) for row in those]


def test_more_rows_than_a_block_counts_make_another():
    """Only a damaged file repeats a column in a row; reading it must end where the list does."""
    entries = np.full(70_000, 7 << 32 | 3 << 16 | 1, np.uint64)
    stream, *_ = encode(entries)
    assert decode(stream) == [(1, 3)] * 70_000
