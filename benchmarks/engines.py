"""Vector databases and search libraries beside semsig, with the same signatures and distances.

``python -m benchmarks.engines`` exports 1,000, 10,000 and 100,000 of the scenes of
`benchmarks.scenes` to each engine, checks that it returns semsig's distances, and times it, on
one core if the engine can be limited to one. The time per query is (time of n + 1 queries in one
call - time of one) / n, so that opening an index does not count. Engines that are not installed
are listed and skipped.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import numpy as np
from semsig_kernels.threads import set_thread_count

from benchmarks.markdown import load, seconds, table
from benchmarks.scenes import signatures
from benchmarks.timing import RESULTS, write_results
from semsig import interop
from semsig.errors import SemsigError
from semsig.search import HammingIndex
from semsig.types import SbsBatch

Search = Callable[[SbsBatch, int], tuple[Any, Any]]
Engine = Callable[[HammingIndex, Path, ExitStack], Search]

K = 10
MOST = {"lancedb": 10_000, "milvus-lite": 1_000, "qdrant local": 1_000, "postgres bits": 10_000}
"""Largest number of rows for engines that compare dense strings, or are meant for tests."""

TESTS_ONLY = {"milvus-lite", "qdrant local"}
"""Local modes, which spend their time on opening: their answers are checked, but not timed."""


def semsig_itself(index: HammingIndex, _folder: Path, _stack: ExitStack) -> Search:
    return lambda queries, k: index.search(queries, k)


def tantivy(index: HammingIndex, folder: Path, _stack: ExitStack) -> Search:
    engine = import_module("semsig.interop.tantivy")
    interop.export(index, "tantivy", folder)
    return lambda queries, k: engine.search(folder, queries, k)


def duckdb(index: HammingIndex, folder: Path, stack: ExitStack) -> Search:
    engine = import_module("semsig.interop.duckdb")
    interop.export(index, "duckdb", folder)
    connection = import_module("duckdb").connect(config={"threads": 1})
    stack.callback(connection.close)
    return lambda queries, k: engine.search(folder, queries, k, connection=connection)


def clickhouse(index: HammingIndex, folder: Path, stack: ExitStack) -> Search:
    engine = import_module("semsig.interop.clickhouse")
    interop.export(index, "clickhouse", folder / "tables")
    engine.load(folder / "tables", folder / "database")
    run = stack.enter_context(engine.Embedded(folder / "database"))

    def one_thread(text: str) -> Any:
        return run(f"{text} SETTINGS max_threads = 1")

    return lambda queries, k: engine.search(folder / "tables", queries, k, run=one_thread)


def postgres(index: HammingIndex, _folder: Path, stack: ExitStack) -> Search:
    engine = import_module("semsig.interop.postgres")
    address = stack.enter_context(_server())
    interop.export(index, "postgres", address)
    return lambda queries, k: engine.search(address, queries, k)


def postgres_bits(index: HammingIndex, _folder: Path, stack: ExitStack) -> Search:
    engine = import_module("semsig.interop.postgres")
    address = stack.enter_context(_server())
    engine.export(index, address, bits=True)
    return lambda queries, k: engine.search_bits(address, queries, k)


@contextmanager
def _server() -> Iterator[str]:
    from tests.interop.postgres import server

    with server() as address:
        yield f"{address}&options=-c%20max_parallel_workers_per_gather%3D0"


def sparse(name: str) -> Engine:
    def made(index: HammingIndex, folder: Path, _stack: ExitStack) -> Search:
        engine = import_module(f"semsig.interop.{name}")
        interop.export(index, name, folder)
        return lambda queries, k: engine.search(folder, queries, k, schema=index.schema)

    return made


def lance(index: HammingIndex, folder: Path, _stack: ExitStack) -> Search:
    engine = import_module("semsig.interop.lance")
    interop.export(index, "lance", folder)
    return lambda queries, k: engine.search(folder, queries, k)


ENGINES: dict[str, tuple[Engine, str]] = {
    "semsig": (semsig_itself, "semsig"),
    "tantivy": (tantivy, "tantivy"),
    "clickhouse (chDB)": (clickhouse, "chdb"),
    "duckdb on Parquet": (duckdb, "duckdb"),
    "postgres arrays": (postgres, "psycopg"),
    "postgres bits": (postgres_bits, "psycopg"),
    "lancedb": (lance, "lancedb"),
    "milvus-lite": (sparse("milvus"), "milvus-lite"),
    "qdrant local": (sparse("qdrant"), "qdrant-client"),
}


def measure(
    name: str, index: HammingIndex, queries: SbsBatch, n: int, repeats: int
) -> dict[str, Any]:
    """Export to an engine, check its answers, and time it."""
    make, package = ENGINES[name]
    folder = Path(tempfile.mkdtemp(prefix="semsig-engines-"))
    try:
        with ExitStack() as stack:
            started = time.perf_counter()
            search = make(index, folder / "x", stack)
            exporting = time.perf_counter() - started
            expected = index.search(queries[: n + 1], K)
            found = search(queries[: n + 1], K)
            exact = all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))
            if name == "semsig":  # opens nothing, and is faster with many queries per call
                query = min(_one_by_one(search, queries[:n]) for _ in range(repeats))
            else:
                alone = min(_timed(search, queries[:1]) for _ in range(repeats))
                several = min(_timed(search, queries[: n + 1]) for _ in range(repeats))
                query = max(several - alone, 0.0) / n
            files = [path for path in (folder / "x").rglob("*") if path.is_file()]
            return {
                "version": metadata.version(package),
                "exact": exact,
                "query": query,
                "exporting": exporting,
                "bytes": sum(path.stat().st_size for path in files),
            }
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _one_by_one(search: Search, queries: SbsBatch) -> float:
    calls = [SbsBatch.of([query]) for query in queries]
    return sum(_timed(search, call) for call in calls) / len(calls)


def _timed(search: Search, queries: SbsBatch) -> float:
    started = time.perf_counter()
    search(queries, K)
    return time.perf_counter() - started


def run_size(
    rows: int, options: argparse.Namespace, found: dict[str, Any], done: Callable[[], object]
) -> None:
    """Measure the engines at one number of rows; fill `found`, and call `done` after each."""
    index = HammingIndex(signatures(1).schema)
    index.add(signatures(rows))
    queries = signatures(options.queries + 1, queries=True)
    index.search(queries, K)
    for name in options.engines or ENGINES:
        if rows > MOST.get(name, rows):
            continue
        print(f"{time.strftime('%H:%M:%S')} {rows:,} {name}", file=sys.stderr, flush=True)
        # semsig is so fast that its queries must be repeated to be measurable
        repeats = 20 if name == "semsig" else options.repeats
        try:
            found[name] = measure(name, index, queries, options.queries, repeats)
        except SemsigError as error:
            found[name] = {"left out": str(error)}
        done()


def as_table(found: dict[str, Any]) -> str:
    base = found.get("semsig", {}).get("query")
    rows = [
        (
            name,
            entry["version"],
            "yes" if entry["exact"] else "NO",
            "for tests only" if name in TESTS_ONLY else seconds(entry["query"]),
            f"{entry['query'] / base:,.0f}" if base and name not in TESTS_ONLY else "",
            seconds(entry["exporting"]),
            f"{entry['bytes'] / 1e6:,.0f} MB" if entry["bytes"] else "",
        )
        for name, entry in found.items()
        if "query" in entry
    ]
    left_out = [
        f"left out: {name}: {entry['left out']}"
        for name, entry in found.items()
        if "query" not in entry
    ]
    header = ("engine", "version", "exact", "a query", "x semsig", "export", "on disk")
    return "\n".join([table(header, rows), *left_out])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument(
        "--engines", nargs="+", choices=ENGINES, help="these alone; other results stay"
    )
    parser.add_argument("--queries", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    set_thread_count(1)
    sizes: dict[str, Any] = {}
    if options.engines and (RESULTS / "engines.json").exists():
        sizes = load("engines")["sizes"]
    for rows in options.rows:
        found = sizes.setdefault(str(rows), {})
        run_size(rows, options, found, lambda: write_results("engines", {"sizes": sizes}))
        print(f"\n{rows:,} rows, k = {K}, one core\n\n{as_table(found)}", flush=True)
    entries = [entry for found in sizes.values() for entry in found.values()]
    sys.exit(0 if all(entry.get("exact", True) for entry in entries) else 1)


if __name__ == "__main__":
    main()
