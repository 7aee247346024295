"""Re-ranking by k-reciprocal neighbours, straight from the definitions, in sets and dicts."""

import math

import numpy as np


def reciprocal(rows, distances, reach, k):
    """Of the first k + 1 rows, those that are no farther than their reach."""
    pairs = list(zip(rows, distances, strict=True))[: k + 1]
    return [row for row, distance in pairs if row >= 0 and distance <= reach[row]]


def reach(rows, distances, k):
    """Distance of each row's k-th neighbour, itself not counted; inf without one."""
    last = min(k, len(rows[0]) - 1)
    return [d[last] if r[last] >= 0 else math.inf for r, d in zip(rows, distances, strict=True)]


def encode(rows, distances, wide, close):
    """Weights of one list's neighbours, as a dict."""
    members = set(wide)
    for neighbor in wide:
        if len(set(close[neighbor]) & set(wide)) > 2 / 3 * len(close[neighbor]):
            members |= set(close[neighbor])
    scale = max(distances) if max(distances) > 0 else 1
    pairs = zip(rows, distances, strict=True)
    weights = {row: math.exp(-d / scale) for row, d in pairs if row in members}
    return {row: weight / sum(weights.values()) for row, weight in weights.items()}


def mean(encodings):
    """Mean of dicts."""
    rows = set().union(*encodings)
    return {row: sum(e.get(row, 0) for e in encodings) / len(encodings) for row in rows}


def jaccard(a, b):
    """1 - sum of minima / sum of maxima."""
    rows = set(a) | set(b)
    least = sum(min(a.get(row, 0), b.get(row, 0)) for row in rows)
    greatest = sum(max(a.get(row, 0), b.get(row, 0)) for row in rows)
    return 1 - least / greatest if greatest else 1.0


def rank(lists, asked, options):
    """New distances (n, m) of the rows in lists, in their order; lists are (distances, rows)."""
    distances, rows = ([list(row[: options.depth]) for row in part] for part in lists)
    wide, close = (
        [
            reciprocal(r, d, reach(rows, distances, k), k)
            for r, d in zip(rows, distances, strict=True)
        ]
        for k in (options.k1, round(options.k1 / 2))
    )
    single = [encode(r, d, w, close) for r, d, w in zip(rows, distances, wide, strict=True)]

    def average(members):
        kept = [single[row] for row in members[: options.k2] if row >= 0]
        return mean(kept) if kept else {}

    averaged = [average(row) for row in rows]
    found = []
    for d, r in zip(*asked, strict=True):
        own, scale = average(list(r)), max(max(d[: options.depth]), 0) or 1
        found.append([
            (1 - options.weight) * jaccard(own, averaged[row]) + options.weight * before / scale
            if row >= 0 else math.inf
            for before, row in zip(d, r, strict=True)
        ])  # fmt: skip
    return found


def published(distances, k1, k2, weight):
    """The authors' own computation on a full matrix, as they published it, without a gallery.

    Zhong et al., https://github.com/zhunzhong07/person-re-ranking, re_ranking_ranklist.py,
    distances not squared.
    """
    n = len(distances)
    original = (distances / distances.max(axis=0)).T
    initial_rank = np.argsort(original, axis=1, kind="stable")
    v = np.zeros_like(original)
    for i in range(n):
        k_reciprocal = neighbors(initial_rank, i, k1)
        expanded = k_reciprocal
        for candidate in k_reciprocal:
            its = neighbors(initial_rank, candidate, round(k1 / 2))
            if len(np.intersect1d(its, k_reciprocal)) > 2 / 3 * len(its):
                expanded = np.append(expanded, its)
        expanded = np.unique(expanded)
        weights = np.exp(-original[i, expanded])
        v[i, expanded] = weights / weights.sum()
    v = np.array([v[initial_rank[i, :k2]].mean(axis=0) for i in range(n)])
    least = np.minimum(v[:, None], v[None]).sum(2)
    return (1 - least / (2 - least)) * (1 - weight) + original * weight


def neighbors(initial_rank, i, k):
    forward = initial_rank[i, : k + 1]
    backward = initial_rank[forward, : k + 1]
    return forward[np.where(backward == i)[0]]
