"""DuckDB over Parquet: exact search in SQL, without a server. Needs ``duckdb`` and ``pyarrow``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semsig.interop.exporting import new_folder, read_facts, refusals, require, write_facts
from semsig.interop.sql import DOCUMENTS, POSTINGS, TERMS, Rows, rank_all, ranking, write_tables
from semsig.search import HammingIndex, PooledIndex
from semsig.storage.checks import Signatures
from semsig.types.metrics import Metric


def export(index: HammingIndex, target: Path | str, *, pooled: PooledIndex | None = None) -> None:
    """Write an index to a new folder of Parquet files that DuckDB, or any other, can read.

    Parameters
    ----------
    index : HammingIndex
        The signatures.
    target : Path or str
        The folder: ``documents.parquet`` (doc, id, weight, cells, idf_weight, payload, pooled),
        ``postings.parquet`` (term, doc) by term, ``terms.parquet`` (term, idf).
    pooled : PooledIndex, optional
        Pooled descriptors: the column of D float32 at unit length.

    Raises
    ------
    OptionError, IndexWriteError, EngineError
        If the folder is there or cannot be written, or ``pyarrow`` is absent.
    """
    with new_folder(target) as folder:
        write_tables(folder, index, pooled)
        write_facts(folder, index, "duckdb")


def search(
    folder: Path | str,
    queries: Signatures,
    k: int,
    *,
    metric: Metric = "hamming",
    connection: Any = None,
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Find the `k` nearest of each query, as :meth:`semsig.HammingIndex.search` does.

    Parameters
    ----------
    folder : Path or str
        What :func:`export` wrote.
    queries, k, metric
        As :meth:`semsig.HammingIndex.search` takes them; every metric is known.
    connection : duckdb.DuckDBPyConnection, optional
        A connection to use; a new one, in memory, by default.

    Raises
    ------
    EngineError
        If ``duckdb`` is absent or refuses, or the folder holds no such tables.
    SchemaMismatchError, OptionError
        As :meth:`semsig.HammingIndex.search` does.
    """
    duckdb = require("duckdb", "duckdb", "1.0")
    facts = read_facts(folder, "duckdb")
    with refusals("DuckDB"):
        own = connection or duckdb.connect()

    def run(text: str) -> list[tuple[Any, ...]]:
        with refusals("DuckDB"):
            return list(own.execute(text).fetchall())

    def idf_of(terms: list[int]) -> dict[int, int]:
        table = _table(folder, TERMS)
        return dict(run(f"SELECT term, idf FROM {table} WHERE term IN {(*terms, -1, -1)}"))

    def ask(terms: NDArray[np.int64], weights: NDArray[np.int64], total: int, k: int) -> Rows:
        return run(query(folder, terms, weights, total, k, metric))

    return rank_all(queries, facts.schema, k, metric, n_rows=facts.rows, idf_of=idf_of, ask=ask)


def query(
    folder: Path | str,
    terms: NDArray[np.int64],
    weights: NDArray[np.int64],
    total: int,
    k: int,
    metric: Metric,
) -> str:
    """Return the query's text: columns ``id`` and ``distance``, the `k` nearest first.

    Parameters
    ----------
    folder : Path or str
        What :func:`export` wrote.
    terms, weights : ndarray of int64, shape (n,)
        The query's terms and their weights.
    total : int
        Their sum, W_A.
    k, metric
        As :func:`search` takes them.
    """
    asked = (
        f"SELECT unnest({terms.tolist()}::BIGINT[]) AS term, "
        f"unnest({weights.tolist()}::BIGINT[]) AS weight"
    )
    shared = (
        f"SELECT doc, CAST(sum(weight) AS BIGINT) AS shared FROM {_table(folder, POSTINGS)} "
        f"JOIN ({asked}) USING (term) GROUP BY doc"
    )
    return ranking(_table(folder, DOCUMENTS), shared, metric, total, k)


def _table(folder: Path | str, name: str) -> str:
    path = str(Path(folder) / name).replace("'", "''")
    return f"read_parquet('{path}')"
