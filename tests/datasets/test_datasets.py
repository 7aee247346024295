import re

import numpy as np
import pytest

from semsig.datasets import dataset_names, find_folder, load_dataset
from semsig.errors import DatasetError

PAPER = {  # Ouni et al. 2022, table 1: photos to search, queries, R, mode
    "corel_10k": (10_000, 10_000, 100, "query-in-ground-truth"),
    "ghim_10k": (10_000, 10_000, 500, "query-in-ground-truth"),
    "linnaeus": (6_000, 2_000, 400, "disjoint"),
    "msrc_v1": (240, 240, None, "query-in-ground-truth"),
    "msrc_v2": (591, 591, None, "query-in-ground-truth"),
    "wang": (1_000, 1_000, 100, "query-in-ground-truth"),
}

WANG = load_dataset("wang").content.classes

DESCRIPTION = """
name = "pets"
title = "Pets"
reference = "nobody"
licence = "none"
source = "nowhere"
mode = "query-in-ground-truth"
cutoff = "class size"
classes = ["cat", "dog"]
class_sizes = [2, 3]
[[layouts]]
name = "flat"
pattern = '(?P<number>\\d+)_(?P<file>\\w+)\\.jpg'
"""


def touch(root, *names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def pets(tmp_path, text=DESCRIPTION):
    path = tmp_path / "pets.toml"
    path.write_text(text)
    return load_dataset(path)


def found(photos):
    """Class and role of each photo by its path's last part."""
    return {
        path.name: (photos.classes[label], bool(asks), bool(searched))
        for path, label, asks, searched in zip(
            photos.paths, photos.labels, photos.is_query, photos.in_database, strict=True
        )
    }


@pytest.mark.parametrize("name", PAPER)
def test_the_papers_datasets(name):
    dataset = load_dataset(name)
    database, queries, cutoff, mode = PAPER[name]
    both = database if mode == "query-in-ground-truth" else database + queries
    assert (dataset.name, dataset.size) == (name, both)
    assert (dataset.cutoff, dataset.mode) == (cutoff, mode)


@pytest.mark.parametrize("name", dataset_names())
def test_every_description_says_what_and_where(name):
    dataset = load_dataset(name)
    assert dataset.name == name
    assert all((dataset.title, dataset.reference, dataset.licence, dataset.source))
    classes = dataset.content.classes
    assert set(dataset.content.aliases) <= set(classes)
    known = [dataset.content.class_of_folder(n) for n in classes]
    assert known == list(classes)


def test_aliases_name_one_class_each():
    for name in dataset_names():
        content = load_dataset(name).content
        for class_, aliases in content.aliases.items():
            assert {content.class_of_folder(alias) for alias in aliases} == {class_}


def test_wang_flat(tmp_path):
    touch(tmp_path, *(f"{i}.jpg" for i in range(1000)))
    photos = load_dataset("wang").scan(tmp_path)
    assert photos.classes == WANG
    assert photos.notes == ()
    assert np.bincount(photos.labels).tolist() == [100] * 10
    assert found(photos)["0.jpg"] == ("africa", True, True)
    assert found(photos)["99.jpg"] == ("africa", True, True)
    assert found(photos)["100.jpg"] == ("beach", True, True)
    assert found(photos)["999.jpg"] == ("food", True, True)


@pytest.mark.parametrize("folder", [str, str.upper, str.title, lambda name: f"images/{name}"])
def test_wang_in_class_folders_of_any_case(tmp_path, folder):
    touch(tmp_path, *(f"{folder(name)}/{i}.JPEG" for name in WANG for i in range(3)))
    photos = load_dataset("wang").scan(tmp_path)
    assert np.bincount(photos.labels).tolist() == [3] * 10
    assert photos.paths[0].parent.name.casefold() == photos.classes[photos.labels[0]]


def test_wang_class_folders_by_other_names(tmp_path):
    others = ["African_People", "Beaches", "Monuments", "Bus", "dinosaur", "elephant", "Roses",
              "Horse", "Mountains and Glaciers", "dishes"]  # fmt: skip
    touch(tmp_path, *(f"{name}/{i}.jpg" for name in others for i in range(2)))
    photos = load_dataset("wang").scan(tmp_path)
    expected = dict(zip(others, WANG, strict=True))
    for path, label in zip(photos.paths, photos.labels, strict=True):
        assert photos.classes[label] == expected[path.parent.name]


def test_class_folders_win_where_numbers_start_again_in_each(tmp_path):
    touch(tmp_path, *(f"{name}/{i}.jpg" for name in WANG for i in range(100)))
    photos = load_dataset("wang").scan(tmp_path)
    assert found(photos)["7.jpg"][0] == "mountains"  # the last folder in order of names
    assert np.bincount(photos.labels).tolist() == [100] * 10


def test_missing_photos_are_noted_by_class(tmp_path):
    touch(tmp_path, *(f"{i}.jpg" for i in range(1000) if i not in (5, 6, 950)), "cover.png")
    photos = load_dataset("wang").scan(tmp_path)
    assert photos.notes == (
        "3 of 1,000 photos are missing: africa 98 of 100, food 99 of 100",
        "1 other image files were left out",
    )


def test_a_missing_class_is_an_error(tmp_path):
    touch(tmp_path, *(f"{i}.jpg" for i in range(900)))
    with pytest.raises(DatasetError, match="no photos of food"):
        load_dataset("wang").scan(tmp_path)


def test_another_folder_is_refused_with_what_was_expected_and_found(tmp_path):
    touch(tmp_path, "holiday/a.jpg", "holiday/b.png")
    with pytest.raises(DatasetError) as error:
        load_dataset("wang").scan(tmp_path)
    message = str(error.value)
    assert "Expected 1,000 photos in 10 classes" in message
    assert "class folders: africa/*.jpg" in message
    assert "0.jpg ... 999.jpg" in message
    assert "Found 2 image files: holiday/a.jpg, holiday/b.png" in message
    assert "http://wang.ist.psu.edu" in message


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.write_text("")])
def test_no_folder_is_refused(tmp_path, make):
    make(tmp_path / "root")
    with pytest.raises(DatasetError, match="Expected a folder of photos"):
        load_dataset("wang").scan(tmp_path / "root")


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="Found 0 image files"):
        load_dataset("wang").scan(tmp_path)


