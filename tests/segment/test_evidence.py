"""Label files numbered otherwise than their table are told by their numbers, or refused."""

import numpy as np
import pytest
from PIL import Image

from semsig.errors import SegmenterError
from semsig.segment.evidence import SAMPLE, sampled
from semsig.segment.files import FilesSegmenter


def save(folder, **maps):
    for stem, numbers in maps.items():
        np.save(folder / f"{stem}.npy", np.atleast_2d(np.array(numbers, np.int16)))
    return folder


def names(segmenter, photo="/photos/a.jpg"):
    labels = segmenter.for_path(photo).labels[0]
    known = segmenter.classes.names
    return [known[label] if label < len(known) else "void" for label in labels]


@pytest.mark.parametrize(
    ("table", "numbers", "expected"),
    [
        ("ade20k", [0, 3, 150], ["void", "sky", "flag"]),
        ("ade20k-annotations", [0, 3, 255], ["void", "sky", "void"]),
        ("ade20k-mmseg", [0, 2, 255], ["wall", "sky", "void"]),
        ("pascal-context-59", [0, 59], ["void", "wood"]),
        ("cityscapes", [7, 26, 33], ["road", "car", "bicycle"]),
        ("cityscapes", [0, 13, 255], ["road", "car", "void"]),
        ("Cityscapes_labelIds", [7, 26, 255], ["road", "car", "void"]),
        ("msrc", [0, 1, 23], ["void", "building", "boat"]),
        ("MSRC-annotations", [0, 1], ["void", "building"]),
        ("coco-stuff", [11, 170], ["stop sign", "wood"]),
        ("coco-stuff", [12, 181], ["stop sign", "wood"]),
        ("coco-stuff", [0, 13, 182], ["void", "stop sign", "wood"]),
    ],
)
def test_numbers_give_a_numbering_away(tmp_path, table, numbers, expected):
    found = names(FilesSegmenter(save(tmp_path, a=numbers), table))
    assert found == expected


@pytest.mark.parametrize(
    ("table", "numbers", "says"),
    [
        ("ade20k", [1, 2], "@ade20k-mmseg"),
        ("ade20k", [0], "@ade20k-mmseg"),
        ("ade20k", [0, 150], ""),
        ("ade20k-mmseg", [1, 2], ""),
        ("cityscapes", [7, 8, 11], "@cityscapes-labelids"),
        ("cityscapes", [7, 8, 26], "read as cityscapes-labelids"),
        ("cityscapes-trainids", [7, 8, 11], ""),
        ("coco-stuff", [1, 2], "@coco-stuff-labels"),
        ("coco-stuff", [11, 12, 170], ""),
        ("voc", [1, 2], ""),
    ],
)
def test_doubts_are_said(tmp_path, caplog, table, numbers, says):
    remark = FilesSegmenter(save(tmp_path, a=numbers), table).remark
    assert says in remark
    assert bool(remark) == bool(says)
    assert caplog.messages == ([f"{tmp_path}: {remark}"] if says else [])


@pytest.mark.parametrize(
    ("table", "numbers", "names"),
    [
        ("ade20k", [0, 5, 255], "@ade20k-mmseg"),
        ("pascal-context-59", [0, 5, 255], "@pascal-context-59-mmseg"),
        ("ade20k-mmseg", [1, 150], "@ade20k-annotations"),
        ("cityscapes-trainids", [7, 26], "@cityscapes-labelids"),
        ("coco-stuff-ids", [10, 11], "@coco-stuff-trainids"),
    ],
)
def test_contradictions_are_refused(tmp_path, table, numbers, names):
    with pytest.raises(SegmenterError, match=names):
        FilesSegmenter(save(tmp_path, a=numbers), table)


def test_one_file_tells_for_all(tmp_path):
    save(tmp_path, a=[0, 3], **{f"b{n}": [1, 2] for n in range(20)}, z=[150, 1])
    segmenter = FilesSegmenter(tmp_path, "ade20k")
    assert (names(segmenter), segmenter.remark) == (["void", "sky"], "")


