"""Structure from motion on photos of a scene whose cameras are known, and pairs drawn by it."""

import sys

import cv2
import numpy as np
import pytest

from semsig.errors import OptionError, ReconstructionError
from semsig.finetune.groups import Groups
from semsig.finetune.hard_pairs import hard_pairs, matches_of
from semsig.finetune.reconstruction import Reconstruction, SfmOptions, reconstruct
from semsig.finetune.tuples import draw_tuples
from semsig.finetune.whitening import matching_rows
from tests.explain.test_geometry import picture
from tests.finetune.scene import (
    DISTANCES,
    FOCAL,
    SIZE,
    camera,
    photograph,
    positions,
    scene,
)


def save(folder, photos):
    paths = []
    for number, photo in enumerate(photos):
        paths.append(folder / f"photo{number:02}.png")
        cv2.imwrite(str(paths[-1]), photo[..., ::-1])
    return paths


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    """Photos of the scene, and among them one that is none and one of something else."""
    folder = tmp_path_factory.mktemp("scene")
    solids = scene()
    paths = save(folder, [*(photograph(solids, place) for place in positions()), picture(7)])
    (folder / "broken.png").write_bytes(b"no picture")
    return [*paths, folder / "broken.png"]


@pytest.fixture(scope="module")
def found(paths):
    pytest.importorskip("pycolmap")
    return reconstruct(paths)


def similarity(seen, true):
    """Return scale, rotation and shift that take `seen` to `true` best (Umeyama 1991)."""
    a, b = seen - seen.mean(0), true - true.mean(0)
    left, values, right = np.linalg.svd(b.T @ a)
    signs = np.array([1, 1, np.sign(np.linalg.det(left @ right))])
    turn = left @ np.diag(signs) @ right
    scale = (values * signs).sum() / np.square(a).sum()
    return scale, turn, true.mean(0) - scale * turn @ seen.mean(0)


def test_cameras_are_where_they_were(found):
    true = positions()[found.photos]
    assert found.photos.tolist() == list(range(12))
    scale, turn, shift = similarity(found.centres, true)
    off = np.linalg.norm(scale * found.centres @ turn.T + shift - true, axis=1)
    assert off.max() < 0.02 * min(DISTANCES)  # and cameras stand 0.4 to 6 apart


def test_points_lie_on_the_scene_and_sizes_are_what_the_cameras_see(found):
    true = positions()
    scale, turn, shift = similarity(found.centres, true)
    points = scale * found.points @ turn.T + shift
    height = points[:, 2]
    assert np.mean((height > -0.1) & (height < 1.6)) > 0.97
    assert np.ptp(height) > 1  # no plane: boxes of three heights
    for row in range(12):
        rotation, moved = camera(true[row])
        depths = (points[found.seen[row]] @ rotation.T + moved)[:, 2]
        expected = FOCAL / depths / SIZE[1]
        ratio = found.sizes[row, found.seen[row]] / scale / expected
        assert np.median(ratio) == pytest.approx(1, abs=0.04)


def test_pairs_see_the_same_points_from_elsewhere(found):
    """Against what is known of the cameras: angle at the scene's middle, ratio of distances."""
    options = SfmOptions()
    pairs = {tuple(pair) for pair in hard_pairs(found, options).tolist()}
    assert len(pairs) >= 20
    rays = positions() - (0, 0, 0.5)
    far = np.linalg.norm(rays, axis=1)
    for q, i in pairs:
        angle = np.degrees(np.arccos(rays[q] @ rays[i] / far[q] / far[i]))
        scale = max(far[q] / far[i], far[i] / far[q])
        assert angle > 4 or scale > 1.15
        assert angle < 90
        assert scale < 1.7
        both = (found.seen[q] & found.seen[i]).sum()
        assert both >= 0.2 * found.seen[q].sum()
    ends = {(0, 11), (11, 0)}  # 100 degrees apart: other faces of the boxes
    assert not ends & pairs
    fewer = hard_pairs(found, SfmOptions(least_angle=15, least_scale=1.4))
    assert {tuple(pair) for pair in fewer.tolist()} < pairs


def test_the_same_photos_give_the_same_cameras(paths, found):
    again = reconstruct(paths)
    np.testing.assert_array_equal(again.photos, found.photos)
    scale, turn, shift = similarity(again.centres, found.centres)
    moved = scale * again.centres @ turn.T + shift
    assert np.abs(moved - found.centres).max() < 0.02 * np.ptp(found.centres)


def test_groups_give_pairs_and_those_that_cannot_be_placed_give_none(paths):
    pytest.importorskip("pycolmap")
    labels = np.array([0, 0, 0, 0, 0, 0, -1, -1, -1, -1, -1, 1, 1, -1])
    matches = matches_of(paths, labels)
    assert len(matches) == len(paths)
    assert sum(len(row) for row in matches[:6]) >= 6
    assert all(set(row.tolist()) <= set(range(6)) - {n} for n, row in enumerate(matches))
    assert not any(len(row) for row in matches[6:])


@pytest.mark.parametrize("which", [[12, 13], [12], [0, 12], [0, 0]])
def test_what_cannot_be_placed_is_refused(paths, which):
    pytest.importorskip("pycolmap")
    with pytest.raises(ReconstructionError, match=r"at least two photos .* got 0 of"):
        reconstruct([paths[n] for n in which])
    with pytest.raises(ReconstructionError, match="none in 1 groups"):
        matches_of([paths[n] for n in which], np.zeros(len(which), np.int64))


