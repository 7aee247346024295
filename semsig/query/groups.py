"""Connected groups of blocks of a class in signatures: about the number of objects."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from semsig.types import SbsBatch


def count_groups(batch: SbsBatch, labels: Sequence[int]) -> NDArray[np.int64]:
    """Count the groups of blocks, 8-neighbours, that have any of some classes.

    Parameters
    ----------
    batch : SbsBatch
        N signatures.
    labels : sequence of int
        The classes.

    Returns
    -------
    ndarray of int64, shape (N,)
        The Euler number of the blocks, that is groups minus holes (Gray 1971); 0 if the classes
        are absent, otherwise at least 1.
    """
    schema = batch.schema
    side = 2**schema.levels
    cell = batch.cells.astype(np.int64) >> 2
    rows = np.repeat(np.arange(len(batch)), np.diff(batch.offsets))
    block, label = np.divmod(cell, len(schema.classes))
    mine = np.isin(label, labels)
    there = np.zeros((len(batch), side + 2, side + 2), np.int8)
    there[rows[mine], block[mine] // side + 1, block[mine] % side + 1] = 1
    corners = there[:, :-1, :-1], there[:, :-1, 1:], there[:, 1:, :-1], there[:, 1:, 1:]
    filled = sum(corners, np.int8(0))
    diagonal = (filled == 2) & (corners[0] == corners[3])
    ones, threes = (filled == 1).sum((1, 2)), (filled == 3).sum((1, 2))
    euler = (ones - threes - 2 * diagonal.sum((1, 2))) // 4
    return np.asarray(np.where(there.any((1, 2)), np.maximum(euler, 1), 0), np.int64)
