"""Exact k nearest signatures: semsig's engines and other libraries, side by side.

    python -m benchmarks.hamming [--rows N [N ...]] [--k K [K ...]] [--all] [--resume] [--json]

Scenes at n = 3 over 194 classes (62,080 bits), one thread, 100 queries. A stage, such as single
queries for k = 10 among 100,000 rows, times all its candidates in turns. Every exact candidate
must give the same distances; otherwise it is reported as wrong and the exit code is 1. For the
others, recall is reported. Needs ``pip install --group bench``. --all adds the slow candidates;
among a million rows, only those that search the 8 GB of faiss in place, if these fit in memory.

"after one more" measures a changing index: one signature is added, then the next search is timed.
"compared" is the mean number of rows per query that ``bounded`` compares in full; its bounds rule
out the others.

Each stage is written to results/hamming.json when finished; --resume skips stages that are there.
--plot draws docs/hamming.svg. --maps FOLDER uses signatures of real label maps instead, see
:mod:`benchmarks.real_maps`, and writes results/hamming_maps.json.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import faiss
import numpy as np
from numpy.typing import NDArray
from semsig_kernels.bounds import nearest_bounded
from semsig_kernels.sums import CHUNK_ROWS
from semsig_kernels.threads import set_thread_count

from benchmarks import libraries, real_maps, scenes
from benchmarks.libraries import APPROXIMATE, FLAT, ONE_BY_ONE, Search
from benchmarks.scenes import CACHE
from benchmarks.timing import RESULTS, as_entries, cycle, interleave, machine, write_results
from semsig import HammingIndex, SbsBatch
from semsig.search.bounded import BoundedScan
from semsig.search.dense import BitIndex
from semsig.search.heaps import empty_heaps
from semsig.search.scans import new_scan

ENGINES = ("auto", "bounded", "bitmaps", "postings")
_DENSE = "semsig dense bits"
Entries = dict[str, Any]


class Candidates:
    """The candidates for one number of rows, and the CPU seconds that each took to build."""

    def __init__(self, rows: SbsBatch, queries: SbsBatch) -> None:
        self.searches: dict[str, Search] = {}
        self.building: dict[str, float] = {}
        self._rows, self._queries = rows, queries
        self._bits = libraries.packed(queries)

    def add(self, name: str, rival: libraries.Rival) -> None:
        say(f"  {name}")
        self.searches[name], self.building[name] = rival

    def add_engines(self) -> None:
        """Add semsig's scans; they are compiled before building is timed."""
        one_by_one = [SbsBatch.of([query]) for query in self._queries]
        for engine in ENGINES:
            new_scan(engine, self._queries).search(self._queries, 1)
        for engine in ENGINES:
            started = time.process_time()
            scan = new_scan(engine, self._rows)
            scan.search(self._queries, 1)
            if isinstance(scan, BoundedScan):
                self._bounded = scan

            def search(which: slice, k: int, scan: Any = scan) -> NDArray[np.int64]:
                single = which.stop - which.start == 1
                return scan.search(one_by_one[which.start] if single else self._queries, k)[0]

            self.add(f"semsig {engine}", (search, time.process_time() - started))

    def add_rivals(self, *, slow: bool, cache: Path) -> None:
        needed = len(self._rows) * self._rows.schema.n_bits / 8
        if needed > 0.7 * available_bytes():
            say(f"  left out for want of memory: {FLAT}")
            return
        flat, bits = libraries.flat(self._rows, self._bits)
        self.add(FLAT, flat)
        if len(bits) <= libraries.MOST_ROWS_OF_COPIES:
            own = BitIndex(bits.shape[1] * 8)
            own.add(bits)
            self.add(_DENSE, (lambda which, k: own.search(self._bits[which], k)[0], 0.0))
        if slow:
            for name, rival in libraries.others(bits, self._bits, cache):
                self.add(name, rival)

    def wrong(self, k: int) -> list[str]:
        """Return the names of the exact candidates whose distances differ from the first one's."""
        exact = {n: s for n, s in self.searches.items() if n not in APPROXIMATE}
        bad = set()
        for query in range(3):
            which = slice(query, query + 1)
            expected = next(reversed(exact.values()))(which, k)
            bad |= {n for n, search in exact.items() if (search(which, k) != expected).any()}
        return sorted(bad)

    def compared(self, k: int) -> float:
        """Return how many rows a search compares in full; see :func:`compared`."""
        return compared(self._bounded, self._queries, k)

    def recall(self, k: int) -> dict[str, float]:
        """Return the share of the k nearest that each approximate candidate finds."""
        every = slice(0, len(self._queries))
        limit = self.searches["semsig auto"](every, k)[:, -1:]
        return {
            name: float((self.searches[name](every, k) <= limit).mean())
            for name in APPROXIMATE
            if name in self.searches
        }


def available_bytes() -> int:
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable")) * 1024


