"""L2 distances of histograms, straight from their definitions, on dictionaries."""

import math

import numpy as np


def histogram(signature):
    """Column -> count."""
    columns, counts = signature.columns.tolist(), signature.counts.tolist()
    return dict(zip(columns, counts, strict=True))


def squared(a, b):
    """The exact squared distance of whole counts."""
    return sum((a.get(column, 0) - b.get(column, 0)) ** 2 for column in a.keys() | b.keys())


def distance(a, b, norm):
    """The distance rounded to float32."""
    if norm == "none":
        return float(np.float32(math.sqrt(squared(a, b))))
    if not a or not b:
        return float(bool(a) != bool(b))
    shared = sorted(a.keys() & b.keys())
    if norm == "l2":
        dot = sum(a[column] * b[column] for column in shared)
        norms = [sum(count**2 for count in x.values()) for x in (a, b)]
    else:
        dot = 0.0
        for column in shared:
            dot += math.sqrt(a[column] * b[column])
        norms = [sum(x.values()) for x in (a, b)]
    cosine = dot / math.sqrt(float(norms[0]) * float(norms[1]))
    return float(np.float32(math.sqrt(max(0.0, 2 - 2 * cosine))))


def search(rows, query, k, allowed=None):
    """The k nearest (distance, row) pairs of one query, padded with (-1, -1)."""
    norm, wanted = query.schema.norm, histogram(query)
    found = []
    for row, signature in enumerate(rows):
        if allowed is None or allowed[row]:
            other = histogram(signature)
            d = distance(wanted, other, norm)
            found.append((squared(wanted, other) if norm == "none" else d, row, d))
    pairs = [(d, row) for _, row, d in sorted(found)]
    return (pairs + [(-1, -1)] * k)[:k]
