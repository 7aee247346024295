"""Caches and settings are where each system wants them, and on Linux where they always were."""

from __future__ import annotations

from pathlib import Path

import platformdirs
import pytest
from platformdirs.macos import MacOS
from platformdirs.unix import Unix
from platformdirs.windows import Windows

from semsig.engine.trust import trust_file
from semsig.folders import cache_folder, config_folder

VARIABLES = "SEMSIG_CACHE", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"


@pytest.fixture
def system(monkeypatch, tmp_path):
    """Return what makes the system another one, its home being tmp_path."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    known = {"CSIDL_LOCAL_APPDATA": tmp_path / "Local", "CSIDL_APPDATA": tmp_path / "Roaming"}
    monkeypatch.setattr("platformdirs.windows.get_win_folder", lambda name: str(known[name]))
    return lambda kind: monkeypatch.setattr(platformdirs, "PlatformDirs", kind)


@pytest.mark.parametrize(
    ("kind", "cache", "config"),
    [
        (Unix, ".cache/semsig", ".config/semsig"),
        (MacOS, "Library/Caches/semsig", "Library/Application Support/semsig"),
        (Windows, "Local/semsig/Cache", "Roaming/semsig"),
    ],
)
def test_each_system_has_its_places(kind, cache, config, system, tmp_path):
    system(kind)
    assert cache_folder() == tmp_path / cache
    assert config_folder() == tmp_path / config
    assert trust_file() == tmp_path / config / "trusted.json"


def test_variables_name_other_places_on_linux(system, monkeypatch, tmp_path):
    system(Unix)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "c"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "s"))
    assert cache_folder() == tmp_path / "c" / "semsig"
    assert config_folder() == tmp_path / "s" / "semsig"


@pytest.mark.parametrize("kind", [Unix, MacOS, Windows])
def test_the_own_variable_comes_first(kind, system, monkeypatch, tmp_path):
    system(kind)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "c"))
    monkeypatch.setenv("SEMSIG_CACHE", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own"


@pytest.mark.parametrize("kind", [Unix, MacOS])
@pytest.mark.parametrize("folder", [cache_folder, config_folder])
def test_no_home_is_an_error_of_the_system(kind, folder, system, monkeypatch):
    pwd = pytest.importorskip("pwd")
    system(kind)
    monkeypatch.setenv("HOME", "not/absolute")
    monkeypatch.setattr(pwd, "getpwuid", lambda _: (_ for _ in ()).throw(KeyError("no such user")))
    with pytest.raises(OSError, match="set HOME"):
        folder()


def test_no_profile_on_windows_is_an_error_of_the_system(system, monkeypatch):
    system(Windows)
    monkeypatch.setattr("platformdirs.windows.get_win_folder", {}.__getitem__)
    with pytest.raises(OSError, match="set HOME"):
        config_folder()


def test_an_unresolved_home_is_not_a_folder_here(system, monkeypatch):
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda *_, **__: Path("~/.cache/semsig"))
    with pytest.raises(OSError, match="set HOME"):
        cache_folder()
