"""Measures of revisited Oxford and Paris, one query at a time."""


def without_junk(ranking, junk):
    return [photo for photo in ranking if photo not in junk]


def average_precision(ranking, relevant):
    total, found = 0.0, 0
    for rank, photo in enumerate(ranking, 1):
        if photo in relevant:
            before = found / (rank - 1) if rank > 1 else 1.0
            found += 1
            total += (before + found / rank) / 2 / len(relevant)
    return total


def precision_at(ranking, relevant, k):
    last = max(rank for rank, photo in enumerate(ranking, 1) if photo in relevant)
    k = min(k, last)
    return sum(photo in relevant for photo in ranking[:k]) / k
