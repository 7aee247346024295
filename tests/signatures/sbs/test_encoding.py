import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from semsig import ClassTable, LabelMap, SbsSignature
from semsig.errors import OptionError, SignatureError
from semsig.signatures.sbs.encoding import sbs, sbs_batch
from tests.reference import sbs as reference

ABCD = ClassTable("abcd")
WIDE = ClassTable([str(c) for c in range(300)])

shapes = st.tuples(st.integers(1, 17), st.integers(1, 17))
maps = hnp.arrays(np.uint8, shapes, elements=st.sampled_from([0, 1, 2, 3, 255])).map(
    lambda labels: LabelMap(labels, ABCD)
)


@settings(max_examples=40)
@given(maps, st.integers(0, 3))
def test_cells_as_by_definition_and_bits_round_trip(label_map, levels):
    signature = sbs(label_map, levels)
    assert signature.cells.tolist() == reference.cells(label_map.labels, levels, 4, 255)
    assert SbsSignature.from_bits(signature.to_bits(), signature.schema) == signature


@settings(max_examples=20)
@given(st.lists(maps, min_size=1, max_size=5), st.integers(0, 2))
def test_a_batch_holds_what_each_alone_gives(label_maps, levels):
    batch = sbs_batch(label_maps, levels)
    assert list(batch) == [sbs(label_map, levels) for label_map in label_maps]


@settings(max_examples=20)
@given(st.integers(1, 4), st.integers(1, 4), st.data())
def test_mirroring_a_map_mirrors_its_blocks(rows, columns, data):
    shape = rows * 4, columns * 4
    labels = data.draw(hnp.arrays(np.uint8, shape, elements=st.integers(0, 3)))
    label_map = LabelMap(labels, ABCD)
    straight, mirrored = sbs(label_map, 2), sbs(label_map.flipped(), 2)
    blocks = straight.blocks // 4 * 4 + 3 - straight.blocks % 4
    expected = (blocks * 4 + straight.labels) * 4 + straight.proportions - 1
    assert mirrored.cells.tolist() == sorted(expected.tolist())


def test_tables_above_255_classes():
    labels = np.array([[299, 299, 65535], [0, 256, 256]])
    signature = sbs(LabelMap(labels, WIDE), 1)
    assert signature.cells.tolist() == reference.cells(labels, 1, 300, 65535)


def test_views_that_are_not_contiguous():
    labels = np.arange(48, dtype=np.uint8).reshape(6, 8) % 4
    odd = labels[::2, ::-3]
    assert sbs(LabelMap(odd, ABCD), 1) == sbs(LabelMap(odd.copy(), ABCD), 1)


def test_without_avx512_the_signature_is_the_same(monkeypatch):
    labels = np.random.default_rng(0).integers(0, 4, (37, 61)).astype(np.uint8)
    label_map = LabelMap(labels, ABCD)
    usual = sbs(label_map, 2)
    encoding = sys.modules["semsig.signatures.sbs.encoding"]
    portable = (None, encoding._kernels()[1])
    monkeypatch.setattr(encoding, "_kernels", lambda: portable)
    assert sbs(label_map, 2) == usual


def test_the_result_is_read_only():
    signature = sbs(LabelMap(np.zeros((2, 2), np.uint8), ABCD), 0)
    assert not signature.cells.flags.writeable


def test_refuses_what_has_no_signature():
    label_map = LabelMap(np.zeros((2, 2), np.uint8), ABCD)
    with pytest.raises(OptionError, match="levels"):
        sbs(label_map, 9)
    with pytest.raises(SignatureError, match="at least one"):
        sbs_batch([])
    with pytest.raises(SignatureError, match="class table"):
        sbs_batch([label_map, LabelMap(np.zeros((2, 2), np.uint8), WIDE)])
