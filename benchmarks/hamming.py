"""Exact k nearest signatures: semsig's scans and other libraries, side by side.

    python -m benchmarks.hamming [--rows N] [--k K [K ...]] [--repeats R] [--all] [--json]

Made-up scenes at n = 3 over 194 classes (62,080 bits), one thread, 100 queries. Every candidate
must give the distances of the dense scan, or it is named as wrong and the exit code is 1. Needs
faiss-cpu (``pip install --group bench``); --all adds NumPy, bitarray and OpenCV, which are slow.
Writes results/hamming.json.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable

import cv2
import faiss
import numpy as np
from bitarray import bitarray
from bitarray.util import count_xor
from numpy.typing import NDArray
from semsig_kernels.threads import set_thread_count

from benchmarks.scenes import signatures
from benchmarks.timing import as_entries, cycle, interleave, write_results
from semsig import SbsBatch
from semsig.index.bounded import BoundedScan
from semsig.index.dense import BitIndex
from semsig.index.postings import PostingsScan

BASE = "faiss IndexBinaryFlat"
Search = Callable[[slice, int], NDArray[np.int64]]
"""Takes which queries and k; returns distances, shape (Q, k)."""


def packed_bits(batch: SbsBatch) -> NDArray[np.uint8]:
    rows = np.empty((len(batch), batch.schema.n_bits // 8), np.uint8)
    for row, signature in zip(rows, batch, strict=True):
        row[:] = signature.to_bits()
    return rows


def own_scans(rows: SbsBatch, queries: SbsBatch) -> dict[str, Search]:
    """Return the scans over cells."""
    parts = [SbsBatch.of([query]) for query in queries]

    def searching(scan: BoundedScan | PostingsScan) -> Search:
        def search(which: slice, k: int) -> NDArray[np.int64]:
            batch = queries if which.stop - which.start > 1 else parts[which.start]
            return scan.search(batch, k)[0]

        return search

    return {
        "semsig bounded": searching(BoundedScan(rows)),
        "semsig postings": searching(PostingsScan(rows)),
    }


def dense_scans(bits: NDArray[np.uint8], queries: NDArray[np.uint8]) -> dict[str, Search]:
    """Return the scans over dense bits: semsig's and faiss's."""
    flat = faiss.IndexBinaryFlat(bits.shape[1] * 8)
    flat.add(bits)
    own = BitIndex(bits.shape[1] * 8)
    own.add(bits)
    return {
        BASE: lambda which, k: flat.search(queries[which], k)[0],
        "semsig dense bits": lambda which, k: own.search(queries[which], k)[0],
    }


def slow_scans(bits: NDArray[np.uint8], queries: NDArray[np.uint8]) -> dict[str, Search]:
    """Return scans by general tools, one query at a time."""
    words, wanted = bits.view(np.uint64), queries.view(np.uint64)
    strings = [bitarray(buffer=row) for row in bits]
    matcher = cv2.BFMatcher(cv2.NORM_HAMMING)

    def by_numpy(which: slice, k: int) -> NDArray[np.int64]:
        parts = [
            np.bitwise_count(words[i : i + 512] ^ wanted[which]).sum(axis=1, dtype=np.int64)
            for i in range(0, len(words), 512)
        ]
        return np.sort(np.partition(np.concatenate(parts), k - 1)[:k])[None]

    def by_bitarray(which: slice, k: int) -> NDArray[np.int64]:
        query = bitarray(buffer=queries[which.start])
        return np.array([sorted(count_xor(query, string) for string in strings)[:k]])

    def by_opencv(which: slice, k: int) -> NDArray[np.int64]:
        matches = matcher.knnMatch(queries[which], bits, k=k)
        return np.array([[int(match.distance) for match in row] for row in matches])

    return {
        "NumPy xor, bitwise_count": by_numpy,
        "bitarray count_xor": by_bitarray,
        "OpenCV BFMatcher": by_opencv,
    }


def wrong(candidates: dict[str, Search], k: int) -> list[str]:
    """Name the candidates whose distances differ from the dense scan's on three queries."""
    bad = []
    for query in range(3):
        which = slice(query, query + 1)
        expected = candidates["semsig dense bits"](which, k)
        bad += [n for n, search in candidates.items() if (search(which, k) != expected).any()]
    return sorted(set(bad))


def measure(
    candidates: dict[str, Search], n_queries: int, k: int, repeats: int
) -> dict[str, dict[str, float]]:
    """Time single queries and, where it makes sense, all queries in one call."""

    def single(search: Search) -> Callable[[], object]:
        return cycle(n_queries, lambda i: search(slice(i, i + 1), k))

    def batch(search: Search) -> Callable[[], object]:
        return lambda: search(slice(0, n_queries), k)

    singles = {name: single(search) for name, search in candidates.items()}
    found = {f"single, k={k}": as_entries(interleave(singles, repeats=repeats), BASE)}
    whole = {n: batch(s) for n, s in candidates.items() if n.startswith(("semsig", "faiss"))}
    batches = interleave(whole, repeats=max(1, repeats // 3), least_seconds=0)
    found[f"batch of {n_queries}, k={k}"] = as_entries(batches, BASE)
    return found


def main() -> None:
    options = parse()
    set_thread_count(1)
    faiss.omp_set_num_threads(1)
    cv2.setNumThreads(1)
    rows, queries = signatures(options.rows), signatures(100, queries=True)
    started = time.perf_counter()
    candidates = own_scans(rows, queries)
    building = time.perf_counter() - started
    bits, wanted = packed_bits(rows), packed_bits(queries)
    candidates |= dense_scans(bits, wanted)
    if options.all:
        candidates |= slow_scans(bits, wanted)
    bad = wrong(candidates, max(options.k))
    timings = {}
    for k in options.k:
        timings |= measure(candidates, len(queries), k, options.repeats)
    entries = {
        "task": f"{options.rows:,} signatures of {rows.schema.n_bits:,} bits, one thread",
        "wrong": bad,
        "building bounded and postings, seconds": building,
        "timings": timings,
    }
    write_results("hamming", entries)
    print(json.dumps(entries, indent=1) if options.json else table(entries, options.rows))
    sys.exit(1 if bad else 0)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--k", type=int, nargs="+", default=[10, 100])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--all", action="store_true", help="also the slow candidates")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    return parser.parse_args()


def table(entries: dict[str, object], rows: int) -> str:
    lines = [str(entries["task"])]
    for name, timings in entries["timings"].items():  # type: ignore[attr-defined]
        queries = 100 if name.startswith("batch") else 1
        lines.append(name)
        lines += [
            f"  {n:26} {t['cpu'] / rows / queries * 1e9:9.2f} ns a row {t['faster']:8.1f} x"
            for n, t in timings.items()
        ]
    return "\n".join([*lines, f"wrong: {', '.join(entries['wrong']) or 'none'}"])  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
