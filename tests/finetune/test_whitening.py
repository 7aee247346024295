import numpy as np

from semsig.finetune.groups import Groups
from semsig.finetune.whitening import gem_vectors, learn_whitening, published_whitening, whitened


class Network:
    """Describes a photo by its mean colours, in the row of GeM."""

    fingerprint = "colours"

    def describe(self, images):
        rows = [image.reshape(-1, 3).mean(0) for image in images]
        return [(None, np.stack([row * 0, row * 0, row]).astype(np.float32)) for row in rows]


def test_vectors_are_of_the_middle_and_of_unit_length():
    image = np.zeros((20, 30, 3), np.uint8)
    image[2:18, 7:23] = (30, 40, 0)
    groups = Groups(("a",) * 40, (image,) * 40, np.zeros(40, int))
    vectors = gem_vectors(Network(), groups, 16)
    np.testing.assert_allclose(vectors, [[0.6, 0.8, 0]] * 40)


def test_whitening_makes_matches_nearer():
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(40), 4)
    centres = rng.normal(size=(40, 6))
    noise = rng.normal(size=(160, 6)) * [4, 0.1, 0.1, 0.1, 0.1, 0.1]  # one axis tells nothing
    vectors = centres[labels] + noise
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    fitted = learn_whitening(vectors, labels, Network(), "noise")
    after = whitened(vectors, fitted).astype(float)
    same = labels[:, None] == labels

    def apart(rows):
        squared = np.square(rows[:, None] - rows).sum(2)
        return squared[same & ~np.eye(160, dtype=bool)].mean() / squared[~same].mean()

    assert apart(after) < 0.8 * apart(vectors)
    assert fitted.network == "colours"
    assert fitted.most_dims == 6


def test_channels_that_never_fire_are_no_axes():
    rng = np.random.default_rng(2)
    vectors = np.abs(rng.normal(size=(60, 9))) * (np.arange(9) < 5)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    fitted = learn_whitening(vectors, np.repeat(np.arange(20), 3), Network(), "few")
    assert fitted.most_dims == 5


def test_a_checkpoints_whitening_is_applied_as_it_says():
    rng = np.random.default_rng(1)
    mean, projection = rng.normal(size=8), rng.normal(size=(5, 8)) * 1e6  # beyond float16
    made = published_whitening(mean.astype("f4"), projection.astype("f4"), "net", "theirs")
    vectors = rng.normal(size=(4, 8))
    expected = (vectors - mean) @ projection.T
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(whitened(vectors, made), expected, atol=0.01)
