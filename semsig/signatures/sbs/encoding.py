"""Semantic binary signatures from label maps (Ouni et al. 2022, section 3.1, eq. 1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semsig.arguments import typed
from semsig.classes import ClassTable
from semsig.errors import SignatureError
from semsig.types import LabelMap, SbsBatch, SbsSchema, SbsSignature

_latest: list[SbsSchema] = []


@typed(label_map=LabelMap)
def sbs(label_map: LabelMap, levels: int = 3) -> SbsSignature:
    """Return the semantic binary signature of one label map.

    The map is cut in 4^n blocks: row edges floor(i * H / 2^n), column edges floor(j * W / 2^n).
    In a block with a pixels that are not void, a class with q > 0 of them has proportion level
    1 + [4q > a] + [4q > 2a] + [4q > 3a]. Blocks without pixels, or with void alone, are empty.

    Parameters
    ----------
    label_map : LabelMap
        Labels of shape (H, W), any H, W >= 1, over a table of M classes.
    levels : int
        Level n of the quadtree, 0..8, with 4^n * M <= 2^30.

    Returns
    -------
    SbsSignature
        The non-empty cells; ``to_bits()`` gives the bit string of 5 * 4^n * M bits.

    Raises
    ------
    OptionError
        If `levels` is out of range for the class table.
    """
    schema = _schema_of(levels, label_map.classes)
    return SbsSignature.trusted(_encode(label_map, schema), schema)


def sbs_batch(label_maps: Sequence[LabelMap], levels: int = 3) -> SbsBatch:
    """Return the signatures of many label maps; see :func:`sbs`.

    Parameters
    ----------
    label_maps : sequence of LabelMap
        At least one, of any sizes, over one class table. They are distributed over threads.
    levels : int
        Level n of the quadtree, 0..8, with 4^n * M <= 2^30.

    Raises
    ------
    SignatureError
        If there is no label map, or one has another class table than the first.
    OptionError
        If `levels` is out of range for the class table.
    """
    if not label_maps:
        raise SignatureError("Expected at least one label map, got none.")
    classes = label_maps[0].classes
    _check_one_table(label_maps, classes)
    from semsig_kernels.threads import run_split

    schema = SbsSchema(levels, classes)

    def encode(first: int, last: int) -> list[NDArray[np.uint16] | NDArray[np.uint32]]:
        return [_encode(label_maps[i], schema) for i in range(first, last)]

    rows: list[Any] = [row for part in run_split(len(label_maps), encode, grain=8) for row in part]
    offsets = np.zeros(len(rows) + 1, np.int64)
    np.cumsum([len(row) for row in rows], out=offsets[1:])
    return SbsBatch(np.concatenate(rows), offsets, schema)


def _check_one_table(label_maps: Sequence[LabelMap], classes: ClassTable) -> None:
    for i, label_map in enumerate(label_maps):
        if label_map.classes is not classes and label_map.classes != classes:
            raise SignatureError(
                f"Label map {i} is over class table {label_map.classes.name!r}, the first over "
                f"{classes.name!r}; a batch needs one table."
            )


def _schema_of(levels: int, classes: ClassTable) -> SbsSchema:
    """Return the last schema if it fits: making one takes a tenth of the time of a label map."""
    latest = _latest[0] if _latest else None
    if latest is None or latest.classes is not classes or latest.levels is not levels:
        latest = SbsSchema(levels, classes)
        _latest[:] = [latest]
    return latest


@cache
def _kernels() -> tuple[Callable[..., int] | None, Callable[..., int]]:
    """Return the vector kernel of byte labels, if any, and the general one; imports Numba."""
    from semsig_kernels._jit import simd
    from semsig_kernels.quadtree import encode_lanes, encode_words

    return (encode_lanes if simd() != "portable" else None), encode_words


def _encode(label_map: LabelMap, schema: SbsSchema) -> NDArray[np.uint16] | NDArray[np.uint32]:
    """Return the cells of a label map, ascending, in the schema's dtype."""
    encode_lanes, encode_words = _kernels()
    labels, n_cells = label_map.labels, schema.n_cells
    height, width = labels.shape
    shape = height, width, schema.levels, len(schema.classes)
    cells = np.empty(min(n_cells, labels.size), np.uint32)
    if encode_lanes is not None and labels.itemsize == 1:
        written = encode_lanes(labels.reshape(-1), *shape, cells)
    else:
        written = encode_words(as_words(labels), labels.itemsize * 8, *shape, cells)
    found = cells[:written]
    return found.astype(np.uint16) if schema.cell_dtype == np.uint16 else found.copy()


def as_words(labels: NDArray[np.uint8] | NDArray[np.uint16]) -> NDArray[np.uint64]:
    """Return contiguous labels as read-only 8-byte words, padded with zeros."""
    flat = labels.reshape(-1)
    missing = -flat.size % (8 // flat.itemsize)
    if missing:
        flat = np.concatenate([flat, np.zeros(missing, flat.dtype)])
    words = flat.view(np.uint64)
    words.flags.writeable = False
    return words
