"""A photo's label map is found under the names that exporters give it, and no other photo's is."""

import unicodedata

import numpy as np
import pytest

from semsig.errors import SegmenterError
from semsig.segment.files import FilesSegmenter
from semsig.segment.stems import fold

NFC, NFD = (unicodedata.normalize(form, "Café Ångström") for form in ("NFC", "NFD"))


def folder(root, **labels):
    return of(root, labels)


def of(root, labels):
    maps = root / "maps"
    for name, label in labels.items():
        file = maps / f"{name}.npy"
        file.parent.mkdir(parents=True, exist_ok=True)
        np.save(file, np.array([[label]]))
    (maps / "classes.txt").write_text("sky\nroad\ncar\ntree\n")
    return FilesSegmenter(maps)


def label(segmenter, photo):
    return int(segmenter.for_path(photo).labels[0, 0])


@pytest.mark.parametrize(
    ("photo", "stem"),
    [
        (f"{NFC}.jpg", NFD),
        (f"{NFD}.jpg", NFC),
        (f"{NFC.upper()}.jpg", f"{NFD}_mask"),
        ("IMG_1.JPG", "img_1"),
        ("Straße.jpg", "STRASSE"),
        ("a.jpg", "a.jpg"),
        ("a.JPG", "a.jpg"),
        ("a.png", "a.jpg"),
        ("a.jpg", "a_mask"),
        ("a.jpg", "a-mask"),
        ("a.jpg", "a.mask"),
        ("a.jpg", "a_Mask"),
        ("a.jpg", "a_L"),
        ("a.jpg", "a_seg"),
        ("a.jpg", "a_labels"),
        ("a.jpg", "a_labelTrainIds"),
        ("a.jpg", "a_labelIds"),
        ("a.jpg", "a_train_id"),
        ("a.jpg", "a.jpg_mask"),
        ("a.jpg", "a_label_ground-truth"),
        ("a_jpg.rf.0f3c.jpg", "a_jpg.rf.0f3c_mask"),
        ("aachen_000000_000019_leftImg8bit.png", "aachen_000000_000019_gtFine_labelIds"),
        ("aachen_000000_000019_leftImg8bit.png", "aachen_000000_000019_gtCoarse_labelTrainIds"),
        ("GOPR0122_frame_000161_rgb_anon.png", "GOPR0122_frame_000161_gt_labelTrainIds"),
        ("119_sat.jpg", "119_mask"),
        ("top_potsdam_2_10_RGB.tif", "top_potsdam_2_10_label"),
        ("0016E5_00390.png", "0016E5_00390_L"),
        ("1_1_s.bmp", "1_1_s_GT"),
    ],
)
def test_names_of_exporters(tmp_path, photo, stem):
    segmenter = of(tmp_path, {"other": 0, stem: 2, f"{stem}x": 1, "b_mask": 3})
    assert label(segmenter, f"/photos/{photo}") == 2


@pytest.mark.parametrize(
    ("photo", "stem"),
    [
        ("a.jpg", "ab"),
        ("a.jpg", "a_1"),
        ("a.jpg", "a_2_mask"),
        ("mask.jpg", "_mask"),
        ("b.jpg", "a"),
    ],
)
def test_names_of_other_photos(tmp_path, photo, stem):
    with pytest.raises(SegmenterError, match="no label map"):
        of(tmp_path, {stem: 1}).for_path(f"/photos/{photo}")


@pytest.mark.parametrize(
    ("photo", "better", "worse"),
    [
        ("a.jpg", "a", "a_mask"),
        ("a.jpg", "a", "A"),
        ("A.jpg", "A", "a"),
        ("a.jpg", "a.jpg", "a.png"),
        ("a.png", "a.png", "a.jpg"),
        ("a.jpg", "a.jpg", "a"),
        ("a.jpg", "a_GT", "a"),
        ("a_mask.jpg", "a_mask", "a"),
        ("a_mask.jpg", "a_mask_mask", "a"),
        ("a.jpg", "A", "a_mask"),
        ("a.jpg", "a_labelIds", "a_gtFine_labelIds"),
        (f"{NFC}.jpg", NFC, NFD),
    ],
)
def test_the_nearest_name_counts(tmp_path, photo, better, worse):
    assert label(of(tmp_path, {better: 2, worse: 1}), f"/photos/{photo}") == 2


