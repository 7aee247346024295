"""Signatures as Arrow tables and Parquet files."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest

from semsig import interop
from semsig.classes import ClassTable
from semsig.errors import (
    DuplicateIdError,
    IndexFormatError,
    IndexWriteError,
    SchemaMismatchError,
    SignatureError,
)
from semsig.search import HammingIndex
from semsig.types import SbsSchema, SbsSignature

pa = pytest.importorskip("pyarrow")


def assert_same(index: HammingIndex, other: HammingIndex) -> None:
    assert index.schema == other.schema
    assert index.meta == other.meta
    assert index.ids.tolist() == other.ids.tolist()
    assert list(index.payloads) == list(other.payloads)
    assert all(index.signature(id_) == other.signature(id_) for id_ in index.ids.tolist())


def test_columns_and_metadata_are_as_documented(stored, schema):
    table = interop.to_arrow(stored)
    types = {"id": pa.int64(), "cells": pa.list_(pa.uint16()), "payload": pa.string()}
    assert {field.name: field.type for field in table.schema} == types
    first = table.slice(0, 1).to_pylist()[0]
    cells = stored.signature(0).cells.tolist()
    assert first == {"id": 0, "cells": cells, "payload": "seed 0"}
    header = json.loads(table.schema.metadata[b"semsig"])
    assert header["schema"]["fingerprint"] == schema.fingerprint
    assert header["schema"]["classes"]["names"] == ["sky", "sea", "sand"]


def test_a_table_comes_back(stored):
    assert_same(interop.from_arrow(interop.to_arrow(stored)), stored)


def test_a_table_is_made_in_portions(stored, monkeypatch):
    monkeypatch.setattr("semsig.storage.checks._CELLS_AT_ONCE", 50)
    table = interop.to_arrow(stored)
    assert table["cells"].num_chunks > 3
    assert_same(interop.from_arrow(table), stored)
    assert_same(interop.from_arrow(table.combine_chunks()), stored)


def test_an_empty_index_comes_back(schema):
    index = HammingIndex(schema, meta={"made": "empty"})
    assert interop.to_arrow(index).num_rows == 0
    assert_same(interop.from_arrow(interop.to_arrow(index)), index)


def test_wide_cells_and_empty_signatures_come_back():
    schema = SbsSchema(5, ClassTable([f"class {number}" for number in range(40)]))
    index = HammingIndex(schema)
    rows = [SbsSignature(cells, schema) for cells in ([], [schema.n_cells * 4 - 1], [])]
    index.add(rows, [5, 3, 4], payloads=["é", "", "ß" * 300])
    table = interop.to_arrow(index)
    assert table.schema.field("cells").type == pa.list_(pa.uint32())
    assert_same(interop.from_arrow(table), index)


def test_slices_and_selections_come_in(stored):
    table = interop.to_arrow(stored)
    part = interop.from_arrow(table.slice(2, 3))
    assert part.ids.tolist() == stored.ids[2:5].tolist()
    assert part.signature(int(part.ids[1])) == stored.signature(int(stored.ids[3]))
    turned = interop.from_arrow(table.take([4, 0]))
    assert turned.ids.tolist() == stored.ids[[4, 0]].tolist()


def test_wider_columns_are_narrowed(stored):
    table = interop.to_arrow(stored)
    wide = table.set_column(1, "cells", table["cells"].cast(pa.large_list(pa.int64()))).set_column(
        0, "id", table["id"].cast(pa.uint32())
    )
    assert_same(interop.from_arrow(wide), stored)


def test_a_table_is_added_to_an_index(stored, schema, make):
    index = HammingIndex(schema)
    index.add([make(50)], [50])
    interop.add_arrow(index, interop.to_arrow(stored))
    assert index.ids.tolist() == [50, *stored.ids.tolist()]
    with pytest.raises(DuplicateIdError):
        interop.add_arrow(index, interop.to_arrow(stored))


def test_a_foreign_schema_is_refused(stored):
    other = HammingIndex(SbsSchema(1, ClassTable("abc")))
    with pytest.raises(SchemaMismatchError, match="SBS n=1"):
        interop.add_arrow(other, interop.to_arrow(stored))


def test_a_table_without_schema_is_refused(stored):
    with pytest.raises(IndexFormatError, match="replace_schema_metadata"):
        interop.from_arrow(interop.to_arrow(stored).replace_schema_metadata(None))


@pytest.mark.parametrize(
    "change", [{"version": 2}, {"format": "x"}, {"schema": {}}, {"schema": 3}, {"meta": 3}]
)
def test_another_header_is_refused(stored, change):
    table = interop.to_arrow(stored)
    header = json.loads(table.schema.metadata[b"semsig"]) | change
    with pytest.raises(IndexFormatError, match="metadata is not valid"):
        interop.from_arrow(table.replace_schema_metadata({"semsig": json.dumps(header)}))


def test_a_changed_fingerprint_is_refused(stored):
    table = interop.to_arrow(stored)
    header = json.loads(table.schema.metadata[b"semsig"])
    header["schema"]["levels"] += 1
    with pytest.raises(IndexFormatError, match="another definition"):
        interop.from_arrow(table.replace_schema_metadata({"semsig": json.dumps(header)}))


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("cells", ["a"] * 10),
        ("cells", [[70_000]] * 10),
        ("cells", [[None]] * 10),
        ("cells", [None] * 10),
        ("id", [None] * 10),
        ("payload", [None] * 10),
        ("payload", None),
    ],
)
def test_other_columns_are_refused(stored, column, values):
    table = interop.to_arrow(stored)
    place = table.column_names.index(column)
    table = table.remove_column(place)
    if values is not None:
        table = table.add_column(place, column, pa.array(values))
    with pytest.raises(IndexFormatError):
        interop.from_arrow(table)


@pytest.mark.parametrize("cells", [[8, 4], [4, 5], [192]])
def test_cells_that_are_no_signature_are_refused(stored, cells):
    table = interop.to_arrow(stored).slice(0, 1)
    wrong = table.set_column(1, "cells", pa.array([cells], pa.list_(pa.uint16())))
    with pytest.raises(SignatureError, match="Signature 0 is malformed"):
        interop.from_arrow(wrong)


def test_what_is_no_table_is_refused(stored):
    with pytest.raises(IndexFormatError, match="Table, got RecordBatch"):
        interop.from_arrow(interop.to_arrow(stored).to_batches()[0])


def test_parquet_comes_back(stored, tmp_path, make):
    interop.write_parquet(stored, tmp_path / "index.parquet")
    index = interop.read_parquet(tmp_path / "index.parquet")
    assert_same(index, stored)
    assert [path.name for path in tmp_path.glob("*.parquet*")] == ["index.parquet"]
    expected = stored.search(make(30), 5)
    for found, same in zip(index.search(make(30), 5), expected, strict=True):
        np.testing.assert_array_equal(found, same)


def test_a_full_disk_leaves_no_part_of_a_parquet_file(stored, tmp_path, monkeypatch):
    def full(_table: pa.Table, path: Path, **_options: str) -> NoReturn:
        path.write_text("a part")
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "rows.parquet").write_text("before")
    monkeypatch.setattr("pyarrow.parquet.write_table", full)
    with pytest.raises(IndexWriteError, match="No space left"):
        interop.write_parquet(stored, tmp_path / "rows.parquet")
    assert (tmp_path / "rows.parquet").read_text() == "before"
    assert not list(tmp_path.glob("rows.parquet?*"))


def test_what_is_no_parquet_is_named(stored, tmp_path):
    (tmp_path / "text.parquet").write_text("no")
    for name in ("text.parquet", "absent.parquet"):
        with pytest.raises(IndexFormatError, match=name):
            interop.read_parquet(tmp_path / name)
    with pytest.raises(IndexWriteError, match="no-folder"):
        interop.write_parquet(stored, tmp_path / "no-folder" / "index.parquet")


def test_keys_and_json_values_come_back(schema, make, tmp_path):
    index = HammingIndex(schema)
    payloads = [{"year": 2000}, "text", "\x1eodd"]
    index.add([make(n) for n in range(3)], keys=["a", None, "c"], payloads=payloads)
    interop.write_parquet(index, tmp_path / "rows.parquet")
    back = interop.read_parquet(tmp_path / "rows.parquet")
    assert_same(index, back)
    assert list(back) == ["a", 1, "c"]
    assert back.get("c").payload == "\x1eodd"
