"""One index, shards in one process, and shards on Dask workers, over the same rows.

``python -m benchmarks.distributed --rows 1000000`` makes the shards, checks that all give the same
answers, and times single queries (k = 10) and a batch of 100. The overhead of Dask is measured as
the time over 4 shards of one row each. One thread per process. On a shared machine, compare CPU
times and minimum times.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import distributed
import numpy as np
from semsig_kernels.threads import set_thread_count

from benchmarks.markdown import load, seconds, table
from benchmarks.scenes import signatures
from benchmarks.timing import RESULTS, write_results
from semsig.distributed import ShardedIndex
from semsig.distributed.layout import ID_BITS, ShardFolder
from semsig.search import HammingIndex
from semsig.types import SbsBatch

K = 10
SHARDS = 4
WORKERS = 2


def write_shards(folder: Path, rows: SbsBatch) -> None:
    """Write the rows to four shards, a quarter to each."""
    layout = ShardFolder.create(folder, SHARDS)
    ends = np.linspace(0, len(rows), SHARDS + 1).astype(int)
    for number, (first, last) in enumerate(pairwise(ends.tolist())):
        cut = rows.offsets[first : last + 1]
        part = SbsBatch(rows.cells[cut[0] : cut[-1]], cut - cut[0], rows.schema)
        shard = HammingIndex(rows.schema, first_id=number << ID_BITS)
        shard.add(part)
        shard.save(layout.shard(number))


def timed(call: Callable[[int], object], repeats: int) -> dict[str, Any]:
    """Return median and minimum seconds per call, and this process's CPU times: median and all."""
    call(0)
    taken, computed = [], []
    for number in range(repeats):
        started = time.perf_counter(), time.process_time()
        call(number)
        computed.append(time.process_time() - started[1])
        taken.append(time.perf_counter() - started[0])
    return {
        "median": statistics.median(taken),
        "least": min(taken),
        "cpu": statistics.median(computed),
        "samples": computed,
    }


def measure(index: Any, queries: SbsBatch, repeats: int) -> dict[str, Any]:
    one_by_one = [SbsBatch.of([query]) for query in queries]
    return {
        "single": timed(lambda i: index.search(one_by_one[i % len(queries)], K), repeats),
        "batch of 100": timed(lambda _: index.search(queries, K), max(3, repeats // 20)),
    }


def run(rows: int, client: Any, folder: Path, repeats: int) -> dict[str, Any]:
    queries, batch = signatures(100, queries=True), signatures(rows)
    whole = HammingIndex(batch.schema)
    whole.add(batch)
    started = time.perf_counter()
    write_shards(folder / "shards", batch)
    writing = time.perf_counter() - started
    expected = whole.search(queries, K)
    found: dict[str, Any] = {"rows": rows, "workers": WORKERS, "exact": True}
    found["load before"] = os.getloadavg()[0]
    found["writing shards"] = writing
    indexes = {
        "one index": lambda: whole,
        f"{SHARDS} shards in one process": lambda: ShardedIndex.open(folder / "shards"),
        f"{SHARDS} shards on {WORKERS} workers": lambda: ShardedIndex.open(
            folder / "shards", client=client
        ),
    }
    for name, opened in indexes.items():
        print(f"{time.strftime('%H:%M:%S')} {rows:,} rows: {name}", file=sys.stderr, flush=True)
        index = opened()
        distances, _ = index.search(queries, K)
        found["exact"] = found["exact"] and np.array_equal(distances, expected[0])
        found[name] = measure(index, queries, repeats)
    return found


def as_table(found: dict[str, Any]) -> str:
    lines = [
        (
            name,
            *(seconds(entry["single"][which]) for which in ("median", "least", "cpu")),
            seconds(entry["batch of 100"]["median"]),
        )
        for name, entry in found.items()
        if isinstance(entry, dict)
    ]
    header = ("", "a query, median", "least", "CPU time here", "batch of 100")
    exact = "alike" if found["exact"] else "NOT ALIKE"
    return f"{found['rows']:,} rows, answers {exact}\n\n{table(header, lines)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[SHARDS, 1_000_000])
    parser.add_argument("--repeats", type=int, default=100)
    options = parser.parse_args()
    set_thread_count(1)
    folder = Path(tempfile.mkdtemp(prefix="semsig-distributed-"))
    there = (RESULTS / "distributed.json").exists()
    sizes: dict[str, Any] = load("distributed")["sizes"] if there else {}
    cluster = distributed.LocalCluster(
        n_workers=WORKERS, threads_per_worker=1, processes=True, dashboard_address=":0"
    )
    try:
        with cluster, distributed.Client(cluster, direct_to_workers=True) as client:
            for rows in options.rows:
                sizes[str(rows)] = run(rows, client, folder / str(rows), options.repeats)
                print(as_table(sizes[str(rows)]), flush=True)
                write_results("distributed", {"dask": distributed.__version__, "sizes": sizes})
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(0 if all(found["exact"] for found in sizes.values()) else 1)


if __name__ == "__main__":
    main()
