"""Only regular files are read: a pipe or an endless device in any place is an error at once."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from semsig import Engine
from semsig.durable import open_regular, read_regular
from semsig.synthetic import write_scenes

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in folders here"),
]


def pipe(path: Path) -> None:
    os.mkfifo(path)


def zero(path: Path) -> None:
    path.symlink_to("/dev/zero")


def tty(path: Path) -> None:
    path.symlink_to("/dev/tty")


ODD = [pipe, zero, tty]


@pytest.mark.parametrize("make", ODD)
def test_what_is_no_file_is_named_at_once(tmp_path, make):
    make(tmp_path / "odd")
    for read in (open_regular, read_regular):
        with pytest.raises(OSError, match=r"not a regular file|No such device") as caught:
            read(tmp_path / "odd")
        assert caught.value.filename == str(tmp_path / "odd")
    with pytest.raises(IsADirectoryError if os.name == "nt" else OSError, match="regular"):
        open_regular(tmp_path)


def test_links_to_files_are_followed_and_length_is_limited(tmp_path):
    (tmp_path / "a").write_bytes(b"12345")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert read_regular(tmp_path / "b") == b"12345"
    assert read_regular(tmp_path / "b", most=5) == b"12345"
    with pytest.raises(OSError, match="more than 4 bytes"):
        read_regular(tmp_path / "b", most=4)


@pytest.fixture
def command(run):
    """Runs a command; one that still waits after a minute is a failure."""

    def late(*_):
        raise AssertionError("a command hangs")

    def command(*words):
        before = signal.signal(signal.SIGALRM, late)
        signal.alarm(60)
        try:
            code, out, err = run(*words)
        finally:
            signal.alarm(0)
            signal.signal(signal.SIGALRM, before)
        return code, out + err

    return command


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Photos, their label maps, and an index of all sorts of signatures."""
    folder = tmp_path_factory.mktemp("irregular")
    photos = sorted(write_scenes(folder, 3).glob("*/*.jpg"))
    engine = Engine.create(folder / "index", segmenter="lite")
    engine.add_signature("sbovp")
    engine.add(photos)
    return folder


@pytest.mark.parametrize("make", ODD[:2])
def test_in_place_of_a_label_map_or_class_table(folder, tmp_path, make, command):
    photo = next((folder / "photos").glob("*/*.jpg"))
    for name in ("x.png", "x.npy", "x.npz", "x.tif", "classes.toml", "classes.txt"):
        maps = tmp_path / name
        maps.mkdir()
        if not name.startswith("classes"):
            (maps / "classes.txt").write_text("sky\n")
        else:
            np.save(maps / f"{photo.stem}.npy", np.zeros((4, 4), np.uint8))
        make(maps / name.replace("x.", f"{photo.stem}."))
        asked = ("index", photo, "--index", tmp_path / f"i-{name}", "--segmenter", f"files:{maps}")
        code, said = command(*asked)
        assert photo.stem in said or "classes" in said, said
        assert code in (0, 1)


@pytest.mark.parametrize("make", ODD[:2])
@pytest.mark.parametrize(
    "name",
    ["manifest.json", "writer.lock", "sbovp/vocabulary.npz", "pooled/manifest.json", "segment"],
)
def test_in_place_of_a_file_of_an_index(folder, tmp_path, make, name, command):
    shutil.copytree(folder / "index", tmp_path / "index")
    file = tmp_path / "index" / name
    if name == "segment":
        file = next((tmp_path / "index").glob("segment-*.payloads.npy"))
    file.unlink(missing_ok=True)
    make(file)
    photo = next((folder / "photos").glob("*/*.jpg"))
    for asked in (("verify",), ("info",), ("search", photo), ("index", photo), ("compact",)):
        code, said = command(*asked, "--index", tmp_path / "index")
        assert code in (0, 1, 4), said


@pytest.mark.parametrize("make", ODD[:2])
def test_in_place_of_what_other_commands_read(folder, tmp_path, make, command):
    for name in ("odd.toml", "odd.npz", "odd.onnx", "odd.json", "odd.jpg", "odd.txt", "list.png"):
        make(tmp_path / name)
    photos = folder / "photos"
    PillowImage.new("RGB", (8, 8)).save(tmp_path / "layout.png")
    for asked in (
        ("evaluate", tmp_path / "odd.toml", photos),
        ("index", photos, "--index", tmp_path / "a", "--vocabulary", tmp_path / "odd.npz"),
        ("index", photos, "--index", tmp_path / "b", "--segmenter", f"onnx:{tmp_path}/odd.onnx"),
        ("index", tmp_path / "odd.jpg", "--index", tmp_path / "c"),
        ("search", tmp_path / "odd.jpg", "--index", folder / "index"),
        ("search", "--layout", tmp_path / "list.png", "--index", folder / "index"),
        ("explain", tmp_path / "odd.jpg", tmp_path / "layout.png", "--index", folder / "index"),
    ):
        code, said = command(*asked)
        assert code in (0, 1, 2), said
        assert said
