"""The signature, straight from its definition, in plain NumPy and Python."""


def edges(size, levels):
    return [i * size // 2**levels for i in range(2**levels + 1)]


def proportion_level(count, area):
    if count == 0:
        return 0
    return 1 + (4 * count > area) + (2 * count > area) + (4 * count > 3 * area)


def cells(labels, levels, n_classes, void):
    """Codes ``(block * M + class) * 4 + level - 1`` of one label map, ascending."""
    rows, columns = edges(labels.shape[0], levels), edges(labels.shape[1], levels)
    codes = []
    for i in range(2**levels):
        for j in range(2**levels):
            block = labels[rows[i] : rows[i + 1], columns[j] : columns[j + 1]]
            area = int((block != void).sum())
            for label in range(n_classes):
                level = proportion_level(int((block == label).sum()), area)
                if level:
                    codes.append(((i * 2**levels + j) * n_classes + label) * 4 + level - 1)
    return codes
