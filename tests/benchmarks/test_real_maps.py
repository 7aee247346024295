import numpy as np
import pytest
from PIL import Image

from benchmarks import real_maps
from semsig import SbsSchema


@pytest.fixture
def folder(tmp_path):
    """Two maps: the left half sky, the right tree with a hole of no class; and all water."""
    (tmp_path / "classes.txt").write_text("sky\ntree\nwater\n")
    halves = np.repeat([[0] * 50 + [1] * 50], 80, axis=0).astype(np.uint8)
    halves[:, 99] = 255
    for name, labels in (("a", halves), ("b", np.full((300, 200), 2, np.uint8))):
        Image.fromarray(labels).save(tmp_path / f"{name}.png")
    return tmp_path


def test_maps_are_read_shrunk_and_what_is_no_class_is_void(folder):
    classes = real_maps.read_classes(folder)
    halves, water = real_maps.read_maps(folder, classes)
    assert halves.shape == (80, 100)
    assert np.unique(halves).tolist() == [0, 1, classes.void]
    assert water.shape == (150, 100)


def test_draws_are_crops_mirror_images_and_pastes_and_the_same_each_time(folder):
    maps = real_maps.read_maps(folder, real_maps.read_classes(folder))
    drawn = [real_maps.draw(maps, seed) for seed in range(60)]
    assert all(labels.shape == real_maps.SHAPE for labels in drawn)
    rows = [labels[0] for labels in drawn if set(np.unique(labels)) == {0, 1}]
    assert {tuple(np.unique(row[[0, -1]])) for row in rows} == {(0, 1)}
    assert {int(row[0]) for row in rows} == {0, 1}
    assert any({0, 2} <= set(np.unique(labels)) for labels in drawn)
    np.testing.assert_array_equal(drawn[7], real_maps.draw(maps, 7))


def test_signatures_are_kept_and_queries_are_others(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(real_maps, "CACHE", tmp_path / "build")
    made = real_maps.signatures(folder, 20)
    assert made.schema == SbsSchema(3, real_maps.read_classes(folder))
    again = real_maps.signatures(folder, 20)
    np.testing.assert_array_equal(again.cells, made.cells)
    queries = real_maps.signatures(folder, 20, queries=True)
    assert queries.cells.tolist() != made.cells.tolist()


def test_a_folder_without_maps_is_named(tmp_path):
    (tmp_path / "classes.txt").write_text("sky\n")
    with pytest.raises(SystemExit, match="no label maps"):
        real_maps.read_maps(tmp_path, real_maps.read_classes(tmp_path))