@pytest.mark.parametrize("first", [0, 1])
def test_numbered_files_may_start_at_0_or_1(tmp_path, first):
    touch(tmp_path, *(f"{i + first}.jpg" for c in range(100) for i in (100 * c, 100 * c + 99)))
    photos = load_dataset("corel_10k").scan(tmp_path)
    assert np.bincount(photos.labels).tolist() == [2] * 100
    assert len(photos.notes) == 1
    assert found(photos)[f"{100 + first}.jpg"][0] == "1"


@pytest.mark.parametrize(
    "name", ["{c}_{i}.jpg", "class {c}/{i}.jpg", "corel/{c}/{i}.jpg", "{c}/{c}_{i}.jpg"]
)
def test_numbered_classes_keep_their_natural_order(tmp_path, name):
    touch(tmp_path, *(name.format(c=c, i=i) for c in range(20) for i in range(2)))
    photos = load_dataset("ghim_10k").scan(tmp_path)
    assert np.bincount(photos.labels).tolist() == [2] * 20
    if not name.startswith("class"):
        assert photos.classes == tuple(str(c) for c in range(20))


def test_one_folder_of_everything_is_not_one_class(tmp_path):
    touch(tmp_path, *(f"photos/{i}.jpg" for i in range(0, 10_000, 100)))
    photos = load_dataset("ghim_10k").scan(tmp_path)
    assert len(photos.classes) == 20


def test_linnaeus_asks_with_test_and_searches_train(tmp_path):
    names = load_dataset("linnaeus").content.classes
    for split, count in (("train", 3), ("test", 2)):
        touch(tmp_path, *(f"L5/{split}/{c}/{i}_{split}.jpg" for c in names for i in range(count)))
    photos = load_dataset("linnaeus").scan(tmp_path)
    assert (photos.is_query.sum(), photos.in_database.sum()) == (10, 15)
    assert found(photos)["0_test.jpg"][1:] == (True, False)
    assert found(photos)["0_train.jpg"][1:] == (False, True)
    assert "test/berry 2 of 400" in photos.notes[0]
    assert "train/berry 3 of 1200" in photos.notes[0]


def test_linnaeus_without_test_is_refused(tmp_path):
    touch(tmp_path, *(f"train/{c}/0.jpg" for c in load_dataset("linnaeus").content.classes))
    with pytest.raises(DatasetError, match="in test/"):
        load_dataset("linnaeus").scan(tmp_path)


@pytest.mark.parametrize("place", ["{g}_{i}_s.bmp", "images/{g}_{i}_s.jpg", "{g}_{i}_S.BMP"])
def test_msrc_names(tmp_path, place):
    sizes = load_dataset("msrc_v2").content.splits[""]
    touch(tmp_path, *(place.format(g=g + 1, i=i + 1) for g in range(20) for i in range(sizes[g])))
    touch(tmp_path, "1_1_s_GT.bmp", "labels/1_1_s.png")
    photos = load_dataset("msrc_v2").scan(tmp_path)
    assert len(photos.paths) == 591
    assert photos.notes == ("2 other image files were left out",)
    for path, label in zip(photos.paths, photos.labels, strict=True):
        assert int(path.name.split("_")[0]) == label + 1


