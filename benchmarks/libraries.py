"""Search over the same dense bits by other libraries, each behind one function.

All are exact except faiss's HNSW and IVF, which :data:`APPROXIMATE` names.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import faiss
import numpy as np
from bitarray import bitarray
from bitarray.util import count_xor
from numpy.typing import NDArray
from semsig_kernels.bits import pack_cells

from semsig import SbsBatch

Search = Callable[[slice, int], NDArray[np.int64]]
"""Takes a slice of the queries, and k; returns distances, shape (Q, k)."""
Rival = tuple[Search, float]
"""The search function, and the CPU seconds that building took."""
Bits = NDArray[np.uint8]

FLAT = "faiss IndexBinaryFlat"
APPROXIMATE = ("faiss BinaryHNSW", "faiss BinaryIVF")
ONE_BY_ONE = ("NumPy", "bitarray")
"""Libraries that take one query at a time."""
MOST_ROWS_OF_COPIES = 100_000
"""With more rows, only libraries that search faiss's own array in place are compared."""
_PORTION = 10_000
_HNSW_LINKS = 32
_HNSW_EFFORT = 64
_IVF_PROBED = 1 / 8


def packed(batch: SbsBatch) -> Bits:
    """Return the dense bits of each signature, shape (N, n_bits / 8)."""
    return np.concatenate(list(portions(batch)))


def portions(batch: SbsBatch) -> Iterator[Bits]:
    """Yield the dense bits of some thousand signatures at a time."""
    for first in range(0, len(batch), _PORTION):
        offsets = batch.offsets[first : first + _PORTION + 1]
        codes = batch.cells[offsets[0] : offsets[-1]].astype(np.int64)
        bits = np.zeros((len(offsets) - 1, batch.schema.n_bits // 8), np.uint8)
        pack_cells(codes, offsets - offsets[0], batch.schema.n_cells, bits)
        yield bits


def flat(batch: SbsBatch, queries: Bits) -> tuple[Rival, Bits]:
    """Return faiss's flat index, and its array of bits, which others search in place."""
    index = faiss.IndexBinaryFlat(batch.schema.n_bits)
    started = time.process_time()
    for bits in portions(batch):
        index.add(bits)
    seconds = time.process_time() - started
    held = faiss.rev_swig_ptr(index.xb.data(), index.xb.size())
    return (_searching(index, queries), seconds), held.reshape(len(batch), -1)


def hnsw(bits: Bits, queries: Bits, cache: Path) -> Rival:
    """Build an HNSW graph, which takes minutes, or read that of an earlier run."""
    path = cache / f"hnsw-{len(bits)}.faiss"
    note = path.with_suffix(".json")
    if not note.exists():
        index = faiss.IndexBinaryHNSW(bits.shape[1] * 8, _HNSW_LINKS)
        started = time.process_time()
        index.add(bits)
        seconds = time.process_time() - started
        faiss.write_index_binary(index, str(path))
        note.write_text(json.dumps(seconds))
    index = faiss.read_index_binary(str(path))
    index.hnsw.efSearch = _HNSW_EFFORT
    return _searching(index, queries), json.loads(note.read_text())


def ivf(bits: Bits, queries: Bits) -> Rival:
    n_lists = max(8, round(len(bits) ** 0.5 / 4))
    n_bits = bits.shape[1] * 8
    quantizer = faiss.IndexBinaryFlat(n_bits)
    index = faiss.IndexBinaryIVF(quantizer, n_bits, n_lists)
    index.cp.niter = 5
    started = time.process_time()
    sample = np.random.default_rng(0).choice(len(bits), min(len(bits), 20 * n_lists), False)
    index.train(bits[sample])
    index.add(bits)
    index.nprobe = round(n_lists * _IVF_PROBED)
    index.own_fields, _ = True, quantizer.this.disown()
    return _searching(index, queries), time.process_time() - started


def _searching(index: Any, queries: Bits) -> Search:
    return lambda which, k: index.search(queries[which], k)[0]


def usearch(bits: Bits, queries: Bits) -> Rival:
    from usearch.index import MetricKind, search

    def find(which: slice, k: int) -> NDArray[np.int64]:
        found = search(bits, queries[which], k, MetricKind.Hamming, exact=True, threads=1)
        return np.asarray(found.distances).reshape(-1, k).astype(np.int64)

    return find, 0.0


def opencv(bits: Bits, queries: Bits) -> Rival:
    matcher = cv2.BFMatcher(cv2.NORM_HAMMING)

    def find(which: slice, k: int) -> NDArray[np.int64]:
        matches = matcher.knnMatch(queries[which], bits, k=k)
        return np.array([[int(match.distance) for match in row] for row in matches])

    return find, 0.0


def numpy(bits: Bits, queries: Bits) -> Rival:
    words, wanted = bits.view(np.uint64), queries.view(np.uint64)

    def find(which: slice, k: int) -> NDArray[np.int64]:
        parts = [
            np.bitwise_count(words[i : i + 512] ^ wanted[which]).sum(axis=1, dtype=np.int64)
            for i in range(0, len(words), 512)
        ]
        return np.sort(np.partition(np.concatenate(parts), k - 1)[:k])[None]

    return find, 0.0


def bitarrays(bits: Bits, queries: Bits) -> Rival:
    strings = [bitarray(buffer=row) for row in bits]

    def find(which: slice, k: int) -> NDArray[np.int64]:
        query = bitarray(buffer=queries[which.start])
        return np.array([sorted(count_xor(query, string) for string in strings)[:k]])

    return find, 0.0


def others(bits: Bits, queries: Bits, cache: Path) -> Iterator[tuple[str, Rival]]:
    """Yield the other libraries by name; with many rows only those that make no copy."""
    yield "usearch exact", usearch(bits, queries)
    yield "NumPy", numpy(bits, queries)
    if len(bits) > MOST_ROWS_OF_COPIES:
        return
    yield "OpenCV BFMatcher", opencv(bits, queries)
    yield "bitarray", bitarrays(bits, queries)
    yield "faiss BinaryIVF", ivf(bits, queries)
    yield "faiss BinaryHNSW", hnsw(bits, queries, cache)
