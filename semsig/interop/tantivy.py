"""Tantivy, an inverted index that works as Lucene does: exact search. Needs ``tantivy``.

Fields: ``terms``, one token per term, and a token ``b<i>`` for each bit i that is set in n_bits -
W; ``doc``, the row; ``id``; ``payload``, UTF-8. The query is a sum of constant scores, so that
Tantivy's own ranking (BM25) has no effect; the same holds for Lucene.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semsig.interop.exporting import (
    Found,
    as_answer,
    new_folder,
    only,
    read_facts,
    refusals,
    require,
    settled,
    write_facts,
)
from semsig.interop.scores import METRICS, check_exact, distance_of, weight_tokens
from semsig.interop.terms import TermRows, impacts_of, query_terms, rows_of
from semsig.search import HammingIndex, PooledIndex
from semsig.search.checks import check_k
from semsig.storage.checks import Signatures
from semsig.types import SbsSchema
from semsig.types.metrics import Metric

_LEAST = "0.22"
_HEAP = 256_000_000
"""Bytes that the writer fills before it starts another segment."""


def export(index: HammingIndex, target: Path | str, *, pooled: PooledIndex | None = None) -> None:
    """Write an index to a new folder as an index of Tantivy.

    Parameters
    ----------
    index : HammingIndex
        The signatures.
    target : Path or str
        The folder.
    pooled : PooledIndex, optional
        Pooled descriptors; stored with each photo as D float32, little-endian, and returned with
        hits: Tantivy does not search vectors.

    Raises
    ------
    OptionError, IndexWriteError
        If the folder is there or cannot be written, or signatures are too long to be exact.
    EngineError
        If ``tantivy`` is absent or refuses.
    """
    tantivy = require("tantivy", "tantivy", _LEAST)
    check_exact(index.schema, "Tantivy")
    with new_folder(target) as folder, refusals("Tantivy"):
        (folder / "index").mkdir()
        made = tantivy.Index(_layout(tantivy), path=str(folder / "index"))
        writer = made.writer(heap_size=_HEAP, num_threads=1)
        for rows in rows_of(index, pooled):
            _add(tantivy, writer, rows, index.schema)
        writer.commit()
        writer.wait_merging_threads()
        write_facts(folder, index, "tantivy")


def _layout(tantivy: Any) -> Any:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("terms", tokenizer_name="raw", index_option="basic")
    for name in ("doc", "id"):
        builder.add_unsigned_field(name, stored=True)
    for name in ("payload", "pooled"):
        builder.add_bytes_field(name, stored=True)
    return builder.build()


def _add(tantivy: Any, writer: Any, rows: TermRows, schema: SbsSchema) -> None:
    for own, (id_, terms, weight, payload, vector) in zip(rows.docs, rows, strict=True):
        document = tantivy.Document(doc=own, id=id_)
        document.add_bytes("payload", payload.encode())
        for term in terms.tolist():
            document.add_text("terms", str(term))
        for bit in weight_tokens(weight, schema):
            document.add_text("terms", f"b{bit}")
        if vector is not None:
            document.add_bytes("pooled", struct.pack(f"<{len(vector)}f", *vector))
        writer.add_document(document)


def search(
    folder: Path | str, queries: Signatures, k: int, *, metric: Metric = "hamming"
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Find the `k` nearest of each query, as :meth:`semsig.HammingIndex.search` does.

    Parameters
    ----------
    folder : Path or str
        What :func:`export` wrote.
    queries, k
        As :meth:`semsig.HammingIndex.search` takes them.
    metric : {"hamming", "containment"}
        The distance.

    Raises
    ------
    EngineError
        If ``tantivy`` is absent or refuses, or the folder holds no such index.
    SchemaMismatchError, OptionError
        As :meth:`semsig.HammingIndex.search` does.
    """
    tantivy = require("tantivy", "tantivy", _LEAST)
    only("Tantivy", metric, METRICS)
    facts = read_facts(folder, "tantivy")
    k = check_k(k, facts.rows)
    with refusals("Tantivy"):
        opened = tantivy.Index.open(str(Path(folder) / "index"))
        searcher = opened.searcher()
        found = [
            _nearest(
                searcher,
                query(opened.schema, terms, metric, facts.schema),
                terms,
                k,
                metric,
                facts.schema,
            )
            for terms in query_terms(queries, facts.schema)
        ]
    return as_answer(found, k, metric)


def query(layout: Any, terms: NDArray[np.uint32], metric: Metric, schema: SbsSchema) -> Any:
    """Return Tantivy's query for a signature's terms.

    For Hamming's distance the score is 2 I + n_bits - W_B + 1, for containment I + 1: the 1 is
    for all documents, so that those that share nothing are found as well.
    """
    tantivy = require("tantivy", "tantivy", _LEAST)
    kind, should = tantivy.Query, tantivy.Occur.Should
    twice = 2 if metric == "hamming" else 1

    def scored(token: str, score: float) -> Any:
        return should, kind.const_score_query(kind.term_query(layout, "terms", token), score)

    parts = [(should, kind.const_score_query(kind.all_query(), 1.0))]
    each = zip(terms.tolist(), impacts_of(terms).tolist(), strict=True)
    parts += [scored(str(term), float(twice * impact)) for term, impact in each]
    if metric == "hamming":
        parts += [scored(f"b{bit}", float(2**bit)) for bit in range(schema.n_bits.bit_length())]
    return kind.boolean_query(parts)


def _nearest(
    searcher: Any, asked: Any, terms: NDArray[np.uint32], k: int, metric: Metric, schema: SbsSchema
) -> Found:
    weight = int(impacts_of(terms).sum())

    def ask(limit: int) -> Found:
        found = []
        for score, address in searcher.search(asked, limit).hits:
            stored = searcher.doc(address)
            half = (score - 1) / 2 if metric == "hamming" else score - 1
            distance = distance_of(half, weight, metric, schema, shifted=True)
            found.append((distance, stored.get_first("doc"), stored.get_first("id")))
        return found

    return settled(ask, k, searcher.num_docs)
