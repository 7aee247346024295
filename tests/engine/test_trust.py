"""An index is data: what it names is not run unless the user names it too."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image as PillowImage

from semsig import ClassTable, Engine, HammingIndex, SbsSchema
from semsig.errors import SegmenterError
from semsig.segment import is_packaged, load_segmenter

TABLE = ClassTable(["sky", "grass"])


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    PillowImage.fromarray(np.zeros((32, 32, 3), np.uint8)).save(path)
    return path


def naming(folder, segmenter):
    """An index on disk whose meta names a segmenter."""
    meta = {"segmenter": segmenter, "segmenter_fingerprint": "any"}
    HammingIndex(SbsSchema(1, TABLE), meta=meta).save(folder)
    return folder


@pytest.mark.parametrize("kind", ["mmseg:{}@weights.pth", "mmseg:{}", "onnx:{}", "{}"])
def test_search_does_not_load_what_an_index_names(tmp_path, photo, run, kind):
    trap = tmp_path / "config.py"
    trap.write_text(f"open({str(tmp_path / 'sprung')!r}, 'w')\nmodel = {{}}\n")
    name = kind.format(trap)
    folder = naming(tmp_path / "index", name)
    with pytest.raises(SegmenterError, match=r"config\.py.*--segmenter.*segmenter="):
        Engine.open(folder).search(photo, 1)
    code, out, err = run("search", photo, "--index", folder)
    assert (code, out) == (1, "")
    assert "--segmenter" in err
    assert "config.py" in err
    assert not (tmp_path / "sprung").exists()


def test_info_and_conditions_need_no_segmenter(tmp_path, run):
    folder = naming(tmp_path / "index", "mmseg:/nowhere.py")
    assert run("info", "--index", folder)[0] == 0


def test_search_takes_the_segmenter_from_the_user(tmp_path, photo, run):
    from semsig.segment.card import PACKAGED

    name = f"onnx:{PACKAGED['embedded']}"
    engine = Engine.create(tmp_path / "index", segmenter=name)
    engine.add([photo])
    PillowImage.fromarray(np.full((32, 32, 3), 200, np.uint8)).save(tmp_path / "other.png")
    asked = "search", tmp_path / "other.png", "--index", tmp_path / "index"
    assert run(*asked)[0] == 1
    code, out, _ = run(*asked, "--segmenter", name)
    assert (code, "photo.png" in out) == (0, True)


@pytest.mark.parametrize(
    ("name", "packaged"),
    [
        ("embedded", True),
        ("embedded@256", True),
        ("lite", True),
        ("onnx:embedded", False),
        ("embedded@/x.pth", False),
        ("mmseg:embedded", False),
        ("", False),
    ],
)
def test_packaged_names(name, packaged):
    assert is_packaged(name) == packaged


def test_packaged_network_is_loaded_by_itself(tmp_path, photo):
    Engine.create(tmp_path / "index", segmenter=load_segmenter("embedded", threads=1)).add([photo])
    assert Engine.open(tmp_path / "index").search(photo, 1)[0].path == str(photo)
