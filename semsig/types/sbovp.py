"""Semantic bags of visual phrases, one and many, in their sparse form."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from semsig.errors import SignatureError
from semsig.types.joining import agreeing
from semsig.types.offsets import check_offsets, offsets_of, take_rows
from semsig.types.record_spec import RecordSpec, register_records
from semsig.types.sbovp_schema import SbovpSchema


class SbovpSignature:
    """Semantic bag of visual phrases of one image (Ouni et al. 2022, section 3.2).

    Parameters
    ----------
    columns : ndarray of uint32, shape (K,)
        The non-empty columns of the histogram, strictly ascending; :class:`SbovpSchema` says
        which pair of words (and class) a column stands for. Kept read-only.
    counts : ndarray of uint16, shape (K,)
        How often each pair was counted, 1..65,535. Kept read-only.
    schema : SbovpSchema
        What the signature was made with.

    Raises
    ------
    SignatureError
        If columns are out of order, repeated or out of range, or a count is.
    """

    __slots__ = ("columns", "counts", "schema")

    columns: NDArray[np.uint32]
    counts: NDArray[np.uint16]
    schema: SbovpSchema

    def __init__(self, columns: ArrayLike, counts: ArrayLike, schema: SbovpSchema) -> None:
        found, times = _whole_numbers("Columns", columns), _whole_numbers("Counts", counts)
        check_histogram(found, times, schema)
        self.columns = found.astype(np.uint32)
        self.counts = times.astype(np.uint16)
        self.columns.flags.writeable = False
        self.counts.flags.writeable = False
        self.schema = schema

    @classmethod
    def trusted(
        cls, columns: NDArray[np.uint32], counts: NDArray[np.uint16], schema: SbovpSchema
    ) -> SbovpSignature:
        """Wrap what a kernel made: columns ascending, counts at least 1; nothing checked."""
        signature = cls.__new__(cls)
        columns.flags.writeable = False
        counts.flags.writeable = False
        signature.columns = columns
        signature.counts = counts
        signature.schema = schema
        return signature

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SbovpSignature):
            return NotImplemented
        return (
            self.schema.fingerprint == other.schema.fingerprint
            and np.array_equal(self.columns, other.columns)
            and np.array_equal(self.counts, other.counts)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"SbovpSignature({len(self.columns)} columns, {self.schema.describe()})"

    @property
    def word_pairs(self) -> NDArray[np.int64]:
        """Words i <= j of each column, shape (K, 2) int64."""
        return self.schema.word_pairs(self.columns)

    @property
    def labels(self) -> NDArray[np.int64]:
        """Class of each column, shape (K,) int64; all 0 for visual words, which have none."""
        return self.columns.astype(np.int64) // self.schema.n_pairs

    def to_dense(self) -> NDArray[np.uint16]:
        """Return the whole histogram, shape (n_columns,) uint16."""
        dense = np.zeros(self.schema.n_columns, np.uint16)
        dense[self.columns] = self.counts
        return dense


class SbovpBatch(Sequence[SbovpSignature]):
    """Many signatures of one schema in three arrays; what the index and the kernels work on.

    Parameters
    ----------
    columns : ndarray of uint32, shape (offsets[-1],)
        The columns of all signatures, one after the other.
    counts : ndarray of uint16, shape (offsets[-1],)
        Their counts.
    offsets : ndarray of int64, shape (N + 1,)
        Signature i has ``columns[offsets[i]:offsets[i + 1]]``, and counts likewise.
    schema : SbovpSchema
        What the signatures were made with.

    Raises
    ------
    SignatureError
        If dtypes, shapes or offsets do not fit together. Columns and counts are trusted; check
        them with :func:`check_histogram` when they come from outside.
    """

    __slots__ = ("columns", "counts", "offsets", "schema")

    def __init__(
        self,
        columns: NDArray[np.uint32],
        counts: NDArray[np.uint16],
        offsets: NDArray[np.int64],
        schema: SbovpSchema,
    ) -> None:
        for array, dtype in ((columns, np.uint32), (counts, np.uint16)):
            if array.shape != (len(columns),) or array.dtype != dtype:
                raise SignatureError(
                    "Expected as many uint16 counts as uint32 columns, both 1-D, "
                    f"got {counts.dtype} {counts.shape}, {columns.dtype} {columns.shape}."
                )
        check_offsets(offsets, len(columns), "columns")
        self.columns = columns
        self.counts = counts
        self.offsets = offsets
        self.schema = schema

    @classmethod
    def of(
        cls, signatures: Iterable[SbovpSignature], schema: SbovpSchema | None = None
    ) -> SbovpBatch:
        """Join signatures; `schema` is needed only where there may be none.

        Raises
        ------
        SchemaMismatchError
            If the signatures have different schemas.
        SignatureError
            If there is neither a signature nor a schema, or something else is given.
        """
        rows, schema = agreeing(signatures, SbovpSignature, schema)
        if len(rows) == 1:
            offsets = np.array([0, len(rows[0].columns)], np.int64)
            return cls(rows[0].columns, rows[0].counts, offsets, schema)
        offsets = offsets_of([len(row.columns) for row in rows])
        columns = np.concatenate([np.zeros(0, np.uint32), *(row.columns for row in rows)])
        counts = np.concatenate([np.zeros(0, np.uint16), *(row.counts for row in rows)])
        return cls(columns, counts, offsets, schema)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @overload
    def __getitem__(self, item: int) -> SbovpSignature: ...

    @overload
    def __getitem__(self, item: slice) -> SbovpBatch: ...

    def __getitem__(self, item: int | slice) -> SbovpSignature | SbovpBatch:
        if isinstance(item, slice):
            (columns, counts), offsets = take_rows((self.columns, self.counts), self.offsets, item)
            return SbovpBatch(columns, counts, offsets, self.schema)
        row = range(len(self))[item]
        own = slice(self.offsets[row], self.offsets[row + 1])
        return SbovpSignature(self.columns[own], self.counts[own], self.schema)

    def to_dense(self) -> NDArray[np.uint16]:
        """Return the whole histograms, shape (N, n_columns) uint16."""
        dense = np.zeros((len(self), self.schema.n_columns), np.uint16)
        rows = np.repeat(np.arange(len(self)), np.diff(self.offsets))
        dense[rows, self.columns] = self.counts
        return dense


def check_histogram(
    columns: NDArray[np.int64], counts: NDArray[np.int64], schema: SbovpSchema
) -> None:
    """Raise :class:`SignatureError` unless one signature's columns and counts are in range."""
    if len(columns) != len(counts):
        raise SignatureError(
            f"Expected one count per column, got {len(columns)} columns, {len(counts)} counts."
        )
    if not len(columns):
        return
    if (np.diff(columns) <= 0).any():
        raise SignatureError("Columns must be strictly ascending.")
    if columns[0] < 0 or columns[-1] >= schema.n_columns:
        raise SignatureError(
            f"Columns must lie in 0..{schema.n_columns - 1}, got {columns[0]}..{columns[-1]}."
        )
    if counts.min() < 1 or counts.max() > np.iinfo(np.uint16).max:
        raise SignatureError(f"Counts must lie in 1..65535, got {counts.min()}..{counts.max()}.")


def _whole_numbers(what: str, values: ArrayLike) -> NDArray[np.int64]:
    array = np.asarray(values)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise SignatureError(
            f"{what} are a 1-D integer array, got shape {array.shape}, dtype {array.dtype}."
        )
    return array.astype(np.int64)


SBOVP_RECORDS = register_records(
    RecordSpec(
        format="semsig-l2-index",
        schema=SbovpSchema,
        signature=SbovpSignature,
        batch=SbovpBatch,
        dtypes=lambda _: {"columns": np.dtype(np.uint32), "counts": np.dtype(np.uint16)},
        limits=lambda schema: {"columns": (0, schema.n_columns - 1), "counts": (1, 2**16 - 1)},
        positions=lambda values: values["columns"],
        rule="columns must be strictly ascending",
    )
)
"""How SBOVP signatures are stored."""
