"""Exact k nearest bags of visual phrases: semsig's index and other libraries, side by side.

    python -m benchmarks.l2 [--searches WORDS:ROWS ...] [--norm NORM] [--repeats R] [--json]

Generated histograms over 200 visual words (20,100 columns) and 50 semantic ones (68,850), k = 10,
one thread. Every candidate must give semsig's distances up to float32 rounding; otherwise it is
reported as wrong and the exit code is 1. faiss needs a dense matrix, 8 GB for 100,000 rows; it is
skipped if that exceeds --dense-bytes. Searches in results/l2.json that are not repeated are kept.
Needs faiss-cpu and scipy (``pip install --group bench``). "best scipy form" is the fastest scipy
candidate of the same run.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from semsig_kernels.threads import set_thread_count
from sklearn.neighbors import NearestNeighbors

from benchmarks.phrases import phrases, schema_of
from benchmarks.timing import RESULTS, Timing, as_entries, cycle, interleave, write_results
from semsig import L2Index, SbovpBatch

OURS, FAISS, SCIPY = "semsig L2Index", "faiss IndexFlatL2", "scipy "
N_QUERIES = 100
SEARCHES = ["visual:10000", "semantic:10000", "visual:100000"]
N_WORDS = {"visual": 200, "semantic": 50}
Search = Callable[[slice], NDArray[np.floating]]
"""Takes a slice of the queries; returns distances, shape (Q, k)."""


def as_matrix(batch: SbovpBatch) -> sparse.csr_matrix:
    """Return the histograms, normalised as the schema's norm says."""
    counts = batch.counts.astype(np.float64)
    if batch.schema.norm == "sqrt":
        counts = np.sqrt(counts)
    shape = len(batch), batch.schema.n_columns
    matrix = sparse.csr_matrix((counts, batch.columns, batch.offsets), shape=shape)
    if batch.schema.norm != "none":
        lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1))).ravel()
        matrix = sparse.diags(1 / np.maximum(lengths, 1e-30)) @ matrix
    return sparse.csr_matrix(matrix, dtype=np.float32)


def own_search(index: L2Index, queries: SbovpBatch, k: int) -> Search:
    signatures = list(queries)

    def search(which: slice) -> NDArray[np.floating]:
        single = which.stop - which.start == 1
        return index.search(signatures[which.start] if single else queries, k)[0]

    return search


def scipy_searches(
    rows: sparse.csr_matrix, queries: sparse.csr_matrix, k: int
) -> dict[str, Search]:
    """Return searches by ||a||^2 + ||b||^2 - 2ab, one for each way that scipy multiplies."""
    by_column, transposed = rows.tocsc(), rows.T.tocsr()
    own, other = (np.asarray(m.multiply(m).sum(axis=1)).ravel() for m in (rows, queries))
    parts = [queries[i] for i in range(queries.shape[0])]
    dense = [part.toarray().ravel() for part in parts]
    columns = [(part.indices, part.data) for part in parts]
    whole, whole_dense = queries, queries.toarray()

    def nearest(shared: NDArray[np.float32], which: slice) -> NDArray[np.floating]:
        squares = own - 2 * shared + other[which, None]
        best = np.partition(squares, k - 1, axis=1)[:, :k]
        return np.sqrt(np.maximum(np.sort(best, axis=1), 0))

    def form(
        single: Callable[[int], NDArray[np.float32]], batch: Callable[[], NDArray[np.float32]]
    ) -> Search:
        def search(which: slice) -> NDArray[np.floating]:
            alone = which.stop - which.start == 1
            shared = single(which.start).reshape(1, -1) if alone else batch()
            return nearest(shared, which)

        return search

    return {
        SCIPY + "CSR query @ CSR rows.T": form(
            lambda i: (parts[i] @ transposed).toarray(), lambda: (whole @ transposed).toarray()
        ),
        SCIPY + "CSR rows @ dense query": form(
            lambda i: rows @ dense[i], lambda: (rows @ whole_dense.T).T
        ),
        SCIPY + "CSC rows @ dense query": form(
            lambda i: by_column @ dense[i], lambda: (by_column @ whole_dense.T).T
        ),
        SCIPY + "CSC rows[:, columns] @ counts": form(
            lambda i: by_column[:, columns[i][0]] @ columns[i][1],
            lambda: (by_column[:, whole.indices] @ _block_diagonal(whole)).T.toarray(),
        ),
    }


def _block_diagonal(queries: sparse.csr_matrix) -> sparse.csc_matrix:
    """Return a block-diagonal matrix: column q holds query q's counts in rows of its own."""
    return sparse.csc_matrix(
        (queries.data, np.arange(queries.nnz), queries.indptr),
        shape=(queries.nnz, queries.shape[0]),
    )


def dense_searches(
    rows: sparse.csr_matrix, queries: sparse.csr_matrix, k: int
) -> dict[str, Search]:
    """Return faiss's search; its matrix is filled in place, as adding rows may need it twice."""
    flat = faiss.IndexFlatL2(rows.shape[1])
    flat.codes.resize(4 * rows.shape[0] * rows.shape[1])
    held = faiss.rev_swig_ptr(flat.codes.data(), flat.codes.size())
    matrix = held.view(np.float32).reshape(rows.shape)
    for first in range(0, rows.shape[0], 1000):
        matrix[first : first + 1000] = rows[first : first + 1000].toarray()
    flat.ntotal = rows.shape[0]
    wanted = queries.toarray()
    return {FAISS: lambda which: np.sqrt(np.maximum(flat.search(wanted[which], k)[0], 0))}


