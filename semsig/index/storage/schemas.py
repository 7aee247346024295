"""Schemas as plain data, for JSON: in manifests, and in tables that leave the house."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from semsig.classes import ClassTable
from semsig.types import SbsSchema


def schema_document(schema: SbsSchema) -> dict[str, Any]:
    """Return a schema as what JSON can hold."""
    table = schema.classes
    return {
        "fingerprint": schema.fingerprint,
        "levels": schema.levels,
        "classes": {"name": table.name, "names": table.names, "palette": table.palette},
    }


def read_schema(document: Mapping[str, Any]) -> SbsSchema:
    """Rebuild the schema of :func:`schema_document`.

    Raises
    ------
    KeyError, TypeError, ValueError, SemsigError
        If the document is no schema, or its fingerprint is of another definition.
    """
    table = document["classes"]
    classes = ClassTable(table["names"], name=table["name"], palette=table["palette"])
    schema = SbsSchema(document["levels"], classes)
    if schema.fingerprint != document["fingerprint"]:
        raise ValueError("its signatures were computed by another definition; index again")
    return schema
