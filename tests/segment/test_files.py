from __future__ import annotations

import os
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from semsig.classes import ClassTable
from semsig.errors import SegmenterError
from semsig.segment import PathSegmenter, load_segmenter, segment_path
from semsig.segment.files import FilesSegmenter

NAMES = ["sky", "sea", "sand"]
LABELS = np.array([[0, 1, 2], [2, 255, 1]], np.uint8)
MSRC = """0 void 0 0 0
1 building 128 0 0
2 grass 0 128 0
5 horse 128 0 128
"""


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "classes.txt").write_text("\n".join(NAMES) + "\n\n")
    return tmp_path


def palette_png(labels: np.ndarray, path: Path) -> None:
    picture = Image.fromarray(labels).convert("P")
    picture.frombytes(labels.tobytes())
    picture.putpalette(bytes(range(255, -1, -1)) * 3)
    picture.save(path)


WRITERS = {
    "grey.png": lambda p: Image.fromarray(LABELS).save(p),
    "palette.png": lambda p: palette_png(LABELS, p),
    "deep.png": lambda p: Image.fromarray(LABELS.astype(np.uint16)).save(p),
    "grey.bmp": lambda p: Image.fromarray(LABELS).save(p),
    "grey.tif": lambda p: Image.fromarray(LABELS).save(p, compression="tiff_lzw"),
    "array.npy": lambda p: np.save(p, LABELS.astype(np.int64)),
    "one.npz": lambda p: np.savez_compressed(p, anything=LABELS),
    "two.npz": lambda p: np.savez(p, other=LABELS[:1], labels=LABELS),
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_kind_of_file(folder, name):
    WRITERS[name](folder / name)
    segmenter = load_segmenter(f"files:{folder}")
    found = segment_path(segmenter, f"/anywhere/{Path(name).stem}.jpeg")
    assert found.classes == ClassTable(NAMES, name=folder.name)
    np.testing.assert_array_equal(found.labels, LABELS)


def test_colour_mapped_by_the_palette(tmp_path):
    voc = ClassTable.builtin("voc")
    labels = np.array([[1, 2], [20, 3]], np.uint8)
    for mode in ("RGB", "RGBA"):
        Image.fromarray(voc.colors()[labels]).convert(mode).save(tmp_path / f"{mode}.png")
        found = load_segmenter(f"files:{tmp_path}@voc").for_path(f"{mode}.jpg")
        np.testing.assert_array_equal(found.labels, labels)


def test_numbers_and_colours_as_msrc_gives_them(tmp_path):
    (tmp_path / "classes.txt").write_text(MSRC)
    labels = tmp_path / "labels"
    labels.mkdir()
    Image.fromarray(np.array([[0, 1, 2, 5, 255]], np.uint8)).save(labels / "1_1_s.png")
    colors = np.array([[[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 0, 128], [0, 0, 0]]], np.uint8)
    Image.fromarray(colors).save(labels / "1_2_s_GT.bmp")
    segmenter = load_segmenter(f"files:{labels}")
    assert segmenter.classes.names == ("building", "grass", "horse")
    assert segmenter.classes.palette == ((128, 0, 0), (0, 128, 0), (128, 0, 128))
    for name in ("1_1_s.jpg", "1_2_s.bmp"):
        assert segmenter.for_path(name).labels.tolist() == [[255, 0, 1, 2, 255]]


def test_void_in_a_plain_list_is_left_out(tmp_path):
    (tmp_path / "classes.txt").write_text("void\nsky\nopen water\n")
    np.save(tmp_path / "a.npy", np.array([[0, 1, 2]]))
    segmenter = load_segmenter(f"files:{tmp_path}")
    assert segmenter.classes.names == ("sky", "open water")
    assert segmenter.for_path("a").labels.tolist() == [[255, 0, 1]]


def test_more_than_255_classes(tmp_path):
    (tmp_path / "classes.txt").write_text("\n".join(f"c{i}" for i in range(300)))
    np.save(tmp_path / "a.npy", np.array([[299, 65_535, 255]], np.uint16))
    labels = load_segmenter(f"files:{tmp_path}").for_path("a").labels
    assert labels.dtype == np.uint16
    assert labels.tolist() == [[299, 65_535, 255]]


def test_tables_of_every_origin(folder, tmp_path):
    np.save(folder / "a.npy", LABELS)
    toml = tmp_path / "own.toml"
    toml.write_text('name = "own"\nnames = ["x", "y", "z"]\n')
    assert load_segmenter(f"files:{folder}@{toml}").classes.names == ("x", "y", "z")
    assert load_segmenter(f"files:{folder}@semsig54").classes.name == "semsig54"
    (folder / "classes.toml").write_text('name = "t"\nnames = ["p", "q", "r"]\n')
    segmenter = load_segmenter(f"files:{folder}")
    assert segmenter.classes.names == ("p", "q", "r")
    assert segmenter.name == f"files:{folder}"
    assert load_segmenter(f"files:{folder}@{toml}").name == f"files:{folder}@{toml}"


def test_at_sign_in_the_folder(tmp_path):
    folder = tmp_path / "a@b"
    folder.mkdir()
    (folder / "classes.txt").write_text("sky\n")
    np.save(folder / "a.npy", np.zeros((2, 2), np.uint8))
    assert load_segmenter(f"files:{folder}").classes.names == ("sky",)
    assert load_segmenter(f"files:{folder}@voc").classes.name == "voc"


def test_sub_folders_count(folder):
    (folder / "deep").mkdir()
    np.save(folder / "deep" / "a.npy", LABELS)
    assert load_segmenter(f"files:{folder}").for_path("a.jpg").shape == (2, 3)


def test_the_photos_folder_chooses_among_files_of_one_stem(folder):
    places = {"a": 0, "b": 1, "b/c": 2}
    for place, label in places.items():
        (folder / place).mkdir()
        np.save(folder / place / "1.npy", np.array([[label]]))
    segmenter = FilesSegmenter(folder)
    for place, label in places.items():
        assert segmenter.for_path(f"/photos/{place}/1.jpg").labels.tolist() == [[label]]
    for photo in ("/photos/1.jpg", "/photos/c/1.jpg", "/photos/ab/1.jpg"):
        with pytest.raises(SegmenterError, match=r"may mean .*a/1\.npy and .*b/1\.npy"):
            segmenter.for_path(photo)
    np.save(folder / "1.npy", np.array([[0]]))
    assert FilesSegmenter(folder).for_path("/photos/c/1.jpg").labels.tolist() == [[0]]
    assert FilesSegmenter(folder).for_path("/photos/b/1.jpg").labels.tolist() == [[1]]


def test_a_relative_path_counts_with_the_folder_it_starts_from(folder, monkeypatch):
    for place, label in {"a": 0, "b": 1}.items():
        (folder / place).mkdir()
        np.save(folder / place / "1.npy", np.array([[label]]))
    monkeypatch.chdir(folder / "b")
    assert FilesSegmenter(folder).for_path("1.jpg").labels.tolist() == [[1]]


def test_fingerprint_follows_the_sub_folders(folder):
    for place in "ab":
        (folder / place).mkdir()
        np.save(folder / place / "1.npy", LABELS)
        os.utime(folder / place / "1.npy", ns=(1, 1))
    before = FilesSegmenter(folder).fingerprint
    (folder / "a").rename(folder / "c")
    assert FilesSegmenter(folder).fingerprint != before


def test_two_files_of_one_stem(folder):
    np.save(folder / "a.npy", LABELS)
    Image.fromarray(LABELS).save(folder / "a.png")
    with pytest.raises(SegmenterError, match=r"a\.npy and .*a\.png"):
        load_segmenter(f"files:{folder}")


def test_missing_stem(folder):
    np.save(folder / "a.npy", LABELS)
    with pytest.raises(SegmenterError, match="'b'"):
        load_segmenter(f"files:{folder}").for_path("x/b.jpg")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (np.array([[3]]), "Number 3 at"),
        (np.array([[-2]]), "Number -2 at"),
        (np.array([[10**12]]), "Number 1000000000000 at"),
        (np.array([[0.5]]), "float64"),
        (np.zeros((1, 2, 3, 4), int), "got"),
        (np.zeros((0, 4), int), "non-empty"),
        (np.array([[[9, 9, 9]]], np.uint8), "colour"),
    ],
)
def test_arrays_that_are_no_label_maps(folder, content, message):
    np.save(folder / "a.npy", content)
    with pytest.raises(SegmenterError, match=message):
        load_segmenter(f"files:{folder}").for_path("a")


