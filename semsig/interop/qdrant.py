"""Qdrant, in a folder or on a server: exact search over sparse vectors. Needs ``qdrant-client``.

A document's sparse vector has its terms' impacts, and -W / 2 in one more dimension; see
:mod:`semsig.interop.scores`. The local mode, a folder, is for tests: it scans in Python.
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
from semsig.interop.terms import impacts_of, query_terms, rows_of
from semsig.search import HammingIndex, PooledIndex
from semsig.search.checks import check_k
from semsig.storage.checks import Signatures
from semsig.types import SbsSchema
from semsig.types.metrics import Metric

_LEAST = "1.10"
_AT_ONCE = 256


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
        A new folder, or the address of a server, ``http://...`` or ``https://...``.
    pooled : PooledIndex, optional
        Pooled descriptors: the vector "pooled", D floats, compared by dot product.
    collection : str
        Its name.

    Raises
    ------
    OptionError, IndexWriteError
        If folder or collection are there, or signatures are too long to be exact.
    EngineError
        If ``qdrant-client`` is absent, or Qdrant refuses.
    """
    require("qdrant_client", "qdrant-client", _LEAST)
    check_exact(index.schema, "Qdrant")
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
    package = require("qdrant_client", "qdrant-client", _LEAST)
    with refusals("Qdrant"):
        where = {"url": target} if _is_address(target) else {"path": str(target)}
        client = package.QdrantClient(**where)
        try:
            yield client
        finally:
            client.close()


def _create(client: Any, index: HammingIndex, pooled: PooledIndex | None, collection: str) -> None:
    models = require("qdrant_client.models", "qdrant-client", _LEAST)
    if client.collection_exists(collection):
        raise OptionError(f"Expected no collection {collection!r} yet, got one; name another.")
    dense = {}
    if pooled is not None:
        dense["pooled"] = models.VectorParams(size=pooled.schema.dims, distance="Dot")
    sparse = {column_name(index.schema): models.SparseVectorParams()}
    client.create_collection(collection, vectors_config=dense, sparse_vectors_config=sparse)
    try:
        client.upload_points(
            collection, _points(models, index, pooled), batch_size=_AT_ONCE, wait=True
        )
    except BaseException:
        client.delete_collection(collection)
        raise


def _points(models: Any, index: HammingIndex, pooled: PooledIndex | None) -> Iterator[Any]:
    name = column_name(index.schema)
    for rows in rows_of(index, pooled):
        for own, (id_, terms, weight, payload, vector) in zip(rows.docs, rows, strict=True):
            places, values = sparse_document(terms, weight, index.schema, shifted=False)
            vectors: dict[str, Any] = {name: models.SparseVector(indices=places, values=values)}
            vectors |= {} if vector is None else {"pooled": vector}
            stored = {"doc": own, "payload": payload}
            yield models.PointStruct(id=id_, vector=vectors, payload=stored)


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
        If ``qdrant-client`` is absent, or Qdrant refuses; also if the collection is of another
        schema, which names its vectors.
    SchemaMismatchError, OptionError
        As :meth:`semsig.HammingIndex.search` does.
    """
    only("Qdrant", metric, METRICS)
    with _client(target) as client:
        n_rows = client.count(collection, exact=True).count
        k = check_k(k, n_rows)
        found: list[Found] = []
        for terms in query_terms(queries, schema):
            weight = int(impacts_of(terms).sum())
            asked = query(terms, metric, schema)

            def ask(limit: int, asked: Any = asked, weight: int = weight) -> Found:
                hits = client.query_points(collection, limit=limit, **asked).points
                return [
                    (
                        distance_of(hit.score, weight, metric, schema, shifted=False),
                        hit.payload["doc"],
                        hit.id,
                    )
                    for hit in hits
                ]

            found.append(settled(ask, k, n_rows))
        return as_answer(found, k, metric)


def query(terms: NDArray[np.uint32], metric: Metric, schema: SbsSchema) -> dict[str, Any]:
    """Return what ``client.query_points`` takes for a signature's terms, but for the limit."""
    models = require("qdrant_client.models", "qdrant-client", _LEAST)
    places, values = sparse_query(terms, metric, schema)
    return {
        "query": models.SparseVector(indices=places, values=values),
        "using": column_name(schema),
        "with_payload": ["doc"],
    }
