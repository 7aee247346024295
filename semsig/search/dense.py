"""Exact search over dense bit strings: the oracle for the other scans, and an index of any bits."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray
from semsig_kernels.bits import pack_cells, shared_bit_weights, shared_bits
from semsig_kernels.threads import run_split

from semsig.errors import OptionError, SignatureError
from semsig.search.checks import check_k
from semsig.search.counts import DocumentCounts
from semsig.search.exact import ExactScan
from semsig.search.scans import Distances
from semsig.search.scoring import (
    check_allowed,
    distances_of,
    idf,
    parts_of,
    rank,
    within,
)
from semsig.types import SbsBatch, SbsSchema
from semsig.types.metrics import METRICS, Form, Metric, Weights

_WORDS_A_THREAD = 2**17
"""Fewest 8-byte words to compare per thread."""
_COUNTS_AT_ONCE = 2**24
"""Largest number of (query, row) counts in memory, 64 MiB of int32."""
_ROWS_AT_ONCE = 4096
"""Rows that are packed together."""


class DenseScan(ExactScan):
    """Exact search that compares every bit of every row; the reference for tests.

    Parameters
    ----------
    batch : SbsBatch
        The N signatures to search. The scan takes about n_bits / 8 bytes per row.
    """

    def __init__(self, batch: SbsBatch, counts: DocumentCounts | None = None) -> None:
        super().__init__(batch, counts)
        self._rows = _to_words(batch)
        self._set_bits = _count_set(self._rows)

    def _distances(self, queries: SbsBatch, metric: Metric) -> Iterator[Distances]:
        words = _to_words(queries)
        entry = METRICS[metric]
        if entry.weights == "bits":
            yield from _flat_distances(self._rows, self._set_bits, words, entry.form)
            return
        weights = self._once("weights", entry.weights, lambda: self._bit_weights(entry.weights))
        totals = _weigh(self._rows, _all_ones(self._rows), weights)
        for query in words:
            total = int(_weigh(query[None], query, weights)[0])
            yield distances_of(_weigh(self._rows, query, weights), total, totals, entry.form)

    def _bit_weights(self, weights: Weights) -> NDArray[np.int64]:
        """Return the weight of each bit in the kernel's order: the lowest bit of a word first."""
        return _presence(self._batch.schema) if weights == "presence" else self._idf_of_bits()

    def _idf_of_bits(self) -> NDArray[np.int64]:
        if self._counts is not None:
            return idf(_in_kernel_order(self._counts, self._rows.shape[1]), self._counts.rows)
        frequency = np.zeros(self._rows.shape[1] * 64, np.int64)
        for first in range(0, len(self._rows), 64):
            part = self._rows[first : first + 64].view(np.uint8)
            frequency += np.unpackbits(part, axis=1, bitorder="little").sum(axis=0, dtype=np.int64)
        return idf(frequency, len(self._rows))


