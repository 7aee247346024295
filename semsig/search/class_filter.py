"""Filter the rows of an index by the classes that they contain."""

from __future__ import annotations

from collections.abc import Iterable
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from semsig.errors import OptionError
from semsig.storage.segment import Segment
from semsig.storage.snapshot import Snapshot
from semsig.types import SbsSchema

_KNOWN: WeakKeyDictionary[Segment, dict[int, NDArray[np.uint8]]] = WeakKeyDictionary()
"""Cache: packed bits of the rows that have a class, by segment and class."""


def rows_having(snapshot: Snapshot, names: Iterable[str]) -> NDArray[np.bool_] | None:
    """Return which live rows have a cell of every class named, shape (len(snapshot),).

    None, which allows every row, if no class is named.

    Raises
    ------
    ClassTableError
        If there is no such class.
    OptionError
        If `names` is not iterable, or is one string, whose letters would be taken as classes.
    """
    if isinstance(names, str) or not isinstance(names, Iterable):
        raise OptionError(f"has is a list of class names, such as ['sky'], got {names!r}.")
    schema = snapshot.schema
    assert isinstance(schema, SbsSchema)
    wanted = [schema.classes.index(name) for name in names]
    if not wanted:
        return None
    n_classes = len(schema.classes)
    parts = [_rows_with(wanted, n_classes, part)[part.alive] for part in snapshot.segments]
    return np.concatenate([np.zeros(0, np.bool_), *parts])


def _rows_with(wanted: list[int], n_classes: int, segment: Segment) -> NDArray[np.bool_]:
    """Return which rows of a segment have a cell of every wanted class, shape (N,)."""
    n_rows = segment.n_rows
    known = _KNOWN.setdefault(segment, {})
    new = [label for label in wanted if label not in known]
    if new:
        segment.check_offsets()
        labels = (segment.values["cells"] >> 2) % n_classes
        for label in new:
            cells = np.flatnonzero(labels == label)
            rows = np.searchsorted(segment.offsets, cells, side="right") - 1
            known[label] = np.packbits(np.bincount(rows, minlength=n_rows) > 0)
    having = np.bitwise_and.reduce([known[label] for label in wanted])
    return np.unpackbits(having, count=n_rows).view(np.bool_)
