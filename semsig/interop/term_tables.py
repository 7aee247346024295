"""Terms as a ``pyarrow.Table``, Parquet, Arrow or JSON lines. Needs the extra ``arrow``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semsig.durable import writing
from semsig.errors import IndexWriteError, OptionError
from semsig.interop.exporting import require
from semsig.interop.terms import TermRows, impacts_of, rows_of
from semsig.search import HammingIndex, PooledIndex
from semsig.types import SbsSchema

_KEY = b"semsig"
LEAST_ARROW = "18"
"""The version of pyarrow that is needed."""


def to_terms(index: HammingIndex, *, pooled: PooledIndex | None = None) -> Any:
    """Return an index as a ``pyarrow.Table`` of terms.

    Parameters
    ----------
    index : HammingIndex
        The signatures.
    pooled : PooledIndex, optional
        Pooled descriptors of the same photos, by the same ids.

    Returns
    -------
    pyarrow.Table
        In order of insertion, columns ``id`` int64; ``terms`` list of uint32, ascending;
        ``impacts`` list of uint8, 2 or 1; ``weight`` int32, the sum of the impacts; ``payload``
        string; and, where there is `pooled`, a list of D float32 of unit length. The metadata's
        key ``semsig`` holds the schemas as JSON.
    """
    pyarrow = require("pyarrow", "pyarrow", LEAST_ARROW)
    layout = _layout(index.schema, pooled)
    batches = (_record_batch(rows, layout) for rows in rows_of(index, pooled))
    return pyarrow.Table.from_batches(batches, layout)


def write_terms(
    index: HammingIndex, path: Path | str, *, pooled: PooledIndex | None = None
) -> None:
    """Write the terms of an index to a file, completely or not at all.

    Parameters
    ----------
    index, pooled
        As :func:`to_terms` takes them.
    path : Path or str
        ``*.parquet`` or ``*.arrow`` (Arrow's IPC file) hold the table of :func:`to_terms`;
        ``*.jsonl`` one JSON object per line, its keys the table's columns.

    Raises
    ------
    OptionError
        If the name ends in none of these.
    IndexWriteError
        If the file cannot be written; one that was there before is left as it was.
    """
    path = Path(path)
    write = {".jsonl": _write_lines, ".parquet": _write_parquet, ".arrow": _write_ipc}
    if path.suffix not in write:
        raise OptionError(f"Expected a file named *{', *'.join(write)}; got {path.name}.")
    try:
        with writing(path) as file:
            write[path.suffix](index, pooled, file)
    except OSError as error:
        raise IndexWriteError(f"Cannot write {path}: {error.strerror}") from error


def _write_lines(index: HammingIndex, pooled: PooledIndex | None, file: Any) -> None:
    for rows in rows_of(index, pooled):
        for id_, terms, weight, payload, vector in rows:
            line: dict[str, Any] = {"id": id_, "terms": terms.tolist()}
            line |= {"impacts": impacts_of(terms).tolist(), "weight": weight, "payload": payload}
            line |= {} if vector is None else {"pooled": vector}
            file.write(json.dumps(line).encode() + b"\n")


def _write_parquet(index: HammingIndex, pooled: PooledIndex | None, file: Any) -> None:
    parquet = require("pyarrow.parquet", "pyarrow", LEAST_ARROW)
    layout = _layout(index.schema, pooled)
    with parquet.ParquetWriter(file, layout, compression="zstd") as writer:
        for rows in rows_of(index, pooled):
            writer.write_batch(_record_batch(rows, layout))


def _write_ipc(index: HammingIndex, pooled: PooledIndex | None, file: Any) -> None:
    pyarrow = require("pyarrow", "pyarrow", LEAST_ARROW)
    layout = _layout(index.schema, pooled)
    with pyarrow.ipc.new_file(file, layout) as writer:
        for rows in rows_of(index, pooled):
            writer.write_batch(_record_batch(rows, layout))


def header(schema: SbsSchema, pooled: PooledIndex | None) -> bytes:
    """Return the schemas as JSON, as the tables' metadata holds them under ``semsig``."""
    document = {"format": "semsig-terms", "version": 1, "schema": schema.to_json()}
    return json.dumps(
        document | ({} if pooled is None else {"pooled": pooled.schema.to_json()})
    ).encode()


def _layout(schema: SbsSchema, pooled: PooledIndex | None) -> Any:
    pyarrow = require("pyarrow", "pyarrow", LEAST_ARROW)
    fields = [
        ("id", pyarrow.int64()),
        ("terms", pyarrow.list_(pyarrow.uint32())),
        ("impacts", pyarrow.list_(pyarrow.uint8())),
        ("weight", pyarrow.int32()),
        ("payload", pyarrow.string()),
    ]
    if pooled is not None:
        fields.append(("pooled", pyarrow.list_(pyarrow.float32(), pooled.schema.dims)))
    return pyarrow.schema(fields).with_metadata({_KEY: header(schema, pooled)})


def _record_batch(rows: TermRows, layout: Any) -> Any:
    pyarrow = require("pyarrow", "pyarrow", LEAST_ARROW)
    starts = pyarrow.array(rows.offsets.astype(np.int32))
    columns = [
        pyarrow.array(rows.ids),
        pyarrow.ListArray.from_arrays(starts, pyarrow.array(rows.terms)),
        pyarrow.ListArray.from_arrays(starts, pyarrow.array(rows.impacts)),
        pyarrow.array(rows.weights.astype(np.int32)),
        pyarrow.array(rows.payloads, pyarrow.string()),
    ]
    if rows.pooled is not None:
        columns.append(vector_column(rows.pooled))
    return pyarrow.RecordBatch.from_arrays(columns, schema=layout)


def vector_column(vectors: NDArray[np.float32]) -> Any:
    """Return vectors (N, D) as an Arrow array of lists of D floats."""
    pyarrow = require("pyarrow", "pyarrow", LEAST_ARROW)
    flat = pyarrow.array(vectors.reshape(-1))
    return pyarrow.FixedSizeListArray.from_arrays(flat, vectors.shape[1])