def test_msrc_v1_is_the_first_eight_groups_of_v2(tmp_path):
    touch(tmp_path, *(f"{g}_{i}_s.bmp" for g in range(1, 21) for i in range(1, 20)))
    photos = load_dataset("msrc_v1").scan(tmp_path)
    assert np.bincount(photos.labels).tolist() == [19] * 8
    assert photos.classes == load_dataset("msrc_v2").content.classes[:8]


def test_two_copies_of_a_photo_are_refused(tmp_path):
    touch(tmp_path, *(f"{g}_1_s.bmp" for g in range(1, 21)), "copy/3_1_s.jpg")
    with pytest.raises(DatasetError, match=r"3_1_s\.bmp and copy/3_1_s\.jpg|would be the same"):
        load_dataset("msrc_v2").scan(tmp_path)


def test_more_photos_than_there_are_is_refused(tmp_path):
    touch(tmp_path, *(f"{g}_{i}_s.bmp" for g in range(1, 21) for i in range(1, 32)))
    with pytest.raises(DatasetError, match="class 'pasture' has 31 photos instead of 30"):
        load_dataset("msrc_v2").scan(tmp_path)


def test_a_description_of_ones_own(tmp_path):
    dataset = pets(tmp_path)
    touch(tmp_path, "0_a.jpg", "1_a.jpg", "1_b.jpg")
    photos = dataset.scan(tmp_path)
    assert found(photos) == {
        "0_a.jpg": ("cat", True, True),
        "1_a.jpg": ("dog", True, True),
        "1_b.jpg": ("dog", True, True),
    }
    assert photos.notes == ("2 of 5 photos are missing: cat 1 of 2, dog 2 of 3",)


def test_classes_of_any_size(tmp_path):
    dataset = pets(tmp_path, DESCRIPTION.replace("[2, 3]", '"any"'))
    touch(tmp_path, "0_a.jpg", *(f"1_{i}.jpg" for i in range(9)))
    assert dataset.size == 0
    assert dataset.scan(tmp_path).notes == ()
    (tmp_path / "0_a.jpg").unlink()
    with pytest.raises(DatasetError, match="no photos of cat"):
        dataset.scan(tmp_path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('title = "Pets"', "title = 5"),
        ("query-in-ground-truth", "both"),
        ('"class size"', '"all"'),
        ('"class size"', "0"),
        ("[2, 3]", "[2]"),
        ("(?P<number>", "("),
        (r"\d+)", r"\d+"),
        ("[[layouts]]", "[[layouts]]\nper_class = 0"),
        ('name = "flat"', 'title = "flat"'),
        ("=", "is"),
    ],
)
def test_refuses_descriptions(tmp_path, old, new):
    with pytest.raises(DatasetError, match=r"pets\.toml does not describe a dataset"):
        pets(tmp_path, DESCRIPTION.replace(old, new))


@pytest.mark.parametrize("name", ["corel", "", "../pyproject", "absent.toml"])
def test_no_such_dataset(name):
    with pytest.raises(DatasetError):
        load_dataset(name)


@pytest.mark.parametrize(
    ("name", "file", "count"),
    [
        ("corel_5k", "{c}/{i}.jpg", 50),
        ("corel_5k", "{c}_{i}.jpeg", 50),
        ("corel_db", "obj_{c}/{i}.JPG", 80),
        ("corel_db", "corel/{c}/{i}.jpg", 80),
    ],
)
def test_corel_by_other_counts(tmp_path, name, file, count):
    touch(tmp_path, *(file.format(c=c, i=i) for c in range(count) for i in range(2)))
    photos = load_dataset(name).scan(tmp_path)
    assert np.bincount(photos.labels).tolist() == [2] * count


def test_caltech_leaves_the_background_out(tmp_path):
    names = load_dataset("caltech101").content.classes
    assert len(names) == 101
    own = {"faces": "Faces", "faces_easy": "Faces_easy", "leopards": "Leopards"}
    touch(tmp_path, *(f"101_ObjectCategories/{own.get(c, c)}/image_0001.jpg" for c in names))
    touch(tmp_path, "101_ObjectCategories/BACKGROUND_Google/image_0001.jpg")
    photos = load_dataset("caltech101").scan(tmp_path)
    assert len(photos.paths) == 101
    assert photos.notes == ("1 other image files were left out",)


@pytest.mark.parametrize("place", ["{}", "jpg/{}", "jpg{half}/{}"])
def test_holidays_asks_with_the_first_of_each_group_and_leaves_it_out(tmp_path, place):
    files = [f"{1000 + g}{i:02}.jpg" for g in range(500) for i in range(2 + g % 2)]
    touch(tmp_path, *(place.format(f, half=int(f[3]) % 2) for f in files))
    photos = load_dataset("holidays").scan(tmp_path)
    assert (photos.is_query.sum(), photos.in_database.sum()) == (500, 1250)
    by_name = {path.stem: number for number, path in enumerate(photos.paths)}
    asked = np.array([by_name["100100"], by_name["100000"]])
    database = np.array([by_name[s] for s in ("100000", "100001", "100100", "100101", "100102")])
    assert photos.judge(asked, database).tolist() == [[0, 0, -1, 1, 1], [-1, 1, 0, 0, 0]]


