"""Thumbnails in a bounded folder."""

from __future__ import annotations

from semsig.server.pictures import PictureCache


def test_the_bound_holds_and_what_is_used_stays(tmp_path):
    cache = PictureCache(tmp_path, 100)
    made = []

    def make(size):
        made.append(size)
        return bytes(size)

    cache.get("a", lambda: make(40))
    cache.get("b", lambda: make(41))
    cache.get("a", lambda: make(40))
    cache.get("c", lambda: make(42))
    assert made == [40, 41, 42]
    assert cache.n_bytes == sum(path.stat().st_size for path in tmp_path.iterdir()) <= 100
    cache.get("a", lambda: make(40))
    assert made == [40, 41, 42]
    cache.get("b", lambda: make(41))
    assert made[-1] == 41


def test_what_was_there_is_used_again_and_counted(tmp_path):
    PictureCache(tmp_path, 100).get("a", lambda: bytes(60))
    again = PictureCache(tmp_path, 100)
    assert again.n_bytes == 60
    assert again.get("a", lambda: b"new") == bytes(60)
    assert PictureCache(tmp_path, 10).n_bytes == 0
    assert not list(tmp_path.iterdir())


def test_a_temporary_folder_goes():
    cache = PictureCache(None, 100)
    cache.get("a", lambda: b"x")
    folder = cache._folder
    cache.close()
    assert not folder.exists()
