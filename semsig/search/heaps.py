"""The k nearest rows of many queries: split over threads, then joined and sorted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from semsig_kernels.histogram_sums import Histograms
from semsig_kernels.postings import Queries
from semsig_kernels.threads import run_split, thread_count
from semsig_kernels.topk import sort_nearest

from semsig.search.scans import Distances
from semsig.search.scoring import Scheme, weights_and_totals
from semsig.types import SbsBatch

Heaps = tuple[NDArray[np.float64], NDArray[np.int64]]
"""Distances and rows, shape (Q, k): one heap of :mod:`semsig_kernels.topk` per query."""

Chunks = tuple[int, int]
"""A range of chunks: its start and its end (exclusive)."""

_ROWS_A_THREAD = 2**21
"""Fewest comparisons of rows per thread, about 10 ms: starting a thread for less may not pay."""

Part = TypeVar("Part", Queries, Histograms)


def empty_heaps(n_queries: int, k: int) -> Heaps:
    """Return empty heaps: all distances inf, all rows -1."""
    return np.full((n_queries, k), np.inf), np.full((n_queries, k), -1, np.int64)


def weigh(queries: SbsBatch, scheme: Scheme) -> Queries:
    """Return queries, with the weights of a scheme, in the form that the kernels take."""
    codes, weights, totals = weights_and_totals(queries, scheme)
    return Queries(codes, weights, queries.offsets.astype(np.int64), totals)


def share_out(
    queries: Part,
    n_rows: int,
    chunk_rows: int,
    scan: Callable[[Part, Chunks], Heaps],
    *,
    cost: int = 1,
) -> Heaps:
    """Run `scan` in threads, split by queries or, if there are few, by chunks of rows.

    To compare a row takes `cost` times as long as in the scans of binary signatures.

    Returns
    -------
    Heaps
        Shape (Q, m): the heaps of each query, concatenated; m is a multiple of k.
    """
    n_queries, n_chunks = len(queries.totals), -(-n_rows // chunk_rows)
    rows_a_thread = _ROWS_A_THREAD // cost
    if n_queries >= thread_count():
        by_queries = run_split(
            n_queries,
            lambda first, last: scan(_slice(queries, first, last), (0, n_chunks)),
            grain=rows_a_thread // max(1, n_rows) + 1,
        )
        return _join(by_queries, axis=0)
    by_chunks = run_split(
        n_chunks,
        lambda first, last: scan(queries, (first, last)),
        grain=rows_a_thread // (max(1, n_queries) * chunk_rows),
    )
    return _join(by_chunks, axis=1)


def _slice(queries: Part, first: int, last: int) -> Part:
    offsets, totals = queries.offsets[first : last + 1], queries.totals[first:last]
    return queries._replace(offsets=offsets, totals=totals)


def _join(parts: list[Heaps], axis: int) -> Heaps:
    if len(parts) == 1:
        return parts[0]
    distances, rows = zip(*parts, strict=True)
    return np.concatenate(distances, axis=axis), np.concatenate(rows, axis=axis)


def sort_heaps(heaps: Heaps, k: int, dtype: np.dtype[Any]) -> tuple[Distances, NDArray[np.int64]]:
    """Return the k nearest rows of each query, ascending, ties by row, padded with -1."""
    distances, rows = heaps
    sort_nearest(distances, rows, k)
    held = rows[:, :k]
    near: Distances = np.where(held < 0, -1, distances[:, :k]).astype(dtype)
    if held.shape[1] == k:
        return near, held
    best: Distances = np.full((len(rows), k), -1, dtype)
    found = np.full((len(rows), k), -1, np.int64)
    best[:, : held.shape[1]], found[:, : held.shape[1]] = near, held
    return best, found
