"""ClickHouse, on a server or embedded as chDB: exact search in SQL. Needs ``pyarrow``; ``chdb``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semsig.interop.exporting import new_folder, read_facts, refusals, require, write_facts
from semsig.interop.sql import DOCUMENTS, POSTINGS, TERMS, Rows, rank_all, ranking, write_tables
from semsig.search import HammingIndex, PooledIndex
from semsig.storage.checks import Signatures
from semsig.types.metrics import Metric

_LEAST = "3.0"
_COLUMNS = {
    "documents": (
        "doc Int64, id Int64, weight Int64, cells Int64, idf_weight Int64, payload String",
        "doc",
    ),
    "postings": ("term Int64, doc Int64", "(term, doc)"),
    "terms": ("term Int64, idf Int64", "term"),
}
_FILES = {"documents": DOCUMENTS, "postings": POSTINGS, "terms": TERMS}

Run = Callable[[str], list[list[Any]]]
"""Runs a query and returns its rows."""


def export(index: HammingIndex, target: Path | str, *, pooled: PooledIndex | None = None) -> None:
    """Write an index to a new folder that a ClickHouse server, or :func:`load`, reads.

    Parameters
    ----------
    index : HammingIndex
        The signatures.
    target : Path or str
        The folder: the Parquet files of :func:`semsig.interop.duckdb.export`, and ``schema.sql``,
        which ``clickhouse-client --multiquery < schema.sql`` runs there.
    pooled : PooledIndex, optional
        Pooled descriptors: a column of D float32 at unit length.

    Raises
    ------
    OptionError, IndexWriteError, EngineError
        If the folder is there or cannot be written, or ``pyarrow`` is absent.
    """
    with new_folder(target) as folder:
        write_tables(folder, index, pooled)
        has_pooled = pooled is not None
        statements = _statements(has_pooled, lambda file: f"FROM INFILE '{file}' FORMAT Parquet")
        (folder / "schema.sql").write_text(";\n".join(statements) + ";\n")
        write_facts(folder, index, "clickhouse", pooled=has_pooled)


def _statements(pooled: bool, source: Callable[[str], str]) -> list[str]:
    statements = ["CREATE DATABASE IF NOT EXISTS semsig"]
    for name, (columns, order) in _COLUMNS.items():
        more = ", pooled Array(Float32)" if pooled and name == "documents" else ""
        statements += [
            f"CREATE TABLE semsig.{name} ({columns}{more}) ENGINE = MergeTree ORDER BY {order}",
            f"INSERT INTO semsig.{name} {source(_FILES[name])}",
        ]
    return statements


def load(folder: Path | str, database: Path | str) -> None:
    """Fill a database of chDB, in a new folder, with what :func:`export` wrote.

    Raises
    ------
    OptionError, IndexWriteError
        If the database is there or cannot be written.
    EngineError
        If ``chdb`` is absent or refuses, or the folder holds no such tables.
    """
    session = require("chdb.session", "chdb", _LEAST).Session
    facts = read_facts(folder, "clickhouse")

    def source(file: str) -> str:
        return f"SELECT * FROM file({_quoted(Path(folder).resolve() / file)})"

    with new_folder(database) as made, refusals("chDB"):
        opened = session(str(made))
        try:
            for statement in _statements(facts.has_pooled, source):
                opened.query(statement)
        finally:
            opened.close()


def _quoted(path: Path) -> str:
    text = str(path).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{text}'"


def search(
    folder: Path | str,
    queries: Signatures,
    k: int,
    *,
    metric: Metric = "hamming",
    run: Run,
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Find the `k` nearest of each query, as :meth:`semsig.HammingIndex.search` does.

    Parameters
    ----------
    folder : Path or str
        What :func:`export` wrote: its ``semsig.json`` is read.
    queries, k, metric
        As :meth:`semsig.HammingIndex.search` takes them; every metric is known.
    run : callable
        Runs a query where the tables are and returns its rows: :class:`Embedded`, or
        ``lambda text: client.query(text).result_rows`` of ``clickhouse-connect``.

    Raises
    ------
    EngineError
        If ClickHouse refuses, or the folder holds no such tables.
    SchemaMismatchError, OptionError
        As :meth:`semsig.HammingIndex.search` does.
    """
    facts = read_facts(folder, "clickhouse")

    def asked(text: str) -> list[Any]:
        with refusals("ClickHouse"):
            return [tuple(row) for row in run(text)]

    def idf_of(terms: list[int]) -> dict[int, int]:
        return dict(asked(f"SELECT term, idf FROM semsig.terms WHERE term IN {[*terms, -1]}"))

    def ask(terms: NDArray[np.int64], weights: NDArray[np.int64], total: int, k: int) -> Rows:
        return asked(query(terms, weights, total, k, metric))

    return rank_all(queries, facts.schema, k, metric, n_rows=facts.rows, idf_of=idf_of, ask=ask)


def query(
    terms: NDArray[np.int64], weights: NDArray[np.int64], total: int, k: int, metric: Metric
) -> str:
    """Return the query's text; see :func:`semsig.interop.duckdb.query`."""
    known = [*terms.tolist(), -1]
    weigh = f"transform(term, {known}, {[*weights.tolist(), 0]}, 0)"
    shared = (
        f"SELECT doc, toInt64(sum({weigh})) AS shared FROM semsig.postings "
        f"WHERE term IN {known} GROUP BY doc"
    )
    return ranking("semsig.documents", shared, metric, total, k)


class Embedded:
    """A database of chDB, opened: call it with a query. One per process at a time.

    Parameters
    ----------
    database : Path or str
        What :func:`load` made.

    Raises
    ------
    EngineError
        If ``chdb`` is absent or too old, or cannot open it.
    """

    def __init__(self, database: Path | str) -> None:
        session = require("chdb.session", "chdb", _LEAST).Session
        with refusals("chDB"):
            self._session = session(str(database))

    def __call__(self, text: str) -> list[list[Any]]:
        """Run a query and return its rows."""
        with refusals("chDB"):
            answer = self._session.query(text, "JSONCompact").bytes()
        rows: list[list[Any]] = json.loads(answer)["data"]
        return [[_number(value) for value in row] for row in rows]

    def __enter__(self) -> Embedded:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()


def _number(value: Any) -> Any:
    """Return 64-bit integers, which ClickHouse may write as strings, as such."""
    return int(value) if isinstance(value, str) and value.lstrip("-").isdecimal() else value
