import numpy as np
import pytest

from semsig.datasets import own_dataset
from semsig.datasets.labels import PhotoNames, read_labels
from semsig.errors import DatasetError


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "mine"
    for name in ("cat/1.jpg", "cat/deep/2.jpg", "dog/1.jpg", "dog/3 a.png"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def judge(photos):
    queries = np.flatnonzero(photos.is_query)
    return photos.judge(queries, np.flatnonzero(photos.in_database)).tolist()


def test_class_folders(folder):
    photos = own_dataset(folder).scan(folder)
    assert photos.classes == ("cat", "dog")
    assert photos.names == ("cat/1.jpg", "cat/deep/2.jpg", "dog/1.jpg", "dog/3 a.png")
    assert judge(photos)[0] == [1, 1, 0, 0]
    assert judge(own_dataset(folder, left_out=True).scan(folder))[0] == [-1, 1, 0, 0]


def test_queries_of_a_folder_of_their_own(folder, tmp_path):
    (tmp_path / "asked" / "dog").mkdir(parents=True)
    (tmp_path / "asked" / "dog" / "new.jpg").touch()
    dataset = own_dataset(folder, queries=tmp_path / "asked")
    photos = dataset.scan(folder)
    assert dataset.mode == "disjoint"
    assert judge(photos) == [[0, 0, 1, 1]]
    assert photos.in_database.tolist() == [True] * 4 + [False]


def test_labels_of_a_table_may_be_several(folder, tmp_path):
    table = tmp_path / "labels.csv"
    table.write_text("Photo,Tags\ncat/1,pet; red\ncat/deep/2.jpg,pet\n3 a,red;pet\n")
    photos = own_dataset(folder, table=table).scan(folder)
    assert photos.classes == ("pet", "red")
    assert judge(photos) == [[2, 1, 0, 2], [1, 1, 0, 1], [2, 1, 0, 2]]
    assert photos.notes == ("1 photos have no label: searched, but not used as queries",)
    assert photos.members(np.array([0, 1])).tolist() == [[True, True], [True, False]]


def test_rows_of_the_same_file_add_labels(tmp_path):
    (tmp_path / "t.csv").write_text("id,file,label\n1,a,x\n2,a,y\n3,b,\n")
    assert read_labels(tmp_path / "t.csv") == {"a": {"x", "y"}, "b": set()}


def test_judgements_say_what_is_relevant(folder, tmp_path):
    qrels = tmp_path / "qrels.txt"
    qrels.write_text(
        "cat/1 0 cat/deep/2.jpg 3\ncat/1 0 dog/1.jpg -1\n3%20a 0 2 1\nlost 0 2 1\n2 0 cat/1 0\n"
    )
    photos = own_dataset(folder, relevant=qrels).scan(folder)
    assert judge(photos) == [[0, 3, -1, 0], [0, 1, 0, 0]]
    assert [photos.names[n] for n in np.flatnonzero(photos.is_query)] == [
        "cat/1.jpg", "dog/3 a.png",
    ]  # fmt: skip
    assert photos.notes == ("1 queries name photos that are not there",)


def test_judged_queries_of_a_folder_of_their_own(folder, tmp_path):
    (tmp_path / "asked").mkdir()
    (tmp_path / "asked" / "q1.jpg").touch()
    (tmp_path / "qrels.txt").write_text("q1 0 dog/1 1\n")
    dataset = own_dataset(folder, queries=tmp_path / "asked", relevant=tmp_path / "qrels.txt")
    photos = dataset.scan(folder)
    assert judge(photos) == [[0, 0, 1, 0]]
    assert np.flatnonzero(photos.is_query).tolist() == [4]


def test_names_that_fit_several_photos_are_nones(folder):
    paths = sorted(folder.rglob("*.*"))
    names = PhotoNames(paths, folder)
    assert names.find("1.jpg") is None  # cat's and dog's
    assert names.find("1") is None
    assert paths[names.find("2")].name == "2.jpg"


@pytest.mark.parametrize(
    ("files", "options", "what"),
    [
        (["1.jpg"], {}, "Expected a folder of class folders"),
        (["cat/1.jpg"], {}, "at least two classes, got 1: cat"),
        ([], {}, "at least two classes, got 0"),
        (["cat/1.jpg"], {"table": "a,b\n1,2\n"}, "columns file and label"),
        (["cat/1.jpg"], {"table": "file,label\nx,2\n"}, "Expected a CSV that names photos"),
        (["cat/1.jpg"], {"relevant": "x 0 y 1\n"}, "no query with a relevant photo"),
    ],
)
def test_what_does_not_fit_says_what_was_expected(tmp_path, files, options, what):
    root = tmp_path / "mine"
    root.mkdir()
    for name in files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    given = {}
    for name, text in options.items():
        given[name] = tmp_path / name
        given[name].write_text(text)
    with pytest.raises(DatasetError, match=what):
        own_dataset(root, **given).scan(root)


def test_what_contradicts_itself_is_refused(folder, tmp_path):
    with pytest.raises(DatasetError, match="got both"):
        own_dataset(folder, relevant=tmp_path / "a", table=tmp_path / "b")
    with pytest.raises(DatasetError, match="left_out only where"):
        own_dataset(folder, queries=tmp_path, left_out=True)
    with pytest.raises(DatasetError, match="another folder"):
        own_dataset(folder, queries=folder).scan(folder)
