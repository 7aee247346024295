"""The map of a collection."""

from __future__ import annotations

import numpy as np
import pytest

from semsig.engine import Engine
from semsig.server.atlas import Atlas, principal


@pytest.mark.parametrize("at_once", [1, 7, 100])
def test_axes_are_those_of_all_vectors_at_once(at_once):
    random = np.random.default_rng(3)
    rows = random.normal(size=(40, 5)) * (5, 1, 3, 0.1, 0.2) + 7
    found = principal(lambda: (rows[n : n + at_once] for n in range(0, 40, at_once)), 40)
    centred = rows - rows.mean(axis=0)
    axes = np.linalg.svd(centred)[2][:2]
    axes *= np.sign(axes[np.arange(2), np.abs(axes).argmax(axis=1)])[:, None]
    np.testing.assert_allclose(found, centred @ axes.T, atol=1e-9)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_photos_have_places(count):
    assert principal(lambda: iter([np.ones((count, 1))]), count).shape == (count, 2)


@pytest.fixture(scope="module")
def atlas(indexed) -> Atlas:
    return Atlas.of(Engine.open(indexed[0]))


def test_places_are_spread_evenly(atlas):
    count = len(atlas.ids)
    for column in atlas.places.T:
        np.testing.assert_allclose(np.sort(column), np.arange(count) / count)


def test_each_photo_is_in_one_cell(atlas):
    cells = atlas.cells(5, 3)
    assert sum(cell.count for cell in cells) == len(atlas.ids)
    assert len({(cell.column, cell.row) for cell in cells}) == len(cells)
    assert len({cell.id for cell in cells}) == len(cells)


def test_who_stands_for_a_cell_stands_for_a_part_of_it(atlas):
    coarse = {cell.id: (cell.column, cell.row) for cell in atlas.cells(4, 3)}
    fine = {cell.id: (cell.column, cell.row) for cell in atlas.cells(8, 6)}
    for id_, (column, row) in coarse.items():
        assert (fine[id_][0] // 2, fine[id_][1] // 2) == (column, row)


def test_without_descriptors_classes_are_compared(indexed, tmp_path):
    engine = Engine.create(tmp_path / "index", signatures=[])
    engine.add(indexed[1][:6])
    atlas = Atlas.of(engine)
    assert atlas.by == "sbs"
    assert sorted(atlas.ids) == sorted(engine.index.ids)
    assert len(np.unique(atlas.places[:, 0])) == 6


def test_copies_lie_next_to_each_other(atlas, indexed):
    """The copy is that of photo 0, whatever it is called."""
    engine = Engine.open(indexed[0])
    ids = atlas.ids.tolist()
    copy = next(id_ for id_ in ids if "copy" in engine.path(id_))
    apart = np.abs(atlas.places - atlas.places[ids.index(copy)]).max(axis=1)
    assert ids[np.argsort(apart)[1]] == 0
