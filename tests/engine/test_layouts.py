"""Layouts: every painted class counts alike, as a naive sum has it."""

from __future__ import annotations

import numpy as np
import pytest

from semsig.classes import ClassTable
from semsig.engine import Engine
from semsig.engine.layouts import LayoutSearch
from semsig.errors import OptionError
from semsig.search import HammingIndex
from semsig.signatures.sbs.encoding import sbs
from semsig.types import LabelMap, SbsSchema

TABLE = ClassTable(["sky", "grass", "horse", "dog"])


def random_signature(seed: int):
    rng = np.random.default_rng(seed)
    labels = np.kron(rng.integers(0, 4, (4, 4)), np.ones((4, 4), int))
    labels[rng.random((16, 16)) < 0.3] = TABLE.void
    return sbs(LabelMap(labels.astype(np.uint8), TABLE), 2)


def naive(query, photo):
    """Mean over the query's classes of the bits of each that the photo lacks."""
    levels = {int(c) >> 2: (int(c) & 3) + 2 for c in photo.cells}
    lacks = []
    for label in sorted(set(query.labels.tolist())):
        own = {int(c) >> 2: (int(c) & 3) + 2 for c in query.cells[query.labels == label]}
        shared = sum(min(bits, levels.get(cell, 0)) for cell, bits in own.items())
        lacks.append(1 - shared / sum(own.values()))
    return sum(lacks) / len(lacks) if lacks else 1.0


@pytest.fixture
def index():
    index = HammingIndex(SbsSchema(2, TABLE))
    index.add([random_signature(seed) for seed in range(40)])
    return index


@pytest.mark.parametrize("among", [None, [3, 5, 8]])
def test_distances_are_those_of_plain_python(index, among):
    for seed in range(5):
        query = random_signature(100 + seed)
        distances, ids = LayoutSearch(index)([query], 40, filter_ids=among)
        wanted = range(40) if among is None else among
        expected = sorted((naive(query, index.signature(i)), i) for i in wanted)
        n = len(expected)
        np.testing.assert_allclose(distances[0, :n], [d for d, _ in expected], atol=1e-6)
        assert set(ids[0, :n]) == set(wanted)
        assert (ids[0, n:] == -1).all()


def test_a_large_area_does_not_drown_a_small_horse():
    def scene(horse: bool, sky: int):
        labels = np.ones((32, 32), np.uint8)
        labels[:sky] = 0
        if horse:
            labels[24:30, 4:12] = 2
        return LabelMap(labels, TABLE)

    painted = scene(horse=True, sky=16)
    index = HammingIndex(SbsSchema(3, TABLE), meta={"segmenter": "x", "segmenter_fingerprint": "x"})
    maps = [scene(horse=False, sky=16), scene(horse=True, sky=8)]
    paths = ["/bare.png", "/horse.png"]
    record = '{{"path": "{}", "digest": "", "size": 0, "mtime_ns": 0}}'
    index.add([sbs(one, 3) for one in maps], payloads=[record.format(path) for path in paths])
    engine = Engine(index)
    assert engine.search(painted, 1)[0].path == "/bare.png"
    hit = engine.search(painted, 1, by_class=True)[0]
    assert (hit.path, hit.metric) == ("/horse.png", "containment by class")
    assert "containment by class" in hit.measure
    for more in ({"metric": "jaccard"}, {"signature": "pooled"}):
        with pytest.raises(OptionError, match="by_class"):
            engine.search(painted, 1, by_class=True, **more)
