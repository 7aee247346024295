"""An index is data: what it names is not run unless the user names it too."""

from __future__ import annotations

import shutil
import stat

import numpy as np
import pytest
from PIL import Image as PillowImage

from semsig import ClassTable, Engine, HammingIndex, SbsSchema
from semsig.engine.trust import is_trusted
from semsig.errors import SegmenterError
from semsig.segment import is_packaged, load_segmenter
from semsig.segment.card import PACKAGED
from semsig.synthetic import write_scenes

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


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    return tmp_path / "settings" / "semsig" / "trusted.json"


@pytest.fixture
def network(tmp_path):
    """A network file outside the package, an index that names it, and a photo to ask with."""
    for suffix in (".onnx", ".json"):
        shutil.copy(PACKAGED["embedded"].with_suffix(suffix), tmp_path / f"net{suffix}")
    photos = sorted(write_scenes(tmp_path / "scenes", 2).glob("*/*.jpg"))
    engine = Engine.create(tmp_path / "index", segmenter=f"onnx:{tmp_path / 'net.onnx'}")
    engine.add(photos[:1])
    return tmp_path / "index", photos[1]


def test_a_folder_is_trusted_once(network, settings, run):
    folder, photo = network
    search = "search", photo, "--index", folder
    code, _, err = run(*search)
    assert (code, "semsig trust --index" in err) == (1, True)
    code, out, _ = run("trust", "--index", folder)
    assert (code, "net.onnx" in out) == (0, True)
    assert run(*search)[0] == 0
    assert Engine.open(folder).search(photo, 1)
    assert run("trust", "--index", folder, "--forget")[0] == 0
    assert run(*search)[0] == 1
    assert stat.S_IMODE(settings.stat().st_mode) == 0o600
    assert stat.S_IMODE(settings.parent.stat().st_mode) == 0o700


def test_trust_lies_outside_the_index_and_is_of_one_folder(network, settings, tmp_path, run):
    folder, photo = network
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert run("trust", "--index", folder)[0] == 0
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    shutil.copytree(folder, tmp_path / "copy")
    assert run("search", photo, "--index", tmp_path / "copy")[0] == 1
    (tmp_path / "link").symlink_to(folder)
    assert run("search", photo, "--index", tmp_path / "link")[0] == 0


@pytest.mark.parametrize("key", ["segmenter", "segmenter_fingerprint"])
def test_an_index_that_names_something_else_is_asked_for_anew(network, settings, run, key):
    folder, photo = network
    assert run("trust", "--index", folder)[0] == 0
    meta = dict(HammingIndex.open(folder).meta)
    meta[key] += "x"
    schema = HammingIndex.open(folder).schema
    shutil.rmtree(folder)
    HammingIndex(schema, meta=meta).save(folder)
    with pytest.raises(SegmenterError, match="not loaded automatically"):
        Engine.open(folder).search(photo, 1)


def test_a_configuration_that_changed_is_not_run(tmp_path, photo, settings, run):
    config = tmp_path / "config.py"
    config.write_text("model = {}\n")
    folder = naming(tmp_path / "index", f"mmseg:{config}@{tmp_path / 'w.pth'}")
    assert run("trust", "--index", folder)[0] == 0
    assert is_trusted(HammingIndex.open(folder))
    config.write_text(f"open({str(tmp_path / 'sprung')!r}, 'w')\n")
    assert not is_trusted(HammingIndex.open(folder))
    assert run("search", photo, "--index", folder)[0] == 1
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"[" * 100_000, b'{"trusted": [{}]}', b'{"trusted": 5}', b"NaN"]
)
def test_a_damaged_record_trusts_nothing_and_is_named(network, settings, run, text):
    folder, _ = network
    assert run("trust", "--index", folder)[0] == 0
    settings.write_bytes(text)
    assert not is_trusted(HammingIndex.open(folder))
    code, _, err = run("trust", "--index", folder)
    assert (code, "trusted.json" in err, "Traceback" in err) == (1, True, False)


def test_a_record_that_others_can_write_trusts_nothing(network, settings, run):
    folder, _ = network
    assert run("trust", "--index", folder)[0] == 0
    settings.chmod(0o666)
    assert not is_trusted(HammingIndex.open(folder))


def test_what_is_no_index_of_photos_is_not_trusted(tmp_path, settings, run):
    HammingIndex(SbsSchema(1, TABLE)).save(tmp_path / "index")
    for folder in (tmp_path / "index", tmp_path / "absent"):
        code, _, err = run("trust", "--index", folder)
        assert (code, "Traceback" in err) == (1, False)
    assert not settings.exists()
