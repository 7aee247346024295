"""Signatures as terms: what they sum to, and the files that hold them."""

import json

import numpy as np
import pytest
from hypothesis import given

from semsig import (
    ClassTable,
    HammingIndex,
    PooledIndex,
    PooledSchema,
    PooledSignature,
    SbsSchema,
    SbsSignature,
    interop,
)
from semsig.errors import EngineError, IndexWriteError, OptionError
from semsig.interop import exporting
from semsig.interop.terms import impacts_of, query_terms, rows_of, terms_of
from semsig.types import SbsBatch
from tests.reference import hamming as reference
from tests.search.batches import batches, random_batch

pyarrow = pytest.importorskip("pyarrow")
SMALL = SbsSchema(1, ClassTable("abc"))


def pooled_of(ids, dims=3):
    schema = PooledSchema(network="n", pool="spoc", power=0.5, dims=dims)
    index = PooledIndex(schema)
    rng = np.random.default_rng(0)
    codes = rng.integers(-127, 128, (len(ids), dims)).astype(np.int8)
    index.add([PooledSignature(row, schema) for row in codes], ids)
    return index


@given(batches(SMALL, 6))
def test_shared_impacts_give_hammings_distance(batch):
    offsets, terms = terms_of(batch)
    assert offsets[-1] == len(terms)
    rows = np.split(terms, offsets[1:-1]) if len(batch) else []
    weight = [int(impacts_of(row).sum()) for row in rows]
    assert weight == [signature.weight for signature in batch]
    for a, one in enumerate(rows):
        assert (np.diff(one.astype(np.int64)) > 0).all()
        expected = reference.distances(batch, SbsBatch.of([batch[a]]), "hamming")
        for b, other in enumerate(rows):
            shared = int(impacts_of(np.intersect1d(one, other)).sum())
            assert weight[a] + weight[b] - 2 * shared == expected[b]


def test_levels_become_unary_terms():
    index = HammingIndex(SMALL)
    index.add([SbsSignature([4 * 2 + 2, 4 * 5], SMALL)], payloads=["p"])
    table = interop.to_terms(index)
    assert table.to_pylist() == [
        {"id": 0, "terms": [8, 9, 10, 20], "impacts": [2, 1, 1, 2], "weight": 6, "payload": "p"}
    ]
    assert SbsSchema.from_json(json.loads(table.schema.metadata[b"semsig"])["schema"]) == SMALL


def filled(rows=9):
    index = HammingIndex(SMALL)
    index.add(random_batch(rows, SMALL, 1, 4), payloads=[f"ü {n}" for n in range(rows)])
    index.remove([2])
    return index


@pytest.mark.parametrize("name", ["x.parquet", "x.arrow", "x.jsonl"])
def test_files_hold_the_table(tmp_path, name):
    import pyarrow.parquet

    index, pooled = filled(), pooled_of([0, 1, 8])
    table = interop.to_terms(index, pooled=pooled)
    path = tmp_path / name
    interop.write_terms(index, path, pooled=pooled)
    read = {
        ".parquet": lambda: pyarrow.parquet.read_table(path).to_pylist(),
        ".arrow": lambda: pyarrow.ipc.open_file(path).read_all().to_pylist(),
        ".jsonl": lambda: [json.loads(line) for line in path.read_text().splitlines()],
    }[path.suffix]()
    assert read == table.to_pylist()
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert table["id"].to_pylist() == index.ids.tolist()
    assert table["payload"].to_pylist() == list(index.payloads)


def test_pooled_descriptors_are_of_unit_length_and_by_id():
    index, pooled = filled(), pooled_of([8, 0, 1])
    table = interop.to_terms(index, pooled=pooled)
    vectors = dict(zip(table["id"].to_pylist(), table["pooled"].to_pylist(), strict=True))
    for id_, vector in vectors.items():
        if id_ in (0, 1, 8):
            codes = pooled.signature(id_).codes.astype(np.float64)
            np.testing.assert_allclose(vector, codes / np.linalg.norm(codes), rtol=1e-6)
        else:
            assert vector == [0, 0, 0]


def test_rows_are_cut_and_numbered_throughout(monkeypatch):
    monkeypatch.setattr("semsig.storage.checks._CELLS_AT_ONCE", 5)
    parts = list(rows_of(filled()))
    assert len(parts) > 2
    assert [doc for part in parts for doc in part.docs] == list(range(8))
    assert np.concatenate([part.rows for part in parts]).max() == 7


def test_an_empty_index():
    index = HammingIndex(SMALL)
    assert interop.to_terms(index).num_rows == 0
    assert query_terms(SbsBatch.of([], SMALL), SMALL) == []


def test_other_files_are_refused(tmp_path):
    with pytest.raises(OptionError, match=r"got x\.csv"):
        interop.write_terms(filled(), tmp_path / "x.csv")
    with pytest.raises(IndexWriteError, match="Cannot write"):
        interop.write_terms(filled(), tmp_path / "no" / "x.jsonl")
    for engine, name in (("terms", "x.parquet"), ("arrow", "x.jsonl"), ("lucene", "x")):
        with pytest.raises(OptionError, match="Expected"):
            interop.export(filled(), engine, tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_write_that_fails_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "x.jsonl"
    path.write_text("before")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("semsig.interop.term_tables.rows_of", fail)
    with pytest.raises(IndexWriteError, match="No space left"):
        interop.write_terms(filled(), path)
    assert path.read_text() == "before"
    assert len(list(tmp_path.iterdir())) == 1


def test_absent_and_old_packages_are_named(monkeypatch):
    with pytest.raises(EngineError, match=r"Expected the package nosuch-engine, got .*pip install"):
        exporting.require("nosuch_engine", "nosuch-engine", "1.0")
    with pytest.raises(EngineError, match=r"Expected numpy 999.0 or later, got \d"):
        exporting.require("numpy", "numpy", "999.0")


def test_ties_are_settled_whatever_the_engine_says():
    rows = [(0.0, 5, 50), (1.0, 9, 90), (1.0, 2, 20), (1.0, 7, 70), (2.0, 1, 10)]
    asked = []

    def ask(limit):
        asked.append(limit)
        return rows[:limit]

    assert exporting.settled(ask, 2, 5) == [(0.0, 5, 50), (1.0, 2, 20)]
    assert asked == [3, 5]
    assert exporting.settled(ask, 9, 5) == sorted(rows)
    assert exporting.settled(ask, 3, 0) == []
    with pytest.raises(EngineError, match="Expected 6 of 6 rows, got 5"):
        exporting.settled(ask, 6, 6)
