"""Speed-up of each scan by a second thread, to see that it never costs; timed in turns.

    python -m benchmarks.threads [--rows N [N ...]]

Wall time, so the machine must be quiet. Writes results/threads.json.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from semsig_kernels.threads import set_thread_count

from benchmarks.scenes import signatures
from benchmarks.timing import cycle, interleave, write_results
from semsig import SbsBatch
from semsig.search.scans import new_scan

ENGINES = ("bounded", "bitmaps", "postings")


def with_threads(count: int, call: Callable[[], object]) -> Callable[[], object]:
    def run() -> object:
        set_thread_count(count)
        return call()

    return run


def measure(n_rows: int, engine: str) -> dict[str, float]:
    """Return the speed-up of two threads over one, by kind of query."""
    rows, queries = signatures(n_rows), list(signatures(100, queries=True))
    scan: Any = new_scan(engine, rows)
    batches = {n: [SbsBatch.of(queries[i : i + n]) for i in range(0, 97, n)] for n in (1, 4, 100)}
    faster = {}
    for size, parts in batches.items():
        calls = {
            count: with_threads(
                count, cycle(len(parts), lambda i, parts=parts: scan.search(parts[i], 10))
            )
            for count in (1, 2)
        }
        timings = interleave({str(n): call for n, call in calls.items()}, repeats=15)
        faster[f"{size} queries"] = timings["1"].median / timings["2"].median
    return faster


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000])
    found = {
        str(n): {engine: measure(n, engine) for engine in ENGINES} for n in parser.parse_args().rows
    }
    write_results("threads", {"two threads faster than one": found})
    for n_rows, engines in found.items():
        for engine, faster in engines.items():
            print(n_rows, engine, {kind: round(value, 2) for kind, value in faster.items()})


if __name__ == "__main__":
    main()
