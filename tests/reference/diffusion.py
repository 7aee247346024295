"""Diffusion by a dense inverse, and augmentation by vectors, straight from their definitions."""

import numpy as np


def diffuse(matrix, asked, k, seeds, alpha, gamma):
    """What reaches N rows from each query, (Q, N), from full distances (N, N) and (Q, N)."""
    n = len(matrix)
    near = [sorted(range(n), key=lambda j, i=i: (matrix[i][j], j))[: k + 1] for i in range(n)]
    scale = max(matrix[i][j] for i in range(n) for j in near[i])

    def similar(distance):
        return max(0.0, 1 - distance / scale) ** gamma

    links = np.zeros((n, n))
    for i in range(n):
        for j in near[i]:
            if i != j and i in near[j]:
                links[i, j] = similar(matrix[i][j])
    sums = links.sum(1)
    root = np.array([s**-0.5 if s else 0.0 for s in sums])
    system = np.eye(n) - alpha * root[:, None] * links * root
    found = []
    for row in asked:
        start = np.zeros(n)
        for j in sorted(range(n), key=lambda j, row=row: (row[j], j))[:seeds]:
            start[j] = similar(row[j])
        found.append(np.linalg.solve(system, start))
    return np.array(found)


def augmented(places, neighbors, alpha):
    """Each of N vectors averaged with its nearest, by squared distances."""
    squared = np.square(places[:, None] - places).sum(2)
    means = []
    for row in squared:
        nearest = np.argsort(row, kind="stable")[:neighbors]
        weights = (1 - row[nearest] / row.max()) ** alpha
        means.append(np.average(places[nearest], axis=0, weights=weights))
    return np.array(means)
