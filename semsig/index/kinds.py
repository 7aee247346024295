"""The kinds of signatures that an index may hold: what they are stored as, and what is valid."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semsig.errors import OptionError
from semsig.index.storage.schemas import read_schema, schema_document
from semsig.types import (
    PooledBatch,
    PooledSchema,
    PooledSignature,
    SbovpBatch,
    SbovpSchema,
    SbovpSignature,
    SbsBatch,
    SbsSchema,
    SbsSignature,
)

AnySchema = SbsSchema | SbovpSchema | PooledSchema
AnySignature = SbsSignature | SbovpSignature | PooledSignature
AnyBatch = SbsBatch | SbovpBatch | PooledBatch

Values = Mapping[str, NDArray[Any]]
"""Arrays of one length by name, as the batches and signatures of a kind call them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of signature: rows of values, cut by offsets.

    Parameters
    ----------
    format : str
        What a manifest calls an index of this kind.
    schema, signature, batch : type
        Its classes.
    dtypes : callable
        From a schema, the dtype of each array of values.
    limits : callable
        From a schema, the least and the greatest value of each array.
    positions : callable
        From values, what ascends strictly within a signature.
    rule : str
        The same in words.
    to_json, from_json : callable
        A schema as what JSON can hold, and back; KeyError, TypeError, ValueError or SemsigError
        if it is none.
    """

    format: str
    schema: type[Any]
    signature: type[Any]
    batch: type[Any]
    dtypes: Callable[[Any], dict[str, np.dtype[Any]]]
    limits: Callable[[Any], dict[str, tuple[int, int]]]
    positions: Callable[[Values], NDArray[Any]]
    rule: str
    to_json: Callable[[Any], dict[str, Any]]
    from_json: Callable[[Mapping[str, Any]], Any]

    def values(self, batch: AnyBatch) -> dict[str, NDArray[Any]]:
        """Return the arrays of a batch."""
        return {name: getattr(batch, name) for name in self.dtypes(batch.schema)}


SBS = Kind(
    format="semsig-hamming-index",
    schema=SbsSchema,
    signature=SbsSignature,
    batch=SbsBatch,
    dtypes=lambda schema: {"cells": schema.cell_dtype},
    limits=lambda schema: {"cells": (0, schema.n_cells * 4 - 1)},
    positions=lambda values: values["cells"] >> 2,
    rule="cells must be strictly ascending, one level a cell",
    to_json=schema_document,
    from_json=read_schema,
)

SBOVP = Kind(
    format="semsig-l2-index",
    schema=SbovpSchema,
    signature=SbovpSignature,
    batch=SbovpBatch,
    dtypes=lambda _: {"columns": np.dtype(np.uint32), "counts": np.dtype(np.uint16)},
    limits=lambda schema: {"columns": (0, schema.n_columns - 1), "counts": (1, 2**16 - 1)},
    positions=lambda values: values["columns"],
    rule="columns must be strictly ascending",
    to_json=SbovpSchema.to_json,
    from_json=SbovpSchema.from_json,
)

POOLED = Kind(
    format="semsig-pooled-index",
    schema=PooledSchema,
    signature=PooledSignature,
    batch=PooledBatch,
    dtypes=lambda _: {"codes": np.dtype(np.int8)},
    limits=lambda _: {"codes": (-127, 127)},
    positions=lambda values: np.arange(len(values["codes"])),
    rule="codes must be in range",
    to_json=PooledSchema.to_json,
    from_json=PooledSchema.from_json,
)

KINDS = (SBS, SBOVP, POOLED)


def kind_of(schema: AnySchema) -> Kind:
    """Return the kind of the signatures of a schema; OptionError if it is none."""
    for kind in KINDS:
        if isinstance(schema, kind.schema):
            return kind
    raise OptionError(f"Expected a signature's schema, got {type(schema).__name__}.")
