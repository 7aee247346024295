"""Benchmarks as copies of them circulate: other kinds, folders, spellings and names."""

import numpy as np
import pytest

from semsig.datasets import dataset_names, find_folder, load_dataset
from semsig.errors import DatasetError

WANG = load_dataset("wang").content.classes
KAGGLE = ["peolpe_and_villages_in_Africa", "beaches", "monuments", "bus", "dinosaurs", "elephants",
          "flowers", "horses", "mountains_and_snow", "foods"]  # fmt: skip


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def scan(root, name="wang"):
    photos = load_dataset(name).scan(root)
    return photos, {
        path.relative_to(root).as_posix(): photos.classes[label]
        for path, label in zip(photos.paths, photos.labels, strict=True)
    }


@pytest.mark.parametrize("suffix", ["png", "BMP", "tif", "webp", "jpeg"])
@pytest.mark.parametrize(
    ("name", "first"),
    [("{n}", 0), ("{n}", 1), ("{n:04}", 1), ("image.orig/{n}", 0), ("{name}/{n}", 0)],
)
def test_wang_as_any_kind_of_file_numbered_from_0_or_1(tmp_path, suffix, name, first):
    files = [name.format(n=n + first, name=WANG[n // 100]) + f".{suffix}" for n in range(1000)]
    touch(tmp_path, *files)
    photos, found = scan(tmp_path)
    assert photos.notes == ()
    assert [found[file] for file in files] == [WANG[n // 100] for n in range(1000)]


FOLDERS = {
    "kaggle": lambda c: KAGGLE[c],
    "numbers before names": lambda c: f"{c + 1:02}. {WANG[c]}",
    "from 0": str,
    "from 1": lambda c: str(c + 1),
    "class 1": lambda c: f"class {c + 1}",
    "African tribes": lambda c: "African tribes" if c == 0 else WANG[c].upper(),
    "Rome": lambda c: "Historical-Buildings" if c == 2 else WANG[c].title(),
}


@pytest.mark.parametrize("folders", FOLDERS)
@pytest.mark.parametrize("prefix", ["", "Corel-1K/"])
def test_wang_in_folders_of_many_names(tmp_path, folders, prefix):
    touch(
        tmp_path, *(f"{prefix}{FOLDERS[folders](c)}/{i}.png" for c in range(10) for i in range(4))
    )
    _, found = scan(tmp_path)
    assert found == {
        f"{prefix}{FOLDERS[folders](c)}/{i}.png": WANG[c] for c in range(10) for i in range(4)
    }


def test_wang_split_for_training(tmp_path):
    touch(tmp_path, *(
        f"{'training_set' if i else 'test_set'}/{KAGGLE[c]}/{100 * c + i}.jpg"
        for c in range(10) for i in range(3)
    ))  # fmt: skip
    assert np.bincount(scan(tmp_path)[0].labels).tolist() == [3] * 10


@pytest.mark.parametrize("name", ["{name}_{i}", "{name} ({i})", "{name}{i:03}", "{c}_{i}"])
def test_wang_flat_with_classes_in_the_names(tmp_path, name):
    files = {name.format(name=WANG[c], c=c, i=i): WANG[c] for c in range(10) for i in range(1, 5)}
    touch(tmp_path, *(f"{file}.bmp" for file in files))
    assert scan(tmp_path)[1] == {f"{file}.bmp": class_ for file, class_ in files.items()}


def test_photos_of_two_kinds_and_label_maps_beside_them(tmp_path):
    touch(tmp_path, *(f"{n}.jpg" for n in range(1000)), *(f"labels/{n}.png" for n in range(1000)))
    photos, _ = scan(tmp_path)
    assert photos.notes == ("1,000 other image files were left out",)
    assert {path.suffix for path in photos.paths} == {".jpg"}
    mixed = tmp_path / "mixed"
    touch(mixed, *(f"{n}.{'jpg' if n % 3 else 'png'}" for n in range(1000)))
    assert len(scan(mixed)[0].paths) == 1000


@pytest.mark.parametrize(
    ("name", "file", "count"),
    [
        ("corel_10k", "{n}.png", 10_000),
        ("ghim_10k", "{c}-{n}.bmp", 40),
        ("msrc_v2", "{g}_{i}_s.png", 400),
        ("synthetic", "{scene}/{n}.webp", 100),
    ],
)
def test_other_benchmarks_as_other_kinds(tmp_path, name, file, count):
    scenes = load_dataset("synthetic").content.classes
    touch(tmp_path, *(
        file.format(n=n, c=n % 20, g=n % 20 + 1, i=n // 20 + 1, scene=scenes[n % 10])
        for n in range(count)
    ))  # fmt: skip
    assert len(scan(tmp_path, name)[0].paths) == count


@pytest.mark.parametrize("train", ["train", "Training", "train_images", "training-set"])
def test_linnaeus_by_other_names_of_its_halves(tmp_path, train):
    classes = load_dataset("linnaeus").content.classes
    touch(tmp_path, *(f"{half}/{c}/1.jpg" for half in (train, "test") for c in classes))
    assert np.bincount(scan(tmp_path, "linnaeus")[0].is_query).tolist() == [5, 5]


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("Corel-1K", "wang"),
        ("corel1k", "wang"),
        ("Corel 1000 images", "wang"),
        ("WANG_dataset", "wang"),
        ("image.orig", "wang"),
        ("Corel-10K", "corel_10k"),
        ("Corel-5K-master", "corel_5k"),
        ("GHIM-10K", "ghim_10k"),
        ("Linnaeus 5 256X256", "linnaeus"),
        ("MSRC_ObjCategImageDatabase_v2", "msrc_v2"),
        ("101_ObjectCategories", "caltech101"),
        ("oxbuild_images", "oxford5k"),
        ("INRIA Holidays dataset", "holidays"),
    ],
)
def test_folders_and_datasets_go_by_several_names(tmp_path, folder, name):
    (tmp_path / folder).mkdir()
    assert find_folder(name, tmp_path) == tmp_path / folder
    assert find_folder(name, tmp_path / folder) == tmp_path / folder
    others = set(dataset_names()) - {name, "msrc_v1"}
    assert {other for other in others if find_folder(other, tmp_path)} == set()


@pytest.mark.parametrize("name", ["Corel-1K", "corel 1000", "WANG", "Wang"])
def test_a_benchmark_by_another_name(name):
    assert load_dataset(name).name == "wang"


def test_names_belong_to_one_benchmark():
    from semsig.datasets.folder_layouts import letters

    known = [letters(n) for d in map(load_dataset, dataset_names()) for n in (d.name, *d.names)]
    shared = {letters("msrc_v2"), letters("MSRC_ObjCategImageDatabase_v2")}  # v1 is a part of v2
    assert {name for name in known if known.count(name) > 1} == shared


def test_what_does_not_fit_is_told_file_by_file_up_to_ten(tmp_path):
    touch(tmp_path, *(f"{name}/1.jpg" for name in WANG[:9]))
    touch(tmp_path, *(f"foot/{i:02}.jpg" for i in range(12)))
    with pytest.raises(DatasetError) as caught:
        scan(tmp_path)
    told = str(caught.value).split("do not fit the best layout:\n")[1].splitlines()
    expected = f"expected a class, one of {', '.join(WANG)}; got 'foot'"
    assert told == [f"  - foot/{i:02}.jpg: {expected}" for i in range(10)] + ["  - and 2 more"]


def test_numbers_beyond_the_last_and_other_names_are_told(tmp_path):
    touch(tmp_path, *(f"{n}.jpg" for n in range(1000)), "2000.jpg", "cover.jpg", "thumb.png")
    photos, _ = scan(tmp_path)
    layout = "flat numbered files: 0.jpg ... 999.jpg, class = number // 100"
    assert photos.misfits == (
        f"2000.jpg: expected {layout}",
        f"cover.jpg: expected {layout}",
        "thumb.png: expected a file .jpg or .jpeg",
    )
    touch(tmp_path / "corel", *(f"{n}.jpg" for n in range(10_000)), "10001.jpg")
    photos, _ = scan(tmp_path / "corel", "corel_10k")
    assert photos.misfits == ("10001.jpg: expected a number from 0 to 9,999; got 10,001",)


def test_evaluate_and_datasets_take_the_other_names(tmp_path, run):
    touch(tmp_path / "Corel-1K", *(f"{n}.png" for n in range(1000)))
    code, out, _ = run("datasets", tmp_path)
    assert code == 0
    line = next(line for line in out.splitlines() if "wang" in line.split())
    assert f"1,000 photos in {tmp_path / 'Corel-1K'}" in line
    code, _, err = run("evaluate", "corel-1k", "--root", tmp_path)
    assert (code, "empty" in err or "photo" in err) == (1, True)
