"""Files and folders that survive power cuts; files opened without surprises."""

from __future__ import annotations

import errno
import os
import stat
import sys
from pathlib import Path

import pytest

from semsig import durable
from semsig.durable import make_folder, open_inside, read_inside, sync_folder, write_file

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links, pipes and folder syncs")


def test_open_inside_reads_a_file_of_the_folder(tmp_path):
    (tmp_path / "a").write_bytes(b"content")
    assert read_inside(tmp_path, "a") == b"content"


@pytest.mark.parametrize("kind", ["link", "dangling link", "hard link", "pipe", "folder", "device"])
@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_RDWR | os.O_CREAT])
def test_open_inside_refuses_all_else_without_waiting(tmp_path, kind, flags):
    folder, other = tmp_path / "index", tmp_path / "other"
    folder.mkdir()
    other.write_bytes(b"precious")
    path = folder / "a"
    {
        "link": lambda: path.symlink_to(other),
        "dangling link": lambda: path.symlink_to(tmp_path / "nothing"),
        "hard link": lambda: path.hardlink_to(other),
        "pipe": lambda: os.mkfifo(path),
        "folder": path.mkdir,
        "device": lambda: path.symlink_to("/dev/zero"),
    }[kind]()
    with pytest.raises(OSError, match="a"):
        os.close(open_inside(folder, "a", flags))
    assert other.read_bytes() == b"precious"
    assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOTSUP, errno.ENOSYS])
def test_folders_that_cannot_be_synced_are_passed_over(tmp_path, monkeypatch, code):
    tried = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: (tried.append(descriptor), refuse(code)))
    sync_folder(tmp_path)
    assert len(tried) == 1


def test_an_error_of_the_disk_is_one(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda descriptor: refuse(errno.EIO))
    with pytest.raises(OSError, match="Input/output"):
        sync_folder(tmp_path)


def refuse(code):
    raise OSError(code, os.strerror(code))


@pytest.fixture
def steps(monkeypatch):
    """What is synced and renamed, in order: "file", "folder PATH", "rename"."""
    done = []
    fsync, replace = os.fsync, os.replace

    def synced(descriptor):
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        place = Path(f"/proc/self/fd/{descriptor}").readlink() if is_folder else ""
        done.append(f"folder {place}" if is_folder else "file")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", lambda *a: (done.append("rename"), replace(*a)))
    return done


needs_proc = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


@needs_proc
def test_a_file_is_synced_before_it_is_renamed_and_its_folder_after(tmp_path, steps):
    write_file(tmp_path / "a", b"new")
    assert steps == ["file", "rename", f"folder {tmp_path.resolve()}"]
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@needs_proc
def test_every_new_folder_is_synced_into_the_one_above(tmp_path, steps):
    make_folder(tmp_path / "a" / "b")
    root = tmp_path.resolve()
    assert steps == [f"folder {root}", f"folder {root / 'a'}"]


def test_full_disk_leaves_the_earlier_file_and_names_it(tmp_path, monkeypatch):
    path = tmp_path / "page.html"
    path.write_bytes(b"earlier")
    monkeypatch.setattr(durable, "sync_file", lambda file: refuse(errno.ENOSPC))
    with pytest.raises(OSError, match=r"No space left.*page\.html"):
        write_file(path, b"new")
    assert path.read_bytes() == b"earlier"
    assert [each.name for each in tmp_path.iterdir()] == ["page.html"]


def test_permissions_stay_and_a_link_stays_one(tmp_path):
    path, link = tmp_path / "a", tmp_path / "link"
    path.write_bytes(b"earlier")
    path.chmod(0o640)
    link.symlink_to(path)
    write_file(link, b"new")
    assert link.is_symlink()
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"new", 0o640)


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_a_photo_is_never_overwritten_by_a_page(tmp_path, run, suffix):
    from PIL import Image as PillowImage

    photo = tmp_path / f"1.{suffix}"
    PillowImage.new("RGB", (64, 64), "green").save(photo)
    before = photo.read_bytes()
    index = tmp_path / "index"
    assert run("index", photo, "--index", index)[0] == 0
    assert run("search", photo, "--index", index, "--html", photo)[0] == 1
    assert run("explain", photo, photo, "--out", photo)[0] == 1
    assert photo.read_bytes() == before
    for _ in range(2):
        assert run("explain", photo, photo, "--out", tmp_path / "why.png")[0] == 0


def test_a_leading_tilde_is_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert durable.without_tilde("~/a") == tmp_path / "a"
    assert durable.without_tilde("~no-such-user/a") == Path("~no-such-user/a")


@pytest.mark.parametrize("name", ["files:~no-such-user/x", "onnx:~no-such-user/x", "~nobody/x.py"])
def test_the_home_of_nobody_is_no_traceback(name, tmp_path, run):
    code, _, err = run("index", tmp_path, "--index", tmp_path / "i", "--segmenter", name)
    assert (code, "Traceback" in err, "no-such-user" in err or "nobody" in err) == (1, False, True)
