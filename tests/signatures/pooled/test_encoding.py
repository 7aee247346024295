"""Pooled descriptors from features."""

import numpy as np
import pytest

from semsig.errors import OptionError, SignatureError
from semsig.segment import FeatureSegmenter, load_segmenter
from semsig.signatures import PooledOptions
from semsig.signatures.pooled.encoding import pooled


def test_by_hand():
    features = np.array([[1, 4, 0], [9, 9, 0], [2, 8, 0]], np.float32)
    schema = PooledOptions(pool="spoc", power=0.5).schema("n", 3)
    assert pooled(features, schema).codes.tolist() == [64, 127, 0]  # 63.5 goes to the even 64
    schema = PooledOptions(pool="gem", power=1).schema("n", 3)
    assert pooled(features, schema).codes.tolist() == [32, 127, 0]
    assert not pooled(features * 0, schema).codes.any()


@pytest.mark.parametrize("bad", [-1, np.nan, np.inf])
def test_values_that_no_network_gives_are_refused(bad):
    features = np.ones((3, 2), np.float32)
    features[0, 1] = bad
    with pytest.raises(SignatureError, match="finite and not negative"):
        pooled(features, PooledOptions().schema("n", 2))


def test_other_shapes_and_options_are_refused():
    with pytest.raises(SignatureError, match=r"Expected features of shape \(3, 4\)"):
        pooled(np.ones((3, 2), np.float32), PooledOptions().schema("n", 4))
    with pytest.raises(OptionError, match="spoc"):
        PooledOptions(pool="median")
    with pytest.raises(OptionError, match="power"):
        PooledOptions(power=2)


@pytest.mark.parametrize("name", ["lite", "embedded"])
def test_packaged_networks_describe_photos_of_any_size_in_one_pass(name):
    network = load_segmenter(name)
    assert isinstance(network, FeatureSegmenter)
    random = np.random.default_rng(0)
    images = [random.integers(0, 256, (*size, 3), np.uint8) for size in ((60, 90), (90, 60))]
    described = network.describe([*images, images[0]])
    for (label_map, features), image in zip(described, [*images, images[0]], strict=True):
        assert features.shape == (3, network.n_features)
        alone = network.describe([image])[0]
        np.testing.assert_allclose(features, alone[1], rtol=1e-3, atol=1e-4)
        assert label_map.labels.shape == network(image).labels.shape
        mean, largest, generalised = features
        assert (mean <= generalised + 1e-3).all()
        assert (generalised <= largest + 1e-3).all()