def measure(candidates: Candidates, k: int, *, batch: bool, repeats: int) -> Entries:
    """Time single queries, or all in one call."""
    searches = candidates.searches
    if batch:
        searches = {n: s for n, s in searches.items() if n not in ONE_BY_ONE}
        calls = {n: whole(search, k) for n, search in searches.items()}
        timings = interleave(calls, repeats=max(1, repeats // 2), least_seconds=0.3)
    else:
        calls = {n: single(search, k) for n, search in searches.items()}
        timings = interleave(calls, repeats=repeats)
    return as_entries(timings, FLAT if FLAT in timings else "semsig auto")


def compared(scan: BoundedScan, queries: SbsBatch, k: int) -> float:
    """Return how many rows a search compares in full, the mean over the queries."""
    chunks, heaps = (0, -(-len(scan) // CHUNK_ROWS)), empty_heaps(len(queries), k)
    sums, rows = scan._sums("hamming"), scan._rows("hamming", None)
    asked, table = scan._asked(queries, "hamming"), scan._table("hamming")
    return nearest_bounded(sums, rows, asked, chunks, False, table, *heaps) / len(queries)


def measure_change(rows: SbsBatch, queries: SbsBatch) -> Entries:
    """Time adding one signature to an index, and the next search; medians of CPU seconds."""
    index = HammingIndex(rows.schema)
    index.add(rows)
    index.search(queries, 10)
    changes, searches = [], []
    for query in queries:
        started = time.process_time()
        index.add(query)
        changed = time.process_time()
        index.search(query, 10)
        changes.append(changed - started)
        searches.append(time.process_time() - changed)
    return {"add one": statistics.median(changes), "search": statistics.median(searches)}


def whole(search: Search, k: int) -> Callable[[], object]:
    return lambda: search(slice(0, 100), k)


def single(search: Search, k: int) -> Callable[[], object]:
    return cycle(100, lambda i: search(slice(i, i + 1), k))


def run_size(n_rows: int, options: argparse.Namespace, found: Entries) -> None:
    """Run the stages for one number of rows; `found` is extended and written after each."""
    size = found["sizes"].setdefault(str(n_rows), {})
    stages = {
        f"{'batch of 100' if batch else 'single'}, k={k}": (k, batch)
        for k in options.k
        for batch in (False, True)
    }
    done = size.get("timings", {}) if options.resume else {}
    left = {name: stage for name, stage in stages.items() if name not in done}
    rows, queries = signatures(n_rows, options), signatures(100, options, queries=True)
    if not (options.resume and "after one more" in size):
        say(f"{n_rows:,} rows after one more")
        size["after one more"] = measure_change(rows, queries)
        write_results(name_of(options), {"sizes": found["sizes"]})
    if not left:
        return
    say(f"{n_rows:,} rows")
    candidates = Candidates(rows, queries)
    candidates.add_engines()
    candidates.add_rivals(slow=options.all, cache=options.cache)
    size["task"] = f"{n_rows:,} signatures of {rows.schema.n_bits:,} bits, one thread"
    size["building"] = candidates.building
    size["wrong"] = candidates.wrong(max(options.k))
    size["recall"] = {f"k={k}": candidates.recall(k) for k in options.k}
    size["compared"] = {f"k={k}": candidates.compared(k) for k in options.k}
    size["timings"] = done
    for name, (k, batch) in left.items():
        say(f"  {name}")
        size["timings"][name] = measure(candidates, k, batch=batch, repeats=options.repeats)
        write_results(name_of(options), {"sizes": found["sizes"]})


def main() -> None:
    options = parse()
    set_thread_count(1)
    faiss.omp_set_num_threads(1)
    cv2.setNumThreads(1)
    path = RESULTS / f"{name_of(options)}.json"
    found = json.loads(path.read_text()) if path.exists() else {}
    found = {"machine": machine(), "sizes": found.get("sizes", {})}
    for n_rows in options.rows:
        run_size(n_rows, options, found)
    if options.plot and not options.maps:
        from benchmarks.plots import draw_hamming

        draw_hamming(found["sizes"])
    sizes = {str(n): found["sizes"][str(n)] for n in options.rows}
    print(json.dumps(sizes, indent=1) if options.json else "\n".join(map(table, sizes.values())))
    sys.exit(1 if any(size["wrong"] for size in sizes.values()) else 0)


def name_of(options: argparse.Namespace) -> str:
    return "hamming_maps" if options.maps else "hamming"


def signatures(count: int, options: argparse.Namespace, *, queries: bool = False) -> SbsBatch:
    if options.maps:
        return real_maps.signatures(options.maps, count, queries=queries)
    return scenes.signatures(count, queries=queries)


def say(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr, flush=True)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000])
    parser.add_argument("--k", type=int, nargs="+", default=[10, 100])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--maps", type=Path, help="a folder of real label maps")
    parser.add_argument("--all", action="store_true", help="also the slow candidates")
    parser.add_argument("--resume", action="store_true", help="skip the stages done before")
    parser.add_argument("--cache", type=Path, default=CACHE, help="where built graphs are kept")
    parser.add_argument("--plot", action="store_true", help="draw docs/hamming.svg")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    return parser.parse_args()


def table(size: Entries) -> str:
    lines = [size["task"]]
    for name, timings in size["timings"].items():
        lines.append(name)
        lines += [
            f"  {n:26} {t['cpu'] * 1e3:12.3f} ms {t['faster']:8.1f} x" for n, t in timings.items()
        ]
    one = size["after one more"]
    lines.append(
        f"add one: {one['add one'] * 1e3:.3f} ms; next search: {one['search'] * 1e3:.3f} ms"
    )
    return "\n".join([*lines, f"wrong: {', '.join(size['wrong']) or 'none'}"])


if __name__ == "__main__":
    main()
