"""Signatures as two tables, postings and documents, and the query that ranks them in SQL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semsig.interop.exporting import Found, as_answer, require
from semsig.interop.term_tables import LEAST_ARROW, header, vector_column
from semsig.interop.terms import TermRows, cut, query_terms, term_weights
from semsig.search import HammingIndex, PooledIndex
from semsig.search.checks import check_k
from semsig.search.scoring import IdfWeights, count_documents, idf, row_totals
from semsig.storage.checks import Signatures
from semsig.types import SbsBatch, SbsSchema
from semsig.types.metrics import Form, Metric, metric_named

DOCUMENTS = "documents.parquet"
"""One row per photo: doc, id, weight, cells, idf_weight, payload and, perhaps, pooled."""
POSTINGS = "postings.parquet"
"""One row per term of a photo, by term, then doc (the row)."""
TERMS = "terms.parquet"
"""One row per term that some photo has: its idf, in units of 2^-16, times its impact."""

TOTALS = {"bits": "weight", "presence": "cells", "idf": "idf_weight"}
"""The column of a row's total weight W_B, by kind of weight."""

Rows = list[tuple[int, float]]
"""Id and distance of each row of a result."""


def write_tables(folder: Path, index: HammingIndex, pooled: PooledIndex | None) -> None:
    """Write the three tables as Parquet, from one snapshot of the index."""
    pyarrow = require("pyarrow", "pyarrow", LEAST_ARROW)
    parquet = require("pyarrow.parquet", "pyarrow", LEAST_ARROW)
    ids, batch, payloads = index.to_rows()
    parts = list(cut(ids, batch, payloads, pooled))
    terms, docs = postings_of(parts)
    idfs = term_idfs(batch)
    tables = {
        POSTINGS: {"term": terms.astype(np.int64), "doc": docs},
        TERMS: {"term": list(idfs), "idf": list(idfs.values())},
        DOCUMENTS: _documents(ids, batch, parts, pooled),
    }
    for name, columns in tables.items():
        layout = {b"semsig": header(index.schema, pooled)}
        table = pyarrow.table(columns).replace_schema_metadata(layout)
        parquet.write_table(table, folder / name, compression="zstd")


def postings_of(parts: Sequence[TermRows]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Return the term and the row of every posting, by term, then row."""
    terms = np.concatenate([np.zeros(0, np.uint32), *(part.terms for part in parts)])
    rows = np.concatenate([np.zeros(0, np.int64), *(part.rows for part in parts)])
    order = np.argsort(terms, kind="stable")  # rows ascend within a term
    return terms[order], rows[order]


def term_idfs(batch: SbsBatch) -> dict[int, int]:
    """Return, by term, ascending, its idf in units of 2^-16 times its impact."""
    counts = count_documents(batch)
    own = idf(counts.reached, counts.rows) * [2, 1, 1, 1]
    terms = 4 * counts.cells[:, None] + np.arange(4)
    seen = counts.reached > 0
    return dict(zip(terms[seen].tolist(), own[seen].tolist(), strict=True))


def totals_of(batch: SbsBatch) -> NDArray[np.int64]:
    """Return each row's non-empty cells and its weight by idf, shape (N, 2)."""
    by_idf = row_totals(batch, IdfWeights(count_documents(batch)))
    return np.stack([np.diff(batch.offsets), by_idf.astype(np.int64)], axis=1)


def _documents(
    ids: NDArray[np.int64], batch: SbsBatch, parts: Sequence[TermRows], pooled: PooledIndex | None
) -> dict[str, Any]:
    cells, by_idf = totals_of(batch).T
    columns: dict[str, Any] = {
        "doc": np.arange(len(ids)),
        "id": ids,
        "weight": np.concatenate([np.zeros(0, np.int64), *(part.weights for part in parts)]),
        "cells": cells,
        "idf_weight": by_idf,
        "payload": [text for part in parts for text in part.payloads],
    }
    if pooled is not None:
        none = np.zeros((0, pooled.schema.dims), np.float32)
        vectors = [part.pooled for part in parts if part.pooled is not None]
        columns["pooled"] = vector_column(np.concatenate([none, *vectors]))
    return columns


def unseen(n_rows: int) -> int:
    """Return the idf of a term that no row has, in units of 2^-16."""
    return int(idf(np.zeros(1, np.int64), n_rows)[0])


def distance(form: Form, total: int, own: str) -> str:
    """Return the distance as an SQL expression of ``shared`` and the column of a row's total.

    Computed in float64 and rounded to float32 at the end, as semsig does, so equal.
    """
    shared = "coalesce(s.shared, 0)"
    if form == "difference":
        return f"{total} + d.{own} - 2 * {shared}"
    of = f"{total}" if form == "lack" else f"({total} + d.{own} - {shared})"
    quotient = f"CAST({shared} AS DOUBLE PRECISION) / CAST({of} AS DOUBLE PRECISION)"
    return f"CAST(CASE WHEN {of} > 0 THEN 1 - {quotient} ELSE 0 END AS REAL)"


def ranking(documents: str, shared: str, metric: Metric, total: int, k: int) -> str:
    """Return the query that ranks all documents, those that share nothing as well.

    Parameters
    ----------
    documents : str
        The table of documents, or an expression for it.
    shared : str
        A query for ``doc`` and ``shared``, the weight of the terms that a row shares.
    metric : str
        The distance.
    total : int
        Weight of the query.
    k : int
        How many rows are wanted.
    """
    entry = metric_named(metric)
    measure = distance(entry.form, total, TOTALS[entry.weights])
    return (
        f"SELECT d.id AS id, {measure} AS distance\n"
        f"FROM {documents} AS d LEFT JOIN ({shared}) AS s ON d.doc = s.doc\n"
        f"ORDER BY distance, d.doc LIMIT {k}"
    )


def rank_all(
    queries: Signatures,
    schema: SbsSchema,
    k: int,
    metric: Metric,
    *,
    n_rows: int,
    idf_of: Callable[[list[int]], dict[int, int]],
    ask: Callable[[NDArray[np.int64], NDArray[np.int64], int, int], Rows],
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Rank for each query, and return distances and ids (Q, k) as an index's ``search`` does.

    Parameters
    ----------
    queries, k, metric
        As :meth:`semsig.HammingIndex.search` takes them.
    schema : SbsSchema
        What the tables hold.
    n_rows : int
        How many documents there are.
    idf_of : callable
        Returns the weights of those terms that are known.
    ask : callable
        Takes terms, their weights, the query's total and k; returns ids and distances.
    """
    k = check_k(k, n_rows)
    found: list[Found] = []
    for terms in query_terms(queries, schema):
        if metric_named(metric).weights == "idf":
            known, other = idf_of(terms.tolist()), unseen(n_rows)
            impacts = term_weights(terms, "bits").tolist()
            each = zip(terms.tolist(), impacts, strict=True)
            weights = np.array([known.get(t, other * i) for t, i in each], np.int64)
        else:
            weights = term_weights(terms, metric_named(metric).weights)
        rows = ask(terms.astype(np.int64), weights, int(weights.sum()), k)
        found.append([(d, rank, id_) for rank, (id_, d) in enumerate(rows)])
    return as_answer(found, k, metric)
