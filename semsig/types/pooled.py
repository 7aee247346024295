"""Pooled descriptors: a network's feature map, pooled over the photo, projected and coded."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Literal, get_args, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from semsig.errors import OptionError, SchemaMismatchError, SignatureError
from semsig.types.joining import agreeing
from semsig.types.offsets import check_offsets
from semsig.types.record_spec import RecordSpec, register_records

Pool = Literal["spoc", "mac", "gem", "rmac", "crow"]
"""SPoC, the mean (Babenko & Lempitsky 2015); MAC, the maximum, and R-MAC, the sum of the maxima
of regions (Tolias et al. 2016); GeM, the generalised mean (Radenovic et al. 2018); CroW, the sum
of weighted positions and channels (Kalantidis et al. 2016)."""

Coding = Literal["int8", "float16"]
"""How values are stored: as int8 with the largest at 127, or as float16 at unit length."""

MAX_DIMS = 4096
"""Twice the channels of the widest network in use, ResNet's 2,048."""

MAX_EXPONENT = 64.0
"""With a greater exponent GeM equals the maximum up to rounding."""


@dataclass(frozen=True, kw_only=True)
class PooledSchema:
    """What makes two pooled descriptors comparable.

    Parameters
    ----------
    network : str
        Fingerprint of the network whose feature map is pooled.
    pool : {"spoc", "mac", "gem", "rmac", "crow"}
        How it is pooled.
    power : float
        Exponent of each value before the descriptor is scaled to unit length; in (0, 1].
    dims : int
        Dimensions D, 1..4096: channels of the feature map, or the first of a projection.
    p : float
        Exponent of "gem", 1..64; 3 for other pools, which have none.
    projection : str
        Fingerprint of the projection; empty if there is none.
    coding : {"int8", "float16"}
        How values are stored.

    Raises
    ------
    OptionError
        If a value is out of range.
    """

    network: str
    pool: Pool
    power: float
    dims: int
    p: float = 3.0
    projection: str = ""
    coding: Coding = "int8"

    def __post_init__(self) -> None:
        for name in ("network", "projection"):
            if not isinstance(getattr(self, name), str):
                raise OptionError(
                    f"Expected a fingerprint for {name}, got {getattr(self, name)!r}."
                )
        check_pooling(self.pool, self.power, self.p)
        if self.coding not in get_args(Coding):
            raise OptionError(
                f"Expected coding {' or '.join(get_args(Coding))}, got {self.coding!r}."
            )
        if isinstance(self.dims, bool) or not isinstance(self.dims, int):
            raise OptionError(f"Expected an integer for dims, got {self.dims!r}.")
        if not 1 <= self.dims <= MAX_DIMS:
            raise OptionError(f"Expected dims 1 to {MAX_DIMS:,}, got {self.dims}.")

    @property
    def _entries(self) -> dict[str, Any]:
        """All parameters, but newer ones only if they differ from their old, implied value."""
        return {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if field.name in _FIRST or getattr(self, field.name) != field.default
        }

    @cached_property
    def fingerprint(self) -> str:
        """Hex SHA-256 of all parameters."""
        return hashlib.sha256(f"semsig pooled 1; {self._entries}".encode()).hexdigest()

    def require(self, other: PooledSchema) -> None:
        """Raise :class:`SchemaMismatchError` unless `other` is comparable with this schema."""
        if other != self:
            raise SchemaMismatchError(
                f"Expected {self.describe()}, got {other.describe()}. "
                "Make both with the same segmenter and options."
            )

    def describe(self) -> str:
        """One phrase for messages."""
        exponent = f" p {self.p:g}" if self.pool == "gem" else ""
        projected = f" of projection {self.projection[:8]}" if self.projection else ""
        return (
            f"pooled descriptors: {self.pool}{exponent}, power {self.power:g}, "
            f"{self.dims} dimensions{projected}, {self.coding} ({self.fingerprint[:8]})"
        )

    def to_json(self) -> dict[str, Any]:
        """Return the schema as what JSON can hold."""
        return {"fingerprint": self.fingerprint, **self._entries}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> PooledSchema:
        """Rebuild the schema of :meth:`to_json`.

        Raises
        ------
        KeyError, TypeError, ValueError, SemsigError
            If the document is no schema, or its fingerprint is of another definition.
        """
        later = {field.name for field in fields(cls)} & set(document)
        schema = cls(**{name: document[name] for name in {*_FIRST, *later}})
        if schema.fingerprint != document["fingerprint"]:
            raise ValueError("its descriptors were computed by another definition; index again")
        return schema


