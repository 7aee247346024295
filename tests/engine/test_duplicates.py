"""Near-duplicates among rendered photos and copies of them."""

from __future__ import annotations

import pytest
from PIL import Image as PillowImage
from PIL import ImageOps

from semsig.engine import Engine
from semsig.engine.duplicates import Pixels, find_duplicates, group_copies
from semsig.errors import OptionError, QueryError
from semsig.synthetic import write_scenes


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("copies")
    root = write_scenes(folder / "scenes", 12)
    photos = sorted(root.glob("*/*.jpg"))
    with PillowImage.open(photos[2]) as picture:
        picture.save(folder / "again.jpg", quality=40)
        picture.resize((picture.width * 2, picture.height * 2)).save(folder / "large.jpg")
    return [*photos, folder / "again.jpg", folder / "large.jpg"]


@pytest.fixture(scope="module")
def engine(photos, tmp_path_factory):
    engine = Engine.create(tmp_path_factory.mktemp("index") / "index")
    engine.add(photos, workers=2)
    return engine


@pytest.mark.parametrize("by", ["pooled", "tanimoto", "containment", None])
def test_copies_are_a_group_and_the_largest_is_best(engine, photos, by):
    group = next(
        group
        for group in find_duplicates(engine, by=by)
        if str(photos[2]) in [copy.path for copy in group]
    )
    names = [copy.path for copy in group]
    assert str(photos[-2]) in names
    assert [copy.best for copy in group] == [True] + [False] * (len(group) - 1)
    assert group[0].width == max(copy.width for copy in group)


def test_groups_grow_with_the_radius_up_to_all(engine, photos):
    assert find_duplicates(engine, within=0) == []
    (every,) = find_duplicates(engine, within=2, alike=-1)
    assert len(every) == len(photos)


def test_pixels_part_what_only_looks_alike(engine, photos):
    groups = find_duplicates(engine, within=2)
    assert [{copy.path for copy in group} for group in groups] == [
        {str(photos[2]), str(photos[-1]), str(photos[-2])}
    ]


def test_some_photos_are_grouped_as_all_are(engine, photos):
    (whole,) = [{copy.id for copy in group} for group in find_duplicates(engine)]
    ids = [int(id_) for id_ in engine.index.ids]
    pixels = Pixels(engine)
    (found,) = group_copies(engine, ids, pixels)
    assert set(found) == whole
    one = max(whole)
    (fewer,) = group_copies(engine, [id_ for id_ in ids if id_ != one], pixels)
    assert set(fewer) == whole - {one}
    assert group_copies(engine, [id_ for id_ in ids if id_ not in whole], pixels) == []
    assert group_copies(engine, [], pixels) == []


def test_pairs_that_are_apart_are_forgotten_within_a_bound(engine, monkeypatch):
    monkeypatch.setattr("semsig.engine.duplicates._MOST_APART", 2)
    pixels = Pixels(engine)
    for other in range(1, 8):
        pixels.agree(0, other)
        assert len(pixels._apart) <= 2


@pytest.mark.parametrize("change", ["crop", "mirror", "grey", "dark"])
def test_changed_copies_are_found(tmp_path, photos, change):
    with PillowImage.open(photos[4]) as picture:
        changed = {
            "crop": lambda: ImageOps.crop(picture, min(picture.size) // 6),
            "mirror": lambda: ImageOps.mirror(picture),
            "grey": lambda: ImageOps.grayscale(picture),
            "dark": lambda: picture.point(lambda value: value // 2),
        }[change]()
        changed.save(tmp_path / "changed.jpg")
    engine = Engine.create(tmp_path / "index")
    engine.add([*photos[3:6], tmp_path / "changed.jpg"])
    (group,) = find_duplicates(engine, within=1, by="tanimoto")
    assert {copy.path for copy in group} == {str(photos[4]), str(tmp_path / "changed.jpg")}


def test_a_copy_that_is_gone_is_named_without_its_size(tmp_path, photos):
    import shutil

    files = [shutil.copy(photos[2], tmp_path / name) for name in ("a.jpg", "b.jpg")]
    engine = Engine.create(tmp_path / "index")
    engine.add(files)
    (tmp_path / "a.jpg").unlink()
    (group,) = find_duplicates(engine, within=0, alike=-1)
    assert [(copy.path, bool(copy.width)) for copy in group] == [
        (str(tmp_path / "b.jpg"), True),
        (str(tmp_path / "a.jpg"), False),
    ]


def test_wrong_distances_are_refused(engine, tmp_path):
    with pytest.raises(OptionError, match="Expected by"):
        find_duplicates(engine, by="cosine")  # type: ignore[arg-type]
    with pytest.raises(QueryError, match="pooled"):
        find_duplicates(Engine.create(tmp_path / "plain", signatures=["sbs"]), by="pooled")


def test_the_command_lists_what_has_a_better_copy(run, engine, photos):
    code, out, err = run("duplicates", "--index", engine.index.path, "--within", 0.2, "--spare")
    assert code == 0
    assert str(photos[-1]) not in out.splitlines()
    assert str(photos[2]) in out.splitlines()
    assert "better copy" in err
    assert all(path.exists() for path in photos)
