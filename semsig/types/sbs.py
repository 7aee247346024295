"""Semantic binary signatures, one and many, in their sparse form."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import overload

import numpy as np
from bitarray import bitarray
from numpy.typing import ArrayLike, NDArray

from semsig.arguments import expect
from semsig.errors import SignatureError
from semsig.types.joining import agreeing
from semsig.types.notebook import key, safe, shown
from semsig.types.offsets import check_offsets, offsets_of, take_rows
from semsig.types.record_spec import RecordSpec, register_records
from semsig.types.schema import SbsSchema


class SbsSignature:
    """Semantic binary signature of one image (Ouni et al. 2022, section 3.1, eq. 1).

    Parameters
    ----------
    cells : ndarray of uint16 or uint32, shape (K,)
        The non-empty cells, strictly ascending by cell: ``(block * M + class) * 4 + level - 1``
        with the proportion level 1..4. Kept read-only in ``schema.cell_dtype``.
    schema : SbsSchema
        What the signature was made with.

    Raises
    ------
    SignatureError
        If cells are out of order, repeated or out of range.
    """

    __slots__ = ("cells", "schema")

    cells: NDArray[np.uint16] | NDArray[np.uint32]
    schema: SbsSchema

    def __init__(self, cells: ArrayLike, schema: SbsSchema) -> None:
        expect("schema", schema, SbsSchema)
        array = np.asarray(cells)
        if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
            raise SignatureError(
                f"Cells are a 1-D integer array, got shape {array.shape}, dtype {array.dtype}."
            )
        check_cells(array.astype(np.int64), schema)
        self.cells = (
            array.astype(np.uint16) if schema.cell_dtype == np.uint16 else array.astype(np.uint32)
        )
        self.cells.flags.writeable = False
        self.schema = schema

    @classmethod
    def trusted(
        cls, cells: NDArray[np.uint16] | NDArray[np.uint32], schema: SbsSchema
    ) -> SbsSignature:
        """Wrap cells that a kernel made: in ``schema.cell_dtype``, ascending; nothing checked."""
        signature = cls.__new__(cls)
        cells.flags.writeable = False
        signature.cells = cells
        signature.schema = schema
        return signature

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SbsSignature):
            return NotImplemented
        same_schema = self.schema.fingerprint == other.schema.fingerprint
        return same_schema and np.array_equal(self.cells, other.cells)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"SbsSignature({len(self.cells)} cells, {self.schema.describe()})"

    def _repr_html_(self) -> str:
        classes = self.schema.classes
        shares = np.bincount(self.labels, self.proportions, len(classes))
        picture = shown(self.painted(max(1, 224 >> self.schema.levels)), "blocks")
        return (
            f"<p>{safe(repr(self))}</p>{picture}"
            f"<p>{key(shares / max(1.0, shares.sum()), classes.names, classes.palette)}</p>"
        )

    def painted(self, side: int = 28) -> NDArray[np.uint8]:
        """Return a picture of the blocks: the classes of each, stacked by their levels.

        Parameters
        ----------
        side : int
            Pixels of a block, at least 1.

        Returns
        -------
        ndarray of uint8, shape (side * 2^n, side * 2^n, 3)
            RGB in the colours of the class table; blocks without a class are grey.
        """
        across = 2**self.schema.levels
        picture = np.full((across, side, across, side, 3), 96, np.uint8)
        palette = np.asarray(self.schema.classes.palette, np.uint8)
        blocks, starts = np.unique(self.blocks, return_index=True)
        cells = zip(
            np.split(self.labels, starts[1:]), np.split(self.proportions, starts[1:]), strict=True
        )
        for block, (labels, levels) in zip(blocks.tolist(), cells, strict=False):
            ends = np.cumsum(levels) * side // levels.sum()
            rows = np.searchsorted(ends, np.arange(side), side="right")
            picture[block // across, :, block % across] = palette[labels[rows]][:, None]
        return picture.reshape(across * side, across * side, 3)

    @property
    def blocks(self) -> NDArray[np.int64]:
        """Block id ``row * 2^n + column`` of each cell, shape (K,) int64."""
        return (self.cells.astype(np.int64) >> 2) // len(self.schema.classes)

    @property
    def labels(self) -> NDArray[np.int64]:
        """Class label of each cell, shape (K,) int64."""
        return (self.cells.astype(np.int64) >> 2) % len(self.schema.classes)

    @property
    def proportions(self) -> NDArray[np.int64]:
        """Proportion level 1..4 of each cell, shape (K,) int64."""
        return (self.cells.astype(np.int64) & 3) + 1

    @property
    def weight(self) -> int:
        """Number of set bits: level + 1 summed over the cells."""
        return int((self.proportions + 1).sum())

    def to_bits(self) -> NDArray[np.uint8]:
        """Return the packed bit string [S_S S_P], shape (ceil(n_bits / 8),) uint8.

        The first bit is the highest of the first byte, as NumPy and bitarray have it; the
        proportion nibbles read 0001, 0011, 0111, 1111 for levels 1 to 4.
        """
        bits = np.zeros(self.schema.n_bits, np.uint8)
        cell = self.cells.astype(np.int64) >> 2
        bits[cell] = 1
        for step in range(4):
            reached = cell[self.proportions > step]
            bits[self.schema.n_cells + reached * 4 + 3 - step] = 1
        return np.packbits(bits)

    def to_bitarray(self) -> bitarray:
        """Return the bit string of :meth:`to_bits` as a big-endian bitarray of n_bits bits."""
        bits = bitarray(endian="big")
        bits.frombytes(self.to_bits().tobytes())
        return bits[: self.schema.n_bits]

    @classmethod
    def from_bits(cls, bits: ArrayLike, schema: SbsSchema) -> SbsSignature:
        """Rebuild a signature from the packed bytes of :meth:`to_bits`.

        Raises
        ------
        SignatureError
            If the length is wrong or the bits are not an SBS: a nibble that is not a thermometer
            code, or disagrees with its presence bit.
        """
        packed = np.asarray(bits)
        n_bytes = -(-schema.n_bits // 8)
        if packed.dtype != np.uint8 or packed.shape != (n_bytes,):
            raise SignatureError(
                f"Expected {n_bytes} packed uint8 bytes, got {packed.dtype} {packed.shape}."
            )
        unpacked = np.unpackbits(packed)
        if unpacked[schema.n_bits :].any():
            raise SignatureError("Padding bits after the signature must be 0.")
        present = unpacked[: schema.n_cells]
        nibbles = unpacked[schema.n_cells : schema.n_bits].reshape(-1, 4)
        level = nibbles.sum(1, dtype=np.int64)
        thermometer = (np.diff(nibbles.astype(np.int8), axis=1) >= 0).all()
        if not thermometer or not np.array_equal(present, level > 0):
            raise SignatureError("These bits are no SBS signature of this schema.")
        cell = np.flatnonzero(level)
        return cls(cell * 4 + level[cell] - 1, schema)


class SbsBatch(Sequence[SbsSignature]):
    """Many signatures of one schema in two arrays; what the index and the kernels work on.

    Parameters
    ----------
    cells : ndarray of ``schema.cell_dtype``, shape (offsets[-1],)
        The cells of all signatures, one after the other.
    offsets : ndarray of int64, shape (N + 1,)
        Signature i has ``cells[offsets[i]:offsets[i + 1]]``.
    schema : SbsSchema
        What the signatures were made with.

    Raises
    ------
    SignatureError
        If dtypes, shapes or offsets do not fit together. Cells are trusted; check them with
        :func:`check_cells` when they come from outside.
    """

    __slots__ = ("cells", "offsets", "schema")

    def __init__(
        self,
        cells: NDArray[np.uint16] | NDArray[np.uint32],
        offsets: NDArray[np.int64],
        schema: SbsSchema,
    ) -> None:
        if cells.ndim != 1 or cells.dtype != schema.cell_dtype:
            raise SignatureError(
                f"Expected 1-D {schema.cell_dtype} cells, got {cells.dtype} {cells.shape}."
            )
        check_offsets(offsets, len(cells), "cells")
        self.cells = cells
        self.offsets = offsets
        self.schema = schema

    @classmethod
    def of(cls, signatures: Iterable[SbsSignature], schema: SbsSchema | None = None) -> SbsBatch:
        """Join signatures; `schema` is needed only where there may be none.

        Raises
        ------
        SchemaMismatchError
            If the signatures have different schemas.
        SignatureError
            If there is neither a signature nor a schema, or something else is given.
        """
        rows, schema = agreeing(signatures, SbsSignature, schema)
        offsets = offsets_of([len(row.cells) for row in rows])
        empty = np.zeros(0, schema.cell_dtype)
        return cls(np.concatenate([empty, *(row.cells for row in rows)]), offsets, schema)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @overload
    def __getitem__(self, item: int) -> SbsSignature: ...

    @overload
    def __getitem__(self, item: slice) -> SbsBatch: ...

    def __getitem__(self, item: int | slice) -> SbsSignature | SbsBatch:
        if isinstance(item, slice):
            (cells,), offsets = take_rows((self.cells,), self.offsets, item)
            return SbsBatch(cells, offsets, self.schema)
        row = range(len(self))[item]
        return SbsSignature(self.cells[self.offsets[row] : self.offsets[row + 1]], self.schema)

    def __iter__(self) -> Iterator[SbsSignature]:
        return (self[row] for row in range(len(self)))


def check_cells(cells: NDArray[np.int64], schema: SbsSchema) -> None:
    """Raise :class:`SignatureError` unless `cells` of one signature ascend and are in range."""
    if not len(cells):
        return
    if (np.diff(cells >> 2) <= 0).any():
        raise SignatureError("Cells must be strictly ascending, one level per cell.")
    if cells[0] < 0 or cells[-1] >= schema.n_cells * 4:
        raise SignatureError(
            f"Cells must lie in 0..{schema.n_cells * 4 - 1}, got {cells[0]}..{cells[-1]}."
        )


SBS_RECORDS = register_records(
    RecordSpec(
        format="semsig-hamming-index",
        schema=SbsSchema,
        signature=SbsSignature,
        batch=SbsBatch,
        dtypes=lambda schema: {"cells": schema.cell_dtype},
        limits=lambda schema: {"cells": (0, schema.n_cells * 4 - 1)},
        positions=lambda values: values["cells"] >> 2,
        rule="cells must be strictly ascending, one level per cell",
    )
)
"""How SBS signatures are stored."""
