"""Fixtures shared by several test modules."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest
from hypothesis import settings

from tests.kinds import KINDS, META, Kind, Make, fill

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the command line in this process; gives (exit code, stdout, stderr)."""
    from semsig.cli import main

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["semsig", *map(str, arguments)])
        with pytest.raises(SystemExit) as done:
            main()
        captured = capsys.readouterr()
        return done.value.code or 0, captured.out, captured.err

    return run


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run modules that ask for it with every kind of signature; others with SBS only."""
    if getattr(metafunc.module, "EVERY_KIND", False) and "kind" in metafunc.fixturenames:
        metafunc.parametrize("kind", KINDS, indirect=True, scope="session")


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip fsync, which only matters in a power cut; processes that tests start do call it."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture(scope="session")
def kind(request) -> Kind:
    return KINDS[getattr(request, "param", "sbs")]


@pytest.fixture(scope="session")
def schema(kind):
    return kind.schema


@pytest.fixture(scope="session")
def make(kind) -> Make:
    return kind.make


@pytest.fixture
def index_in_memory(kind):
    """Ids 0 to 11 without 1 and 9; payloads name the seeds, which are the ids."""
    index = kind.index(kind.schema, meta=META)
    fill(index, kind.make)
    return index


@pytest.fixture(scope="session")
def stored_once(tmp_path_factory, kind) -> Path:
    path = tmp_path_factory.mktemp("once") / "index"
    kind.index(kind.schema, meta=META).save(path)
    fill(kind.index.open(path), kind.make)
    return path


@pytest.fixture
def stored(tmp_path, kind, stored_once):
    """The same on disk, in three segments."""
    shutil.copytree(stored_once, tmp_path / "index")
    return kind.index.open(tmp_path / "index")
