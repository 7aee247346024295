"""The map of a collection: similar photos are near each other, at any zoom."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semsig.engine import Engine
from semsig.query import Condition, Conditions

MOST_SIDE = 4096
"""Largest number of cells per side of the map."""
MOST_CELLS = 2000
"""Largest number of cells in one request."""

_AT_ONCE = 8192
"""Number of records that are unpacked at a time."""

Parts = Callable[[], Iterator[NDArray[np.float64]]]
"""Returns an iterator over the photos' vectors, some rows at a time."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of the map that holds photos."""

    id: int
    column: int
    row: int
    count: int


@dataclass(frozen=True, slots=True, eq=False)
class Atlas:
    """The place of each photo: its ranks along the two principal axes of all photos' vectors.

    Parameters
    ----------
    ids : ndarray of int64, shape (N,)
        Photos; the first one in a cell represents it, so the photo that represents a cell also
        represents one of the cell's parts at the next zoom.
    places : ndarray of float64, shape (N, 2)
        Distances from the left and from the top, each 0 to below 1, evenly spaced.
    by : str
        Which vectors were compared: "pooled", or "sbs" for shares of classes.
    """

    ids: NDArray[np.int64]
    places: NDArray[np.float64]
    by: str

    @classmethod
    def of(cls, engine: Engine) -> Atlas:
        """Compute the map from the stored records, without reading photos."""
        by = "pooled" if "pooled" in engine.sides else "sbs"
        ids, batch = engine.sides[by].to_batch()
        parts = (lambda: _descriptors(batch)) if by == "pooled" else (lambda: _shares(batch))
        places = _ranks(principal(parts, len(ids)))
        order = np.random.default_rng(0).permutation(len(ids))
        return cls(ids[order], places[order], by)

    def cells(
        self, columns: int, rows: int, window: tuple[int, int, int, int] | None = None
    ) -> list[Cell]:
        """Return the cells that hold photos, each with the photo that represents it.

        Parameters
        ----------
        columns, rows : int
            The number of cells that the whole map is divided into.
        window : (left, top, right, bottom), optional
            The cells to return, right and bottom exclusive.
        """
        left, top, right, bottom = window or (0, 0, columns, rows)
        x, y = (self.places * (columns, rows)).astype(np.int64).T
        seen = np.flatnonzero((x >= left) & (x < right) & (y >= top) & (y < bottom))
        keys, first, counts = np.unique(
            y[seen] * columns + x[seen], return_index=True, return_counts=True
        )
        return [
            Cell(int(self.ids[seen[at]]), int(key % columns), int(key // columns), int(count))
            for key, at, count in zip(keys, first, counts, strict=True)
        ]


def principal(parts: Parts, count: int) -> NDArray[np.float64]:
    """Return the first two principal components of `count` vectors, shape (N, 2).

    The sign of a principal axis is arbitrary: each axis gets the sign that makes its largest
    loading positive, so that a map is never mirrored.
    """
    if not count:
        return np.zeros((0, 2))
    mean = np.add.reduce([part.sum(axis=0) for part in parts()]) / count
    spread = np.add.reduce([(part - mean).T @ (part - mean) for part in parts()])
    axes = np.linalg.eigh(spread)[1][:, ::-1][:, :2]
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    found = np.concatenate([(part - mean) @ axes for part in parts()])
    return np.pad(found, ((0, 0), (0, 2 - found.shape[1])))


def _descriptors(batch: Any) -> Iterator[NDArray[np.float64]]:
    """Yield pooled descriptors, each at unit length."""
    for first in range(0, len(batch), _AT_ONCE):
        rows = batch.matrix[first : first + _AT_ONCE].astype(np.float64)
        yield rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


def _shares(batch: Any) -> Iterator[NDArray[np.float64]]:
    """Yield the share of each photo that each class fills."""
    classes = batch.schema.classes
    every = Conditions(classes, tuple(Condition(label=n, percent=0) for n in range(len(classes))))
    for first in range(0, len(batch), _AT_ONCE):
        yield every.shares(batch[first : first + _AT_ONCE])


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each value's rank in its column, divided by the column's length."""
    ranks = np.argsort(np.argsort(values, axis=0, kind="stable"), axis=0, kind="stable")
    return np.asarray(ranks / max(1, len(values)), np.float64)
