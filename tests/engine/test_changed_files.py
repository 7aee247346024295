"""An index of photos whose files change while it is open, or were changed before."""

from __future__ import annotations

import numpy as np
import pytest

from semsig import Engine
from semsig.errors import IndexCorruptError, OptionError
from semsig.synthetic import write_scenes


@pytest.fixture
def photos(tmp_path):
    return sorted(write_scenes(tmp_path / "photos", 6).glob("*/*.jpg"))


@pytest.fixture
def engine(tmp_path, photos):
    engine = Engine.create(tmp_path / "index", segmenter="lite")
    engine.add(photos)
    return Engine.open(tmp_path / "index")


@pytest.mark.parametrize("signature", ["sbs", "pooled"])
def test_hits_stay_the_same_whatever_becomes_of_the_files(engine, photos, signature):
    before = engine.search(photos[0], 6, signature=signature)
    for file in engine.index.path.rglob("segment-*.npy"):
        if "payloads" not in file.name:
            file.write_bytes(b"\xff" * file.stat().st_size)
    assert engine.search(photos[0], 6, signature=signature) == before


@pytest.mark.parametrize("signature", ["sbs", "pooled"])
def test_one_changed_bit_is_named_before_anything_is_answered(engine, photos, run, signature):
    folder = engine.index.path if signature == "sbs" else engine.index.path / "pooled"
    file = max(folder.glob("segment-*.npy"), key=lambda path: path.stat().st_size)
    content = bytearray(file.read_bytes())
    content[200] ^= 1
    file.write_bytes(content)
    with pytest.raises(IndexCorruptError, match=f"{file.name} is damaged: its checksum"):
        Engine.open(engine.index.path).search(photos[0], 6, signature=signature)
    asked = "search", photos[0], "--index", engine.index.path, "--signature", signature
    code, out, err = run(*asked)
    assert (code, out, file.name in err) == (1, "", True)


def test_who_does_not_want_checksums_says_so(engine, photos, run):
    file = next(engine.index.path.glob("segment-*.payloads.npy"))
    array = np.load(file)
    place = file.stat().st_size - len(array) + bytes(array).index(b"/photos/") + 1
    content = bytearray(file.read_bytes())
    content[place] = ord("P")
    file.write_bytes(content)
    assert run("search", photos[1], "--index", engine.index.path)[0] == 1
    never = "--verify", "never"
    assert run("search", photos[1], "--index", engine.index.path, *never)[0] == 0
    opened = Engine.open(engine.index.path, verify="never")
    assert opened.sides["pooled"].index.verified == "never"
    with pytest.raises(OptionError, match="verify"):
        Engine.open(engine.index.path, verify="sometimes")
