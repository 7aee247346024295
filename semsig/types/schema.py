"""What a signature was made with: only signatures of one schema can be compared."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from operator import index
from typing import Any

import numpy as np

from semsig.arguments import expect
from semsig.classes import ClassTable
from semsig.documents import Entries
from semsig.errors import OptionError, SchemaMismatchError

MAX_LEVELS = 8


@dataclass(frozen=True)
class SbsSchema:
    """What an SBS signature was made with; only signatures of one schema can be compared.

    Parameters
    ----------
    levels : int
        Level n of the quadtree, 0..8: the map is cut in 4^n blocks.
    classes : ClassTable
        The table of M classes.

    Raises
    ------
    OptionError
        If `levels` is out of range, or 4^n * M cells do not fit 32-bit cell numbers.
    """

    levels: int
    classes: ClassTable

    def __post_init__(self) -> None:
        object.__setattr__(self, "levels", whole_number("levels", self.levels))
        expect("classes", self.classes, ClassTable)
        if not 0 <= self.levels <= MAX_LEVELS:
            raise OptionError(f"levels must be 0 to {MAX_LEVELS}, got {self.levels}.")
        if self.n_cells * 4 > 2**32:
            raise OptionError(
                f"{self.n_blocks:,} blocks x {len(self.classes):,} classes exceed 2^30 cells; "
                "use fewer levels."
            )

    @property
    def n_blocks(self) -> int:
        """Number of blocks, 4^n."""
        return int(4**self.levels)

    @cached_property
    def n_cells(self) -> int:
        """Number of (block, class) cells, 4^n * M."""
        return self.n_blocks * len(self.classes)

    @property
    def n_bits(self) -> int:
        """Length of the bit string, 5 * 4^n * M."""
        return 5 * self.n_cells

    @cached_property
    def cell_dtype(self) -> np.dtype[np.uint16] | np.dtype[np.uint32]:
        """Dtype of stored cells: uint16 while ``cell * 4 + 3`` fits, uint32 beyond."""
        return np.dtype(np.uint16) if self.n_cells * 4 <= 2**16 else np.dtype(np.uint32)

    @cached_property
    def fingerprint(self) -> str:
        """Hex SHA-256 of everything that makes two signatures comparable."""
        text = f"semsig sbs 1; levels {self.levels}; classes {self.classes.fingerprint}"
        return hashlib.sha256(text.encode()).hexdigest()

    def require(self, other: SbsSchema) -> None:
        """Raise :class:`SchemaMismatchError` unless `other` is comparable with this schema."""
        if other.fingerprint != self.fingerprint:
            raise SchemaMismatchError(
                f"Expected signatures of {self.describe()}, got {other.describe()}. "
                "Make both with the same segmenter and levels."
            )

    def to_json(self) -> dict[str, Any]:
        """Return the schema as what JSON can hold."""
        table = self.classes
        return {
            "fingerprint": self.fingerprint,
            "levels": self.levels,
            "classes": {"name": table.name, "names": table.names, "palette": table.palette},
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> SbsSchema:
        """Rebuild the schema of :meth:`to_json`.

        Raises
        ------
        KeyError, TypeError, ValueError, SemsigError
            If the document is no schema, or its fingerprint is of another definition.
        """
        classes = ClassTable.from_entries(Entries(document["classes"], "classes"))
        schema = cls(document["levels"], classes)
        if schema.fingerprint != document["fingerprint"]:
            raise ValueError("its signatures were computed by another definition; index again")
        return schema

    def describe(self) -> str:
        """One phrase for messages."""
        return (
            f"SBS n={self.levels} over {self.classes.name!r} "
            f"({len(self.classes)} classes, {self.fingerprint[:8]})"
        )


def whole_number(name: str, value: object) -> int:
    """Return the option `name` as an int; raise :class:`OptionError` if it is not an integer."""
    try:
        if isinstance(value, bool):
            raise TypeError
        return index(value)  # type: ignore[arg-type]
    except TypeError:
        raise OptionError(f"{name} must be an integer, got {value!r}.") from None
