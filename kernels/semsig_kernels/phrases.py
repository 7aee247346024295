"""Keypoints and their words -> pairs of words in visual phrases.

Squared distances are float32 sums in the order of the dimensions, so that they are the same on
every machine. Vectorisation does not change that order: the lanes of a vector hold different
keypoints.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from semsig_kernels._jit import inlined, kernel


@kernel
def link_pairs(
    features: NDArray[np.float32],
    starts: NDArray[np.int64],
    blocks: NDArray[np.int64],
    words: NDArray[np.int64],
    n_words: int,
    length: int,
    columns: NDArray[np.uint32],
    ends: NDArray[np.int64],
) -> int:
    """Link every keypoint to its nearest neighbours in its region; list the pairs of their words.

    Parameters
    ----------
    features : ndarray of float32, shape (D, N)
        Vectors to compare by Euclidean distance, one column per keypoint, region after region.
    starts : ndarray of int64, shape (R + 1,)
        Region r has keypoints ``starts[r]`` to ``starts[r + 1] - 1``.
    blocks : ndarray of int64, shape (R,)
        First histogram column of each region's block.
    words : ndarray of int64, shape (N,)
        Word of each keypoint, 0..L-1.
    n_words : int
        L.
    length : int
        n >= 2, the words per phrase: the keypoint's own and those of its n - 1 nearest
        neighbours, or of all if there are fewer. Of equally near ones the first are taken.
    columns : ndarray of uint32, shape (>= N * n * (n - 1) / 2,)
        Output: the histogram column of each pair of each keypoint's phrase.
    ends : ndarray of int64, shape (>= N * n * (n - 1) / 2, 2)
        Output: the two keypoints of each pair.

    Returns
    -------
    int
        Number of pairs written.
    """
    largest = 0
    for r in range(len(blocks)):
        largest = max(largest, starts[r + 1] - starts[r])
    squares = np.empty(largest, np.float32)
    near = np.empty((largest, length - 1), np.int64)
    reach = np.empty((largest, length - 1), np.float32)
    written = 0
    for r in range(len(blocks)):
        first, count = starts[r], starts[r + 1] - starts[r]
        links = min(length - 1, count - 1)
        _find_nearest(features, first, count, links, squares, near, reach)
        for i in range(count):
            written = _emit_pairs(
                words, first, i, near, links, blocks[r], n_words, columns, ends, written
            )
    return written


@inlined
def _find_nearest(
    features: NDArray[np.float32],
    first: int,
    count: int,
    links: int,
    squares: NDArray[np.float32],
    near: NDArray[np.int64],
    reach: NDArray[np.float32],
) -> None:
    """Write each keypoint's `links` nearest; every distance is computed once, for both ends.

    Each keypoint receives its candidates in ascending order and replaces one only by a strictly
    nearer one, so the first of equally near candidates stays.
    """
    for i in range(count):
        for k in range(links):
            reach[i, k] = np.inf
    for i in range(count - 1):
        _add_squares(features, features[:, first + i], first + i + 1, first + count, squares)
        for j in range(i + 1, count):
            square = squares[j - i - 1]
            if square < reach[i, links - 1]:
                _insert(j, square, near, reach, i, links)
            if square < reach[j, links - 1]:
                _insert(i, square, near, reach, j, links)


@kernel
def _insert(
    other: int,
    square: np.float32,
    near: NDArray[np.int64],
    reach: NDArray[np.float32],
    i: int,
    links: int,
) -> None:
    k = links - 1
    while k > 0 and reach[i, k - 1] > square:
        reach[i, k] = reach[i, k - 1]
        near[i, k] = near[i, k - 1]
        k -= 1
    reach[i, k] = square
    near[i, k] = other


@kernel
def _add_squares(
    features: NDArray[np.float32],
    query: NDArray[np.float32],
    first: int,
    last: int,
    squares: NDArray[np.float32],
) -> None:
    """Write the squared distances of `query` to columns first..last-1 from ``squares[0]`` on.

    Four dimensions per pass over `squares`, added one by one in their order.
    """
    count = last - first
    for j in range(count):
        squares[j] = 0
    whole = len(query) // 4 * 4
    for d in range(0, whole, 4):
        row0, row1 = features[d, first:last], features[d + 1, first:last]
        row2, row3 = features[d + 2, first:last], features[d + 3, first:last]
        query0, query1, query2, query3 = query[d], query[d + 1], query[d + 2], query[d + 3]
        for j in range(count):
            apart0, apart1 = row0[j] - query0, row1[j] - query1
            apart2, apart3 = row2[j] - query2, row3[j] - query3
            total = squares[j] + apart0 * apart0
            total += apart1 * apart1
            total += apart2 * apart2
            squares[j] = total + apart3 * apart3
    for d in range(whole, len(query)):
        row = features[d, first:last]
        for j in range(count):
            apart = row[j] - query[d]
            squares[j] += apart * apart


@inlined
def _emit_pairs(
    words: NDArray[np.int64],
    first: int,
    i: int,
    near: NDArray[np.int64],
    links: int,
    block: int,
    n_words: int,
    columns: NDArray[np.uint32],
    ends: NDArray[np.int64],
    written: int,
) -> int:
    """Write each pair of the phrase of keypoint i; return how many pairs there are so far.

    Pairs of words low <= high are the upper triangle of an L x L matrix, row by row: row `low`
    starts at L + (L - 1) + ... = low * L - low * (low - 1) / 2.
    """
    for b in range(links):
        other = first + near[i, b]
        for a in range(-1, b):
            one = first + (i if a < 0 else near[i, a])
            low, high = min(words[one], words[other]), max(words[one], words[other])
            columns[written] = block + low * n_words - low * (low - 1) // 2 + high - low
            ends[written, 0], ends[written, 1] = one, other
            written += 1
    return written
