"""OpenSearch and Elasticsearch: files for their API, and the queries that rank exactly.

``mapping.json`` is the body of ``PUT /photos``; ``documents.ndjson`` of ``POST /photos/_bulk``;
:func:`query` returns that of ``POST /photos/_search``. Only the API's form is checked here, not
a running server. For Elasticsearch, the type of ``pooled`` is ``dense_vector``, its length
``dims``, and the setting ``knn`` is left out.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from semsig.errors import OptionError
from semsig.interop.exporting import new_folder, only, write_facts
from semsig.interop.scores import METRICS, check_exact
from semsig.interop.terms import impacts_of, query_terms, rows_of
from semsig.search import HammingIndex, PooledIndex
from semsig.search.checks import check_k
from semsig.types import SbsSignature
from semsig.types.metrics import Metric

MAX_CLAUSES = 1024
"""Clauses that a query may have: the default of ``indices.query.bool.max_clause_count``."""
MAX_HITS = 10_000
"""Hits that a search may ask for: the default of ``index.max_result_window``."""


def export(index: HammingIndex, target: Path | str, *, pooled: PooledIndex | None = None) -> None:
    """Write an index to a new folder, as the mapping and the bulk requests of OpenSearch.

    Parameters
    ----------
    index : HammingIndex
        The signatures.
    target : Path or str
        The folder: ``mapping.json``, ``documents.ndjson``.
    pooled : PooledIndex, optional
        Pooled descriptors: the field ``pooled``, a ``knn_vector`` of D floats.

    Raises
    ------
    OptionError, IndexWriteError
        If the folder is there or cannot be written, or signatures are too long to be exact.
    """
    check_exact(index.schema, "OpenSearch")
    with new_folder(target) as folder:
        body = json.dumps(mapping(pooled.schema.dims if pooled is not None else None), indent=1)
        (folder / "mapping.json").write_text(body)
        with (folder / "documents.ndjson").open("w", encoding="utf-8") as file:
            for rows in rows_of(index, pooled):
                for own, row in zip(rows.docs, rows, strict=True):
                    file.writelines(json.dumps(line) + "\n" for line in _bulk(own, *row))
        write_facts(folder, index, "opensearch")


def mapping(dims: int | None = None) -> dict[str, Any]:
    """Return settings and mapping; `dims` are those of pooled descriptors, if there are any."""
    properties: dict[str, Any] = {
        "doc": {"type": "long"},
        "id": {"type": "long"},
        "weight": {"type": "integer"},
        "terms": {"type": "keyword", "norms": False, "index_options": "docs", "doc_values": False},
        "payload": {"type": "keyword", "index": False, "doc_values": False},
    }
    if dims is not None:
        properties["pooled"] = {"type": "knn_vector", "dimension": dims}
    settings = {"index": {"number_of_replicas": 0, **({"knn": True} if dims else {})}}
    return {"settings": settings, "mappings": {"dynamic": "strict", "properties": properties}}


def _bulk(
    own: int, id_: int, terms: Any, weight: int, payload: str, vector: list[float] | None
) -> list[dict[str, Any]]:
    document = {
        "doc": own,
        "id": id_,
        "weight": weight,
        "terms": [str(term) for term in terms.tolist()],
        "payload": payload,
    }
    document |= {} if vector is None else {"pooled": vector}
    return [{"index": {"_id": str(id_)}}, document]


def query(signature: SbsSignature, k: int, *, metric: Metric = "hamming") -> dict[str, Any]:
    """Return the body of the search for the `k` nearest of a signature.

    A hit's distance is ``W + n_bits - _score`` bits by Hamming, ``W`` the signature's weight, and
    ``1 - _score / W`` by containment.

    Parameters
    ----------
    signature : SbsSignature
        The query, of the schema that was exported.
    k : int
        1 to 10,000.
    metric : {"hamming", "containment"}
        The distance.

    Raises
    ------
    OptionError
        If `k` or `metric` is out of range, or the signature has more terms than a query may
        have clauses.
    """
    only("OpenSearch", metric, METRICS)
    if check_k(k) > MAX_HITS:
        raise OptionError(f"Expected k 1 to {MAX_HITS:,}, OpenSearch's limit; got {k:,}.")
    (terms,) = query_terms([signature], signature.schema)
    if len(terms) > MAX_CLAUSES - 1:
        raise OptionError(
            f"Expected at most {MAX_CLAUSES - 1:,} terms, OpenSearch's limit of clauses; got "
            f"{len(terms):,}. Raise indices.query.bool.max_clause_count, or use fewer levels."
        )
    each = zip(terms.tolist(), impacts_of(terms).tolist(), strict=True)
    shared = [_constant({"term": {"terms": str(term)}}, impact) for term, impact in each]
    bound = signature.schema.n_bits
    source = "_score" if metric == "containment" else "2 * _score + params.bits"
    score = {
        "source": source if metric == "containment" else f"{source} - doc['weight'].value",
        "params": {"bits": bound},
    }
    every = _constant({"match_all": {}}, 0)
    return {
        "size": k,
        "_source": ["id"],
        "query": {
            "script_score": {"query": {"bool": {"should": [every, *shared]}}, "script": score}
        },
        "sort": ["_score", {"doc": "asc"}],
        "track_total_hits": False,
    }


def _constant(clause: dict[str, Any], score: int) -> dict[str, Any]:
    return {"constant_score": {"filter": clause, "boost": score}}
