"""Compiled kernels on disk: kept in a private folder, checked, compiled again where damaged."""

from __future__ import annotations

import logging
import os
import sys

import numba
import pytest
from semsig_kernels import _cache
from semsig_kernels._cache import KernelCache, find_folder
from semsig_kernels._jit import jit_enabled

needs_jit = pytest.mark.skipif(not jit_enabled(), reason="nothing is compiled")
needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="no owners and modes")


def triple(x):
    return 3 * x


def compiled(folder):
    """A dispatcher that has compiled nothing yet."""
    dispatcher = numba.njit(nogil=True)(triple)
    dispatcher._cache = KernelCache(triple, folder)
    return dispatcher


def hits(dispatcher):
    return sum(dispatcher.stats.cache_hits.values())


@pytest.fixture
def said(monkeypatch, caplog):
    monkeypatch.setattr(_cache, "_said", set())
    caplog.set_level(logging.INFO, "semsig.kernels")
    return lambda: [record.getMessage() for record in caplog.records]


@needs_jit
def test_second_process_compiles_nothing(tmp_path, said):
    first, second = compiled(tmp_path), compiled(tmp_path)
    assert (first(2), hits(first)) == (6, 0)
    assert (second(2), hits(second)) == (6, 1)
    assert len(said()) == 1
    assert "once" in said()[0]


@needs_jit
@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:40],
        lambda content: content[:-1],
        lambda content: os.urandom(len(content)),
        lambda content: content[:200] + bytes(64) + content[264:],
    ],
    ids=["empty", "short", "truncated", "random", "zeroed within"],
)
def test_damaged_file_is_compiled_again(tmp_path, damage):
    compiled(tmp_path)(2)
    (file,) = tmp_path.glob("*.bin")
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    again, after = compiled(tmp_path), compiled(tmp_path)
    assert (again(2), hits(again)) == (6, 0)
    assert (after(2), hits(after)) == (6, 1)
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


@needs_jit
def test_without_a_folder_kernels_run_and_one_remark_says_so(said):
    assert compiled(None)(2) == 6
    assert compiled(None)(2) == 6
    assert len(said()) == 1
    assert "NUMBA_CACHE_DIR" in said()[0]


@needs_jit
def test_full_disk_is_no_error(tmp_path, said, monkeypatch):
    def refuse(*args, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_cache.tempfile, "mkstemp", refuse)
    assert compiled(tmp_path)(2) == 6
    assert "No space left" in said()[-1]


def test_numba_cache_dir_is_respected(tmp_path, monkeypatch):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "asked"))
    folder = find_folder("sources")
    assert folder.parent == tmp_path / "asked" / _cache.FOLDER
    assert find_folder("other sources") != folder


def test_other_cpus_and_options_have_other_folders(tmp_path, monkeypatch):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    folder = find_folder("sources")
    monkeypatch.setattr(numba.config, "CPU_NAME", "nehalem")
    assert find_folder("sources") != folder


@needs_posix
def test_folder_is_private(tmp_path, monkeypatch):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    folder = find_folder("sources")
    assert {path.stat().st_mode & 0o777 for path in (folder, folder.parent)} == {0o700}
    folder.parent.chmod(0o777)
    assert find_folder("sources") is None


@needs_posix
def test_link_in_place_of_the_folder_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "asked"))
    (tmp_path / "asked").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "asked" / _cache.FOLDER).symlink_to(tmp_path / "elsewhere")
    assert find_folder("sources") is None


def test_no_place_at_all_is_no_error(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "file"))
    assert find_folder("sources") is None
