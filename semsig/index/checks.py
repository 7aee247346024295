"""Checks of what comes into an index: signatures, ids, payloads and options."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from semsig.errors import DuplicateIdError, OptionError, SignatureError
from semsig.index.exchange.packed import unpack
from semsig.index.kinds import AnyBatch, AnySchema, kind_of
from semsig.metrics import metric_named
from semsig.types import (
    SbovpBatch,
    SbovpSchema,
    SbovpSignature,
    SbsBatch,
    SbsSchema,
    SbsSignature,
)

Signatures = SbsSignature | SbsBatch | Iterable[SbsSignature] | NDArray[np.uint8]
"""One signature or many; an array holds packed bits, as :func:`SbsSignature.to_bits` has them."""

Histograms = SbovpSignature | SbovpBatch | Iterable[SbovpSignature]
"""One bag of visual phrases or many."""

Ids = int | Iterable[int] | NDArray[np.integer[Any]]
"""One id or many."""

MAX_ID = 2**63 - 2

MAX_PADDED = 2**20
"""Neighbours that can be asked for beyond those there are; answers are padded to their number."""

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
        If something else than signatures came, or they are malformed.
    """
    kind = kind_of(schema)
    if isinstance(signatures, kind.batch):
        schema.require(signatures.schema)
        given: AnyBatch = signatures
        check_batch(given)
        return given
    if isinstance(signatures, np.ndarray) and isinstance(schema, SbsSchema):
        return unpack(signatures, schema)
    batch: AnyBatch = kind.batch.of(signatures, schema)
    return batch


def check_batch(batch: AnyBatch) -> None:
    """Raise :class:`SignatureError` unless each row's values ascend and are in range."""
    kind = kind_of(batch.schema)
    limits = kind.limits(batch.schema)
    for start, stop in portions(batch.offsets):
        first, last = batch.offsets[start], batch.offsets[stop]
        values = {key: array[first:last] for key, array in kind.values(batch).items()}
        positions = kind.positions(values)
        fits = np.ones(len(positions) + 1, np.bool_)
        fits[1:-1] = positions[1:] > positions[:-1]
        fits[batch.offsets[start + 1 : stop] - first] = True
        for key, (least, greatest) in limits.items():
            fits[:-1] &= (values[key] >= least) & (values[key] <= greatest)
        if not fits.all():
            bad = first + int(np.argmin(fits))
            row = int(np.searchsorted(batch.offsets, bad, "right")) - 1
            ranges = ", ".join(f"{key} in {low}..{high}" for key, (low, high) in limits.items())
            raise SignatureError(f"Signature {row} is malformed: {kind.rule}, {ranges}.")


def portions(offsets: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Ranges of rows of a few million values each."""
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
    except ValueError as error:
        raise OptionError(f"Ids are a 1-D array of integers; {error}.") from error
    if not array.size and array.ndim == 1:
        return np.zeros(0, np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise OptionError(
            f"Ids are a 1-D array of integers; {array.dtype} of shape {array.shape} came."
        )
    if int(array.min()) < 0 or int(array.max()) > MAX_ID:
        raise OptionError(f"Ids lie in 0..{MAX_ID}; {array.min()}..{array.max()} came.")
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
    """Return the numbers that come more than once."""
    ordered = np.sort(numbers)
    twice: NDArray[np.int64] = ordered[1:][ordered[1:] == ordered[:-1]]
    return twice


def as_matching_ids(ids: Ids, count: int) -> NDArray[np.int64]:
    """Return ids as :func:`as_distinct_ids` does; OptionError unless there are `count`."""
    array = as_distinct_ids(ids)
    if len(array) != count:
        raise OptionError(f"Expected {count} ids, one a signature; {len(array)} came.")
    return array


def as_payloads(payloads: Sequence[str] | None, count: int) -> list[bytes]:
    """Return payloads in UTF-8; none at all, where None came, stands for empty ones.

    Raises
    ------
    OptionError
        If there are not `count` strings, or one cannot be written in UTF-8.
    """
    if payloads is None:
        return []
    if isinstance(payloads, str) or len(payloads) != count:
        raise OptionError(f"Expected {count} payloads, one a signature; {len(payloads)} came.")
    try:
        return [str.encode(payload) for payload in payloads]
    except TypeError as error:
        raise OptionError(f"Payloads are strings: {error}.") from error
    except UnicodeEncodeError as error:
        raise OptionError(
            f"A payload cannot be written in UTF-8 ({error.reason}); escape it, as json.dumps does."
        ) from error


def check_k(k: int, n_rows: int | None = None) -> int:
    """Return `k`.

    Raises
    ------
    OptionError
        If it is no integer >= 1, or exceeds both MAX_PADDED and `n_rows`, where that is given.
    """
    try:
        number = 0 if isinstance(k, bool) else operator.index(k)
    except TypeError:
        number = 0
    if number < 1:
        raise OptionError(f"k is an integer >= 1; {k!r} came.")
    if n_rows is not None and number > max(n_rows, MAX_PADDED):
        raise OptionError(
            f"k is at most {max(n_rows, MAX_PADDED):,} where {n_rows:,} can be found; "
            f"{number:,} came."
        )
    return number


def check_radius(radius: float) -> float:
    """Return `radius`; raise :class:`OptionError` unless it is a finite number >= 0."""
    is_number = isinstance(radius, (int, float, np.number)) and not isinstance(radius, bool)
    if not is_number or not 0 <= radius < np.inf:
        raise OptionError(f"radius is a finite number >= 0; {radius!r} came.")
    return radius


def check_metric(metric: str) -> None:
    """Raise :class:`OptionError` unless there is such a metric."""
    metric_named(metric)
