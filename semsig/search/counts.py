"""Document counts: how many signatures have each bit, from which idf weights follow."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import add
from typing import Self

import numpy as np
from numpy.typing import NDArray

from semsig.errors import OptionError
from semsig.types import SbsSchema


@dataclass(frozen=True, eq=False, kw_only=True)
class DocumentCounts:
    """Document counts of an index.

    The counts of shards add up to those of one index over all rows.

    Parameters
    ----------
    schema : SbsSchema
        Schema of the signatures.
    rows : int
        Number of signatures counted.
    cells : ndarray of int64, shape (n,)
        The cells that occur in some signature, ``block * M + class``, ascending.
    reached : ndarray of int64, shape (n, 4)
        How many signatures have at least level 1..4 in each of these cells: from 0 to `rows`,
        descending.

    Raises
    ------
    OptionError
        If shapes, order or values are not as stated.
    """

    schema: SbsSchema
    rows: int
    cells: NDArray[np.int64]
    reached: NDArray[np.int64]

    def __post_init__(self) -> None:
        cells, reached = self.cells, self.reached
        if cells.ndim != 1 or reached.shape != (len(cells), 4):
            raise OptionError(
                f"Expected cells (n,) and reached (n, 4), got {cells.shape} and {reached.shape}."
            )
        ascending = (np.diff(cells) > 0).all()
        in_range = not len(cells) or (cells[0] >= 0 and cells[-1] < self.schema.n_cells)
        if not ascending or not in_range:
            raise OptionError(f"Expected ascending cells of 0..{self.schema.n_cells - 1:,}.")
        descending = (np.diff(reached, axis=1) <= 0).all()
        if not descending or reached.min(initial=0) < 0 or reached.max(initial=0) > self.rows:
            raise OptionError(f"Expected descending counts of 0..{self.rows:,} rows in each cell.")

    def __add__(self, other: DocumentCounts) -> DocumentCounts:
        """Return the counts over both sets of rows; SchemaMismatchError if the schemas differ."""
        self.schema.require(other.schema)
        cells = np.union1d(self.cells, other.cells)
        reached = np.zeros((len(cells), 4), np.int64)
        for part in (self, other):
            reached[np.searchsorted(cells, part.cells)] += part.reached
        return DocumentCounts(
            schema=self.schema, rows=self.rows + other.rows, cells=cells, reached=reached
        )

    @classmethod
    def empty(cls, schema: SbsSchema) -> Self:
        """Return the counts of no signatures."""
        none = np.zeros(0, np.int64)
        return cls(schema=schema, rows=0, cells=none, reached=none.reshape(0, 4))

    @classmethod
    def total(cls, counts: Iterable[DocumentCounts]) -> DocumentCounts:
        """Return the sum of the counts of shards; OptionError if there are no shards."""
        parts = list(counts)
        if not parts:
            raise OptionError("Expected the counts of one shard at least, got none.")
        return reduce(add, parts)

    @cached_property
    def fingerprint(self) -> str:
        """Hex SHA-256 of schema and counts: the same for equal counts, hence equal weights."""
        digest = hashlib.sha256(f"{self.schema.fingerprint} {self.rows}".encode())
        digest.update(np.ascontiguousarray(self.cells).tobytes())
        digest.update(np.ascontiguousarray(self.reached).tobytes())
        return digest.hexdigest()