def test_says_what_to_install(paths, monkeypatch):
    monkeypatch.setitem(sys.modules, "pycolmap", None)
    with pytest.raises(ReconstructionError, match=r"pip install 'semsig\[sfm\]'"):
        reconstruct(paths[:3])


def test_says_when_colmap_fails(paths, monkeypatch):
    colmap = pytest.importorskip("pycolmap")

    def fail(*_, **__):
        raise RuntimeError("no such database")

    monkeypatch.setattr(colmap, "match_exhaustive", fail)
    with pytest.raises(ReconstructionError, match="ended with no such database"):
        reconstruct(paths[:3])


def plain(centres, points, shown, lens=1.0):
    """A reconstruction of cameras that look along z, each showing some points."""
    depths = points[None, :, 2] - centres[:, None, 2]
    sizes = np.where(shown, lens / depths, np.nan)
    return Reconstruction(np.array([3, 5]), centres, points, sizes)


@pytest.mark.parametrize(
    ("centre", "common", "options", "hard"),
    [
        ((1, 0, 0), 10, {}, True),  # seen from 5.7 degrees aside
        ((0.5, 0, 0), 10, {}, False),  # 2.9 degrees
        ((0.5, 0, 0), 10, {"least_angle": 2}, True),
        ((0, 0, 2.5), 10, {}, True),  # a third larger
        ((0, 0, 1), 10, {}, False),  # a ninth larger
        ((0, 0, 5), 10, {}, False),  # twice as large
        ((0, 0, 5), 10, {"most_scale": 2.1}, True),
        ((1, 0, 0), 2, {}, True),  # a fifth of the query's
        ((1, 0, 0), 1, {}, False),
        ((1, 0, 0), 0, {}, False),
    ],
)
def test_pairs_by_definition(centre, common, options, hard):
    points = np.stack([np.zeros(20), np.linspace(-0.1, 0.1, 20), np.full(20, 10.0)], axis=1)
    shown = np.zeros((2, 20), bool)
    shown[0, :10] = True
    shown[1, 10 - common : 20 - common] = True
    found = plain(np.array([(0.0, 0, 0), centre]), points, shown)
    expected = [[3, 5], [5, 3]] if hard else []
    assert hard_pairs(found, SfmOptions(**options)).tolist() == expected


@pytest.mark.parametrize(
    "wrong",
    [{"max_side": 63}, {"max_points": 99}, {"shared": 0}, {"shared": 1.1}, {"most_scale": 0.9},
     {"least_angle": 91}, {"least_scale": 0.5}, {"seed": -1}],
)  # fmt: skip
def test_refuses_options(wrong):
    with pytest.raises(OptionError, match="Expected"):
        SfmOptions(**wrong)


def groups():
    matches = tuple(np.array(row, np.int64) for row in ([2], [], [0, 1], [4], [3], []))
    images = tuple(np.zeros((4, 4, 3), np.uint8) for _ in matches)
    return Groups(tuple("abcdef"), images, np.array([0, 0, 0, 1, 1, -1]), matches)


def test_queries_are_drawn_with_their_hard_matches_alone():
    descriptors = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    made = draw_tuples(
        descriptors, groups().labels, count=6, negatives=1,
        random=np.random.default_rng(0), matches=groups().matches,
    )  # fmt: skip
    assert sorted(made[:, 0].tolist()) == [0, 2, 3, 4]
    for query, match, other in made.tolist():
        assert match in groups().matches[query]
        assert groups().labels[other] != groups().labels[query]


def test_photos_of_a_group_that_are_no_pair_neither_match_nor_not():
    numbers = np.array([2, 0, 1, 3, 2])
    matching, apart = groups().relations(numbers)
    expected = {(2, 0), (2, 1), (2, 2), (0, 0), (1, 1), (3, 3)}
    for place, q in enumerate(numbers.tolist()):
        for other, i in enumerate(numbers.tolist()):
            assert matching[place, other] == ((q, i) in expected or (i, q) in expected)
            assert apart[place, other] == ((q == 3) != (i == 3))
    labels = np.array([0, 0, 1])
    plain_ = Groups(tuple("abc"), groups().images[:3], labels)
    matching, apart = plain_.relations(np.arange(3))
    assert matching.tolist() == (labels[:, None] == labels).tolist()
    assert apart.tolist() == (labels[:, None] != labels).tolist()


def test_matches_follow_their_photos():
    kept = groups().take(np.array([True, False, True, False, True, True]))
    assert [row.tolist() for row in kept.matches] == [[1], [0], [], []]
    assert kept.pairs().tolist() == [[0, 1], [1, 0]]


def test_whitening_learns_from_the_pairs():
    vectors = np.arange(12.0).reshape(6, 2)
    rows, labels = matching_rows(vectors, groups())
    assert rows.tolist() == vectors[[0, 2, 2, 0, 2, 1, 3, 4, 4, 3]].tolist()
    assert labels.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    without = Groups(groups().names, groups().images, groups().labels)
    assert matching_rows(vectors, without) == (vectors, without.labels)
