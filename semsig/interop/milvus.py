"""Milvus, on a server or as Milvus Lite in a folder: exact search over sparse vectors.

Needs ``pymilvus``, and ``milvus-lite`` for a folder, which is for tests. A document's sparse vector
has its terms' impacts, and (n_bits - W) / 2 in one more dimension, because Milvus takes no negative
values; see :mod:`semsig.interop.scores`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semsig.errors import OptionError
from semsig.interop.exporting import (
    Found,
    as_answer,
    new_folder,
    only,
    refusals,
    require,
    settled,
)
from semsig.interop.scores import (
    METRICS,
    check_exact,
    column_name,
    distance_of,
    sparse_document,
    sparse_query,
)
from semsig.interop.terms import TermRows, impacts_of, query_terms, rows_of
from semsig.search import HammingIndex, PooledIndex
from semsig.search.checks import check_k
from semsig.storage.checks import Signatures
from semsig.types import SbsSchema
from semsig.types.metrics import Metric

_LEAST = "2.4"
_LEAST_LITE = "3.0"
_AT_ONCE = 1000
_FILE = "milvus.db"
MAX_HITS = 16_384
"""Milvus's limit on the hits of a search."""


def export(
    index: HammingIndex,
    target: Path | str,
    *,
    pooled: PooledIndex | None = None,
    collection: str = "semsig",
) -> None:
    """Write an index to a new collection; on an error, none is left.

    Parameters
    ----------
    index : HammingIndex
        The signatures.
    target : Path or str
        A new folder for Milvus Lite, or the address of a server, ``http://host:19530``.
    pooled : PooledIndex, optional
        Pooled descriptors: the field "pooled", D floats, compared by inner product.
    collection : str
        Its name.

    Raises
    ------
    OptionError, IndexWriteError
        If folder or collection are there, or signatures are too long to be exact.
    EngineError
        If ``pymilvus`` is absent, or Milvus refuses, such as a payload beyond 65,535 bytes.
    """
    require("pymilvus", "pymilvus", _LEAST)
    if not _is_address(target):
        require("milvus_lite", "milvus-lite", _LEAST_LITE)
    check_exact(index.schema, "Milvus")
    if _is_address(target):
        with _client(target) as client:
            _create(client, index, pooled, collection)
        return
    with new_folder(target) as folder, _client(folder) as client:
        _create(client, index, pooled, collection)


def _is_address(target: Path | str) -> bool:
    return str(target).startswith(("http://", "https://"))


@contextmanager
def _client(target: Path | str) -> Iterator[Any]:
    package = require("pymilvus", "pymilvus", _LEAST)
    local = not _is_address(target)
    where = str(Path(target) / _FILE) if local else str(target)
    with refusals("Milvus"):
        client = package.MilvusClient(where)
        try:
            yield client
        finally:
            client.close()
            if local:  # its server lives on in this process, and locks the folder
                module = "milvus_lite.server_manager"
                manager = require(module, "milvus-lite", _LEAST_LITE).server_manager_instance
                manager.release_server(where)


def _create(client: Any, index: HammingIndex, pooled: PooledIndex | None, collection: str) -> None:
    if client.has_collection(collection):
        raise OptionError(f"Expected no collection {collection!r} yet, got one; name another.")
    try:
        _lay_out(client, index.schema, pooled, collection)
        for rows in rows_of(index, pooled):
            documents = list(_documents(rows, index.schema))
            for first in range(0, len(documents), _AT_ONCE):
                client.insert(collection, documents[first : first + _AT_ONCE])
    except BaseException:
        client.drop_collection(collection)
        raise


def _lay_out(client: Any, schema: SbsSchema, pooled: PooledIndex | None, collection: str) -> None:
    kinds = require("pymilvus", "pymilvus", _LEAST).DataType
    layout = client.create_schema(auto_id=False, enable_dynamic_field=False)
    layout.add_field("id", kinds.INT64, is_primary=True)
    layout.add_field("doc", kinds.INT64)
    layout.add_field("payload", kinds.VARCHAR, max_length=65_535)
    layout.add_field(column_name(schema), kinds.SPARSE_FLOAT_VECTOR)
    indexes = client.prepare_index_params()
    indexes.add_index(column_name(schema), index_type="SPARSE_INVERTED_INDEX", metric_type="IP")
    if pooled is not None:
        layout.add_field("pooled", kinds.FLOAT_VECTOR, dim=pooled.schema.dims)
        indexes.add_index("pooled", index_type="FLAT", metric_type="IP")
    client.create_collection(
        collection, schema=layout, index_params=indexes, consistency_level="Strong"
    )


def _documents(rows: TermRows, schema: SbsSchema) -> Iterator[dict[str, Any]]:
    for own, (id_, terms, weight, payload, vector) in zip(rows.docs, rows, strict=True):
        sparse = dict(zip(*sparse_document(terms, weight, schema, shifted=True), strict=True))
        document = {"id": id_, "doc": own, "payload": payload, column_name(schema): sparse}
        yield document | ({} if vector is None else {"pooled": vector})


def search(
    target: Path | str,
    queries: Signatures,
    k: int,
    *,
    schema: SbsSchema,
    metric: Metric = "hamming",
    collection: str = "semsig",
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Find the `k` nearest of each query, as :meth:`semsig.HammingIndex.search` does.

    Parameters
    ----------
    target, collection
        As :func:`export` takes them.
    queries, k
        As :meth:`semsig.HammingIndex.search` takes them.
    schema : SbsSchema
        Schema of the signatures that were exported.
    metric : {"hamming", "containment"}
        The distance.

    Raises
    ------
    EngineError
        If ``pymilvus`` is absent, or Milvus refuses, such as more hits than 16,384 to settle
        ties; also if the collection is of another schema, which names its field.
    SchemaMismatchError, OptionError
        As :meth:`semsig.HammingIndex.search` does.
    """
    only("Milvus", metric, METRICS)
    with _client(target) as client:
        client.load_collection(collection)
        n_rows = client.query(collection, output_fields=["count(*)"])[0]["count(*)"]
        k = check_k(k, n_rows)
        found = [
            settled(_asker(client, collection, terms, metric, schema), k, n_rows)
            for terms in query_terms(queries, schema)
        ]
        return as_answer(found, k, metric)


def _asker(
    client: Any, collection: str, terms: NDArray[np.uint32], metric: Metric, schema: SbsSchema
) -> Any:
    weight = int(impacts_of(terms).sum())
    asked = query(terms, metric, schema)

    def ask(limit: int) -> Found:
        hits = client.search(collection, limit=limit, output_fields=["doc"], **asked)[0]
        return [
            (
                distance_of(hit["distance"], weight, metric, schema, shifted=True),
                hit["entity"]["doc"],
                hit["id"],
            )
            for hit in hits
        ]

    return ask


def query(terms: NDArray[np.uint32], metric: Metric, schema: SbsSchema) -> dict[str, Any]:
    """Return what ``client.search`` takes for a signature's terms, but for the limit."""
    sparse = dict(zip(*sparse_query(terms, metric, schema), strict=True))
    return {
        "data": [sparse],
        "anns_field": column_name(schema),
        "search_params": {"metric_type": "IP", "params": {"drop_ratio_search": 0.0}},
    }
