"""Networks of torchvision and timm; needs both beside torch: make test-cnn."""

import json
import os

import numpy as np
import pytest
from PIL import Image as PillowImage

torch = pytest.importorskip("torch")
try:
    from torchvision import models
except (ImportError, RuntimeError, AttributeError) as problem:  # a torch that it does not fit
    pytest.skip(f"torchvision: {problem}", allow_module_level=True)

from semsig import load_segmenter  # noqa: E402
from semsig.errors import CheckpointError, SegmenterError  # noqa: E402
from semsig.segment.cnn import CnnSegmenter, locate_weights  # noqa: E402
from semsig.segment.cnn_networks import load_network, published_weights  # noqa: E402
from semsig.signatures import Projection  # noqa: E402
from tests.explain.test_geometry import picture  # noqa: E402

pytestmark = pytest.mark.cnn

P = 2.6


@pytest.fixture(scope="module")
def resnet(tmp_path_factory):
    """ResNet18 of random weights, and a file of them as torchvision has it."""
    torch.manual_seed(1)
    network = models.resnet18(weights=None).eval()
    path = tmp_path_factory.mktemp("weights") / "resnet18.pth"
    torch.save(network.state_dict(), path)
    return network, path


@pytest.fixture(scope="module")
def cirtorch(resnet, tmp_path_factory):
    """The same as cirtorch keeps a network, with learned whitening of two sorts."""
    network, _ = resnet
    rng = np.random.default_rng(0)
    features = torch.nn.Sequential(*list(network.children())[:-2])
    state = {f"features.{name}": value for name, value in features.state_dict().items()}
    state["pool.p"] = torch.tensor([P])
    weight, bias = rng.normal(size=(512, 512)), rng.normal(size=512)
    state["whiten.weight"] = torch.tensor(weight, dtype=torch.float32)
    state["whiten.bias"] = torch.tensor(bias, dtype=torch.float32)
    whitening = {
        scales: {"m": rng.normal(size=(512, 1)) / 20, "P": rng.normal(size=(512, 512))}
        for scales in ("ss", "ms")
    }
    meta = {
        "architecture": "resnet18", "pooling": "gem", "mean": [0.4, 0.5, 0.6],
        "std": [0.2, 0.25, 0.3], "outputdim": 512, "regional": False, "local_whitening": False,
        "whitening": True, "Lw": {"retrieval-SfM-120k": whitening},
    }  # fmt: skip
    path = tmp_path_factory.mktemp("cirtorch") / "gem.pth"
    torch.save({"meta": meta, "state_dict": state}, path)
    return path, whitening, (weight, bias)


def by_torch(network, image, mean, std, scale=1.0):
    """The feature map, by torchvision's own layers."""
    photo = torch.from_numpy(image).permute(2, 0, 1)[None].float()
    if scale != 1:
        size = [round(side * scale) for side in photo.shape[2:]]
        photo = torch.nn.functional.interpolate(photo, size, mode="bilinear", align_corners=False)
    normal = (photo / 255 - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)
    with torch.no_grad():
        return torch.nn.Sequential(*list(network.children())[:-2])(normal)[0].numpy()


def unit(row):
    return row / np.linalg.norm(row)


