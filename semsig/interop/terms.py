"""Signatures as terms, which any inverted index can search exactly.

A cell (block, class) of proportion level l becomes the terms ``4 * cell``, ..., ``4 * cell + l -
1`` with cell = block * M + class: the first of impact 2, for the presence bit and the first bit
of the level, the others of impact 1. So the impacts of a signature sum to its weight W, and
those of the terms that two signatures share to I = sum min(w_A, w_B); Hamming's distance is
W_A + W_B - 2 I (Ouni et al. 2022, 3.1).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from semsig.search import HammingIndex, PooledIndex
from semsig.storage.checks import Signatures, as_batch, portions
from semsig.types import PooledBatch, SbsBatch, SbsSchema
from semsig.types.metrics import Weights


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class TermRows:
    """Signatures of successive rows as terms.

    Parameters
    ----------
    first : int
        Row of the first, in order of insertion from 0.
    ids : ndarray of int64, shape (N,)
        Their ids.
    offsets : ndarray of int64, shape (N + 1,)
        Signature i has ``terms[offsets[i]:offsets[i + 1]]``.
    terms : ndarray of uint32, shape (offsets[-1],)
        Ascending within a signature.
    weights : ndarray of int64, shape (N,)
        Set bits W of each signature: the sum of its terms' impacts.
    payloads : list of str, length N
        What is stored with each.
    pooled : ndarray of float32, shape (N, D), optional
        Pooled descriptors at unit length; zeros for photos without.
    """

    first: int
    ids: NDArray[np.int64]
    offsets: NDArray[np.int64]
    terms: NDArray[np.uint32]
    weights: NDArray[np.int64]
    payloads: list[str]
    pooled: NDArray[np.float32] | None = None

    @property
    def impacts(self) -> NDArray[np.uint8]:
        """Impact of each term, 1 or 2."""
        return impacts_of(self.terms)

    @property
    def docs(self) -> range:
        """Row of each signature."""
        return range(self.first, self.first + len(self.ids))

    @property
    def rows(self) -> NDArray[np.int64]:
        """Row of each term's signature, shape (offsets[-1],)."""
        return np.repeat(self.first + np.arange(len(self.ids)), np.diff(self.offsets))

    def __iter__(self) -> Iterator[tuple[int, NDArray[np.uint32], int, str, list[float] | None]]:
        """Yield id, terms, weight, payload and pooled descriptor of each signature."""
        ends = self.offsets.tolist()
        for row, (id_, weight) in enumerate(
            zip(self.ids.tolist(), self.weights.tolist(), strict=True)
        ):
            vector = None if self.pooled is None else self.pooled[row].tolist()
            yield id_, self.terms[ends[row] : ends[row + 1]], weight, self.payloads[row], vector


def terms_of(batch: SbsBatch) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    """Return offsets (N + 1,) and the terms of N signatures, one after the other."""
    cells = batch.cells.astype(np.uint32)
    levels = (cells & 3).astype(np.int64) + 1
    ends = np.concatenate([[0], np.cumsum(levels)])
    steps = np.arange(ends[-1]) - np.repeat(ends[:-1], levels)
    terms = np.repeat(cells & ~np.uint32(3), levels) + steps.astype(np.uint32)
    return ends[batch.offsets], terms


def impacts_of(terms: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """Return the impact of each term: 2 for the first of a cell, 1 for the others."""
    impacts: NDArray[np.uint8] = 1 + (terms & 3 == 0).astype(np.uint8)
    return impacts


def term_weights(terms: NDArray[np.uint32], weights: Weights) -> NDArray[np.int64]:
    """Return the sum of shared terms by a metric's weights, except idf: bits, or cells present."""
    if weights == "presence":
        return np.asarray(terms & 3 == 0, np.int64)
    return impacts_of(terms).astype(np.int64)


def weights_of(offsets: NDArray[np.int64], terms: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Return the set bits W of each signature, shape (N,)."""
    sums = np.concatenate([[0], np.cumsum(impacts_of(terms), dtype=np.int64)])
    weights: NDArray[np.int64] = sums[offsets[1:]] - sums[offsets[:-1]]
    return weights


def query_terms(queries: Signatures, schema: SbsSchema) -> list[NDArray[np.uint32]]:
    """Return the terms of each query; SchemaMismatchError if one is of another schema."""
    offsets, terms = terms_of(as_batch(queries, schema))
    return np.split(terms, offsets[1:-1]) if len(offsets) > 1 else []


def rows_of(index: HammingIndex, pooled: PooledIndex | None = None) -> Iterator[TermRows]:
    """Yield the rows of an index as terms, some hundred thousand cells at a time.

    Parameters
    ----------
    index : HammingIndex
        The signatures, as they are at one moment.
    pooled : PooledIndex, optional
        Pooled descriptors of the same photos, by the same ids.
    """
    return cut(*index.to_rows(), pooled)


def cut(
    ids: NDArray[np.int64],
    batch: SbsBatch,
    payloads: Sequence[str],
    pooled: PooledIndex | None = None,
) -> Iterator[TermRows]:
    """Yield rows as terms; ids, batch and payloads are what ``index.to_rows()`` returns."""
    vectors = None if pooled is None else _Vectors(*pooled.to_batch())
    texts = iter(payloads)
    for start, stop in portions(batch.offsets):
        ends = batch.offsets[start : stop + 1]
        part = SbsBatch(batch.cells[ends[0] : ends[-1]], ends - ends[0], batch.schema)
        offsets, terms = terms_of(part)
        yield TermRows(
            first=start,
            ids=ids[start:stop],
            offsets=offsets,
            terms=terms,
            weights=weights_of(offsets, terms),
            payloads=list(islice(texts, stop - start)),
            pooled=None if vectors is None else vectors.of(ids[start:stop]),
        )


class _Vectors:
    """Pooled descriptors at unit length, looked up by id."""

    def __init__(self, ids: NDArray[np.int64], batch: PooledBatch) -> None:
        self._order = np.argsort(ids)
        self._ids = ids[self._order]
        self._codes = batch.matrix

    def of(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the descriptors of `ids`; zeros where there is none."""
        place = np.searchsorted(self._ids, ids)
        known = place < len(self._ids)
        known[known] = self._ids[place[known]] == ids[known]
        vectors = np.zeros((len(ids), self._codes.shape[1]), np.float32)
        vectors[known] = self._codes[self._order[place[known]]]
        lengths = np.sqrt((vectors**2).sum(axis=1, keepdims=True))
        vectors /= np.maximum(lengths, 1)  # codes are integers: a length is 0 or at least 1
        return vectors
