import numpy as np
import pytest

from benchmarks.paper.axes import Axes, descriptors
from semsig.classes import ClassTable
from semsig.signature import sbs_batch
from semsig.types import LabelMap

CLASSES = ClassTable(["sky", "sea", "sand"])


def seen(categories, seed):
    """Features of noise, and label maps of a class at the top and another below."""
    random = np.random.default_rng(seed)
    maps = []
    for category in categories:
        labels = np.full((16, 16), category, np.uint8)
        labels[8:] = random.integers(0, 3)
        maps.append(LabelMap(labels, CLASSES))
    features = random.random((len(categories), 3, 5), np.float32)
    return descriptors(features, sbs_batch(maps, 1))


def test_descriptors_are_parts_of_length_one():
    features = np.array([[[3, 4], [0, 0], [0, 2]]], np.float32)
    labels = np.zeros((8, 8), np.uint8)
    labels[4:, :4] = 1
    labels[6:, :2] = 2
    row = descriptors(features, sbs_batch([LabelMap(labels, CLASSES)], 1))[0]
    assert row[:6] == pytest.approx([0.6, 0.8, 0, 0, 0, 1])
    levels = [4, 0, 0, 4, 0, 0, 0, 3, 1, 4, 0, 0]
    assert row[6:] == pytest.approx(np.sqrt(levels) / 4)


def test_axes_part_what_features_do_not(tmp_path):
    categories = np.repeat([0, 1, 2], 30)
    axes = Axes.learn(seen(categories, 0), categories, "a network", shrink=0.3)
    axes.write(tmp_path / "axes.npz")
    again = Axes.read(tmp_path / "axes.npz")
    assert again.network == "a network"
    rows = again(seen(categories, 1))
    assert rows.shape == (90, 2)
    assert np.linalg.norm(rows, axis=1) == pytest.approx(1)
    assert rows == pytest.approx(axes(seen(categories, 1)), abs=0.02)
    nearest = (rows @ rows.T - 2 * np.eye(90)).argmax(1)
    assert (categories[nearest] == categories).mean() > 0.95
