"""Label map -> non-empty (block, class) cells of a quadtree level, with proportion levels.

Two kernels give the same result: :func:`encode_words` traverses runs of equal labels eight bytes
at a time, on any CPU; :func:`encode_lanes` counts a class among 64 pixels with one comparison on
AVX-512, or two on AVX2.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from semsig_kernels._jit import inlined, kernel
from semsig_kernels.simd import popcount, trailing_zeros
from semsig_kernels.vectors import equal_lanes

TILE_ROWS = 32
TILE_COLUMNS = 64
"""One bit per pixel of a tile's row fits a word of 64 bits."""


@kernel
def encode_words(
    words: NDArray[np.uint64],
    pixel_bits: int,
    height: int,
    width: int,
    levels: int,
    n_classes: int,
    cells: NDArray[np.uint32],
) -> int:
    """Encode a label map held in little-endian 8-byte words.

    Parameters
    ----------
    words : ndarray of uint64, shape (ceil(H * W * pixel_bits / 64),)
        The labels in row order. A label with all bits set is void. Padding after the last label
        is ignored.
    pixel_bits : int
        8 or 16.
    height, width : int
        H and W, at least 1.
    levels : int
        Level n of the quadtree.
    n_classes : int
        M; every label that is not void is less than M.
    cells : ndarray of uint32, shape (>= min(4^n * M, H * W),)
        Output: ``(block * M + class) * 4 + level - 1``, ascending.

    Returns
    -------
    int
        Number of cells written.
    """
    counts = np.zeros(n_classes, np.int64)
    present = np.empty(n_classes, np.int64)
    side = 1 << levels
    written = 0
    for i in range(side):
        top, bottom = i * height >> levels, (i + 1) * height >> levels
        for j in range(side):
            left, right = j * width >> levels, (j + 1) * width >> levels
            found = 0
            for y in range(top, bottom):
                start, stop = y * width + left, y * width + right
                found = _count_runs(words, pixel_bits, start, stop, counts, present, found)
            first = (i * side + j) * n_classes
            written = _emit_block(first, counts, present, found, cells, written)
    return written


@kernel
def _count_runs(
    words: NDArray[np.uint64],
    pixel_bits: int,
    start: int,
    stop: int,
    counts: NDArray[np.int64],
    present: NDArray[np.int64],
    found: int,
) -> int:
    """Add the runs of pixels start..stop-1 to `counts`; return how many classes are present.

    ``label * ones`` repeats a label across a word. The lowest set bit of its xor with the pixels
    is in the first pixel with another label, as words are little-endian. The first word of a run
    is shifted so that the run starts at bit 0; a mask ignores the zeros that this shifts in.
    """
    wide = pixel_bits == 16
    log_bits, log_word = (4, 2) if wide else (3, 3)
    ones = np.uint64(0x0001000100010001 if wide else 0x0101010101010101)
    void = np.uint64((1 << pixel_bits) - 1)
    low = (1 << log_word) - 1
    last = (stop - 1) >> log_word
    while start < stop:
        w = start >> log_word
        rest = words[w] >> np.uint64((start & low) << log_bits)
        label = rest & void
        pattern = label * ones
        difference = (rest ^ pattern) & (~np.uint64(0) >> np.uint64((start & low) << log_bits))
        base = start
        while difference == 0 and w < last:
            w += 1
            difference = words[w] ^ pattern
            base = w << log_word
        end: Any = stop
        if difference != 0:
            end = min(stop, base + (np.int64(trailing_zeros(difference)) >> log_bits))
        if label != void:
            c = np.int64(label)
            if counts[c] == 0:
                present[found] = c
                found += 1
            counts[c] += end - start
        start = end
    return found