def test_colours_say_nothing_of_numbers(tmp_path):
    Image.new("RGB", (2, 1), (128, 64, 128)).save(tmp_path / "a.png")
    segmenter = FilesSegmenter(tmp_path, "cityscapes")
    assert (names(segmenter), segmenter.remark) == (["road", "road"], "")


def cityscapes(folder, *kinds):
    for kind in kinds:
        number = {"labelIds": 26, "labelTrainIds": 13, "instanceIds": 26_001, "color": 9}[kind]
        np.save(folder / f"x_gtFine_{kind}.npy", np.full((1, 1), number))
    return folder


def test_a_folder_of_cityscapes_as_it_is_published(tmp_path):
    cityscapes(tmp_path, "labelIds", "instanceIds", "color")
    assert names(FilesSegmenter(tmp_path, "cityscapes"), "/p/x_leftImg8bit.png") == ["car"]


@pytest.mark.parametrize("table", ["cityscapes-labelids", "cityscapes-trainids"])
def test_a_named_numbering_chooses_among_marked_files(tmp_path, table):
    cityscapes(tmp_path, "labelIds", "labelTrainIds", "instanceIds", "color")
    assert names(FilesSegmenter(tmp_path, table), "/p/x_leftImg8bit.png") == ["car"]


def test_files_marked_for_two_numberings_are_refused(tmp_path):
    cityscapes(tmp_path, "labelIds", "labelTrainIds")
    with pytest.raises(SegmenterError, match=r"@cityscapes-trainids .*@cityscapes-labelids"):
        FilesSegmenter(tmp_path, "cityscapes")


@pytest.mark.parametrize("maps", [{"a": [1, 2], "b": [0, 3]}, {"a": [3, 255]}])
def test_maps_that_count_from_1_are_refused(tmp_path, maps):
    (tmp_path / "classes.txt").write_text("sky\nroad\ncar\n")
    with pytest.raises(SegmenterError, match="'1 sky'"):
        FilesSegmenter(save(tmp_path, **maps))
    (tmp_path / "classes.txt").write_text("1 sky\n2 road\n3 car\n0 void\n")
    assert names(FilesSegmenter(tmp_path)) == {1: ["sky", "road"], 3: ["car", "void"]}[maps["a"][0]]


def test_masks_of_0_and_255_are_told(tmp_path):
    (tmp_path / "classes.txt").write_text("ground\nperson\n")
    save(tmp_path, a=[0, 255])
    assert "'255 person'" in FilesSegmenter(tmp_path).remark
    (tmp_path / "classes.txt").write_text("0 ground\n255 person\n")
    segmenter = FilesSegmenter(tmp_path)
    assert (names(segmenter), segmenter.remark) == (["ground", "person"], "")


def test_the_state_of_a_label_map_follows_its_numbering(tmp_path):
    save(tmp_path, a=[1, 2])
    states = {FilesSegmenter(tmp_path, t).state("/p/a.jpg") for t in ("ade20k", "ade20k-mmseg")}
    assert len(states) == 2


@pytest.mark.parametrize("count", [1, SAMPLE, SAMPLE + 1, 1000])
def test_samples_are_spread(tmp_path, count):
    files = [tmp_path / f"{n}" for n in range(count)]
    taken = sampled(files)
    assert 0 < len(taken) <= SAMPLE
    assert taken[0] == files[0]


@pytest.mark.parametrize(
    ("name", "text", "first"),
    [
        ("labelmap.txt", "# label:color_rgb:parts:actions\nsky:0,0,255::\nroad:9,9,9::\n", "sky"),
        ("_classes.csv", "Pixel Value, Class\n0, sky\n1, road\n", "sky"),
        ("class_names.txt", "_background_\nroad\n", "_background_"),
        ("label_colors.txt", "0 0 255\tsky\n9 9 9\troad\n", "sky"),
    ],
)
@pytest.mark.parametrize("place", [".", ".."])
def test_tables_of_exporters_are_found_by_their_names(tmp_path, name, text, first, place):
    maps = tmp_path / "maps"
    maps.mkdir()
    (maps / place / name).write_text(text)
    assert names(FilesSegmenter(save(maps, a=[0, 1]))) == [first, "road"]
    (maps / "classes.txt").write_text("other\nroad\n")
    assert names(FilesSegmenter(maps)) == ["other", "road"]
