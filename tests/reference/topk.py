"""The k least pairs of a stream."""


def least(pairs, k):
    return sorted(pairs)[:k]