@kernel
def encode_lanes(
    labels: NDArray[np.uint8],
    height: int,
    width: int,
    levels: int,
    n_classes: int,
    cells: NDArray[np.uint32],
) -> int:
    """Encode a uint8 label map, shape (H * W,), class by class; see :func:`encode_words`.

    In each tile of up to 32 x 64 pixels, the class of the first uncounted pixel is counted with
    one 64-byte comparison per row and its pixels are marked as counted, until all are.
    """
    counts = np.zeros(n_classes, np.int64)
    present = np.empty(n_classes, np.int64)
    covered = np.empty(TILE_ROWS, np.uint64)
    side = 1 << levels
    written = 0
    for i in range(side):
        top, bottom = i * height >> levels, (i + 1) * height >> levels
        for j in range(side):
            left, right = j * width >> levels, (j + 1) * width >> levels
            found = 0
            for y in range(top, bottom, TILE_ROWS):
                rows = min(TILE_ROWS, bottom - y)
                for x in range(left, right, TILE_COLUMNS):
                    columns = min(TILE_COLUMNS, right - x)
                    start = y * width + x
                    found = _peel_tile(
                        labels, start, rows, columns, width, covered, counts, present, found
                    )
            first = (i * side + j) * n_classes
            written = _emit_block(first, counts, present, found, cells, written)
    return written


@inlined
def _peel_tile(
    labels: NDArray[np.uint8],
    start: int,
    rows: int,
    columns: int,
    width: int,
    covered: NDArray[np.uint64],
    counts: NDArray[np.int64],
    present: NDArray[np.int64],
    found: int,
) -> int:
    """Add one tile to `counts`; return how many classes are present in the block so far."""
    lanes = ~np.uint64(0) >> np.uint64(64 - columns)
    label = np.int64(labels[start])
    count = np.uint64(0)
    line = start
    for r in range(rows):
        same = equal_lanes(labels, line, label, lanes)
        covered[r] = same
        count += popcount(same)
        line += width
    if label != 255:
        if counts[label] == 0:
            present[found] = label
            found += 1
        counts[label] += np.int64(count)
    left = rows * columns - np.int64(count)
    row = 0
    while left > 0:
        while covered[row] == lanes:
            row += 1
        line = start + row * width
        count = np.uint64(0)
        label = np.int64(labels[line + np.int64(trailing_zeros(~covered[row]))])
        for r in range(row, rows):
            same = equal_lanes(labels, line, label, lanes)
            covered[r] |= same
            count += popcount(same)
            line += width
        if label != 255:
            if counts[label] == 0:
                present[found] = label
                found += 1
            counts[label] += np.int64(count)
        left -= np.int64(count)
    return found


@inlined
def _emit_block(
    first: int,
    counts: NDArray[np.int64],
    present: NDArray[np.int64],
    found: int,
    cells: NDArray[np.uint32],
    written: int,
) -> int:
    """Write a block's cells in ascending order and clear its counts; return the new `written`.

    A class with a share in ((l - 1) / 4, l / 4] of the block's non-void pixels has level l, so
    level - 1 is how many of 1/4, 2/4 and 3/4 the share exceeds. Integers make that exact.
    """
    _sort_present(counts, present, found)
    area = np.int64(0)
    for p in range(found):
        area += counts[present[p]]
    for p in range(found):
        label = present[p]
        quarters = 4 * counts[label]
        above = int(quarters > area) + int(quarters > 2 * area) + int(quarters > 3 * area)
        cells[written] = (first + label) * 4 + above
        counts[label] = 0
        written += 1
    return written


@inlined
def _sort_present(counts: NDArray[np.int64], present: NDArray[np.int64], found: int) -> None:
    """Sort the first `found` entries: by insertion, or by a scan of all counts if that is faster.

    Insertion sort moves about found^2 / 4 entries on average.
    """
    if found * found > 4 * counts.size:
        p = 0
        for label in range(counts.size):
            if counts[label] > 0:
                present[p] = label
                p += 1
    else:
        for p in range(1, found):
            label = present[p]
            q = p
            while q > 0 and present[q - 1] > label:
                present[q] = present[q - 1]
                q -= 1
            present[q] = label
