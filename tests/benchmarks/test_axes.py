import numpy as np
import pytest

from benchmarks.paper.axes import Axes, joined


def features(categories, seed):
    """Noise, a dimension of which is raised a category."""
    random = np.random.default_rng(seed)
    rows = random.random((len(categories), 3, 20), np.float32)
    rows[np.arange(len(rows)), 1, categories] += 1
    return joined(rows)


def test_axes_part_categories_that_distances_do_not(tmp_path):
    categories = np.repeat([0, 1, 2], 200)
    axes = Axes.learn(features(categories, 0), categories, "a network", shrink=0.3)
    axes.write(tmp_path / "axes.npz")
    again = Axes.read(tmp_path / "axes.npz")
    assert again.network == "a network"
    rows = again(features(categories, 1))
    assert rows.shape == (600, 2)
    assert np.linalg.norm(rows, axis=1) == pytest.approx(1)
    assert rows == pytest.approx(axes(features(categories, 1)), abs=0.02)
    nearest = (rows @ rows.T - 2 * np.eye(600)).argmax(1)
    assert (categories[nearest] == categories).mean() > 0.9
