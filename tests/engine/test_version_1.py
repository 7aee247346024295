"""An index of photos with phrases that the code before the registry wrote."""

import shutil
from pathlib import Path

import pytest

from semsig.engine import Engine, verify_photos

OLD = Path(__file__).parent / "data" / "photos-version-1"


@pytest.fixture
def engine(tmp_path):
    return Engine.open(shutil.copytree(OLD, tmp_path / "index"))


def test_blocks_and_phrases_are_as_they_were(engine):
    assert verify_photos(engine.index.path).ok
    assert list(engine.sides) == ["sbs", "sbovp"]
    assert engine.index.signature(0).cells.tolist() == [3, 11, 23, 31]
    phrases = engine.sides["sbovp"].index.signature(2)
    assert phrases.columns.tolist()[-3:] == [25, 26, 27]
    assert phrases.counts.tolist() == [6, 3, 2, 1, 2, 4, 3, 10, 6, 2, 2, 2, 4, 5, 2, 1, 2]
    assert [path.rpartition("/")[2] for path in engine.paths] == ["0.png", "1.png", "2.png"]


def test_they_are_searched_as_they_were(engine):
    side = engine.sides["sbovp"]
    distances, ids = side.search([side.index.signature(0)], 3)
    assert ids.tolist() == [[0, 1, 2]]
    assert distances[0].tolist() == pytest.approx([0, 0.68437976, 0.77981001], abs=1e-6)


def test_they_change_as_others_do(engine):
    engine.remove(["/tmp/fixphotos/1.png"])
    engine.compact()
    assert engine.sides["sbovp"].index.ids.tolist() == [0, 2]
    assert verify_photos(engine.index.path).ok
