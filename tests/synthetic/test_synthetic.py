import numpy as np
import pytest

from semsig import ClassTable
from semsig.datasets import load_dataset
from semsig.errors import OptionError
from semsig.evaluate import evaluate
from semsig.photo.image_files import read_image
from semsig.segment import load_segmenter, segment_path
from semsig.synthetic import CATEGORIES, scenes, write_scenes

SEEN = {  # what every scene of the category shows
    "airport": {"sky"},
    "beach": {"sky", "sea"},
    "forest": {"tree"},
    "harbour": {"sky"},
    "kitchen": {"wall", "floor"},
    "living_room": {"wall", "floor"},
    "mountain_lake": {"mountain", "water"},
    "pasture": {"sky"},
    "savanna": {"sky"},
    "street": {"building", "sidewalk"},
}


@pytest.fixture(scope="module")
def rendered():
    return list(scenes(40, seed=1, size=(96, 64)))


def shown(scene):
    names = scene.label_map.classes.names
    return {names[label] for label in np.unique(scene.label_map.labels)}


def test_every_pixel_has_a_class_of_the_embedded_networks_table(rendered):
    for scene in rendered:
        assert scene.image.shape == (64, 96, 3)
        assert scene.image.dtype == np.uint8
        assert scene.label_map.shape == (64, 96)
        assert scene.label_map.classes == ClassTable.builtin("semsig54")
        assert scene.label_map.classes.void not in scene.label_map.labels


def test_categories_come_in_turn_and_show_what_they_are(rendered):
    assert [scene.category for scene in rendered] == list(CATEGORIES) * 4
    for scene in rendered:
        assert shown(scene) >= SEEN[scene.category]


def test_no_two_scenes_are_alike(rendered):
    assert len({scene.label_map.labels.tobytes() for scene in rendered}) == len(rendered)


def test_picture_and_labels_are_of_the_same_things(rendered):
    beach = next(s for s in rendered if s.category == "beach")
    labels, table = beach.label_map.labels, beach.label_map.classes
    sea, sky = (beach.image[labels == table.index(name)].mean(0) for name in ("sea", "sky"))
    assert np.abs(sea - sky).max() > 15


def test_the_seed_alone_decides(rendered):
    again = list(scenes(11, seed=1, size=(96, 64)))
    for scene, same in zip(rendered, again, strict=False):
        np.testing.assert_array_equal(scene.image, same.image)
        assert scene.label_map == same.label_map
    other = next(scenes(1, seed=2, size=(96, 64)))
    assert other.label_map != rendered[0].label_map


@pytest.mark.parametrize("size", [(32, 32), (40, 97), (97, 40)])
def test_any_size(size):
    for scene in scenes(len(CATEGORIES), size=size):
        assert scene.label_map.shape == size[::-1]
        assert scene.label_map.classes.void not in scene.label_map.labels


def test_refuses_counts_and_sizes():
    assert list(scenes(0)) == []
    for wrong in ({"count": -1}, {"count": 1, "size": (31, 40)}, {"count": 1, "size": (40, 0)}):
        with pytest.raises(OptionError, match="sides >= 32"):
            scenes(**wrong)


def test_written_scenes_are_a_dataset_with_true_label_maps(tmp_path):
    photos = write_scenes(tmp_path, 10, seed=3)
    found = load_dataset("synthetic").scan(photos)
    assert found.classes == CATEGORIES
    assert np.bincount(found.labels).tolist() == [1] * 10
    assert found.notes == ()
    truth = load_segmenter(f"files:{tmp_path / 'labels'}")
    for number, scene in enumerate(scenes(10, seed=3)):
        path = photos / scene.category / f"{number:04}.jpg"
        assert segment_path(truth, path) == scene.label_map
        assert np.abs(read_image(path).astype(int) - scene.image).mean() < 6


def test_retrieval_by_true_label_maps_is_good_but_not_trivial(tmp_path):
    photos = write_scenes(tmp_path, 60)
    found = evaluate("synthetic", photos, labels=tmp_path / "labels", levels=1)
    assert 0.5 < found.measures["map"] < 0.9