_FIRST = ("network", "pool", "power", "dims")
"""Parameters of the first schemas, whose fingerprints must stay."""


def check_pooling(pool: str, power: float, p: float) -> None:
    """Raise :class:`OptionError` unless there is such a pool, power and exponent."""
    if pool not in get_args(Pool):
        raise OptionError(f"Expected pool {', '.join(get_args(Pool))}, got {pool!r}.")
    for name, value, least, most in (("power", power, 0.0, 1.0), ("p", p, 1.0, MAX_EXPONENT)):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise OptionError(f"Expected a number for {name}, got {value!r}.")
        if not (least < value <= most or value == least >= 1):
            raise OptionError(f"Expected {name} above {least:g} to {most:g}, got {value}.")
    if p != 3 and pool != "gem":
        raise OptionError(f"Expected p with pool 'gem' only, got p {p:g} with {pool!r}.")


class PooledSignature:
    """Pooled descriptor of one photo.

    Parameters
    ----------
    codes : ndarray of int8 or float16, shape (D,)
        The descriptor. As int8 it is scaled so that its largest value is 127, and the row's
        scale, 1 over the codes' length, needs no place: distances are between descriptors of
        unit length. Kept read-only.
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
        if given.dtype != schema.coding or given.shape != (schema.dims,):
            raise SignatureError(
                f"Expected {schema.coding} ({schema.dims},), got {given.dtype} {given.shape}."
            )
        if not np.isfinite(given).all():
            raise SignatureError("Expected finite codes, got an infinity or NaN.")
        self.codes: NDArray[Any] = given.copy()
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
    codes : ndarray of int8 or float16, shape (N * D,)
        The descriptors, one after the other.
    offsets : ndarray of int64, shape (N + 1,)
        0, D, 2 D, ...: the same storage as for rows of varying length.
    schema : PooledSchema
        What they were made with.

    Raises
    ------
    SignatureError
        If dtypes, shapes or offsets do not fit together.
    """

    __slots__ = ("codes", "offsets", "schema")

    def __init__(
        self, codes: NDArray[Any], offsets: NDArray[np.int64], schema: PooledSchema
    ) -> None:
        if codes.dtype != schema.coding or codes.ndim != 1:
            raise SignatureError(
                f"Expected {schema.coding} codes, 1-D, got {codes.dtype} {codes.shape}."
            )
        check_offsets(offsets, len(codes), "codes")
        if (np.diff(offsets) != schema.dims).any():
            raise SignatureError(f"Expected {schema.dims} codes per descriptor, got other lengths.")
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
            If there is neither a descriptor nor a schema, or something else is given.
        """
        rows, schema = agreeing(signatures, PooledSignature, schema)
        codes = np.concatenate([np.zeros(0, schema.coding), *(row.codes for row in rows)])
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
    def matrix(self) -> NDArray[Any]:
        """The codes, shape (N, D)."""
        return self.codes.reshape(len(self), self.schema.dims)


POOLED_RECORDS = register_records(
    RecordSpec(
        format="semsig-pooled-index",
        schema=PooledSchema,
        signature=PooledSignature,
        batch=PooledBatch,
        dtypes=lambda schema: {"codes": np.dtype(schema.coding)},
        limits=lambda schema: {"codes": (-127, 127) if schema.coding == "int8" else (-1, 1)},
        positions=lambda values: np.arange(len(values["codes"])),
        rule="codes must be in range",
    )
)
"""How pooled descriptors are stored."""
