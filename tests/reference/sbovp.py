"""Visual phrases, straight from their definition, in plain NumPy and Python."""

import numpy as np


def square(a, b):
    """Sum of float32 squares, in the order of the dimensions."""
    total = np.float32(0)
    for x, y in zip(a, b, strict=True):
        total = np.float32(total + np.float32(np.float32(x - y) * np.float32(x - y)))
    return total


def nearest(features, members, i, links):
    """The `links` members nearest to member i, of equals the first."""
    others = [j for j in members if j != i]
    return sorted(others, key=lambda j: (square(features[i], features[j]), j))[:links]


def pairs(features, members, length):
    """Pairs of keypoints of all phrases of one region: a keypoint and its nearest ones."""
    found = []
    for i in members:
        phrase = [i, *nearest(features, members, i, length - 1)]
        for b in range(len(phrase)):
            found += [(phrase[a], phrase[b]) for a in range(b)]
    return found


def column(i, j, n_words):
    """Position of (i, j) in the upper triangle, row by row."""
    i, j = min(i, j), max(i, j)
    return list(zip(*np.triu_indices(n_words), strict=True)).index((i, j))


def histogram(features, words, labels, void, n_words, length, semantic):
    """Counts by column, regions being classes."""
    counts = {}
    for label in sorted(set(labels) - {void}):
        members = [i for i in range(len(labels)) if labels[i] == label]
        for one, other in pairs(features, members, length):
            place = column(words[one], words[other], n_words)
            place += label * n_words * (n_words + 1) // 2 if semantic else 0
            counts[place] = counts.get(place, 0) + 1
    return counts