@pytest.mark.parametrize("name", ["a.png", "a.npy", "a.npz"])
def test_damaged_files(folder, name):
    (folder / name).write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    with pytest.raises(SegmenterError, match="cannot be read"):
        load_segmenter(f"files:{folder}").for_path("a")


def test_pickled_arrays_are_refused(folder):
    np.save(folder / "a.npy", np.array([{"a": 1}], object), allow_pickle=True)
    with pytest.raises(SegmenterError, match="cannot be read"):
        load_segmenter(f"files:{folder}").for_path("a")


def test_npz_with_unclear_content(folder):
    np.savez(folder / "a.npz", x=LABELS, y=LABELS)
    with pytest.raises(SegmenterError, match="expected one array"):
        load_segmenter(f"files:{folder}").for_path("a")


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_folders_without_label_maps(tmp_path, name):
    (tmp_path / "empty").mkdir()
    (tmp_path / "classes.txt").write_text("sky\n")
    with pytest.raises(SegmenterError):
        load_segmenter(f"files:{tmp_path / name}")


@pytest.mark.parametrize("table", ["nonesuch", "missing.toml"])
def test_unknown_table(folder, table):
    np.save(folder / "a.npy", LABELS)
    with pytest.raises(SegmenterError, match=table):
        load_segmenter(f"files:{folder}@{table}")


