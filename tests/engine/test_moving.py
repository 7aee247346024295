"""Photos that moved, alone or with their index, are found again and not signed again."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from semsig.classes import ClassTable
from semsig.engine import Engine
from semsig.engine.moving import Moves
from semsig.photo import PhotoRecord, native, portable
from semsig.types import LabelMap

TABLE = ClassTable(["dark", "bright"])


class Counting:
    """Segments by brightness, gives features, and counts what it is asked."""

    name, fingerprint, classes, n_features = "counting", "counting 1", TABLE, 3

    def __init__(self):
        self.seen = 0

    def __call__(self, image):
        self.seen += 1
        return LabelMap((image.mean(2) > 100).astype(np.uint8), TABLE)

    def batch(self, images):
        return [self(image) for image in images]

    def describe(self, images):
        features = [np.tile(image.mean((0, 1)), (3, 1)).astype(np.float32) for image in images]
        return list(zip(map(self, images), features, strict=True))


@pytest.fixture
def segmenter():
    return Counting()


@pytest.fixture
def library(tmp_path, segmenter):
    """Five photos and their index, in one folder."""
    root = tmp_path / "library"
    for number in range(5):
        path = root / "photos" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 20), (50 * number,) * 3).save(path)
    engine = Engine.create(root / "index", segmenter=segmenter, levels=1)
    engine.add(sorted((root / "photos").iterdir()))
    segmenter.seen = 0
    return root


def again(root, segmenter, photos=None):
    engine = Engine.open(root / "index", segmenter=segmenter)
    return engine, engine.add(sorted((photos or root / "photos").iterdir()))


def test_photos_that_moved_keep_id_and_signatures(library, segmenter):
    before = Engine.open(library / "index", segmenter=segmenter)
    ids = {Path(before.path(int(id_))).name: int(id_) for id_ in before.index.ids}
    batch = {id_: before.sides["pooled"].index.signature(id_) for id_ in ids.values()}
    (library / "photos").rename(library / "elsewhere")
    engine, report = again(library, segmenter, library / "elsewhere")
    assert (report.moved, report.added, report.replaced, segmenter.seen) == (5, 0, 0, 0)
    found = {Path(engine.path(int(id_))).name: int(id_) for id_ in engine.index.ids}
    assert found == ids
    assert sorted(engine.paths) == [str(library / "elsewhere" / f"{n}.png") for n in range(5)]
    for id_, signature in batch.items():
        assert engine.sides["pooled"].index.signature(id_) == signature
    _, report = again(library, segmenter, library / "elsewhere")
    assert (report.moved, report.unchanged) == (0, 5)


def test_a_library_that_moved_with_its_index(library, segmenter):
    moved = library.rename(library.parent / "other")
    engine = Engine.open(moved / "index", segmenter=segmenter)
    query = moved / "photos" / "2.png"
    photos = {str(path) for path in (moved / "photos").iterdir()}
    assert {hit.path for hit in engine.search(query, k=9)} == photos
    assert {hit.path for hit in engine.search(query, k=9, exclude_self=True)} == photos - {
        str(query)
    }
    segmenter.seen = 0
    _, report = again(moved, segmenter)
    assert (report.moved, report.added, segmenter.seen) == (5, 0, 0)


def test_photos_of_a_library_that_moved_are_removed_by_where_they_are(library, segmenter):
    moved = library.rename(library.parent / "other")
    engine = Engine.open(moved / "index", segmenter=segmenter)
    assert set(engine.paths) == {str(path) for path in (moved / "photos").iterdir()}
    assert engine.prune([moved / "photos"]) == []
    engine.remove([moved / "photos" / "2.png"])
    assert sorted(engine.paths) == [str(moved / "photos" / f"{n}.png") for n in (0, 1, 3, 4)]


def test_a_copy_is_a_photo_of_its_own(library, segmenter):
    copy = library / "photos" / "copy.png"
    copy.write_bytes((library / "photos" / "1.png").read_bytes())
    _, report = again(library, segmenter)
    assert (report.moved, report.added, report.unchanged) == (0, 1, 5)


def test_one_that_is_gone_is_found_once(library, segmenter):
    gone = library / "photos" / "1.png"
    for name in ("a.png", "b.png"):
        (library / "photos" / name).write_bytes(gone.read_bytes())
    gone.unlink()
    engine, report = again(library, segmenter)
    assert (report.moved, report.added, len(engine)) == (1, 1, 6)


def test_what_an_application_keeps_with_a_photo_moves_along(library, segmenter):
    engine = Engine.open(library / "index", segmenter=segmenter)
    engine.set_payload(library / "photos" / "1.png", {"shop": "A"})
    (library / "photos").rename(library / "elsewhere")
    engine, report = again(library, segmenter, library / "elsewhere")
    assert report.moved == 5
    assert engine.get(library / "elsewhere" / "1.png").payload == {"shop": "A"}


def test_an_upload_has_no_file_that_could_have_moved(library, segmenter):
    engine = Engine.open(library / "index", segmenter=segmenter)
    engine.put("upload 1", np.full((9, 9, 3), 77, np.uint8))
    record = next(r for r in map(PhotoRecord.from_json, engine.index.payloads) if r.is_upload)
    assert Moves([(7, record)]).claim(record) is None
    assert "upload 1" in set(engine.paths)


def test_one_that_moved_and_lacks_a_signature_is_signed(library, segmenter):
    engine = Engine.open(library / "index", segmenter=segmenter)
    id_ = int(engine.index.ids[0])
    engine.sides["pooled"].remove([id_])
    (library / "photos").rename(library / "elsewhere")
    engine, report = again(library, segmenter, library / "elsewhere")
    assert (report.moved, report.replaced, segmenter.seen) == (4, 1, 1)
    assert engine.sides["pooled"].has(id_)


def test_what_moved_is_not_pruned(library, run):
    maps = library / "maps"
    maps.mkdir()
    (maps / "classes.txt").write_text("dark\nbright\n")
    for number in range(5):
        Image.new("L", (20, 20), number % 2).save(maps / f"{number}.png")
    arguments = "--index", library / "ix", "--json"
    assert run("index", library / "photos", *arguments, "--segmenter", f"files:{maps}")[0] == 0
    moved = library.rename(library.parent / "other")
    (moved / "photos").rename(moved / "pictures")
    arguments = "index", moved / "pictures", "--index", moved / "ix", "--prune"
    code, out, _ = run(*arguments)
    assert (code, out.split(" in ")[0]) == (0, "0 added, 5 moved")


def test_paths_are_bytes_whatever_the_locale_reads(library, segmenter):
    names = [b"caf\xc3\xa9.png", b"\xff\xfe.png"]
    photos = os.fsencode(library / "photos")
    for name in names:
        with open(os.path.join(photos, name), "wb") as file:  # noqa: PTH118, PTH123
            file.write((library / "photos" / "1.png").read_bytes() + name)
    _, report = again(library, segmenter)
    assert report.added == 2
    code = (
        "import os, sys; from semsig.engine import Engine; "
        "from semsig.engine.catalogue import find_photo; "
        "index = Engine.open(sys.argv[1]).index; "
        "print([find_photo(index, os.path.join(sys.argv[2], os.fsdecode(n))) is not None "
        f"for n in {names}], sys.getfilesystemencoding())"
    )
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(library / "index"), str(library / "photos")],
        capture_output=True,
        text=True,
        env={**os.environ, **ascii_only},
        check=True,
    )
    assert done.stdout.split("]")[0] == "[True, True"
    assert "utf" not in done.stdout.split("]")[1]


@pytest.mark.parametrize("name", ["café", "\udcff.jpg", "名前"])
def test_portable_paths_come_back(name):
    assert native(portable(name)) == name
    record = PhotoRecord(path=f"/{name}", digest="0", size=1, mtime_ns=1)
    assert PhotoRecord.from_json(record.to_json()) == record