class BitIndex:
    """Exact Hamming search over any bit strings of one length.

    Parameters
    ----------
    n_bits : int
        Length of the bit strings, at least 1.

    Raises
    ------
    OptionError
        If `n_bits` is less than 1.
    """

    def __init__(self, n_bits: int) -> None:
        if n_bits < 1:
            raise OptionError(f"n_bits is at least 1, got {n_bits}.")
        self.n_bits = n_bits
        self._parts = [np.zeros((0, -(-n_bits // 64)), np.uint64)]
        self._set_bits = [np.zeros(0, np.int64)]

    def __len__(self) -> int:
        return sum(len(part) for part in self._parts)

    def add(self, packed: ArrayLike) -> None:
        """Append bit strings; the i-th ever added is row i.

        Parameters
        ----------
        packed : array_like of uint8, shape (N, ceil(n_bits / 8))
            As ``numpy.packbits`` returns them, all in the same bit order; padding bits are 0.

        Raises
        ------
        SignatureError
            If dtype or shape differ, or padding bits are set in whichever bit order.
        """
        words = self._as_words(packed)
        self._parts.append(words)
        self._set_bits.append(_count_set(words))

    def search(
        self, packed: ArrayLike, k: int, *, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Find the k nearest rows to each of Q bit strings.

        Parameters
        ----------
        packed : array_like of uint8, shape (Q, ceil(n_bits / 8))
            Queries, packed like the rows.
        k : int
            At least 1; may exceed the number of rows, within reason: see
            :data:`semsig.search.checks.MAX_PADDED`.
        allowed : ndarray of bool, shape (N,), optional
            Rows that may be found; all by default.

        Returns
        -------
        distances, rows : ndarray of int32 and int64, shape (Q, k)
            Ascending, ties by row, padded with -1.

        Raises
        ------
        SignatureError, OptionError
            If an argument is not as stated.
        """
        k = check_k(k, len(self))
        found = [rank(d, k, allowed) for d in self._distances(packed, allowed)]
        distances = np.array([d for d, _ in found], np.int32).reshape(-1, k)
        return distances, np.array([rows for _, rows in found], np.int64).reshape(-1, k)

    def search_radius(
        self, packed: ArrayLike, radius: int, *, allowed: NDArray[np.bool_] | None = None
    ) -> list[tuple[Distances, NDArray[np.int64]]]:
        """Find, for each bit string, every row at a distance of at most `radius`."""
        return [within(d, radius, allowed) for d in self._distances(packed, allowed)]

    def _distances(
        self, packed: ArrayLike, allowed: NDArray[np.bool_] | None
    ) -> Iterator[Distances]:
        check_allowed(allowed, len(self))
        queries = self._as_words(packed)
        if len(self._parts) > 1:
            self._parts = [np.concatenate(self._parts)]
            self._set_bits = [np.concatenate(self._set_bits)]
        return _flat_distances(self._parts[0], self._set_bits[0], queries, "difference")

    def _as_words(self, packed: ArrayLike) -> NDArray[np.uint64]:
        array = np.asarray(packed)
        n_bytes = -(-self.n_bits // 8)
        if array.dtype != np.uint8 or array.ndim != 2 or array.shape[1] != n_bytes:
            raise SignatureError(
                f"Expected uint8 of shape (N, {n_bytes}), got {array.dtype} {array.shape}."
            )
        if not _ends_in_zeros(array[:, -1], -self.n_bits % 8):
            raise SignatureError(
                f"Bits after the last of {self.n_bits} must be 0; pack each row by itself, as "
                "numpy.packbits(bits, axis=1) does."
            )
        rows = np.zeros((len(array), -(-self.n_bits // 64) * 8), np.uint8)
        rows[:, :n_bytes] = array
        return rows.view(np.uint64)


def _ends_in_zeros(last: NDArray[np.uint8], spare: int) -> bool:
    """Whether all last bytes have `spare` zero bits at their low end, or all at their high end."""
    return not (last & (2**spare - 1)).any() or not (last >> (8 - spare)).any()


def _to_words(batch: SbsBatch) -> NDArray[np.uint64]:
    """Return the dense bits of each signature, shape (N, ceil(n_bits / 64)), as 8-byte words."""
    packed = np.zeros((len(batch), -(-batch.schema.n_bits // 64) * 8), np.uint8)
    first = 0
    for part in parts_of(batch, _ROWS_AT_ONCE):
        rows = packed[first : first + len(part)]
        pack_cells(part.cells.astype(np.int64), part.offsets, batch.schema.n_cells, rows)
        first += len(part)
    return packed.view(np.uint64)


def _presence(schema: SbsSchema) -> NDArray[np.int64]:
    """Return 1 for each presence bit and 0 for the others, in the kernel's order of bits."""
    first = np.packbits(np.arange(-(-schema.n_bits // 64) * 64) < schema.n_cells)
    return np.unpackbits(first, bitorder="little").astype(np.int64)


def _in_kernel_order(counts: DocumentCounts, n_words: int) -> NDArray[np.int64]:
    """Return how many rows have each bit, in the kernel's order.

    Packed bytes have their first bit highest, so each group of eight bits is reversed.
    """
    n_cells = counts.schema.n_cells
    frequency = np.zeros(n_words * 64, np.int64)
    frequency[counts.cells] = counts.reached[:, 0]
    for step in range(4):
        frequency[n_cells + 4 * counts.cells + 3 - step] = counts.reached[:, step]
    return frequency.reshape(-1, 8)[:, ::-1].reshape(-1)


def _count_set(rows: NDArray[np.uint64]) -> NDArray[np.int64]:
    counts: NDArray[np.int64] = np.bitwise_count(rows).sum(axis=1, dtype=np.int64)
    return counts


def _flat_distances(
    rows: NDArray[np.uint64],
    totals: NDArray[np.int64],
    queries: NDArray[np.uint64],
    form: Form,
) -> Iterator[Distances]:
    at_once = max(1, _COUNTS_AT_ONCE // max(1, len(rows)))
    for first in range(0, len(queries), at_once):
        part = queries[first : first + at_once]
        of_queries = _count_set(part).tolist()
        for total, shared in zip(of_queries, _count_shared(rows, part), strict=True):
            yield distances_of(shared, total, totals, form)


def _count_shared(rows: NDArray[np.uint64], queries: NDArray[np.uint64]) -> NDArray[np.int32]:
    counts = np.empty((len(queries), len(rows)), np.int32)

    def count(first: int, last: int) -> None:
        shared_bits(rows[first:last], queries, counts[:, first:last])

    words_a_row = rows.shape[1] * len(queries)
    run_split(len(rows), count, grain=_WORDS_A_THREAD // max(1, words_a_row) + 1)
    return counts


def _weigh(
    rows: NDArray[np.uint64], query: NDArray[np.uint64], weights: NDArray[np.int64]
) -> NDArray[np.int64]:
    shared = np.empty(len(rows), np.int64)
    shared_bit_weights(rows, query, weights, shared)
    return shared


def _all_ones(rows: NDArray[np.uint64]) -> NDArray[np.uint64]:
    return np.full(rows.shape[1], ~np.uint64(0))
