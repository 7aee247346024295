"""PostgreSQL 14 or later: exact search in SQL over arrays, or over bit strings. Needs ``psycopg``.

With pgvector, which counts bits as well (``bit`` of 64,000 at most: 200 classes at level 3), the
column of bit strings can be ordered by ``bits <~> query``; and pooled descriptors become its
vectors: ``ALTER TABLE semsig_documents ALTER pooled TYPE vector(D)``.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semsig.errors import EngineError, OptionError, SemsigError
from semsig.interop.exporting import Facts, Found, as_answer, refusals, require
from semsig.interop.sql import Rows, postings_of, rank_all, ranking, term_idfs, totals_of
from semsig.interop.terms import TermRows, cut
from semsig.search import HammingIndex, PooledIndex
from semsig.search.checks import check_k
from semsig.storage.checks import Signatures, as_batch
from semsig.types import SbsSchema
from semsig.types.metrics import Metric

_LEAST = "3.1"
_LEAST_SERVER = 140000
"""bit_count(bit) exists since version 14."""
_DOCUMENTS = (
    "doc bigint PRIMARY KEY, id bigint NOT NULL UNIQUE, weight bigint NOT NULL, "
    "cells bigint NOT NULL, idf_weight bigint NOT NULL, payload text NOT NULL"
)
_POSTINGS = "term bigint PRIMARY KEY, idf bigint NOT NULL, docs integer[] NOT NULL"
_TYPES = ["int8", "int8", "int8", "int8", "int8", "text"]


def export(
    index: HammingIndex,
    target: str,
    *,
    pooled: PooledIndex | None = None,
    table: str = "semsig",
    bits: bool = False,
) -> None:
    """Write an index to new tables, in one transaction.

    Parameters
    ----------
    index : HammingIndex
        The signatures.
    target : str
        Address of the database, such as ``"postgresql://user@host/name"``.
    pooled : PooledIndex, optional
        Pooled descriptors: the column ``pooled``, real[] of D at unit length.
    table : str
        What the tables' names begin with, ``<table>_documents`` and ``<table>_postings``.
    bits : bool
        Whether documents have the bit strings of :meth:`SbsSignature.to_bits` as well, a column
        ``bits`` for :func:`search_bits`: n_bits / 8 bytes per row, before compression.

    Raises
    ------
    OptionError
        If the name is no plain word, or the tables are there.
    EngineError
        If ``psycopg`` is absent, the server too old, or it refuses.
    """
    _check_name(table)
    with _connected(target) as connection:
        if connection.execute("SELECT to_regclass(%s)", [f"{table}_documents"]).fetchone()[0]:
            raise OptionError(f"Expected no {table}_documents yet, got one; name another table.")
        with connection.transaction():
            _create(connection, table, index.schema, pooled, bits)
            _fill(connection, table, index, pooled, bits)
        connection.commit()


def _check_name(table: str) -> None:
    if not table.isidentifier() or not table.isascii() or table != table.lower():
        raise OptionError(f"Expected a name of letters a-z, digits and _; got {table!r}.")


@contextmanager
def _connected(target: str, timeout: float | None = None) -> Iterator[Any]:
    psycopg = require("psycopg", "psycopg", _LEAST)
    with refusals("PostgreSQL"):
        connection = psycopg.connect(target, connect_timeout=10)
    with connection:
        version = connection.info.server_version
        if version < _LEAST_SERVER:
            raise EngineError(
                f"Expected PostgreSQL 14 or later, got {version // 10000}; update the server."
            )
        with refusals("PostgreSQL"):
            if timeout is not None:
                connection.execute(f"SET statement_timeout = {max(1, round(timeout * 1000))}")
            yield connection


def _create(
    connection: Any, table: str, schema: SbsSchema, pooled: PooledIndex | None, bits: bool
) -> None:
    more = ", pooled real[]" if pooled is not None else ""
    more += f", bits bit({schema.n_bits}) NOT NULL" if bits else ""
    connection.execute(f"CREATE TABLE {table}_documents ({_DOCUMENTS}{more})")
    connection.execute(f"CREATE TABLE {table}_postings ({_POSTINGS})")


def _fill(
    connection: Any, table: str, index: HammingIndex, pooled: PooledIndex | None, bits: bool
) -> None:
    ids, batch, payloads = index.to_rows()
    totals = totals_of(batch)
    parts = list(cut(ids, batch, payloads, pooled))
    types = [*_TYPES, *(["float4[]"] if pooled is not None else []), *(["bit"] if bits else [])]
    copy_in = f"COPY {table}_documents FROM STDIN (FORMAT BINARY)"
    bit_string = _bit_strings(connection)
    with connection.cursor().copy(copy_in) as copy:
        copy.set_types(types)
        for part in parts:
            for own, (id_, _, weight, payload, vector) in zip(part.docs, part, strict=True):
                row = [own, id_, weight, *totals[own].tolist(), payload]
                row += [] if vector is None else [vector]
                row += [bit_string(batch[own].to_bits(), batch.schema.n_bits)] if bits else []
                copy.write_row(row)
    _fill_postings(connection, table, parts, term_idfs(batch))
    facts = json.dumps({"version": 1, "rows": len(ids), "schema": index.schema.to_json()})
    literal = facts.replace("'", "''")
    connection.execute(f"COMMENT ON TABLE {table}_documents IS '{literal}'")


def _fill_postings(
    connection: Any, table: str, parts: list[TermRows], idfs: dict[int, int]
) -> None:
    terms, rows = postings_of(parts)
    distinct, starts = np.unique(terms, return_index=True)
    docs = np.split(rows, starts[1:]) if len(distinct) else []
    copy_in = f"COPY {table}_postings FROM STDIN (FORMAT BINARY)"
    with connection.cursor().copy(copy_in) as copy:
        copy.set_types(["int8", "int8", "int4[]"])
        for term, of_term in zip(distinct.tolist(), docs, strict=True):
            copy.write_row([term, idfs[term], of_term.tolist()])


def _bit_strings(connection: Any) -> Any:
    """Return what makes, of packed bits, a value that the connection writes as type bit."""
    from psycopg.adapt import Dumper
    from psycopg.pq import Format

    class BitString:
        def __init__(self, packed: NDArray[np.uint8], n_bits: int) -> None:
            self.binary = struct.pack("!i", n_bits) + packed.tobytes()

    class BitDumper(Dumper):  # type: ignore[misc]
        format = Format.BINARY
        oid = connection.adapters.types["bit"].oid

        def dump(self, obj: BitString) -> bytes:
            return obj.binary

    connection.adapters.register_dumper(BitString, BitDumper)
    return BitString


def search(
    target: str,
    queries: Signatures,
    k: int,
    *,
    metric: Metric = "hamming",
    table: str = "semsig",
    timeout: float | None = None,
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Find the `k` nearest of each query, as :meth:`semsig.HammingIndex.search` does.

    Parameters
    ----------
    target, table
        As :func:`export` takes them.
    queries, k, metric
        As :meth:`semsig.HammingIndex.search` takes them; every metric is known.
    timeout : float, optional
        Seconds that the server may take for a query.

    Raises
    ------
    EngineError
        If ``psycopg`` is absent, the server refuses or takes too long, or has no such tables.
    SchemaMismatchError, OptionError
        As :meth:`semsig.HammingIndex.search` does.
    """
    with _opened(target, table, timeout) as (connection, schema, n_rows):

        def idf_of(terms: list[int]) -> dict[int, int]:
            known = f"SELECT term, idf FROM {table}_postings WHERE term = ANY(%s)"
            return dict(connection.execute(known, [terms]).fetchall())

        def ask(terms: NDArray[np.int64], weights: NDArray[np.int64], total: int, k: int) -> Rows:
            text = query(terms, weights, total, k, metric, table=table)
            return list(connection.execute(text).fetchall())

        return rank_all(queries, schema, k, metric, n_rows=n_rows, idf_of=idf_of, ask=ask)


