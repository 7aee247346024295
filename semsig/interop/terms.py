"""Signatures as terms, which any inverted index can search exactly. Needs the extra ``arrow``.

A cell (block, class) of proportion level l becomes the terms ``4 * cell``, ..., ``4 * cell + l -
1`` with cell = block * M + class: the first of impact 2, for the presence bit and the first bit
of the level, the others of impact 1. So the impacts of a signature sum to its weight W, and
those of the terms that two signatures share to I = sum min(w_A, w_B); Hamming's distance is
W_A + W_B - 2 I (Ouni et al. 2022, 3.1).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semsig.durable import writing
from semsig.errors import IndexWriteError, OptionError
from semsig.interop.exporting import require
from semsig.search import HammingIndex, PooledIndex
from semsig.storage.checks import Signatures, as_batch, portions
from semsig.types import PooledBatch, SbsBatch, SbsSchema
from semsig.types.metrics import Weights

_KEY = b"semsig"
LEAST_ARROW = "18"
"""The version of pyarrow that is needed."""


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


def to_terms(index: HammingIndex, *, pooled: PooledIndex | None = None) -> Any:
    """Return an index as a ``pyarrow.Table`` of terms.

    Parameters
    ----------
    index : HammingIndex
        The signatures.
    pooled : PooledIndex, optional
        Pooled descriptors of the same photos, by the same ids.

    Returns
    -------
    pyarrow.Table
        In order of insertion, columns ``id`` int64; ``terms`` list of uint32, ascending;
        ``impacts`` list of uint8, 2 or 1; ``weight`` int32, the sum of the impacts; ``payload``
        string; and, where there is `pooled`, a list of D float32 of unit length. The metadata's
        key ``semsig`` holds the schemas as JSON.
    """
    pyarrow = require("pyarrow", "pyarrow", LEAST_ARROW)
    layout = _layout(index.schema, pooled)
    batches = (_record_batch(rows, layout) for rows in rows_of(index, pooled))
    return pyarrow.Table.from_batches(batches, layout)


def write_terms(
    index: HammingIndex, path: Path | str, *, pooled: PooledIndex | None = None
) -> None:
    """Write the terms of an index to a file, completely or not at all.

    Parameters
    ----------
    index, pooled
        As :func:`to_terms` takes them.
    path : Path or str
        ``*.parquet`` or ``*.arrow`` (Arrow's IPC file) hold the table of :func:`to_terms`;
        ``*.jsonl`` one JSON object per line, its keys the table's columns.

    Raises
    ------
    OptionError
        If the name ends in none of these.
    IndexWriteError
        If the file cannot be written; one that was there before is left as it was.
    """
    path = Path(path)
    write = {".jsonl": _write_lines, ".parquet": _write_parquet, ".arrow": _write_ipc}
    if path.suffix not in write:
        raise OptionError(f"Expected a file named *{', *'.join(write)}; got {path.name}.")
    try:
        with writing(path) as file:
            write[path.suffix](index, pooled, file)
    except OSError as error:
        raise IndexWriteError(f"Cannot write {path}: {error.strerror}") from error


def _write_lines(index: HammingIndex, pooled: PooledIndex | None, file: Any) -> None:
    for rows in rows_of(index, pooled):
        for id_, terms, weight, payload, vector in rows:
            line: dict[str, Any] = {"id": id_, "terms": terms.tolist()}
            line |= {"impacts": impacts_of(terms).tolist(), "weight": weight, "payload": payload}
            line |= {} if vector is None else {"pooled": vector}
            file.write(json.dumps(line).encode() + b"\n")


def _write_parquet(index: HammingIndex, pooled: PooledIndex | None, file: Any) -> None:
    parquet = require("pyarrow.parquet", "pyarrow", LEAST_ARROW)
    layout = _layout(index.schema, pooled)
    with parquet.ParquetWriter(file, layout, compression="zstd") as writer:
        for rows in rows_of(index, pooled):
            writer.write_batch(_record_batch(rows, layout))


def _write_ipc(index: HammingIndex, pooled: PooledIndex | None, file: Any) -> None:
    pyarrow = require("pyarrow", "pyarrow", LEAST_ARROW)
    layout = _layout(index.schema, pooled)
    with pyarrow.ipc.new_file(file, layout) as writer:
        for rows in rows_of(index, pooled):
            writer.write_batch(_record_batch(rows, layout))


def header(schema: SbsSchema, pooled: PooledIndex | None) -> bytes:
    """Return the schemas as JSON, as the tables' metadata holds them under ``semsig``."""
    document = {"format": "semsig-terms", "version": 1, "schema": schema.to_json()}
    return json.dumps(
        document | ({} if pooled is None else {"pooled": pooled.schema.to_json()})
    ).encode()


def _layout(schema: SbsSchema, pooled: PooledIndex | None) -> Any:
    pyarrow = require("pyarrow", "pyarrow", LEAST_ARROW)
    fields = [
        ("id", pyarrow.int64()),
        ("terms", pyarrow.list_(pyarrow.uint32())),
        ("impacts", pyarrow.list_(pyarrow.uint8())),
        ("weight", pyarrow.int32()),
        ("payload", pyarrow.string()),
    ]
    if pooled is not None:
        fields.append(("pooled", pyarrow.list_(pyarrow.float32(), pooled.schema.dims)))
    return pyarrow.schema(fields).with_metadata({_KEY: header(schema, pooled)})


def _record_batch(rows: TermRows, layout: Any) -> Any:
    pyarrow = require("pyarrow", "pyarrow", LEAST_ARROW)
    starts = pyarrow.array(rows.offsets.astype(np.int32))
    columns = [
        pyarrow.array(rows.ids),
        pyarrow.ListArray.from_arrays(starts, pyarrow.array(rows.terms)),
        pyarrow.ListArray.from_arrays(starts, pyarrow.array(rows.impacts)),
        pyarrow.array(rows.weights.astype(np.int32)),
        pyarrow.array(rows.payloads, pyarrow.string()),
    ]
    if rows.pooled is not None:
        columns.append(vector_column(rows.pooled))
    return pyarrow.RecordBatch.from_arrays(columns, schema=layout)


def vector_column(vectors: NDArray[np.float32]) -> Any:
    """Return vectors (N, D) as an Arrow array of lists of D floats."""
    pyarrow = require("pyarrow", "pyarrow", LEAST_ARROW)
    flat = pyarrow.array(vectors.reshape(-1))
    return pyarrow.FixedSizeListArray.from_arrays(flat, vectors.shape[1])