LANDMARKS = {
    "oxford5k": (
        ["all_souls", "ashmolean", "balliol", "bodleian", "christ_church", "cornmarket",
         "hertford", "jesus", "keble", "magdalen", "new", "oriel", "oxford", "pitt_rivers",
         "radcliffe_camera", "trinity", "worcester"],
        "oxc1_all_souls_000002",
        "all_souls",
    ),
    "paris6k": (
        ["paris_" + name for name in
         ["defense", "eiffel", "general", "invalides", "louvre", "moulinrouge", "museedorsay",
          "notredame", "pantheon", "pompidou", "sacrecoeur", "triomphe"]],
        "paris_defense_000002",
        "paris_defense",
    ),
}  # fmt: skip


def write_landmarks(root, name, photos="jpg", lists="lab"):
    """Three photos a landmark and one query of the first."""
    names, query, first = LANDMARKS[name]
    touch(root, *(f"{photos}/{n}_{i:06}.jpg" for n in names for i in range(3)))
    (root / lists).mkdir(exist_ok=True)
    for kind, text in {
        "query": f"{query} 1 2 30.5 40\n",
        "good": f"{first}_000001\n{first}_000002\n",
        "ok": f"{names[1]}_000000\n",
        "junk": f"{names[1]}_000001\n",
    }.items():
        (root / lists / f"landmark_1_{kind}.txt").write_text(text)


@pytest.mark.parametrize("name", LANDMARKS)
@pytest.mark.parametrize("lists", ["lab", "."])
def test_landmarks_are_asked_for_by_a_part_of_a_photo(tmp_path, name, lists):
    write_landmarks(tmp_path, name, lists=lists)
    photos = load_dataset(name).scan(tmp_path)
    names, _, first = LANDMARKS[name]
    (query,) = np.flatnonzero(photos.is_query)
    assert photos.paths[query].stem == f"{first}_000002"
    assert photos.listed[query].box == (1, 2, 30.5, 40)
    assert not photos.in_database[query]
    database = np.flatnonzero(photos.in_database)
    judged = photos.judge(np.array([query]), database)[0]
    assert {photos.paths[i].stem: int(j) for i, j in zip(database, judged, strict=True) if j} == {
        f"{first}_000001": 1,
        f"{first}_000002": 1,
        f"{names[1]}_000000": 1,
        f"{names[1]}_000001": -1,
    }


def test_landmarks_without_or_with_broken_lists_are_refused(tmp_path):
    write_landmarks(tmp_path, "oxford5k")
    dataset = load_dataset("oxford5k")
    (tmp_path / "lab" / "landmark_1_ok.txt").unlink()
    with pytest.raises(DatasetError, match=r"landmark_1_ok\.txt cannot be read"):
        dataset.scan(tmp_path)
    query = tmp_path / "lab" / "landmark_1_query.txt"
    for text in ("", "photo 1 2 3", "photo 1 2 3 four"):
        query.write_text(text)
        with pytest.raises(DatasetError, match="malformed"):
            dataset.scan(tmp_path)
    query.unlink()
    with pytest.raises(DatasetError, match="no ground truth"):
        dataset.scan(tmp_path)


def test_folders_are_found_by_their_letters(tmp_path):
    for name in ("Corel-10K", "MSRC_v2", "wang"):
        (tmp_path / name).mkdir()
    assert find_folder("corel_10k", tmp_path) == tmp_path / "Corel-10K"
    assert find_folder("msrc_v1", tmp_path) == tmp_path / "MSRC_v2"
    assert find_folder("ghim_10k", tmp_path) is None
    (tmp_path / "msrc v1").mkdir()
    assert find_folder("msrc_v1", tmp_path) == tmp_path / "msrc v1"
    with pytest.raises(DatasetError, match="cannot be listed"):
        find_folder("wang", tmp_path / "absent")


def test_status_says_what_is_there(tmp_path):
    wang = load_dataset("wang")
    assert wang.status(tmp_path) == "not there"
    touch(tmp_path, "Wang/1.jpg")
    assert re.fullmatch(
        r".*Wang does not hold Wang \(Corel-1K\)\. .* as one of", wang.status(tmp_path)
    )
    touch(tmp_path / "Wang", *(f"{i}.jpg" for i in range(999)))
    assert wang.status(tmp_path).startswith(f"999 photos in {tmp_path / 'Wang'}; 1 of 1,000")
