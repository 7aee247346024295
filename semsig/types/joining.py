"""Joining signatures into a batch: what they must have in common."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from semsig.errors import SignatureError

Signature = TypeVar("Signature")


def agreeing(
    signatures: Iterable[Signature], kind: type[Signature], schema: Any
) -> tuple[list[Signature], Any]:
    """Return one or more signatures as a list, with their schema: `schema` if it is given.

    Raises
    ------
    SchemaMismatchError
        If the signatures have different schemas.
    SignatureError
        If there is neither a signature nor a schema, or something is not a `kind`.
    """
    rows: list[Any] = list(signatures) if isinstance(signatures, Iterable) else [signatures]
    for row in rows:
        if not isinstance(row, kind):
            raise SignatureError(f"Expected {kind.__name__}, got {type(row).__name__}.")
    if schema is None and not rows:
        raise SignatureError("An empty batch needs a schema.")
    schema = schema or rows[0].schema
    for row in rows:
        schema.require(row.schema)
    return rows, schema
