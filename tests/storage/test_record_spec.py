"""Kinds of signatures side by side: none is taken for another, and old indexes stay readable."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from semsig.classes import ClassTable
from semsig.errors import IndexCorruptError, IndexFormatError, OptionError, SignatureError
from semsig.search import HammingIndex, L2Index, verify_index
from semsig.types import SbovpBatch, SbovpSignature, SbsSchema, SbsSignature
from tests.kinds import KINDS
from tests.search.histograms import schema_of

OLD = Path(__file__).parent / "data" / "sbs-version-1"


def test_an_index_of_the_first_version_is_read_and_written(tmp_path):
    """It was written before there were other kinds."""
    index = HammingIndex.open(shutil.copytree(OLD, tmp_path / "index"))
    assert index.schema == SbsSchema(1, ClassTable(["sky", "sea", "sand"], name="beach"))
    assert index.meta == {"made": "before histograms"}
    assert index.ids.tolist() == [0, 1, 3, 9]
    assert list(index.payloads) == ["a", "b", "d", "ć"]
    assert [index.signature(i).cells.tolist() for i in (0, 1, 3, 9)] == [[3, 18, 45], [], [44], [2]]
    assert index.add(SbsSignature([1], index.schema)).tolist() == [10]
    assert verify_index(index.path).ok


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_nobody_can_write_into_an_index_in_memory(kind):
    index = kind.index(kind.schema)
    for seed in (1, 2):
        index.add(kind.make(seed))
        ids, batch = index.to_batch()
        values = index.records.values(batch).values()
        assert not any(array.flags.writeable for array in (ids, batch.offsets, *values))


@pytest.mark.parametrize(("mine", "other"), [("sbs", "sbovp"), ("sbovp", "sbs")])
def test_another_kind_is_refused(tmp_path, mine, other):
    mine, other = KINDS[mine], KINDS[other]
    other.index(other.schema).save(tmp_path)
    index = mine.index(mine.schema)
    with pytest.raises(IndexFormatError, match=f"{mine.index.__name__} cannot search"):
        mine.index.open(tmp_path)
    with pytest.raises(IndexFormatError, match="same kind"):
        index.save(tmp_path)
    with pytest.raises(OptionError, match=f"Expected {type(mine.schema).__name__}"):
        mine.index(other.schema)
    with pytest.raises(SignatureError, match=f"Expected {type(mine.make(1)).__name__}"):
        index.add(other.make(1))
    assert other.index.open(tmp_path).schema == other.schema


def test_packed_bits_are_no_histograms():
    with pytest.raises(SignatureError, match="Expected SbovpSignature"):
        L2Index(schema_of("l2")).add(np.zeros((2, 30), np.uint8))


@pytest.mark.parametrize(
    ("columns", "counts", "row"),
    [
        ([0, 4, 4, 8], [1, 1, 1, 1], 0),
        ([0, 1, 4, 4], [1, 1, 1, 1], 1),
        ([8, 4, 0, 4], [1, 1, 1, 1], 0),
        ([0, 1, 0, 30], [1, 1, 1, 1], 1),
        ([0, 1, 0, 4], [1, 1, 1, 0], 1),
    ],
    ids=["repeated", "over an edge", "descending", "out of range", "counted 0 times"],
)
def test_malformed_histograms_are_refused(columns, counts, row):
    schema = schema_of("none")
    offsets = np.array([0, 2 if row else 3, 4])
    batch = SbovpBatch(np.array(columns, np.uint32), np.array(counts, np.uint16), offsets, schema)
    index = L2Index(schema)
    with pytest.raises(SignatureError, match=f"Signature {row} is malformed: columns must"):
        index.add(batch)
    assert len(index) == 0


def test_a_count_of_0_on_disk_is_found_before_it_is_searched(tmp_path):
    schema = schema_of("none")
    index = L2Index(schema)
    index.add(SbovpSignature([0, 4], [1, 1], schema))
    index.save(tmp_path)
    [counts] = tmp_path.glob("*.counts.npy")
    whole = bytearray(counts.read_bytes())
    whole[-2] = 0
    counts.write_bytes(whole)
    with pytest.raises(IndexCorruptError, match=f"{counts.name} is damaged.*Run verify"):
        L2Index.open(tmp_path).search(SbovpSignature([4], [1], schema), 1)
    assert [damage.file for damage in verify_index(tmp_path).damaged] == [counts.name]
