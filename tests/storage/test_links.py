"""An index's folder is a boundary: no link in it is followed, no pipe waited for."""

from __future__ import annotations

import os
import sys

import pytest

from semsig.errors import IndexCorruptError, IndexWriteError
from semsig.search import verify_index

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links and pipes")


@pytest.fixture
def precious(tmp_path):
    path = tmp_path / "precious"
    path.write_bytes(b"precious")
    return path


@pytest.mark.parametrize("link", ["symlink_to", "hardlink_to"])
def test_lock_as_a_link_does_not_empty_what_it_points_to(stored, make, precious, link):
    lock = stored.path / "writer.lock"
    lock.unlink(missing_ok=True)
    getattr(lock, link)(precious)
    with pytest.raises(IndexWriteError, match=r"writer\.lock"):
        stored.add([make(20)])
    assert precious.read_bytes() == b"precious"


def test_link_under_a_temporary_name_is_replaced(kind, stored, make, precious):
    (stored.path / "manifest.json.tmp").symlink_to(precious)
    rows = len(stored)
    stored.add([make(20)])
    assert precious.read_bytes() == b"precious"
    assert len(kind.index.open(stored.path)) == rows + 1


@pytest.mark.parametrize("kind_of_file", ["pipe", "device", "link"])
@pytest.mark.parametrize("name", ["manifest.json", "segment"])
def test_only_regular_files_are_read(kind, stored, precious, name, kind_of_file):
    path = stored.path / name
    if name == "segment":
        path = next(stored.path.glob("segment-*.ids.npy"))
    path.unlink()
    {
        "pipe": lambda: os.mkfifo(path),
        "device": lambda: path.symlink_to("/dev/zero"),
        "link": lambda: path.symlink_to(precious),
    }[kind_of_file]()
    with pytest.raises(IndexCorruptError, match=path.name.replace(".", r"\.")):
        kind.index.open(stored.path)
    assert not verify_index(stored.path).ok
