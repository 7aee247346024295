"""Photos that match without labels, and tuples of those that do."""

import numpy as np
import pytest
from PIL import Image as PillowImage

from semsig.errors import OptionError
from semsig.finetune import FinetuneOptions
from semsig.finetune.groups import Groups, load_groups, split, unlabelled
from semsig.finetune.mining import MiningOptions, clusters, mine, nearest, vlad
from semsig.finetune.tuples import HARDEST_OF, TOGETHER, draw_groups, draw_tuples
from semsig.finetune.views import middle_crop, random_crop, random_view
from tests.explain.test_geometry import TURN, picture, warped


def save(folder, things=3, views=3):
    """Views of some things, and photos of one thing each."""
    for thing in range(things):
        for view in range(views):
            bend = np.eye(3) + (TURN - np.eye(3)) * view / views
            PillowImage.fromarray(warped(picture(thing), bend)).save(folder / f"{thing}_{view}.png")
    for alone in range(3):
        PillowImage.fromarray(picture(50 + alone)).save(folder / f"x{alone}.png")
    (folder / "y.png").write_bytes(b"no picture")
    return sorted(folder.iterdir())


def test_views_of_one_thing_form_a_group_and_others_do_not(tmp_path):
    paths = save(tmp_path)
    labels = mine(paths, MiningOptions(words=8, candidates=4))
    things = [path.name[0] for path in paths]
    for thing in "012":
        of = {int(labels[n]) for n, name in enumerate(things) if name == thing}
        assert len(of) == 1
        assert of != {-1}
    assert len({int(label) for label in labels if label >= 0}) == 3
    assert all(labels[n] == -1 for n, name in enumerate(things) if name in "xy")


def test_groups_are_joined_from_the_strongest_link_and_kept_small():
    pairs = [(0, 1), (1, 2), (3, 4), (4, 5), (6, 7)]
    assert clusters(8, pairs, [9, 8, 7, 0, 5], 10).tolist() == [0, 0, 0, 1, 1, -1, 2, 2]
    assert clusters(8, pairs, [8, 9, 7, 6, 5], 2).tolist() == [-1, 0, 0, 1, 1, -1, 2, 2]


def test_vlad_is_of_unit_length_and_finds_the_same_thing(tmp_path):
    from semsig.explain.geometry import GeometryOptions, local_features

    images = [picture(0), warped(picture(0)), picture(1), np.zeros((9, 9, 3), np.uint8)]
    features = [local_features(image, GeometryOptions()) for image in images]
    vectors = vlad(features, MiningOptions(words=32))
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), [1, 1, 1, 0], atol=1e-5)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2]
    assert nearest(vectors[:3], 1)[0].tolist() == [1]
    blank = vlad(features[3:], MiningOptions())
    assert not blank.any()


