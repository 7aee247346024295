"""Training tuples: queries, hard matches, and the hardest photos that do not match."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

HARDEST_OF = 5
"""The match is the farthest of this many drawn at random: hard, but rarely a wrong label."""

TOGETHER = 4
"""Number of photos of a group in one step if the loss is "groups"."""


def draw_tuples(
    descriptors: NDArray[np.float32],
    labels: NDArray[np.int64],
    *,
    count: int,
    negatives: int,
    random: np.random.Generator,
    matches: Sequence[NDArray[np.int64]] | None = None,
) -> NDArray[np.int64]:
    """Draw queries, a hard match of each, and the hardest photos of other groups.

    Hard-negative mining as in Radenovic, Tolias and Chum (TPAMI 2019, section 4.3): the nearest
    photos that do not match, at most one per group.

    Parameters
    ----------
    descriptors : ndarray of float32, shape (N, C)
        Descriptors of unit length by the current network.
    labels : ndarray of int64, shape (N,)
        Photos with one label match; a photo with -1 matches none and is a negative for all. If a
        photo is the only one with its label, views of it are its matches.
    count : int
        Number of tuples T, at most one per query.
    negatives : int
        Number of other photos per tuple.
    random : Generator
        Source of random choices.
    matches : sequence of ndarray of int64, optional
        For each photo, those from which its match is drawn, instead of all with its label; photos
        without any are not queries.

    Returns
    -------
    ndarray of int64, shape (T, 2 + negatives)
        Numbers of photos: query, match, and others, nearest first. If there are too few other
        groups, the last photo is repeated.
    """
    queries = random.permutation(_askable(labels, matches))[:count]
    return np.array(
        [
            [
                q,
                _match(q, _matches(q, labels, matches), descriptors, random),
                *_others(q, descriptors, labels, negatives),
            ]
            for q in queries.tolist()
        ],
        np.int64,
    ).reshape(-1, 2 + negatives)


def draw_groups(
    labels: NDArray[np.int64],
    *,
    count: int,
    random: np.random.Generator,
    matches: Sequence[NDArray[np.int64]] | None = None,
) -> NDArray[np.int64]:
    """Draw queries, and for each so many matches that they are :data:`TOGETHER` photos.

    Parameters
    ----------
    labels, count, random, matches
        As :func:`draw_tuples` takes them.

    Returns
    -------
    ndarray of int64, shape (T, TOGETHER)
        Numbers of photos; if there are too few matches, they are repeated.
    """
    queries = random.permutation(_askable(labels, matches))[:count]
    rows = [
        [q, *np.resize(random.permutation(_matches(q, labels, matches)), TOGETHER - 1)]
        for q in queries.tolist()
    ]
    return np.array(rows, np.int64).reshape(-1, TOGETHER)


def _askable(
    labels: NDArray[np.int64], matches: Sequence[NDArray[np.int64]] | None
) -> NDArray[np.int64]:
    if matches is None:
        return np.flatnonzero(labels >= 0)
    return np.flatnonzero([len(row) for row in matches])


def _matches(
    query: int, labels: NDArray[np.int64], matches: Sequence[NDArray[np.int64]] | None
) -> NDArray[np.int64]:
    if matches is not None:
        return matches[query]
    same = np.flatnonzero(labels == labels[query])
    return same[same != query] if len(same) > 1 else same


def _match(
    query: int,
    matches: NDArray[np.int64],
    descriptors: NDArray[np.float32],
    random: np.random.Generator,
) -> int:
    drawn = random.permutation(matches)[:HARDEST_OF]
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
