"""Merge the answers of shards: exact, as each of the k nearest is among its shard's k nearest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from semsig.errors import OptionError
from semsig.search.checks import check_k

Answer = tuple[NDArray[Any], NDArray[np.int64]]
"""Distances and ids, as an index's ``search`` returns them."""


class Merged(NamedTuple):
    """The merged answers of shards.

    Ids need to be unique only within a shard; `shards` says which shard each is from.
    """

    distances: NDArray[Any]
    ids: NDArray[np.int64]
    shards: NDArray[np.int64]


def merge(answers: Sequence[Answer], k: int) -> Merged:
    """Merge the answers of shards into the `k` nearest of all their rows.

    Exact if each shard returned `k` or more: fewer than k rows precede one of the k nearest of
    all, so fewer than k of its own shard do. Distances with idf weights must have been computed
    with the document counts of all shards: ``search(..., counts=)``.

    Parameters
    ----------
    answers : sequence of (distances, ids), each of shape (Q, k_s)
        One per shard, as :meth:`semsig.HammingIndex.search` returns it: ascending, padded with -1.
    k : int
        At least 1.

    Returns
    -------
    distances : ndarray of the answers' dtype, shape (Q, k)
        Ascending.
    ids, shards : ndarray of int64, shape (Q, k)
        Ties are ordered by shard, then by insertion. All are -1 where there are fewer than k
        rows.

    Raises
    ------
    OptionError
        If there is no answer, they do not fit together, or `k` is out of range.
    """
    k = check_k(k)
    _check(answers)
    distances = np.concatenate([answer[0] for answer in answers], axis=1)
    ids = np.concatenate([answer[1] for answer in answers], axis=1)
    widths = [answer[0].shape[1] for answer in answers]
    shards = np.broadcast_to(np.repeat(np.arange(len(answers)), widths), ids.shape)
    # columns are ordered by shard, then row; a stable sort keeps ties in that order
    order = np.argsort(np.where(ids < 0, np.inf, distances), axis=1, kind="stable")[:, :k]
    found = [np.take_along_axis(part, order, 1) for part in (distances, ids, shards)]
    found[2] = np.where(found[1] < 0, -1, found[2])
    missing = ((0, 0), (0, k - found[0].shape[1]))
    return Merged(*(np.pad(part, missing, constant_values=-1) for part in found))


def merge_radius(answers: Sequence[Sequence[Answer]]) -> list[Merged]:
    """Merge the answers of shards to a search within a radius.

    Parameters
    ----------
    answers : sequence (per shard) of sequences (per query) of (distances, ids)
        As :meth:`semsig.HammingIndex.search_radius` returns them.

    Returns
    -------
    list of Merged
        One per query, ascending; ties by shard, then in order of insertion.

    Raises
    ------
    OptionError
        If there is no answer, or they are of different numbers of queries.
    """
    if not answers or len({len(answer) for answer in answers}) > 1:
        counts = [len(answer) for answer in answers]
        raise OptionError(f"Expected answers of shards to the same queries, got {counts}.")
    return [_in_order(of_query) for of_query in zip(*answers, strict=True)]


def _in_order(answers: Sequence[Answer]) -> Merged:
    distances, ids = (np.concatenate(parts) for parts in zip(*answers, strict=True))
    shards = np.repeat(np.arange(len(answers)), [len(answer[1]) for answer in answers])
    order = np.argsort(distances, kind="stable")
    return Merged(distances[order], ids[order], shards[order])


def _check(answers: Sequence[Answer]) -> None:
    shapes = [(np.shape(distances), np.shape(ids)) for distances, ids in answers]
    fit = all(one == other and len(one) == 2 for one, other in shapes)
    if not shapes or not fit or len({one[0] for one, _ in shapes}) > 1:
        raise OptionError(
            "Expected a pair of distances and ids of one shape (Q, k) from each shard, "
            f"got {shapes}."
        )
    dtypes = {str(np.asarray(distances).dtype) for distances, _ in answers}
    if len(dtypes) > 1:
        raise OptionError(f"Expected answers by one distance, got {', '.join(sorted(dtypes))}.")
