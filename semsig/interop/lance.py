"""LanceDB, in a folder: exact search by Hamming's distance over bit strings. Needs ``lancedb``.

Bit strings are kept dense, n_bits / 8 bytes per row, and compared one by one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semsig.interop.exporting import (
    Found,
    as_answer,
    new_folder,
    only,
    read_facts,
    refusals,
    require,
    settled,
    write_facts,
)
from semsig.interop.term_tables import LEAST_ARROW, header, vector_column
from semsig.interop.terms import cut
from semsig.search import HammingIndex, PooledIndex
from semsig.search.checks import check_k
from semsig.storage.checks import Signatures, as_batch
from semsig.storage.packed import n_bytes, pack
from semsig.types import SbsSignature
from semsig.types.metrics import Metric

_LEAST = "0.20"
_AT_ONCE = 1024


def export(index: HammingIndex, target: Path | str, *, pooled: PooledIndex | None = None) -> None:
    """Write an index to a new folder, a database of LanceDB with the table ``semsig``.

    Parameters
    ----------
    index : HammingIndex
        The signatures.
    target : Path or str
        The folder.
    pooled : PooledIndex, optional
        Pooled descriptors: the column ``pooled``, D float32 at unit length.

    Raises
    ------
    OptionError, IndexWriteError
        If the folder is there or cannot be written.
    EngineError
        If ``lancedb`` is absent or refuses.
    """
    lancedb = require("lancedb", "lancedb", _LEAST)
    pyarrow = require("pyarrow", "pyarrow", LEAST_ARROW)
    fields = [
        ("doc", pyarrow.int64()),
        ("id", pyarrow.int64()),
        ("payload", pyarrow.string()),
        ("bits", pyarrow.list_(pyarrow.uint8(), n_bytes(index.schema))),
    ]
    if pooled is not None:
        fields.append(("pooled", pyarrow.list_(pyarrow.float32(), pooled.schema.dims)))
    layout = pyarrow.schema(fields).with_metadata({"semsig": header(index.schema, pooled)})
    with new_folder(target) as folder, refusals("LanceDB"):
        database = lancedb.connect(str(folder))
        database.create_table("semsig", _batches(index, pooled, layout), schema=layout)
        write_facts(folder, index, "lance")


def _batches(index: HammingIndex, pooled: PooledIndex | None, layout: Any) -> Iterator[Any]:
    pyarrow = require("pyarrow", "pyarrow", LEAST_ARROW)
    ids, batch, payloads = index.to_rows()
    for rows in cut(ids, batch, payloads, pooled):
        for first in range(0, len(rows.ids), _AT_ONCE):
            part = slice(first, first + _AT_ONCE)
            own = np.array(rows.docs[part])
            packed = pack(batch[own[0] : own[-1] + 1])
            columns = [
                pyarrow.array(own),
                pyarrow.array(rows.ids[part]),
                pyarrow.array(rows.payloads[part], pyarrow.string()),
                pyarrow.FixedSizeListArray.from_arrays(packed.reshape(-1), packed.shape[1]),
            ]
            columns += [] if rows.pooled is None else [vector_column(rows.pooled[part])]
            yield pyarrow.RecordBatch.from_arrays(columns, schema=layout)


def search(
    folder: Path | str, queries: Signatures, k: int, *, metric: Metric = "hamming"
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Find the `k` nearest of each query, as :meth:`semsig.HammingIndex.search` does.

    Parameters
    ----------
    folder : Path or str
        What :func:`export` wrote.
    queries, k
        As :meth:`semsig.HammingIndex.search` takes them.
    metric : {"hamming"}
        The distance.

    Raises
    ------
    EngineError
        If ``lancedb`` is absent or refuses, or the folder holds no such table.
    SchemaMismatchError, OptionError
        As :meth:`semsig.HammingIndex.search` does.
    """
    lancedb = require("lancedb", "lancedb", _LEAST)
    only("LanceDB", metric, ("hamming",))
    facts = read_facts(folder, "lance")
    k = check_k(k, facts.rows)
    with refusals("LanceDB"):
        table = lancedb.connect(str(folder)).open_table("semsig")
        found = [
            _nearest(table, signature, k, facts.rows)
            for signature in as_batch(queries, facts.schema)
        ]
    return as_answer(found, k, metric)


def _nearest(table: Any, signature: SbsSignature, k: int, n_rows: int) -> Found:
    def ask(limit: int) -> Found:
        rows = query(table, signature, limit).to_arrow()
        columns = (rows[name].to_pylist() for name in ("_distance", "doc", "id"))
        return [(round(bits), own, id_) for bits, own, id_ in zip(*columns, strict=True)]

    return settled(ask, k, n_rows)


def query(table: Any, signature: SbsSignature, k: int) -> Any:
    """Return LanceDB's query for the `k` nearest: columns ``_distance`` (bits), doc and id."""
    asked = table.search(signature.to_bits(), vector_column_name="bits")
    return asked.distance_type("hamming").select(["doc", "id", "_distance"]).limit(k)