def test_no_table_at_all(tmp_path):
    (tmp_path / "labels").mkdir()
    np.save(tmp_path / "labels" / "a.npy", LABELS)
    with pytest.raises(SegmenterError, match=r"classes\.toml or classes\.txt"):
        load_segmenter(f"files:{tmp_path / 'labels'}")


@pytest.mark.parametrize("text", ["", "sky\nsky\n", "1 a 0 0 0\n1 b 0 0 9\n", "1 a 0 0 999\n"])
def test_tables_that_are_none(folder, text):
    np.save(folder / "a.npy", LABELS)
    (folder / "classes.txt").write_text(text)
    with pytest.raises(SegmenterError, match="no class table"):
        load_segmenter(f"files:{folder}")


@pytest.mark.parametrize("number", [65_536, 70_000, 10**30])
def test_numbers_that_no_label_map_can_hold(folder, number):
    np.save(folder / "a.npy", LABELS)
    (folder / "classes.txt").write_text(f"0 void 0 0 0\n{number} sea 0 0 9\n")
    with pytest.raises(SegmenterError, match=f"no class table.*'{number} sea 0 0 9'"):
        load_segmenter(f"files:{folder}").for_path("a")


def test_the_highest_number(folder):
    np.save(folder / "a.npy", np.array([[65_535]]))
    (folder / "classes.txt").write_text("65535 sea 0 0 9\n")
    assert load_segmenter(f"files:{folder}").for_path("a").labels.tolist() == [[0]]


def test_photos_alone_are_refused(folder):
    np.save(folder / "a.npy", LABELS)
    segmenter = load_segmenter(f"files:{folder}")
    with pytest.raises(SegmenterError, match="segment_path"):
        segmenter(np.zeros((2, 2, 3), np.uint8))
    with pytest.raises(SegmenterError, match="segment_path"):
        segmenter.batch([np.zeros((2, 2, 3), np.uint8)])


def test_state_follows_the_photos_own_label_file(folder):
    np.save(folder / "a.npy", LABELS)
    np.save(folder / "b.npy", LABELS)
    segmenter = FilesSegmenter(folder)
    assert isinstance(segmenter, PathSegmenter)
    before = segmenter.state("x/a.jpg"), segmenter.state("x/b.jpg")
    np.save(folder / "a.npy", LABELS[::-1])
    os.utime(folder / "b.npy", ns=(1, 1))
    assert segmenter.state("x/a.jpg") not in ("", before[0])
    assert segmenter.state("x/b.jpg") == before[1]
    assert segmenter.state("x/c.jpg") == ""
    (folder / "b.npy").unlink()
    assert segmenter.state("x/b.jpg") == ""


def test_fingerprint_follows_files_and_table(folder):
    np.save(folder / "a.npy", LABELS)
    before = FilesSegmenter(folder).fingerprint
    assert FilesSegmenter(folder).fingerprint == before
    assert FilesSegmenter(folder, "voc").fingerprint != before
    os.utime(folder / "a.npy", ns=(1, 1))
    touched = FilesSegmenter(folder).fingerprint
    np.save(folder / "b.npy", LABELS)
    assert len({before, touched, FilesSegmenter(folder).fingerprint}) == 3


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_grey_pictures_of_few_bits_hold_numbers_as_they_are(tmp_path, depth):
    numbers = np.arange(2**depth, dtype=np.uint8)
    bits = "".join(format(number, f"0{depth}b") for number in numbers).ljust(64, "0")
    row = b"\0" + int(bits, 2).to_bytes(8, "big")[: -(-len(numbers) * depth // 8)]

    def chunk(kind, body):
        check = zlib.crc32(kind + body).to_bytes(4, "big")
        return len(body).to_bytes(4, "big") + kind + body + check

    header = len(numbers).to_bytes(4, "big") + (1).to_bytes(4, "big") + bytes([depth, 0, 0, 0, 0])
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    (tmp_path / "a.png").write_bytes(png + chunk(b"IDAT", zlib.compress(row)) + chunk(b"IEND", b""))
    (tmp_path / "classes.txt").write_text("".join(f"c{n}\n" for n in range(16)))
    found = load_segmenter(f"files:{tmp_path}").for_path("a.jpg")
    assert found.labels[0].tolist() == numbers.tolist()


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int64])
def test_minus_one_is_void_in_signed_arrays(tmp_path, dtype):
    np.save(tmp_path / "a.npy", np.array([[-1, 0, 1]], dtype))
    (tmp_path / "classes.txt").write_text("sky\nroad\n")
    found = load_segmenter(f"files:{tmp_path}").for_path("a.jpg")
    assert found.labels[0].tolist() == [found.classes.void, 0, 1]
