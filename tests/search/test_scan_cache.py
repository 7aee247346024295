"""After a change, only what changed gets new scans; answers are those of an index built anew."""

import numpy as np
import pytest

from semsig import ClassTable, SbsBatch, SbsSchema
from semsig.search import HammingIndex, hamming, scan_cache
from semsig.search.scans import new_scan
from tests.search.batches import random_batch

SCHEMA = SbsSchema(1, ClassTable("abcdef"))
ROWS = random_batch(200, SCHEMA, seed=1, cells_a_row=6)


@pytest.fixture
def built(monkeypatch):
    """Numbers of rows of the scans that were built, in order."""
    sizes = []

    def build(engine, batch):
        sizes.append(len(batch))
        return new_scan(engine, batch)

    monkeypatch.setattr(hamming, "new_scan", build)
    monkeypatch.setattr(scan_cache, "LEAST_ROWS", 1)
    return sizes


@pytest.fixture(params=["memory", "another process"])
def pair(request, tmp_path):
    """The index that is changed and the one that is searched."""
    index = HammingIndex(SCHEMA)
    index.add(ROWS[:100])
    if request.param == "memory":
        return index, index
    index.save(tmp_path / "index")
    return HammingIndex.open(tmp_path / "index"), HammingIndex.open(tmp_path / "index")


def as_built_anew(index, **options):
    anew = HammingIndex(SCHEMA)
    anew.add(index.to_batch()[1], index.ids)
    expected = anew.search(ROWS[150:152], 30, **options)
    found = index.search(ROWS[150:152], 30, **options)
    for array, truth in zip(found, expected, strict=True):
        np.testing.assert_array_equal(array, truth)
    for found, expected in zip(
        index.search_radius(ROWS[150:152], 20), anew.search_radius(ROWS[150:152], 20), strict=True
    ):
        np.testing.assert_array_equal(found, expected)


def test_rows_that_stay_keep_their_scan(pair, built):
    writer, reader = pair
    changes = [
        (lambda: None, [100]),
        (lambda: writer.add(ROWS[100:101]), [1]),
        (lambda: writer.add(ROWS[101:102]), [2]),
        (lambda: writer.remove([3, 50]), []),
        (lambda: writer.replace([7], ROWS[7:8]), [3]),
        (lambda: writer.add(ROWS[102:115]), [113]),
        (lambda: writer.remove(np.arange(60, 90)), [83]),
    ]
    for change, sizes in changes:
        change()
        reader.refresh()
        built.clear()
        reader.search(ROWS[:2], 5)
        assert built == sizes
        as_built_anew(reader)
        as_built_anew(reader, filter_ids=reader.ids[::3], metric="tanimoto")


def test_weights_of_all_rows_need_a_scan_of_all(built):
    index = HammingIndex(SCHEMA)
    index.add(ROWS[:100])
    index.search(ROWS[:2], 5)
    index.add(ROWS[100:101])
    index.search(ROWS[:2], 5)
    as_built_anew(index, metric="tanimoto-idf")
    assert built[:2] == [100, 1]
    assert 101 in built[2:]


def test_of_equal_rows_the_kept_come_first(built):
    index = HammingIndex(SCHEMA)
    index.add(SbsBatch.of([ROWS[0]] * 20), np.arange(20))
    index.search(ROWS[0], 3)
    index.add(SbsBatch.of([ROWS[0]] * 2), [30, 25])
    index.remove([1])
    distances, ids = index.search(ROWS[0], 30)
    assert ids[0].tolist() == [0, *range(2, 20), 30, 25, *[-1] * 9]
    assert distances[0].tolist() == [0] * 21 + [-1] * 9
    assert built == [20, 2]


def test_an_index_emptied_and_filled_again(built):
    index = HammingIndex(SCHEMA)
    assert index.search(ROWS[0], 2)[1].tolist() == [[-1, -1]]
    index.add(ROWS[:9])
    index.search(ROWS[0], 2)
    index.remove(index.ids)
    assert index.search(ROWS[0], 2)[1].tolist() == [[-1, -1]]
    assert index.search_radius(ROWS[0], 9)[0][1].tolist() == []
    index.add(ROWS[:3])
    assert index.search(ROWS[2], 1)[1].tolist() == [[11]]
