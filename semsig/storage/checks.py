"""Checks of what is added to an index: signatures, ids, payloads and options."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from semsig.errors import DuplicateIdError, OptionError, SignatureError
from semsig.storage.packed import unpack
from semsig.types import (
    SbovpBatch,
    SbovpSchema,
    SbovpSignature,
    SbsBatch,
    SbsSchema,
    SbsSignature,
)
from semsig.types.record_spec import AnyBatch, AnySchema, records_of

Signatures = SbsSignature | SbsBatch | Iterable[SbsSignature] | NDArray[np.uint8]
"""One signature or many; an array holds packed bits, as :func:`SbsSignature.to_bits` has them."""

Histograms = SbovpSignature | SbovpBatch | Iterable[SbovpSignature]
"""One bag of visual phrases or many."""

Ids = int | str | Iterable[int] | Iterable[str] | NDArray[np.integer[Any]]
"""One id or many; strings are keys."""

MAX_ID = 2**63 - 2

_CELLS_AT_ONCE = 1 << 22


@overload
def as_batch(signatures: Signatures, schema: SbsSchema) -> SbsBatch: ...


@overload
def as_batch(signatures: Histograms, schema: SbovpSchema) -> SbovpBatch: ...


@overload
def as_batch(signatures: Any, schema: AnySchema) -> AnyBatch: ...


def as_batch(signatures: Any, schema: AnySchema) -> AnyBatch:
    """Return signatures as one checked batch of `schema`.

    Raises
    ------
    SchemaMismatchError
        If a signature has another schema.
    SignatureError
        If something other than signatures is given, or they are malformed.
    """
    records = records_of(schema)
    if isinstance(signatures, records.batch):
        schema.require(signatures.schema)
        given: AnyBatch = signatures
        check_batch(given)
        return given
    if isinstance(signatures, np.ndarray) and isinstance(schema, SbsSchema):
        return unpack(signatures, schema)
    batch: AnyBatch = records.batch.of(signatures, schema)
    return batch


def check_batch(batch: AnyBatch) -> None:
    """Raise :class:`SignatureError` unless each row's values ascend and are in range."""
    records = records_of(batch.schema)
    limits = records.limits(batch.schema)
    for start, stop in portions(batch.offsets):
        first, last = batch.offsets[start], batch.offsets[stop]
        values = {key: array[first:last] for key, array in records.values(batch).items()}
        positions = records.positions(values)
        fits = np.ones(len(positions) + 1, np.bool_)
        fits[1:-1] = positions[1:] > positions[:-1]
        fits[batch.offsets[start + 1 : stop] - first] = True
        for key, (least, greatest) in limits.items():
            fits[:-1] &= (values[key] >= least) & (values[key] <= greatest)
        if not fits.all():
            bad = first + int(np.argmin(fits))
            row = int(np.searchsorted(batch.offsets, bad, "right")) - 1
            ranges = ", ".join(f"{key} in {low}..{high}" for key, (low, high) in limits.items())
            raise SignatureError(f"Signature {row} is malformed: {records.rule}, {ranges}.")


def portions(offsets: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Ranges of rows that hold a few million values each, to bound the memory of a check."""
    start, rows = 0, len(offsets) - 1
    while start < rows:
        end = int(np.searchsorted(offsets, offsets[start] + _CELLS_AT_ONCE, "right")) - 1
        stop = min(max(end, start + 1), rows)
        yield start, stop
        start = stop


def as_ids(ids: Ids) -> NDArray[np.int64]:
    """Return ids as a 1-D int64 array; one id becomes an array of one.

    Raises
    ------
    OptionError
        If they are no integers from 0 to 2^63 - 2.
    """
    if isinstance(ids, Iterable) and not isinstance(ids, Sequence | np.ndarray):
        ids = list(ids)
    try:
        array: NDArray[Any] = np.atleast_1d(np.asarray(ids))
    except (TypeError, ValueError) as error:
        raise OptionError(f"Ids are a 1-D array of integers; {error}.") from error
    if not array.size and array.ndim == 1:
        return np.zeros(0, np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise OptionError(
            f"Ids are a 1-D array of integers, got {array.dtype} of shape {array.shape}."
        )
    if int(array.min()) < 0 or int(array.max()) > MAX_ID:
        raise OptionError(f"Ids lie in 0..{MAX_ID}, got {array.min()}..{array.max()}.")
    return array.astype(np.int64)


def as_distinct_ids(ids: Ids) -> NDArray[np.int64]:
    """Return ids as :func:`as_ids` does.

    Raises
    ------
    DuplicateIdError
        If an id is given twice.
    """
    array = as_ids(ids)
    twice = repeated(array)
    if len(twice):
        raise DuplicateIdError(f"Id {twice[0]} is given twice in one call.")
    return array


def repeated(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the numbers that occur more than once."""
    ordered = np.sort(numbers)
    twice: NDArray[np.int64] = ordered[1:][ordered[1:] == ordered[:-1]]
    return twice


def as_matching_ids(ids: Ids, count: int) -> NDArray[np.int64]:
    """Return ids as :func:`as_distinct_ids` does; OptionError unless there are `count`."""
    array = as_distinct_ids(ids)
    if len(array) != count:
        raise OptionError(f"Expected {count} ids, one per signature, got {len(array)}.")
    return array
