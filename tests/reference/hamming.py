"""Distances and exact search, straight from their definitions, on bit strings."""

import math

import numpy as np


def bits_of(batch):
    """Unpacked bits of each signature, shape (N, n_bits)."""
    rows = [np.unpackbits(s.to_bits())[: batch.schema.n_bits] for s in batch]
    return np.array(rows, np.uint8).reshape(len(batch), batch.schema.n_bits)


def bit_weights(bits):
    """Idf of each bit, rounded to multiples of 2^-16, in that unit."""
    frequency = bits.sum(axis=0, dtype=np.int64)
    n_rows = max(len(bits), 1)
    return [round(math.log(n_rows / max(int(f), 1)) * 65536) for f in frequency]


def distance(a, b, weights=None):
    """Hamming distance if there are no weights, else weighted Tanimoto."""
    if weights is None:
        return int((a != b).sum())
    shared = sum(w for w, x, y in zip(weights, a, b, strict=True) if x and y)
    union = sum(w for w, x, y in zip(weights, a, b, strict=True) if x or y)
    return float(np.float32(1 - shared / union)) if union else 0.0


def jaccard(a, b):
    """1 - |A and B| / |A or B| over the non-empty cells of two signatures; 0 if both are empty."""
    one, other = set(a.cells >> 2), set(b.cells >> 2)
    union = len(one | other)
    return float(np.float32(1 - len(one & other) / union)) if union else 0.0


def containment(query, row):
    """1 - (set bits of the query that the row has) / (those of the query); 0 without any."""
    wanted, there = (np.unpackbits(s.to_bits()).astype(bool) for s in (query, row))
    total = int(wanted.sum())
    return float(np.float32(1 - int((wanted & there).sum()) / total)) if total else 0.0


def distances(rows, query, metric):
    if metric in ("jaccard", "containment"):
        by = {"jaccard": jaccard, "containment": containment}[metric]
        return [by(query[0], row) for row in rows]
    bits, (q,) = bits_of(rows), bits_of(query)
    weights = {
        "hamming": None,
        "tanimoto": [1] * rows.schema.n_bits,
        "tanimoto-idf": bit_weights(bits),
    }[metric]
    return [distance(row, q, weights) for row in bits]


def search(rows, query, k, metric, allowed=None):
    """The k least (distance, row) pairs of one query, padded with (-1, -1)."""
    pairs = [
        (d, row)
        for row, d in enumerate(distances(rows, query, metric))
        if allowed is None or allowed[row]
    ]
    return (sorted(pairs) + [(-1, -1)] * k)[:k]
