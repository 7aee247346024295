"""A full disk: the earlier file stays, no partial file is left, and the error names the file."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from semsig import Engine
from semsig.signatures import default_vocabulary
from semsig.synthetic import write_scenes

resource = pytest.importorskip("resource")
pytestmark = pytest.mark.slow

LIMIT = 600
"""Bytes; every file that is written here is larger."""


@contextmanager
def full_disk():
    """No file may grow beyond LIMIT: writing more is an OSError, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return sorted(write_scenes(tmp_path_factory.mktemp("full"), 3).glob("*/*.jpg"))


@pytest.fixture(scope="module")
def index(tmp_path_factory, photos):
    path = tmp_path_factory.mktemp("full") / "index"
    Engine.create(path, segmenter="lite").add(photos)
    return path


@pytest.fixture
def commands(index, photos, tmp_path):
    """Commands that write a file, by the file."""
    out = tmp_path / "out"
    out.mkdir()
    return {
        out / "page.html": ("search", photos[0], "--index", index, "--html"),
        out / "why.png": ("explain", *photos[:2], "--out"),
        out / "words.npz": ("vocab", *photos, "--words", "2", "--out"),
        out / f"{photos[0].stem}-classes.png": ("segment", photos[0], "--out"),
    }


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("existed", [True, False])
def test_what_a_command_writes(commands, run, number, existed):
    target, words = list(commands.items())[number]
    asked = (*words, target.parent if words[0] == "segment" else target)
    code, _, err = run(*asked)
    assert (code, target.stat().st_size > LIMIT) == (0, True), err
    whole = target.read_bytes()
    if not existed:
        target.unlink()
    with full_disk():
        code, _, err = run(*asked)
    assert (code, "Traceback" in err) == (1, False)
    assert target.name in err.replace("\n", "")
    assert [path.name for path in target.parent.iterdir()] == ([target.name] if existed else [])
    assert not existed or target.read_bytes() == whole


def test_an_index_stays_as_it_was(index, photos, tmp_path, run):
    import shutil

    shutil.copytree(index, tmp_path / "index")
    before = sorted(path.name for path in (tmp_path / "index").iterdir())
    extra = write_scenes(tmp_path / "more", 5, seed=9).glob("*/*.jpg")
    with full_disk():
        code, _, err = run("index", *extra, "--index", tmp_path / "index")
    assert (code, "as it was before" in err, "Traceback" in err) == (1, True, False)
    assert sorted(path.name for path in (tmp_path / "index").iterdir()) == before
    assert len(Engine.open(tmp_path / "index")) == len(photos)


def test_a_vocabulary_stays_as_it_was(tmp_path):
    from semsig.errors import VocabularyError

    default_vocabulary().save(tmp_path / "v.npz")
    whole = (tmp_path / "v.npz").read_bytes()
    with full_disk(), pytest.raises(VocabularyError, match=r"v\.npz cannot be written"):
        default_vocabulary().save(tmp_path / "v.npz")
    assert (tmp_path / "v.npz").read_bytes() == whole


def test_rendered_scenes(tmp_path):
    with full_disk(), pytest.raises(OSError, match=r"0000\.jpg"):
        write_scenes(tmp_path / "scenes", 1)
    assert not [file for file in tmp_path.rglob("*") if file.is_file()]


def test_files_of_a_training_run(tmp_path):
    torch = pytest.importorskip("torch")
    from semsig.distill.checkpoint import write_checkpoint

    path = tmp_path / "checkpoint.pth"
    write_checkpoint(path, {"a": torch.zeros(1000)})
    whole = path.read_bytes()
    with full_disk(), pytest.raises(OSError, match=r"checkpoint\.pth"):
        write_checkpoint(path, {"a": torch.ones(1000)})
    assert path.read_bytes() == whole
    assert [file.name for file in tmp_path.iterdir()] == ["checkpoint.pth"]
