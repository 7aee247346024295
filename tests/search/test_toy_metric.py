"""A distance that is a new line of the table is served by every scan, radius and filter."""

import numpy as np
import pytest

from semsig import ClassTable, HammingIndex, SbsSchema
from semsig.types.metrics import METRICS, MetricEntry, print_distance
from tests.search.batches import random_batch

SCHEMA = SbsSchema(1, ClassTable("abcdef"))
ROWS = random_batch(150, SCHEMA, seed=4, cells_a_row=6)


@pytest.fixture(autouse=True)
def cells(monkeypatch):
    entry = MetricEntry(
        weights="presence", form="difference", meaning="cells of one alone", unit="cells"
    )
    for module in ("types.metrics", "search.exact", "search.dense", "search.bitmaps"):
        monkeypatch.setattr(f"semsig.{module}.METRICS", {**METRICS, "cells": entry})
    for module in ("search.postings", "search.bounded"):
        monkeypatch.setattr(f"semsig.{module}.METRICS", {**METRICS, "cells": entry})


def naive(query, row):
    a, b = ({int(cell) >> 2 for cell in one.cells} for one in (query, row))
    return len(a ^ b)


@pytest.mark.parametrize("scan", ["auto", "bounded", "bitmaps", "postings", "dense"])
def test_every_scan_serves_it(scan):
    index = HammingIndex(SCHEMA)
    index.add(ROWS)
    expected = np.array([naive(ROWS[3], row) for row in ROWS])
    distances, ids = index.search(ROWS[3], 20, metric="cells", scan=scan)
    order = np.argsort(expected, kind="stable")[:20]
    assert ids[0].tolist() == order.tolist()
    assert distances[0].tolist() == expected[order].tolist()
    ((near, found),) = index.search_radius(ROWS[3], 4, metric="cells", scan=scan)
    assert sorted(found.tolist()) == np.flatnonzero(expected <= 4).tolist()
    assert near.max() <= 4
    some = index.search(ROWS[3], 5, metric="cells", scan=scan, filter_ids=[7, 9, 11])[1]
    assert set(some[0].tolist()) == {7, 9, 11, -1}


def test_it_is_printed_with_its_unit():
    assert print_distance(1038, "cells") == "1,038 cells"
