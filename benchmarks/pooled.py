"""Exact k nearest pooled descriptors: ways to compare int8 codes, side by side.

    python -m benchmarks.pooled [--rows N [N ...]] [--dims D] [--repeats N]

Random codes of D dimensions, one thread, k = 10; single queries (the mean of several) and a batch
of 100. A stage times all candidates in turns. Each candidate's distances are compared with those
of `PooledScan`, which are exact: "equal" says whether the distances of the k nearest are the same
to the last bit, "off" is the largest difference. Needs ``pip install --group bench``; libraries
that are not installed are skipped. Writes results/pooled.json.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks.timing import as_entries, interleave, write_results
from semsig.search.pooled import PooledScan
from semsig.types import PooledBatch, PooledSchema

K = 10
SINGLES = 5
OWN = "semsig PooledScan"
LIBRARIES = ("faiss-cpu", "usearch", "numkong", "numpy")

Codes = NDArray[np.int8]
Search = Callable[[Codes], NDArray[np.floating]]
"""Maps queries (Q, D) to their K smallest squared distances at unit length, (Q, K), ascending."""


def batch(codes: Codes) -> PooledBatch:
    """Return codes as descriptors."""
    schema = PooledSchema(network="random", pool="spoc", power=0.5, dims=codes.shape[1])
    return PooledBatch(
        codes.reshape(-1), np.arange(len(codes) + 1, dtype=np.int64) * codes.shape[1], schema
    )


def unit(codes: Codes) -> NDArray[np.float32]:
    values = codes.astype(np.float32)
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def least(distances: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the K smallest values of each row, ascending."""
    return np.sort(np.partition(distances, K - 1, axis=1)[:, :K], axis=1)


def own(rows: Codes) -> Search:
    scan = PooledScan(batch(rows))
    return lambda queries: scan.search(batch(queries), K)[0]


def blas(rows: Codes) -> Search:
    """Return a search in float32 at unit length: PooledScan without exact sums."""
    base = unit(rows)
    return lambda queries: least(2 - 2 * (unit(queries) @ base.T))


def faiss_flat(rows: Codes) -> Search:
    faiss = import_module("faiss")
    faiss.omp_set_num_threads(1)
    index = faiss.IndexFlatIP(rows.shape[1])
    index.add(unit(rows))
    return lambda queries: 2 - 2 * index.search(unit(queries), K)[0]


def usearch_exact(rows: Codes) -> Search:
    module = import_module("usearch.index")

    def search(queries: Codes) -> NDArray[np.floating]:
        found = module.search(rows, queries, K, "cos", exact=True, threads=1)
        return 2 * np.atleast_2d(found.distances)

    return search


def numkong_cosine(rows: Codes) -> Search:
    numkong = import_module("numkong")
    return lambda queries: least(2 * np.asarray(numkong.cdist(queries, rows, "angular")))


CANDIDATES: dict[str, Callable[[Codes], Search]] = {
    OWN: own,
    "NumPy float32": blas,
    "faiss IndexFlatIP": faiss_flat,
    "usearch exact": usearch_exact,
    "numkong cdist": numkong_cosine,
}


def built(rows: Codes) -> Iterator[tuple[str, Search]]:
    """Yield the candidates whose libraries are installed."""
    for name, build in CANDIDATES.items():
        try:
            search = build(rows)
            search(rows[:1])
        except (ImportError, AttributeError, TypeError, ValueError) as error:
            print(f"left out: {name}: {error}", file=sys.stderr)
        else:
            yield name, search


def compare(searches: dict[str, Search], queries: Codes) -> dict[str, Any]:
    """Return whether each candidate's distances are exact, and their largest error."""
    exact = searches[OWN](queries)
    found = {name: np.asarray(search(queries), np.float32) for name, search in searches.items()}
    return {
        name: {"equal": bool((rows == exact).all()), "off": float(np.abs(rows - exact).max())}
        for name, rows in found.items()
    }


def measure(n_rows: int, dims: int, repeats: int) -> dict[str, Any]:
    """Time all candidates among `n_rows` rows."""
    random = np.random.default_rng(0)
    rows, queries = (
        np.clip(random.normal(0, 40, (n, dims)), -127, 127).astype(np.int8) for n in (n_rows, 100)
    )
    searches = dict(built(rows))

    def singles(search: Search) -> Callable[[], object]:
        return lambda: [search(queries[i : i + 1]) for i in range(SINGLES)]

    return {
        "answers": compare(searches, queries[:20]),
        f"{SINGLES} single queries": as_entries(
            interleave({n: singles(s) for n, s in searches.items()}, repeats=repeats), OWN
        ),
        "batch of 100": as_entries(
            interleave({n: (lambda s=s: s(queries)) for n, s in searches.items()}, repeats=repeats),
            OWN,
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--dims", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    versions = {}
    for name in LIBRARIES:
        try:
            versions[name] = version(name)
        except ImportError:
            continue
    sizes: dict[str, Any] = {}
    with threadpool_limits(1):
        for n_rows in options.rows:
            sizes[str(n_rows)] = measure(n_rows, options.dims, options.repeats)
            write_results(
                "pooled", {"dims": options.dims, "k": K, "versions": versions, "sizes": sizes}
            )
            for stage in (f"{SINGLES} single queries", "batch of 100"):
                for name, timing in sizes[str(n_rows)][stage].items():
                    answer = sizes[str(n_rows)]["answers"][name]
                    print(
                        f"{n_rows:>9,} {stage:17} {name:18} {timing['cpu'] * 1e3:10.2f} ms "
                        f"{'equal' if answer['equal'] else format(answer['off'], '.1e')}"
                    )


if __name__ == "__main__":
    main()
