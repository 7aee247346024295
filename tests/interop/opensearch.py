"""A reader of what OpenSearch is sent, by its documentation: of the few clauses that are used."""

from __future__ import annotations

import re

FIELD_TYPES = {"long", "integer", "keyword", "knn_vector"}
_SCRIPT = re.compile(r"(2 \* )?_score( \+ params\.bits - doc\['weight'\]\.value)?")


def check_mapping(body):
    assert set(body) == {"settings", "mappings"}
    assert body["mappings"]["dynamic"] == "strict"
    for field in body["mappings"]["properties"].values():
        assert field["type"] in FIELD_TYPES
        assert field["type"] != "knn_vector" or 1 <= field["dimension"] <= 16_000


def read_bulk(text, mapping):
    """The documents of a bulk request; each has an action before it, and mapped fields only."""
    import json

    lines = text.split("\n")
    assert lines.pop() == ""  # the API wants the last line ended as well
    actions, documents = map(json.loads, lines[::2]), [json.loads(line) for line in lines[1::2]]
    for action, document in zip(actions, documents, strict=True):
        assert action == {"index": {"_id": str(document["id"])}}
        assert set(document) <= set(mapping["mappings"]["properties"])
    return documents


def run(body, documents):
    """Scores and ids of a search's hits."""
    outer = body["query"]["script_score"]
    known = _SCRIPT.fullmatch(outer["script"]["source"])
    assert known, outer["script"]["source"]
    hits = []
    for document in documents:
        inner = [_score(clause, document) for clause in outer["query"]["bool"]["should"]]
        matched = [score for score in inner if score is not None]
        if not matched:
            continue
        score = sum(matched) * (2 if known[1] else 1)
        score += outer["script"]["params"]["bits"] - document["weight"] if known[2] else 0
        assert score >= 0, "script_score may not be negative"
        hits.append((-score, document["doc"], document["id"]))
    assert body["sort"] == ["_score", {"doc": "asc"}]
    return [(-score, id_) for score, _, id_ in sorted(hits)[: body["size"]]]


def _score(clause, document):
    constant = clause["constant_score"]
    (kind, asked), *more = constant["filter"].items()
    assert not more
    if kind == "match_all":
        return constant["boost"]
    ((field, value),) = asked.items()
    assert kind == "term"
    return constant["boost"] if value in document[field] else None
