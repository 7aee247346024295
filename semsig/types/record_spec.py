"""How signatures are stored: the arrays of a record, what is valid in them, and all known specs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from semsig.errors import OptionError

Values = Mapping[str, NDArray[Any]]
"""Arrays of one length by name, as batches and signatures call them."""


class AnySchema(Protocol):
    """What signatures were made with; only signatures of one schema can be compared."""

    @property
    def fingerprint(self) -> str:
        """Hex SHA-256 of everything that makes two signatures comparable."""
        ...

    def describe(self) -> str:
        """Return one phrase for messages."""
        ...

    def require(self, other: Any) -> None:
        """Raise :class:`SchemaMismatchError` unless `other` is comparable with this schema."""
        ...

    def to_json(self) -> dict[str, Any]:
        """Return the schema as what JSON can hold."""
        ...

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Rebuild a schema; KeyError, TypeError, ValueError or SemsigError if that fails."""
        ...


class AnyBatch(Protocol):
    """Many signatures in flat arrays, cut into records by offsets."""

    offsets: NDArray[np.int64]
    schema: Any

    def __len__(self) -> int: ...

    def __getitem__(self, item: Any) -> Any: ...

    @classmethod
    def of(cls, signatures: Iterable[Any], schema: Any = None) -> Self:
        """Join signatures; `schema` is needed only where there may be none."""
        ...


AnySignature = Any
"""A signature: it has a ``schema`` and the arrays that its spec names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordSpec:
    """How signatures of one kind are stored: records of values, of varying or fixed length.

    Parameters
    ----------
    format : str
        What a manifest calls an index of such signatures.
    schema, signature, batch : type
        Their classes.
    dtypes : callable
        From a schema, the dtype of each array of values.
    limits : callable
        From a schema, the least and the greatest value of each array.
    positions : callable
        From values, what ascends strictly within a record.
    rule : str
        The rule that `positions` checks, in words.
    """

    format: str
    schema: type[Any]
    signature: type[Any]
    batch: type[Any]
    dtypes: Callable[[Any], dict[str, np.dtype[Any]]]
    limits: Callable[[Any], dict[str, tuple[int, int]]]
    positions: Callable[[Values], NDArray[Any]]
    rule: str

    def values(self, batch: AnyBatch) -> dict[str, NDArray[Any]]:
        """Return the arrays of a batch."""
        return {name: getattr(batch, name) for name in self.dtypes(batch.schema)}


_SPECS: dict[str, RecordSpec] = {}


def register_records(spec: RecordSpec) -> RecordSpec:
    """Make a spec known to storage, and return it.

    Raises
    ------
    OptionError
        If another one has its format.
    """
    if _SPECS.setdefault(spec.format, spec) is not spec:
        raise OptionError(f"Expected a format of its own; {spec.format!r} is registered already.")
    return spec


def records_of(schema: AnySchema) -> RecordSpec:
    """Return the spec for a schema; OptionError if there is none."""
    for spec in _SPECS.values():
        if isinstance(schema, spec.schema):
            return spec
    raise OptionError(f"Expected a signature's schema, got {type(schema).__name__}.")


def records_by_format() -> Mapping[str, RecordSpec]:
    """Return every known spec by its format."""
    return dict(_SPECS)
