"""Which rows of an index have given classes."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from semsig.errors import OptionError
from semsig.index.storage.segment import Segment
from semsig.index.storage.snapshot import Snapshot
from semsig.types import SbsSchema


def rows_having(snapshot: Snapshot, names: Iterable[str]) -> NDArray[np.bool_]:
    """Return which live rows have a cell of every class named, shape (len(snapshot),).

    Raises
    ------
    ClassTableError
        If there is no such class.
    OptionError
        If `names` is one text: that would be a class a letter.
    """
    if isinstance(names, str):
        raise OptionError(f"has is a list of class names, such as [{names!r}].")
    schema = snapshot.schema
    assert isinstance(schema, SbsSchema)
    having = np.ones(len(snapshot), np.bool_)
    for label in [schema.classes.index(name) for name in names]:
        wanted = np.tile(np.arange(len(schema.classes)) == label, schema.n_blocks).repeat(4)
        parts = [_rows_with(wanted, segment)[segment.alive] for segment in snapshot.segments]
        having &= np.concatenate([np.zeros(0, np.bool_), *parts])
    return having


def _rows_with(wanted: NDArray[np.bool_], segment: Segment) -> NDArray[np.bool_]:
    """Return which rows of a segment have a code that is `wanted`, shape (N,)."""
    segment.check_offsets()
    held = np.flatnonzero(wanted.take(segment.values["cells"], mode="clip"))
    rows = np.searchsorted(segment.offsets, held, side="right") - 1
    return np.bincount(rows, minlength=len(segment.ids)) > 0