def test_features_are_those_of_the_network(resnet):
    network, path = resnet
    image = picture()[:128, :192]
    segmenter = CnnSegmenter("resnet18", str(path), scales=(1.0,))
    label_map, features = segmenter.describe([image])[0]
    maps = by_torch(network, image, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    pixels = maps.reshape(512, -1)
    np.testing.assert_allclose(features[0], unit(pixels.mean(1)), atol=1e-5)
    np.testing.assert_allclose(features[1], unit(pixels.max(1)), atol=1e-5)
    gem = (np.maximum(pixels, 1e-6) ** 3.0).mean(1) ** (1 / 3)
    np.testing.assert_allclose(features[2], unit(gem), atol=1e-5)
    np.testing.assert_allclose(segmenter.describe_maps([image])[0][1], maps, atol=1e-4)
    assert label_map.labels.shape == (32, 48)
    assert segmenter.n_features == 512


def test_cirtorchs_checkpoint_is_read_whole_and_scales_are_merged_as_it_does(resnet, cirtorch):
    network, _ = resnet
    path, whitening, (weight, bias) = cirtorch
    segmenter = CnnSegmenter("resnet18", str(path))
    assert segmenter.power == pytest.approx(P)
    image = picture()[:128, :192]
    total = 0
    for scale in (1, 2**-0.5, 0.5):
        maps = by_torch(network, image, (0.4, 0.5, 0.6), (0.2, 0.25, 0.3), scale)
        gem = (np.maximum(maps, 1e-6).reshape(512, -1) ** P).mean(1) ** (1 / P)
        total = total + unit(gem) ** P
    expected = unit((total / 3) ** (1 / P))
    found = segmenter.describe([image])[0][1][2]
    np.testing.assert_allclose(unit(found), expected, atol=1e-4)
    for scales, arrays in whitening.items():
        mean, projection = segmenter.whitening[f"retrieval-SfM-120k {scales}"]
        np.testing.assert_allclose(mean, arrays["m"].ravel(), rtol=1e-6)
        np.testing.assert_allclose(projection, arrays["P"], rtol=1e-6)
    mean, projection = segmenter.whitening["end-to-end"]
    np.testing.assert_allclose(projection @ (expected - mean), weight @ expected + bias, atol=0.05)


def test_files_of_older_torch_and_numpy_are_read_alike(cirtorch, tmp_path):
    """As the published ones are: torch's layout before 1.6, arrays named as NumPy 1 did."""
    path, whitening, _ = cirtorch
    content = torch.load(path, weights_only=False)
    old = tmp_path / "old.pth"
    torch.save(content, old, _use_new_zipfile_serialization=False)
    named = old.read_bytes().replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n")
    assert b"cnumpy.core.multiarray\n" in named
    old.write_bytes(named)
    loaded = load_network("resnet18", old)
    assert loaded.power == pytest.approx(P)
    mean, projection = loaded.whitening["retrieval-SfM-120k ms"]
    np.testing.assert_allclose(mean, whitening["ms"]["m"].ravel(), rtol=1e-6)
    np.testing.assert_allclose(projection, whitening["ms"]["P"], rtol=1e-6)


@pytest.mark.parametrize(
    ("entries", "what"),
    [({"pooling": "mac"}, "pooling mac"), ({"regional": True}, "regional"),
     ({"local_whitening": True}, "local_whitening")],
)  # fmt: skip
def test_other_pooling_than_gem_is_refused(cirtorch, tmp_path, entries, what):
    content = torch.load(cirtorch[0], weights_only=False)
    content["meta"] |= entries
    torch.save(content, tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match=f"GeM pooling of the whole photo, got {what}"):
        load_network("resnet18", tmp_path / "other.pth")


def test_whitening_is_applied_to_what_it_was_learned_at(cirtorch, tmp_path, run):
    """Multi-scale to cnn:, single-scale to ONNX."""
    pytest.importorskip("onnx")
    path, whitening, _ = cirtorch
    network, out = f"cnn:resnet18@{path}", tmp_path / "net.onnx"
    code, told, err = run("onnx", network, out, "--side", 128)
    assert code == 0, err
    image = picture()[:128, :192]
    for scales, segmenter in (("ms", network), ("ss", f"onnx:{out}")):
        file = tmp_path / f"net-retrieval-SfM-120k-{scales}.npz"
        assert f"{file}, for --segmenter {segmenter}" in told
        loaded = load_segmenter(segmenter)
        fitted = Projection.open(file)
        assert fitted.network == loaded.fingerprint
        row = unit(loaded.describe([image])[0][1][2].astype(float))
        expected = whitening[scales]["P"] @ (row - whitening[scales]["m"].ravel())
        found = fitted(row[None], fitted.most_dims)[0]
        assert unit(found) @ unit(expected) > 0.9999
    for n in range(4):
        (tmp_path / "photos" / str(n % 2)).mkdir(parents=True, exist_ok=True)
        PillowImage.fromarray(picture(n)[:96, :128]).save(tmp_path / f"photos/{n % 2}/{n}.png")
    code, out, err = run(
        "evaluate", tmp_path / "photos", "--segmenter", network, "--signature",
        f"pooled@{tmp_path}/net-retrieval-SfM-120k-ms.npz", "--json",
    )  # fmt: skip
    assert code == 0, err
    assert json.loads(out)["measures"]["map"] > 0.3


def test_photos_are_scaled_down_to_the_long_side_and_never_up(resnet):
    _, path = resnet
    image = picture(size=(160, 320))
    small = load_segmenter(f"cnn:resnet18@{path}@160")
    assert small.describe_maps([image])[0][1].shape == (512, 3, 5)
    assert small.name.endswith("@160")
    whole = load_segmenter(f"cnn:resnet18@{path}")
    assert whole.describe_maps([image])[0][1].shape == (512, 5, 10)
    assert small.fingerprint != whole.fingerprint
    assert load_segmenter(whole.name).fingerprint == whole.fingerprint


class Harmful:
    def __reduce__(self):
        return os.system, ("touch harmed",)


def test_what_is_no_such_checkpoint_is_refused(resnet, cirtorch, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _, path = resnet
    torch.save({"state_dict": Harmful()}, tmp_path / "harm.pth")
    for network, file, what in [
        ("resnet18", tmp_path / "harm.pth", "refused"),
        ("resnet34", path, "Expected weights of this network"),
        ("resnet34", cirtorch[0], "got resnet18's"),
        ("resnet18", tmp_path / "none.pth", "cannot be read"),
    ]:
        with pytest.raises(CheckpointError, match=what):
            load_network(network, file)
    assert not (tmp_path / "harmed").exists()
    for name in ("resnet19", "timm/nothing"):
        with pytest.raises(SegmenterError, match="Expected"):
            load_network(name, None)


def test_published_weights_are_fetched_and_checked_by_name(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr("semsig.segment.cnn.fetch", lambda url, **_: asked.append(url) or tmp_path)
    locate_weights("resnet18", None)
    locate_weights("vgg16", "retrievalSfM120k-vgg16-gem")
    assert asked[0] == published_weights("resnet18")
    assert asked[0].startswith("https://")
    assert asked[1].endswith("retrievalSfM120k-vgg16-gem-b4dcdc6.pth")
    assert locate_weights("resnet18", "random") is None
    with pytest.raises(SegmenterError, match="Expected weights"):
        locate_weights("timm/resnet18", None)


@pytest.mark.parametrize("name", ["vgg11", "mobilenet_v3_small", "timm/resnet18"])
def test_other_networks_describe_photos(name):
    if name.startswith("timm/"):
        pytest.importorskip("timm")
    segmenter = CnnSegmenter(name, "random", scales=(1.0, 0.5))
    _, features = segmenter.describe([picture()[:96, :128]])[0]
    assert features.shape == (3, segmenter.n_features)
    assert np.isfinite(features).all()
    assert (features >= 0).all()


def test_onnx_answers_as_torch_does(resnet, cirtorch, tmp_path, run):
    pytest.importorskip("onnx")
    out = tmp_path / "net.onnx"
    code, _, err = run("onnx", f"cnn:resnet18@{cirtorch[0]}", out, "--side", 128)
    assert code == 0, err
    image = picture()[:128, :192]
    _, features = load_segmenter(f"onnx:{out}").describe([image])[0]
    segmenter = CnnSegmenter("resnet18", str(cirtorch[0]), scales=(1.0,))
    expected = segmenter.describe([image])[0][1]
    for found, theirs in zip(features, expected, strict=True):
        np.testing.assert_allclose(unit(found), unit(theirs), atol=1e-3)


def test_a_tiny_trained_one_from_end_to_end(resnet, tmp_path, run):
    pytest.importorskip("onnx")
    for group in range(3):
        (tmp_path / "photos" / str(group)).mkdir(parents=True)
        for n in range(3):
            image = (picture(10 * group + n) * 0.5 + 60 * group).astype(np.uint8)[:96, :128]
            PillowImage.fromarray(image).save(tmp_path / "photos" / str(group) / f"{n}.png")
    code, out, err = run(
        "finetune", tmp_path / "photos", "--out", tmp_path / "run", "--backbone",
        f"cnn:resnet18@{resnet[1]}", "--epochs", 1, "--tuples", 9, "--side", 64, "--left-out", 0,
        "--json",
    )  # fmt: skip
    assert code == 0, err
    for segmenter in (f"onnx:{json.loads(out)['onnx']}", f"cnn:resnet18@{resnet[1]}@128"):
        code, out, err = run("evaluate", tmp_path / "photos", "--segmenter", segmenter,
                             "--signature", "pooled", "--json")  # fmt: skip
        assert code == 0, err
        assert json.loads(out)["measures"]["map"] > 0.5
