"""What a condition means on a signature, block by block in plain Python."""

from fractions import Fraction

SPANS = {"top": 0, "left": 0, "centre": 1, "bottom": 2, "right": 2}


def in_third(index, side, third):
    centre = Fraction(2 * index + 1, 2 * side)
    return Fraction(third, 3) < centre < Fraction(third + 1, 3)


def blocks_of_ninth(row_name, column_name, levels):
    """Numbers of the blocks whose centre lies in a ninth of the picture."""
    side = 2**levels
    return [
        i * side + j
        for i in range(side)
        for j in range(side)
        if in_third(i, side, SPANS[row_name]) and in_third(j, side, SPANS[column_name])
    ]


def share(signature, label, blocks):
    """Mean over `blocks` of the class's weight over the weight of all classes of a block."""
    weights = {1: 1.0, 2: 6.0, 3: 10.0, 4: 14.0}
    total = 0.0
    for block in blocks:
        here = {
            int(c): weights[int(p)]
            for b, c, p in zip(
                signature.blocks, signature.labels, signature.proportions, strict=True
            )
            if b == block
        }
        if label in here:
            total += here[label] / sum(here.values())
    return total / len(blocks)
