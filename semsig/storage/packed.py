"""Signatures as dense packed bits, for exchange with other libraries."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from semsig.errors import SignatureError
from semsig.storage.files import replacing
from semsig.types import SbsBatch, SbsSchema

_BITS_AT_ONCE = 2**24

_NO_LEVEL = 255
_LEVELS = np.full(16, _NO_LEVEL, np.uint8)
_LEVELS[[0b0000, 0b0001, 0b0011, 0b0111, 0b1111]] = range(5)


def pack(batch: SbsBatch) -> NDArray[np.uint8]:
    """Return signatures as packed bits, each row as :meth:`SbsSignature.to_bits` has it.

    Parameters
    ----------
    batch : SbsBatch
        N signatures.

    Returns
    -------
    ndarray of uint8, shape (N, ceil(n_bits / 8))
        The first bit is the highest of the first byte; bits after the last are 0.
    """
    from semsig_kernels.bits import pack_cells

    schema = batch.schema
    packed = np.zeros((len(batch), n_bytes(schema)), np.uint8)
    pack_cells(batch.cells.astype(np.int64), batch.offsets, schema.n_cells, packed)
    return packed


def n_bytes(schema: SbsSchema) -> int:
    """Return the bytes of one signature's packed bits, ceil(n_bits / 8)."""
    return -(-schema.n_bits // 8)


def write_packed(batch: SbsBatch, path: Path) -> None:
    """Write the array of :func:`pack` to an .npy file, one portion at a time.

    Raises
    ------
    IndexWriteError
        If the file cannot be written; one that was there before is left as it was.
    """
    schema, offsets = batch.schema, batch.offsets
    shape = len(batch), n_bytes(schema)
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    at_once = max(1, _BITS_AT_ONCE // schema.n_bits)
    with replacing(path) as new, new.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for first in range(0, len(batch), at_once):
            part = offsets[first : first + at_once + 1]
            cells = batch.cells[part[0] : part[-1]]
            file.write(pack(SbsBatch(cells, part - part[0], schema)).data)


def unpack(packed: ArrayLike, schema: SbsSchema) -> SbsBatch:
    """Rebuild signatures from the packed bits of :func:`pack`.

    Parameters
    ----------
    packed : array_like of uint8, shape (N, ceil(n_bits / 8))
        Bit strings.
    schema : SbsSchema
        What they were made with.

    Raises
    ------
    SignatureError
        If dtype or shape differ, or a row is no signature of `schema`.
    """
    array = np.asarray(packed)
    if array.dtype != np.uint8 or array.ndim != 2 or array.shape[1] != n_bytes(schema):
        raise SignatureError(
            f"Expected packed uint8 of shape (N, {n_bytes(schema)}), "
            f"got {array.dtype} {array.shape}."
        )
    at_once = max(1, _BITS_AT_ONCE // schema.n_bits)
    cells, lengths = [np.zeros(0, schema.cell_dtype)], [np.zeros(1, np.int64)]
    for first in range(0, len(array), at_once):
        levels = _levels(array[first : first + at_once], schema, first)
        rows, cell = np.nonzero(levels)
        cells.append((cell * 4 + levels[rows, cell] - 1).astype(schema.cell_dtype))
        lengths.append(np.bincount(rows, minlength=len(levels)))
    return SbsBatch(np.concatenate(cells), np.cumsum(np.concatenate(lengths)), schema)


def _levels(packed: NDArray[np.uint8], schema: SbsSchema, first: int) -> NDArray[np.uint8]:
    """Return each cell's proportion level, shape (rows, n_cells), 0 where it is empty."""
    bits = np.unpackbits(packed, axis=1)
    present, rest = bits[:, : schema.n_cells], bits[:, schema.n_cells :]
    nibbles = rest[:, : schema.n_cells * 4].reshape(len(bits), -1, 4)
    levels: NDArray[np.uint8] = _LEVELS[np.packbits(nibbles, axis=2)[..., 0] >> 4]
    wrong = ((levels == _NO_LEVEL) | ((levels > 0) != present)).any(axis=1)
    wrong |= rest[:, schema.n_cells * 4 :].any(axis=1)
    if wrong.any():
        raise SignatureError(
            f"Row {first + int(wrong.argmax())} is no SBS signature of {schema.describe()}: a "
            "nibble is no thermometer, disagrees with its presence bit, or padding is not 0."
        )
    return levels
