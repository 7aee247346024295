"""HammingIndex in memory and on disk: its answers and errors."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from semsig.classes import ClassTable
from semsig.errors import (
    ClassTableError,
    DuplicateIdError,
    OptionError,
    SchemaMismatchError,
    SignatureError,
    UnknownIdError,
)
from semsig.search import HammingIndex
from semsig.search.dense import DenseScan
from semsig.search.exact import ExactScan
from semsig.types import SbsBatch, SbsSchema, SbsSignature


@pytest.fixture
def index(schema, make) -> HammingIndex:
    index = HammingIndex(schema)
    index.add([make(seed) for seed in range(6)], payloads=[f"seed {seed}" for seed in range(6)])
    return index


def test_example_worked_by_hand():
    """One block, classes a, b: {a at level 4} and {b at level 1} differ in 5 + 2 bits."""
    schema = SbsSchema(0, ClassTable(["a", "b"]))
    index = HammingIndex(schema)
    index.add([SbsSignature([3], schema), SbsSignature([4], schema), SbsSignature([], schema)])
    distances, ids = index.search(SbsSignature([3], schema), k=4)
    assert distances.tolist() == [[0, 5, 7, -1]]
    assert ids.tolist() == [[0, 2, 1, -1]]


def test_add_numbers_on_from_the_highest_id(index, make):
    assert index.add(make(7), ids=[40], payloads=["x"]).tolist() == [40]
    assert index.add([make(8), make(9)]).tolist() == [41, 42]
    assert index.ids.tolist() == [0, 1, 2, 3, 4, 5, 40, 41, 42]
    assert index.payload(41) == ""


def test_ids_of_removed_rows_are_not_given_again(index, make):
    index.remove([5])
    assert index.add(make(5)).tolist() == [6]


def test_one_signature_a_batch_and_a_generator_are_the_same(schema, make):
    indexes = [HammingIndex(schema) for _ in range(3)]
    indexes[0].add(make(1))
    indexes[1].add(SbsBatch.of([make(1)]))
    indexes[2].add(make(seed) for seed in [1])
    assert all(index.signature(0) == make(1) for index in indexes)
    assert len({str(index.search(make(3), 1)) for index in indexes}) == 1


def test_signature_and_payload_of_an_id(index, make):
    assert index.signature(3) == make(3)
    assert index.payload(3) == "seed 3"
    assert list(index.payloads) == [f"seed {seed}" for seed in range(6)]


def test_payloads_keep_any_text(index, make):
    text = '{"path": "ćma \N{CAT} \0.jpg"}'
    index.add(make(6), payloads=[text])
    assert index.payload(6) == text


def test_the_index_keeps_copies(schema, make):
    batch = SbsBatch.of([make(1), make(2)])
    ids = np.array([5, 6])
    index = HammingIndex(schema)
    index.add(batch, ids)
    batch.cells[:] = 0
    ids[:] = 9
    assert index.ids.tolist() == [5, 6]
    assert index.signature(5) == make(1)


def test_ids_are_read_only(index):
    with pytest.raises(ValueError, match="read-only"):
        index.ids[0] = 9


def test_ties_come_in_order_of_insertion(schema, make):
    index = HammingIndex(schema)
    index.add([make(1)] * 4, ids=[9, 2, 7, 5])
    index.replace(2, make(1))
    assert index.search(make(1), 5)[1].tolist() == [[9, 7, 5, 2, -1]]
    index.compact()
    assert index.search(make(1), 5)[1].tolist() == [[9, 7, 5, 2, -1]]


def test_within_restricts_the_search(index, make):
    distances, ids = index.search(make(3), 3, filter_ids=[5, 3, 3])
    assert ids.tolist() == [[3, 5, -1]]
    assert distances[0, [0, 2]].tolist() == [0, -1]
    assert index.search(make(3), 2, filter_ids=[])[1].tolist() == [[-1, -1]]


@pytest.mark.parametrize("has", [["sky"], ["sand", "sea"], ["sky", "sea", "sand"]])
def test_has_restricts_the_search_to_signatures_with_all_those_classes(stored, has):
    schema = stored.schema
    blank = SbsSignature([], schema)
    sky, shore = SbsSignature([4 * 3 + 2], schema), SbsSignature([4 * 4, 4 * 44 + 3], schema)
    stored.add([blank, sky, shore], [20, 21, 22])
    wanted = {schema.classes.index(name) for name in has}
    ids, batch = stored.to_batch()
    expected = {
        int(id_)
        for id_, row in zip(ids, batch, strict=True)
        if wanted <= {int(cell) // 4 % len(schema.classes) for cell in row.cells}
    }
    assert 20 not in expected
    assert set(stored.search(blank, len(ids), has=has)[1][0].tolist()) - {-1} == expected
    assert set(stored.search_radius(blank, 999, has=has)[0][1].tolist()) == expected
    some = stored.search(blank, len(ids), has=has, filter_ids=[0, 5, 20, 22])[1][0]
    assert set(some.tolist()) - {-1} == expected & {0, 5, 20, 22}


def test_has_refuses_what_names_no_class(index, make):
    with pytest.raises(ClassTableError, match="horse"):
        index.search(make(1), 1, has=["horse"])
    for has in ("sky", 5, None):
        with pytest.raises(OptionError, match="list of class names"):
            index.search(make(1), 1, has=has)


def test_has_takes_names_in_any_form(stored, make):
    expected = stored.search(make(1), 5, has=["sky", "sea"])
    for has in (np.array(["sky", "sea"]), {"sea", "sky"}, iter(["sea", "sky"])):
        for found, same in zip(stored.search(make(1), 5, has=has), expected, strict=True):
            np.testing.assert_array_equal(found, same)


def test_search_radius_finds_what_search_finds(index, make):
    queries = [make(1), make(30)]
    distances, ids = index.search(queries, 6)
    for row, (near, found) in enumerate(index.search_radius(queries, int(distances[0, 3]))):
        count = int((distances[row] <= distances[0, 3]).sum())
        assert found.tolist() == ids[row, :count].tolist()
        assert near.tolist() == distances[row, :count].tolist()


def test_removed_rows_are_never_found(index, make):
    index.remove(3)
    assert 3 not in index.search(make(3), 6)[1]
    assert 3 not in index.search_radius(make(3), 1000)[0][1]
    with pytest.raises(UnknownIdError, match="Id 3"):
        index.signature(3)


def test_an_empty_index_answers(schema, make):
    index = HammingIndex(schema)
    assert index.search(make(1), 2)[1].tolist() == [[-1, -1]]
    assert [len(ids) for _, ids in index.search_radius(make(1), 9)] == [0]
    assert (len(index), index.ids.shape, list(index.payloads)) == (0, (0,), [])


def test_no_queries_no_answers(index):
    distances, ids = index.search([], 3)
    assert distances.shape == ids.shape == (0, 3)


def test_adding_and_removing_nothing_changes_nothing(stored):
    before = stored.path.joinpath("manifest.json").read_bytes()
    assert stored.add([]).tolist() == []
    stored.remove([])
    stored.replace([], [])
    assert stored.path.joinpath("manifest.json").read_bytes() == before


def test_small_additions_make_few_segments(schema, make):
    index = HammingIndex(schema)
    for seed in range(100):
        index.add(make(seed))
    assert len(index._store.snapshot.segments) <= 7
    assert index.ids.tolist() == list(range(100))
    assert all(index.signature(seed) == make(seed) for seed in range(100))


def test_threads_share_one_index(stored, make):
    queries = [make(seed) for seed in range(12)]
    expected = [stored.search(query, 4)[1].tolist() for query in queries]
    fresh = HammingIndex.open(stored.path)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda query: fresh.search(query, 4)[1].tolist(), queries))
    assert found == expected


def test_threads_add_one_after_the_other(stored, make):
    with ThreadPoolExecutor(4) as pool:
        given = list(pool.map(lambda seed: int(stored.add(make(seed))[0]), range(12, 24)))
    assert sorted(given) == list(range(12, 24))
    assert all(stored.signature(id_) == make(12 + n) for n, id_ in enumerate(given))


def test_a_search_never_sees_half_a_change(stored, make):
    """Twins come and go together, so that every search finds an even number of them."""

    def change(_):
        ids = stored.add([make(99)] * 2)
        stored.replace(ids, [make(99)] * 2)
        stored.remove(ids)

    with ThreadPoolExecutor(3) as pool:
        changes = pool.map(change, range(10))
        found = [len(stored.search_radius(make(99), 0)[0][1]) for _ in range(40)]
        list(changes)
    assert all(count % 2 == 0 for count in found)


def test_a_signature_of_another_schema_is_refused(index):
    other = SbsSchema(1, ClassTable(["sky", "sea", "sand"]))
    stranger = SbsSignature([1], other)
    for call in (
        lambda: index.add(stranger),
        lambda: index.add([stranger]),
        lambda: index.add(SbsBatch.of([stranger])),
        lambda: index.replace(1, stranger),
        lambda: index.search(stranger, 1),
        lambda: index.search_radius(stranger, 1),
    ):
        with pytest.raises(SchemaMismatchError, match="n=1"):
            call()
    assert len(index) == 6


@pytest.mark.parametrize(
    ("cells", "row"),
    [([0, 4, 4, 8], 0), ([0, 4, 4, 5], 1), ([8, 4, 0, 4], 0), ([0, 4, 0, 192], 1)],
    ids=["fits over the edge only", "two levels of one cell", "descending", "out of range"],
)
def test_malformed_batches_are_refused(index, schema, cells, row):
    offsets = np.array([0, 2 if row else 3, 4])
    batch = SbsBatch(np.array(cells, np.uint16), offsets, schema)
    with pytest.raises(SignatureError, match=f"Signature {row} is malformed"):
        index.add(batch)


def test_batches_are_checked_in_portions(index, schema, make, monkeypatch):
    monkeypatch.setattr("semsig.storage.checks._CELLS_AT_ONCE", 3)
    index.add(SbsBatch.of([make(1), SbsSignature([], schema), make(2), make(3)]))
    rows = [make(1), make(2), make(3)]
    batch = SbsBatch.of(rows)
    batch.cells[batch.offsets[2]] = 65_535
    with pytest.raises(SignatureError, match="Signature 2 "):
        index.add(batch)


@pytest.mark.parametrize("signatures", [["cells"], [None], [np.arange(3)], None, "cells", 3])
def test_what_is_no_signature_is_refused(index, signatures):
    with pytest.raises(SignatureError, match="Expected SbsSignature"):
        index.add(signatures)


@pytest.mark.parametrize(
    "ids",
    [
        [0.5],
        ["1"],
        "1",
        [True],
        [[1]],
        [[1], [1, 2]],
        [2**70],
        [-1],
        [2**63 - 1],
        np.array([2**63], np.uint64),
        [1, 2],
    ],
)
def test_bad_ids_are_refused(stored, make, ids):
    before = stored.path.joinpath("manifest.json").read_bytes()
    with pytest.raises(OptionError):
        stored.add(make(1), ids)
    assert stored.path.joinpath("manifest.json").read_bytes() == before


def test_ids_in_use_or_given_twice_are_refused(stored, make):
    before = stored.path.joinpath("manifest.json").read_bytes()
    with pytest.raises(DuplicateIdError, match="Id 3 is in the index"):
        stored.add([make(1), make(2)], [50, 3])
    with pytest.raises(DuplicateIdError, match="Id 50 is given twice"):
        stored.add([make(1), make(2)], [50, 50])
    with pytest.raises(DuplicateIdError, match="Id 3 is given twice"):
        stored.remove([3, 3])
    assert stored.path.joinpath("manifest.json").read_bytes() == before


def test_unknown_ids_are_refused(stored, make):
    before = stored.path.joinpath("manifest.json").read_bytes()
    for call in (
        lambda: stored.remove([3, 77]),
        lambda: stored.replace([3, 77], [make(1), make(2)]),
        lambda: stored.signature(77),
        lambda: stored.payload(77),
        lambda: stored.search(make(1), 1, filter_ids=[3, 77]),
    ):
        with pytest.raises(UnknownIdError, match="Id 77"):
            call()
    assert stored.path.joinpath("manifest.json").read_bytes() == before


def test_the_last_id_leaves_no_next_one(index, make):
    index.add(make(1), [2**63 - 2])
    with pytest.raises(OptionError, match="ids are left"):
        index.add(make(2))
    index.add(make(2), [17])


@pytest.mark.parametrize("payloads", ["ab", ["a"], [{1}, 2], [b"a", "b"], ["a", "\ud800"]])
def test_bad_payloads_are_refused(index, make, payloads):
    with pytest.raises(OptionError):
        index.add([make(1), make(2)], payloads=payloads)
    assert len(index) == 6


@pytest.mark.parametrize("k", [0, -1, 1.0, "1", None, True])
def test_bad_k_is_refused(index, make, k):
    with pytest.raises(OptionError, match="k is an integer >= 1"):
        index.search(make(1), k)


def test_an_absurd_k_is_refused_before_room_is_made_for_its_answer(index, make):
    with pytest.raises(OptionError, match="k is at most 1,048,576 where 6 can be found"):
        index.search(make(1), 3_000_000_000)
    with pytest.raises(OptionError, match="k is at most"):
        DenseScan(SbsBatch.of([make(1)])).search(SbsBatch.of([make(1)]), 3_000_000_000)


def test_scans_are_never_asked_for_more_than_there_is(index, make, monkeypatch):
    asked = []
    search = ExactScan.search

    def remembering(scan, queries, k, **options):
        asked.append(k)
        return search(scan, queries, k, **options)

    monkeypatch.setattr(ExactScan, "search", remembering)
    distances, ids = index.search([make(2), make(3)], 1000)
    assert asked == [6]
    assert distances.shape == ids.shape == (2, 1000)
    assert (ids[:, :6] >= 0).all()
    assert (ids[:, 6:] == -1).all()
    assert (distances[:, 6:] == -1).all()


@pytest.mark.parametrize("radius", [-1, np.nan, np.inf, "1", None, True])
def test_bad_radius_is_refused(index, make, radius):
    with pytest.raises(OptionError, match="radius"):
        index.search_radius(make(1), radius)


def test_unknown_options_are_refused(index, make, tmp_path):
    with pytest.raises(OptionError, match="Expected a metric of hamming"):
        index.search(make(1), 1, metric="cosine")
    with pytest.raises(OptionError, match="Expected a scan of 'auto'"):
        index.search(make(1), 1, scan="warp")
    with pytest.raises(OptionError, match="damaged is"):
        HammingIndex.open(tmp_path, damaged="ignore")


def test_meta_holds_strings_only(schema):
    with pytest.raises(OptionError, match="meta"):
        HammingIndex(schema, meta={"levels": 3})
