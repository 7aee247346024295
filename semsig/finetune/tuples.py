"""Tuples to learn from: queries, hard matches, and the hardest photos that do not match."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

HARDEST_OF = 5
"""A match is the farthest of this many drawn: hard, but rarely an error of the labels."""


def draw_tuples(
    descriptors: NDArray[np.float32],
    labels: NDArray[np.int64],
    *,
    count: int,
    negatives: int,
    random: np.random.Generator,
) -> NDArray[np.int64]:
    """Draw queries, a hard match of each, and the hardest photos of other groups.

    Hard-negative mining as Radenovic, Tolias and Chum (TPAMI 2019, section 4.3) do it: the
    nearest photos that do not match, at most one per group.

    Parameters
    ----------
    descriptors : ndarray of float32, shape (N, C)
        Of unit length, by the network as it is now.
    labels : ndarray of int64, shape (N,)
        Photos of one label match; -1 matches none and is a negative of all. A photo alone with
        its label is its own match: a view of it is.
    count : int
        Tuples T, at most one per query.
    negatives : int
        Other photos per tuple.
    random : Generator
        Source of random choices.

    Returns
    -------
    ndarray of int64, shape (T, 2 + negatives)
        Numbers of photos: query, match, others, the nearest first. Where there are too few other
        groups, the last is repeated.
    """
    alone = _alone(labels)
    askable = np.flatnonzero(labels >= 0)
    queries = random.permutation(askable)[:count]
    return np.array(
        [
            [
                q,
                _match(q, descriptors, labels, alone, random),
                *_others(q, descriptors, labels, negatives),
            ]
            for q in queries.tolist()
        ],
        np.int64,
    ).reshape(-1, 2 + negatives)


def _alone(labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    _, inverse, counts = np.unique(labels, return_inverse=True, return_counts=True)
    return np.asarray(counts[inverse] == 1)


def _match(
    query: int,
    descriptors: NDArray[np.float32],
    labels: NDArray[np.int64],
    alone: NDArray[np.bool_],
    random: np.random.Generator,
) -> int:
    if alone[query]:
        return query
    others = np.flatnonzero(labels == labels[query])
    drawn = random.permutation(others[others != query])[:HARDEST_OF]
    return int(drawn[np.argmin(descriptors[drawn] @ descriptors[query])])


def _others(
    query: int, descriptors: NDArray[np.float32], labels: NDArray[np.int64], count: int
) -> list[int]:
    similar = descriptors @ descriptors[query]
    similar[labels == labels[query]] = -np.inf
    similar[query] = -np.inf
    found: list[int] = []
    groups: set[int] = set()
    for n in np.argsort(-similar, kind="stable").tolist():
        if len(found) == count or similar[n] == -np.inf:
            break
        if labels[n] < 0 or labels[n] not in groups:
            groups.add(int(labels[n]))
            found.append(n)
    return found + found[-1:] * (count - len(found))