def query(
    terms: NDArray[np.int64],
    weights: NDArray[np.int64],
    total: int,
    k: int,
    metric: Metric,
    *,
    table: str = "semsig",
) -> str:
    """Return the query's text; see :func:`semsig.interop.duckdb.query`."""
    asked = (
        f"SELECT unnest(ARRAY{terms.tolist()}::bigint[]) AS term, "
        f"unnest(ARRAY{weights.tolist()}::bigint[]) AS weight"
    )
    shared = (
        f"SELECT t.doc, sum(q.weight)::bigint AS shared FROM ({asked}) AS q "
        f"JOIN {table}_postings AS p USING (term), unnest(p.docs) AS t(doc) GROUP BY t.doc"
    )
    return ranking(f"{table}_documents", shared, metric, total, k)


def search_bits(
    target: str,
    queries: Signatures,
    k: int,
    *,
    table: str = "semsig",
    timeout: float | None = None,
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Do as :func:`search` does by Hamming's distance, over the column ``bits``."""
    with _opened(target, table, timeout) as (connection, schema, n_rows):
        found: list[Found] = []
        for signature in as_batch(queries, schema):
            asked = signature.to_bitarray().to01()
            rows = connection.execute(query_bits(check_k(k, n_rows), table=table), [asked])
            found.append([(d, rank, id_) for rank, (id_, d) in enumerate(rows.fetchall())])
        return as_answer(found, k, "hamming")


def query_bits(k: int, *, table: str = "semsig") -> str:
    """Return the query's text, with %s for the query's n_bits characters 0 and 1."""
    return (
        f"SELECT id, bit_count(bits # %s::bit varying)::bigint AS distance "
        f"FROM {table}_documents ORDER BY distance, doc LIMIT {k}"
    )


@contextmanager
def _opened(target: str, table: str, timeout: float | None) -> Iterator[tuple[Any, SbsSchema, int]]:
    """Connect, and read what the tables hold."""
    _check_name(table)
    with _connected(target, timeout) as connection:
        found = connection.execute(
            "SELECT obj_description(to_regclass(%s))", [f"{table}_documents"]
        ).fetchone()[0]
        try:
            facts = Facts.from_json(found or "", "postgres")
        except (KeyError, TypeError, ValueError, SemsigError) as error:
            raise EngineError(
                f"Expected tables that semsig.interop.postgres.export wrote, got {table}_documents "
                f"without their comment ({error})."
            ) from error
        yield connection, facts.schema, facts.rows