def neighbors_search(rows: sparse.csr_matrix, queries: sparse.csr_matrix, k: int) -> Search:
    fitted = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(rows)
    return lambda which: fitted.kneighbors(queries[which])[0]


def wrong(candidates: dict[str, Search]) -> list[str]:
    """Return the names of the candidates whose distances differ from ours."""
    which = slice(0, N_QUERIES)
    expected = candidates[OURS](which)
    near = {"rtol": 2e-4, "atol": 4e-3}
    return [
        n for n, search in candidates.items() if not np.allclose(search(which), expected, **near)
    ]


def with_best(timings: dict[str, Timing]) -> dict[str, Timing]:
    best = min((n for n in timings if n.startswith(SCIPY)), key=lambda n: timings[n].cpu)
    return {**timings, "best scipy form": timings[best]}


def measure(candidates: dict[str, Search], repeats: int) -> dict[str, object]:
    """Time single queries and all queries in one call."""
    base = FAISS if FAISS in candidates else "best scipy form"

    def single(search: Search) -> Callable[[], object]:
        return cycle(N_QUERIES, lambda i: search(slice(i, i + 1)))

    def batch(search: Search) -> Callable[[], object]:
        return lambda: search(slice(0, N_QUERIES))

    singles = interleave({n: single(s) for n, s in candidates.items()}, repeats=repeats)
    batches = interleave(
        {n: batch(s) for n, s in candidates.items()},
        repeats=max(2, repeats * 2 // 3),
        least_seconds=0,
    )
    return {
        "single": as_entries(with_best(singles), base),
        f"batch of {N_QUERIES}": as_entries(with_best(batches), base),
    }


def compare(words: str, n_rows: int, options: argparse.Namespace) -> dict[str, object]:
    schema = schema_of(words, N_WORDS[words], options.norm)
    rows, queries = phrases(n_rows, schema), phrases(N_QUERIES, schema, first=10**9)
    index = L2Index(schema)
    index.add(rows)
    started = time.process_time()
    candidates = {OURS: own_search(index, queries, options.k)}
    candidates[OURS](slice(0, 1))
    building = time.process_time() - started
    matrix, wanted = as_matrix(rows), as_matrix(queries)
    candidates |= scipy_searches(matrix, wanted, options.k)
    candidates["scikit-learn NearestNeighbors"] = neighbors_search(matrix, wanted, options.k)
    if 4 * n_rows * schema.n_columns <= options.dense_bytes:
        candidates |= dense_searches(matrix, wanted, options.k)
    return {
        "columns": schema.n_columns,
        "counts a row": len(rows.columns) / n_rows,
        "building lists, seconds": building,
        "wrong": wrong(candidates),
        "timings": measure(candidates, options.repeats),
    }


def storage(n_rows: int, norm: str) -> dict[str, float]:
    """Time adding rows to an index on disk and opening it; rows repeat every 10,000."""
    schema = schema_of("visual", N_WORDS["visual"], norm)
    rows = phrases(10_000, schema)
    with tempfile.TemporaryDirectory() as folder:
        L2Index(schema).save(folder)
        index = L2Index.open(folder)
        started = time.perf_counter()
        for _ in range(0, n_rows, len(rows)):
            index.add(rows)
        adding = time.perf_counter() - started
        started = time.perf_counter()
        opened = L2Index.open(folder)
        opening = time.perf_counter() - started
        return {
            "rows": len(opened),
            "rows added a second": n_rows / adding,
            "seconds to open": opening,
            "bytes a row": opened.n_bytes / len(opened),
        }


def main() -> None:
    options = parse()
    set_thread_count(1)
    faiss.omp_set_num_threads(1)
    task = f"{options.k} nearest histograms, norm {options.norm}, one thread"
    entries = {"task": task, "searches": _earlier(task)}
    for search in options.searches:
        words, n_rows = search.split(":")
        name = f"{int(n_rows):,} rows, {N_WORDS[words]} {words} words"
        entries["searches"][name] = compare(words, int(n_rows), options)
        write_results("l2", entries)
    if options.stored:
        entries["storage"] = storage(options.stored, options.norm)
        write_results("l2", entries)
    print(json.dumps(entries, indent=1) if options.json else table(entries))
    sys.exit(int(any(found["wrong"] for found in entries["searches"].values())))


def _earlier(task: str) -> dict[str, Any]:
    """Return the results of earlier runs of the same task."""
    path = RESULTS / "l2.json"
    found = json.loads(path.read_text()) if path.exists() else {}
    return found["searches"] if found.get("task") == task else {}


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--searches", nargs="+", default=SEARCHES, help="WORDS:ROWS")
    parser.add_argument("--norm", default="sqrt", choices=["sqrt", "l2", "none"])
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--dense-bytes", type=float, default=1e10)
    parser.add_argument("--stored", type=int, default=0, help="also store so many rows")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    return parser.parse_args()


def table(entries: dict[str, Any]) -> str:
    lines = [str(entries["task"])]
    for search, found in entries["searches"].items():
        lines.append(f"{search}; wrong: {', '.join(found['wrong']) or 'none'}")
        for name, timings in found["timings"].items():
            lines.append(f"  {name}")
            lines += [
                f"    {n:40} {t['cpu'] * 1e3:10.3f} ms {t['faster']:8.1f} x"
                for n, t in timings.items()
            ]
    return "\n".join([*lines, str(entries.get("storage", ""))])


if __name__ == "__main__":
    main()