@pytest.mark.parametrize(
    ("photo", "one", "other"),
    [
        ("Ab.jpg", "ab", "AB"),
        ("a.jpg", "a_mask", "a_seg"),
        ("a.jpg", "a_mask", "a-mask"),
        ("a.jpg", "a_gtFine_labelIds", "a_gtFine_labelTrainIds"),
        ("a.bmp", "a.jpg", "a.png"),
    ],
)
def test_several_of_equal_right_are_refused_by_name(tmp_path, photo, one, other):
    with pytest.raises(SegmenterError) as caught:
        of(tmp_path, {one: 1, other: 2}).for_path(f"/photos/{photo}")
    assert f"{one}.npy" in str(caught.value)
    assert f"{other}.npy" in str(caught.value)


def test_the_label_map_of_another_photo_is_never_taken(tmp_path):
    segmenter = of(tmp_path, {"beach_seg": 2})
    photos = tmp_path / "photos"
    photos.mkdir()
    assert label(segmenter, photos / "beach.jpg") == 2
    (photos / "beach_seg.jpg").touch()
    assert label(segmenter, photos / "beach_seg.jpg") == 2
    with pytest.raises(SegmenterError, match="no label map"):
        segmenter.for_path(photos / "beach.jpg")


@pytest.mark.parametrize(
    ("photos", "stem", "owner"),
    [
        (["a.png", "a_seg.jpg"], "a_seg", "a_seg.jpg"),
        (["a.png", "a_seg.jpg"], "a_seg_mask", "a_seg.jpg"),
        (["A.jpg", "a.JPG"], "a_seg", "a.JPG"),
        (["a.jpg", "a_rgb.jpg"], "a_mask", "a.jpg"),
        (["IMG_1.JPG", "img_1.jpg"], "img_1", "img_1.jpg"),
    ],
)
def test_a_label_map_is_of_the_photo_that_it_is_named_nearest_to(tmp_path, photos, stem, owner):
    segmenter = of(tmp_path, {stem: 2, "z": 0})
    (tmp_path / "photos").mkdir()
    for name in photos:
        (tmp_path / "photos" / name).touch()
    for name in photos:
        if name == owner:
            assert label(segmenter, tmp_path / "photos" / name) == 2
        else:
            with pytest.raises(SegmenterError, match="no label map"):
                segmenter.for_path(tmp_path / "photos" / name)


def test_photos_and_masks_in_one_folder(tmp_path):
    from PIL import Image

    (tmp_path / "classes.txt").write_text("sky\nroad\n")
    Image.new("RGB", (2, 1), (9, 8, 7)).save(tmp_path / "a.png")
    Image.new("L", (2, 1), 1).save(tmp_path / "a_mask.png")
    assert label(FilesSegmenter(tmp_path), tmp_path / "a.png") == 1


def test_folders_agree_as_names_do(tmp_path):
    segmenter = of(tmp_path, {f"{NFD}/1_mask": 1, "B/1_mask": 2, "c/1": 3})
    assert label(segmenter, f"/photos/{NFC}/1.jpg") == 1
    assert label(segmenter, "/photos/b/1.jpg") == 2
    assert label(segmenter, "/photos/c/1.jpg") == 3
    assert label(segmenter, "/photos/d/1.jpg") == 3  # the only one of the very stem


def test_names_fold_alike_whatever_their_bytes_are():
    assert fold("a\udcff.JPG") == "a\udcff.jpg"
    assert fold(NFC.upper()) == fold(NFD)
