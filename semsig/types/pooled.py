"""Pooled descriptors: a network's feature map, pooled over the photo, one byte a dimension."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal, get_args, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from semsig.errors import OptionError, SchemaMismatchError, SignatureError
from semsig.types.joining import agreeing
from semsig.types.offsets import check_offsets
from semsig.types.record_spec import RecordSpec, register_records

Pool = Literal["spoc", "mac", "gem"]
"""SPoC, the mean (Babenko & Lempitsky 2015); MAC, the maximum (Tolias et al. 2016); GeM, the
generalised mean with exponent 3 (Radenovic et al. 2018)."""

MAX_DIMS = 4096
"""Twice the channels of the widest network in use, ResNet's 2,048."""


@dataclass(frozen=True, kw_only=True)
class PooledSchema:
    """What makes two pooled descriptors comparable.

    Parameters
    ----------
    network : str
        Fingerprint of the network whose feature map is pooled.
    pool : {"spoc", "mac", "gem"}
        How it is pooled.
    power : float
        Exponent of each value before the descriptor is scaled to unit length, above 0 to 1.
    dims : int
        Channels D of the feature map, 1..4096.

    Raises
    ------
    OptionError
        If a value is out of range.
    """

    network: str
    pool: Pool
    power: float
    dims: int

    def __post_init__(self) -> None:
        if not isinstance(self.network, str):
            raise OptionError(f"Expected a network's fingerprint, got {self.network!r}.")
        if self.pool not in get_args(Pool):
            raise OptionError(f"Expected pool {', '.join(get_args(Pool))}, got {self.pool!r}.")
        if isinstance(self.power, bool) or not isinstance(self.power, int | float):
            raise OptionError(f"Expected a number for power, got {self.power!r}.")
        if not 0 < self.power <= 1:
            raise OptionError(f"Expected power above 0 to 1, got {self.power}.")
        if isinstance(self.dims, bool) or not isinstance(self.dims, int):
            raise OptionError(f"Expected an integer for dims, got {self.dims!r}.")
        if not 1 <= self.dims <= MAX_DIMS:
            raise OptionError(f"Expected dims 1 to {MAX_DIMS:,}, got {self.dims}.")

    @cached_property
    def fingerprint(self) -> str:
        """Hex SHA-256 of all parameters."""
        return hashlib.sha256(f"semsig pooled 1; {asdict(self)}".encode()).hexdigest()

    def require(self, other: PooledSchema) -> None:
        """Raise :class:`SchemaMismatchError` unless `other` is comparable with this schema."""
        if other != self:
            raise SchemaMismatchError(
                f"Expected {self.describe()}, got {other.describe()}. "
                "Make both with the same segmenter and options."
            )

    def describe(self) -> str:
        """One phrase for messages."""
        return (
            f"pooled descriptors: {self.pool}, power {self.power:g}, {self.dims} dimensions "
            f"({self.fingerprint[:8]})"
        )

    def to_json(self) -> dict[str, Any]:
        """Return the schema as what JSON can hold."""
        return {"fingerprint": self.fingerprint, **asdict(self)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> PooledSchema:
        """Rebuild the schema of :meth:`to_json`.

        Raises
        ------
        KeyError, TypeError, ValueError, SemsigError
            If the document is no schema, or its fingerprint is of another definition.
        """
        schema = cls(**{name: document[name] for name in ("network", "pool", "power", "dims")})
        if schema.fingerprint != document["fingerprint"]:
            raise ValueError("its descriptors were computed by another definition; index again")
        return schema


class PooledSignature:
    """Pooled descriptor of one photo.

    Parameters
    ----------
    codes : ndarray of int8, shape (D,)
        The descriptor, scaled so that its largest value is 127: distances are between
        descriptors of unit length, so the scale itself is not kept. Kept read-only.
    schema : PooledSchema
        What it was made with.

    Raises
    ------
    SignatureError
        If the codes are no such array.
    """

    __slots__ = ("codes", "schema")

    def __init__(self, codes: ArrayLike, schema: PooledSchema) -> None:
        given = np.asarray(codes)
        if given.dtype != np.int8 or given.shape != (schema.dims,):
            raise SignatureError(
                f"Expected int8 ({schema.dims},), got {given.dtype} {given.shape}."
            )
        self.codes: NDArray[np.int8] = given.copy()
        self.codes.flags.writeable = False
        self.schema = schema

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PooledSignature):
            return NotImplemented
        return self.schema == other.schema and np.array_equal(self.codes, other.codes)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"PooledSignature({self.schema.describe()})"


class PooledBatch(Sequence[PooledSignature]):
    """Descriptors of many photos in one array.

    Parameters
    ----------
    codes : ndarray of int8, shape (N * D,)
        The descriptors, one after the other.
    offsets : ndarray of int64, shape (N + 1,)
        0, D, 2 D, ...: descriptors are stored as rows of any length are.
    schema : PooledSchema
        What they were made with.

    Raises
    ------
    SignatureError
        If dtypes, shapes or offsets do not fit together.
    """

    __slots__ = ("codes", "offsets", "schema")

    def __init__(
        self, codes: NDArray[np.int8], offsets: NDArray[np.int64], schema: PooledSchema
    ) -> None:
        if codes.dtype != np.int8 or codes.ndim != 1:
            raise SignatureError(f"Expected int8 codes, 1-D, got {codes.dtype} {codes.shape}.")
        check_offsets(offsets, len(codes), "codes")
        if (np.diff(offsets) != schema.dims).any():
            raise SignatureError(f"Expected {schema.dims} codes a descriptor, got other lengths.")
        self.codes = codes
        self.offsets = offsets
        self.schema = schema

    @classmethod
    def of(
        cls, signatures: Iterable[PooledSignature], schema: PooledSchema | None = None
    ) -> PooledBatch:
        """Join descriptors; `schema` is needed only where there may be none.

        Raises
        ------
        SchemaMismatchError
            If the descriptors have different schemas.
        SignatureError
            If there is neither a descriptor nor a schema, or something else came.
        """
        rows, schema = agreeing(signatures, PooledSignature, schema)
        codes = np.concatenate([np.zeros(0, np.int8), *(row.codes for row in rows)])
        return cls(codes, np.arange(len(rows) + 1, dtype=np.int64) * schema.dims, schema)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @overload
    def __getitem__(self, item: int) -> PooledSignature: ...

    @overload
    def __getitem__(self, item: slice) -> PooledBatch: ...

    def __getitem__(self, item: int | slice) -> PooledSignature | PooledBatch:
        rows = self.matrix[item]
        if isinstance(item, slice):
            offsets = np.arange(len(rows) + 1, dtype=np.int64) * self.schema.dims
            return PooledBatch(rows.reshape(-1), offsets, self.schema)
        return PooledSignature(rows, self.schema)

    @property
    def matrix(self) -> NDArray[np.int8]:
        """The codes, shape (N, D)."""
        return self.codes.reshape(len(self), self.schema.dims)


POOLED_RECORDS = register_records(
    RecordSpec(
        format="semsig-pooled-index",
        schema=PooledSchema,
        signature=PooledSignature,
        batch=PooledBatch,
        dtypes=lambda _: {"codes": np.dtype(np.int8)},
        limits=lambda _: {"codes": (-127, 127)},
        positions=lambda values: np.arange(len(values["codes"])),
        rule="codes must be in range",
    )
)
"""How pooled descriptors are stored."""