def unit(rows):
    rows = np.asarray(rows, np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_tuples_hold_a_match_and_the_hardest_of_different_groups():
    rng = np.random.default_rng(0)
    descriptors = unit(rng.normal(size=(40, 6)))
    labels = np.repeat(np.arange(8), 5)
    labels[-5:] = -1
    made = draw_tuples(descriptors, labels, count=100, negatives=3, random=rng)
    assert len(made) == 35  # each with a label asks once
    for query, match, *others in made.tolist():
        assert labels[match] == labels[query]
        assert match != query
        assert all(labels[n] != labels[query] for n in others)
        named = [labels[n] for n in others if labels[n] >= 0]
        assert len(set(named)) == len(named)
        similar = descriptors @ descriptors[query]
        apart = np.flatnonzero(labels != labels[query])
        assert others[0] == apart[np.argmax(similar[apart])]
        assert similar[others].tolist() == sorted(similar[others], reverse=True)


def test_groups_hold_matches_alone():
    labels = np.array([0, 0, 0, 0, 0, 0, 1, 1, 2, -1])
    made = draw_groups(labels, count=100, random=np.random.default_rng(0))
    assert sorted(made[:, 0].tolist()) == list(range(9))
    assert made.shape == (9, TOGETHER)
    assert (labels[made] == labels[made[:, :1]]).all()
    for query, *others in made.tolist():
        size = int((labels == labels[query]).sum())
        assert len(set(others)) == min(TOGETHER - 1, max(1, size - 1))
        assert (query in others) == (size == 1)  # a view of it is its match
    assert len(draw_groups(labels, count=3, random=np.random.default_rng(0))) == 3


def test_a_match_is_hard():
    # nine matches of the query at falling similarity: of five drawn, the farthest is never first
    angles = np.r_[0, np.linspace(0.1, 1, 9), 2]
    descriptors = unit(np.c_[np.cos(angles), np.sin(angles)])
    labels = np.r_[np.zeros(10, int), 1]
    matches = []
    for seed in range(50):
        made = draw_tuples(
            descriptors, labels, count=11, negatives=1, random=np.random.default_rng(seed)
        )
        matches += [row[1] for row in made.tolist() if row[0] == 0]
    assert min(matches) >= HARDEST_OF
    assert len(set(matches)) > 1


def test_photos_alone_match_themselves_and_missing_groups_are_repeated():
    descriptors = unit([[1, 0], [0, 1]])
    made = draw_tuples(
        descriptors, np.array([0, 1]), count=2, negatives=3, random=np.random.default_rng(0)
    )
    assert sorted(made.tolist()) == [[0, 0, 1, 1, 1], [1, 1, 0, 0, 0]]


def groups_of(labels):
    images = tuple(np.zeros((4, 4, 3), np.uint8) for _ in labels)
    return Groups(tuple(map(str, range(len(labels)))), images, np.array(labels))


def test_whole_groups_are_left_out():
    groups = groups_of([0, 0, 1, 1, 2, 2, 3, 3, -1])
    learned, outside = split(groups, 0.5, seed=0)
    assert len(outside) == 4
    assert not set(learned.labels) & set(outside.labels)
    assert -1 in learned.labels
    assert not unlabelled(groups)
    assert unlabelled(groups_of([0, 1, 2]))
    with pytest.raises(OptionError, match="at least two groups"):
        split(groups_of([0, 0, 1, 1]), 0.5, seed=0)


def test_crops_are_of_the_photo_and_of_the_size_asked_for():
    image = picture()
    random = np.random.default_rng(0)
    assert middle_crop(image, 200).tolist() == image[50:250, 100:300].tolist()
    for view in (random_crop, random_view):
        seen = view(image, 96, random)
        assert (seen.shape, seen.dtype) == ((96, 96, 3), np.uint8)
        assert np.std(seen) > 10
        assert view(image, 96, np.random.default_rng(3)).tolist() == (
            view(image, 96, np.random.default_rng(3)).tolist()
        )


def test_photos_are_read_larger_than_crops_and_broken_ones_left_out(tmp_path):
    save(tmp_path)
    options = FinetuneOptions(photos=tmp_path, out=tmp_path / "out", source="views", side=64)
    groups = load_groups(options)
    assert len(groups) == 12
    assert unlabelled(groups)
    assert all(min(image.shape[:2]) == 74 for image in groups.images)
    mined = load_groups(
        FinetuneOptions(photos=tmp_path, out=tmp_path / "out", source="mined", side=64)
    )
    assert (mined.labels >= 0).sum() == 9


def test_photos_of_nothing_in_common_cannot_be_mined(tmp_path):
    for n in range(3):
        PillowImage.fromarray(picture(n)).save(tmp_path / f"{n}.png")
    options = FinetuneOptions(photos=tmp_path, out=tmp_path / "out", source="mined", side=64)
    with pytest.raises(OptionError, match="found 0"):
        load_groups(options)


@pytest.mark.parametrize(
    "wrong",
    [{"epochs": -1}, {"side": 100}, {"side": 32}, {"left_out": 1}, {"loss": "arc"},
     {"source": "web"}, {"source": "table"}, {"margin": 0}, {"keep": 1.1}, {"negatives": 0}],
)  # fmt: skip
def test_refuses_options(tmp_path, wrong):
    with pytest.raises(OptionError, match="Expected"):
        FinetuneOptions(photos=tmp_path, out=tmp_path, **wrong)


@pytest.mark.parametrize("wrong", [{"words": 0}, {"candidates": 0}, {"least": 3}, {"largest": 1}])
def test_refuses_options_of_mining(wrong):
    with pytest.raises(OptionError, match="Expected"):
        MiningOptions(**wrong)
