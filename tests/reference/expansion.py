"""Query expansion straight from its definition, on a full matrix of distances."""


def expand(matrix, neighbors, alpha, depth):
    """New distances (N, N) of every row to every row, whose lists end after `depth`."""
    n = len(matrix)
    ranked = [sorted(range(n), key=lambda x, i=i: (matrix[i][x], x)) for i in range(n)]

    def known(j, x):
        listed = ranked[j][:depth]
        return matrix[j][x if x in listed else listed[-1]]

    found = []
    for q in range(n):
        scale = matrix[q][ranked[q][:depth][-1]]
        weights = {j: max(1 - matrix[q][j] / scale, 0) ** alpha for j in ranked[q][:neighbors]}
        total = 1 + sum(weights.values())
        found.append([
            (matrix[q][x] + sum(w * known(j, x) for j, w in weights.items())) / total
            for x in range(n)
        ])  # fmt: skip
    return found
