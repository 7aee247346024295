"""Whatever the wrong type, the public functions raise a SemsigError, never what Python raises."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import semsig
from semsig import SemsigError, explain, query
from semsig.classes import ClassTable
from semsig.datasets import load_dataset
from semsig.search.options import ExpandOptions, RerankOptions
from semsig.storage.keys import Entry
from semsig.types import LabelMap, SbsSchema
from tests.engine.test_engine import ColourSegmenter, photo

WRONG: list[Any] = [None, 5, -1, 1.5, "nonsense", b"x", [], [None], {}, object(), np.zeros(3), True]

TABLE = ClassTable(["sky", "grass", "road"], palette=[(0, 0, 255), (0, 255, 0), (255, 0, 0)])
MAP = LabelMap(np.zeros((8, 8), np.uint8), TABLE)
SCHEMA = SbsSchema(1, TABLE)
SIGNATURE = semsig.sbs(MAP, 1)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Some of the wrong values are names of folders."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    engine = semsig.Engine.create(None, segmenter=ColourSegmenter(), levels=1)
    engine.add([photo(folder / "a.png", sky=0.5), photo(folder / "b.png", sky=0.2)])
    return engine


@pytest.fixture
def index():
    index = semsig.HammingIndex(SCHEMA)
    index.add([SIGNATURE, SIGNATURE], keys=["a", "b"])
    return index


def refuses(function: Any, right: dict[str, Any]) -> Iterator[str]:
    """Call with each parameter wrong in turn; name what lets Python's own errors out."""
    for name in inspect.signature(function).parameters:
        for wrong in WRONG:
            try:
                function(**right | {name: wrong})
            except SemsigError:
                pass
            except Exception as error:
                yield f"{function.__qualname__}({name}={wrong!r}): {error!r}"


def test_functions(tmp_path):
    calls = [
        (semsig.read_image, {"source": b"x"}),
        (semsig.sbs, {"label_map": MAP, "levels": 1}),
        (semsig.load_segmenter, {"name": "lite"}),
        (semsig.load_detector, {"name": "kaze"}),
        (ClassTable, {"names": ["sky"]}),
        (ClassTable.builtin, {"name": "voc"}),
        (LabelMap, {"labels": MAP.labels, "classes": TABLE}),
        (SbsSchema, {"levels": 1, "classes": TABLE}),
        (semsig.SbsSignature, {"cells": SIGNATURE.cells, "schema": SCHEMA}),
        (query.parse, {"text": "sky", "classes": TABLE}),
        (query.parse_absent, {"text": "sky", "classes": TABLE}),
        (query.read_sentence, {"text": "sky", "classes": TABLE}),
        (query.Lexicon.open, {"path": tmp_path}),
        (query.Condition, {"label": 0}),
        (load_dataset, {"name": "wang"}),
        (query.Box.parse, {"text": "0,0,1,1"}),
        (query.Box, {"left": 0, "top": 0, "right": 1, "bottom": 1}),
        (query.read_layout, {"path": tmp_path / "x.png", "classes": TABLE}),
        (explain.explain, {"a": SIGNATURE, "b": SIGNATURE}),
        (explain.describe, {"signature": SIGNATURE}),
        (semsig.HammingIndex, {"schema": SCHEMA}),
        (semsig.HammingIndex.open, {"path": tmp_path}),
        (semsig.L2Index.open, {"path": tmp_path}),
        (RerankOptions, {}),
        (ExpandOptions, {}),
    ]
    wrong = [line for call in calls for line in refuses(*call)]
    assert not wrong, "\n".join(wrong)


def test_engine(engine, tmp_path):
    create = {"path": None, "segmenter": ColourSegmenter(), "levels": 1}
    calls = [
        (semsig.Engine.create, create),
        (semsig.Engine.open, {"path": tmp_path}),
        (engine.add, {"photos": []}),
        (engine.search, {"query": MAP}),
        (engine.explain, {"a": MAP, "b": MAP}),
        (engine.label_map, {"query": MAP}),
        (engine.signature, {"query": MAP}),
        (engine.signatures, {"query": MAP}),
        (engine.conditions, {}),
        (engine.matching, {}),
        (engine.ranked_by, {"query": MAP}),
        (engine.path, {"id_": 0}),
        (engine.remove, {"paths": []}),
        (engine.prune, {"folders": []}),
        (engine.put, {"key": "k", "photo": np.zeros((4, 4, 3), np.uint8)}),
        (engine.where, {"test": {}}),
        (engine.set_payload, {"key": next(iter(engine)), "payload": 1}),
        (engine.get, {"key": "k"}),
        (engine.add_signature, {"name": "sbovp"}),
    ]
    wrong = [line for call in calls for line in refuses(*call)]
    assert not wrong, "\n".join(wrong)


def test_index(index, tmp_path):
    calls = [
        (index.add, {"signatures": [SIGNATURE]}),
        (index.search, {"queries": SIGNATURE, "k": 1}),
        (index.search_radius, {"queries": SIGNATURE, "radius": 1}),
        (index.save, {"path": tmp_path / "index"}),
        (index.signature, {"id_": 0}),
        (index.payload, {"id_": 0}),
        (index.get, {"key": 0}),
        (index.where, {"test": bool}),
        (index.replace, {"ids": [0], "signatures": [SIGNATURE]}),
        (index.remove, {"ids": [0]}),
        (index.add_packed, {"packed": index.to_packed()}),
    ]
    wrong = [line for call in calls for line in refuses(*call)]
    assert not wrong, "\n".join(wrong)
    assert isinstance(index.get("b"), Entry)
