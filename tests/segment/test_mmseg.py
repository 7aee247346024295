from __future__ import annotations

import hashlib
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_sample_images

from semsig.classes import ClassTable
from semsig.errors import CheckpointError, SegmenterError
from semsig.segment import fetch_checkpoint, load_segmenter
from semsig.segment.batching import image_shape, network_size, resize
from semsig.segment.card import PACKAGED, NetworkCard
from semsig.segment.export import LEAST_SHARE, MEAN, STD, export_network, rule_out
from semsig.segment.fold import convolutions_before_norms, fold_batch_norms
from semsig.segment.network import build_network, fill, read_config
from semsig.segment.onnx import OnnxSegmenter
from semsig.segment.zoo import find_config

pytestmark = [
    pytest.mark.mmseg,
    pytest.mark.skipif(find_spec("mmseg") is None, reason="needs the extra mmseg"),
]

CONFIG = "fcn_hr18s-ade20k"
NAMES = ("sky", "sea", "sand", "tree")


def network(n_classes: int = len(NAMES), config: str = CONFIG) -> Any:
    """Build a network whose weights and batch-norm statistics are random but tame."""
    import torch

    torch.manual_seed(0)
    built = build_network(read_config(find_config(config)), n_classes=n_classes)
    for module in built.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, 0, 0.1)
    return built


def photos() -> list[np.ndarray]:
    china, flower = load_sample_images().images
    return [china, flower, china[:, ::-1], flower.transpose(1, 0, 2), china[100:300, 50:250]]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    import torch

    path = tmp_path_factory.mktemp("net") / "own.pth"
    meta = {"dataset_meta": {"classes": NAMES, "palette": [[i, i, i] for i in range(len(NAMES))]}}
    torch.save({"state_dict": network().state_dict(), "meta": meta}, path)
    return path


def agreement(a: Any, b: Any) -> float:
    pairs = zip(a.batch(photos()), b.batch(photos()), strict=True)
    return float(np.mean([np.mean(x.labels == y.labels) for x, y in pairs]))


# ------------------------------------------------------- the embedded network


def shipped_weights() -> dict[str, Any]:
    """Return the weights of the shipped graph as a state_dict of mmsegmentation's network.

    The graph has batch norms folded; here they become ones that only add the folded bias.
    """
    import onnx
    import torch

    graph = onnx.load(PACKAGED["embedded"]).graph
    stored = {
        tensor.name.removesuffix(":fp16"): np.array(onnx.numpy_helper.to_array(tensor), np.float32)
        for tensor in graph.initializer
    }
    plain = network(54)
    weights = plain.state_dict()
    folded = convolutions_before_norms(plain)
    for name in weights:
        owner, _, kind = name.rpartition(".")
        if owner in folded:
            eps = plain.get_submodule(owner).eps
            new = {
                "weight": 1.0,
                "bias": stored.get(f"{folded[owner]}.bias"),
                "running_mean": 0.0,
                "running_var": 1 - eps,
                "num_batches_tracked": 0,
            }[kind]
        else:
            new = stored[name]
        weights[name] = torch.from_numpy(np.broadcast_to(new, weights[name].shape).copy())
    return weights


def test_embedded_network_is_mmsegmentations_own(tmp_path):
    import torch

    path = tmp_path / "shipped.pth"
    classes = ClassTable.builtin("semsig54").names
    torch.save({"state_dict": shipped_weights(), "meta": {"classes": classes}}, path)
    embedded = load_segmenter("embedded")
    side = embedded.short_side
    mmseg = load_segmenter(f"mmseg:{CONFIG}@{path}@{side}")
    assert mmseg.classes == embedded.classes
    assert agreement(embedded, mmseg) > 0.9
    network = build_network(read_config(find_config(CONFIG)), n_classes=len(classes))
    fill(network, shipped_weights())
    for photo in photos():
        seen = resize(photo, network_size(image_shape(photo), side))
        with torch.no_grad():
            rgb = (torch.from_numpy(seen).float() - torch.tensor(MEAN)) / torch.tensor(STD)
            scores = network.eval()(rgb.permute(2, 0, 1)[None], mode="tensor")
            expected = rule_out(scores, LEAST_SHARE).argmax(1)[0].numpy()
        assert (embedded(photo).labels == expected).mean() > 0.999


# -------------------------------------------------------------------- export


def test_export_answers_as_the_network_does(tmp_path, checkpoint):
    classes = ClassTable(NAMES)
    built = network()
    before = {name: value.clone() for name, value in built.state_dict().items()}
    path = tmp_path / "net.onnx"
    card = export_network(built, classes, path, short_side=128, provenance={"from": "a test"})
    assert all((value == before[name]).all() for name, value in built.state_dict().items())
    assert NetworkCard.read(path) == card
    exported = OnnxSegmenter(path)
    assert exported.short_side == 128
    assert agreement(exported, load_segmenter(f"mmseg:{CONFIG}@{checkpoint}@128")) > 0.995


def test_an_export_rules_out_what_is_hardly_there(tmp_path):
    import torch

    scores = torch.zeros(2, 3, 8, 8)
    scores[:, 0] = 4
    scores[0, 1, :2, :2] = 9
    scores[1, 1, :6] = 9
    few, many = rule_out(scores, 0.1).argmax(1)
    assert (few == 0).all()
    assert (many[:6] == 1).all()
    assert torch.equal(rule_out(scores, 0.0), scores)
    assert torch.isfinite(rule_out(torch.zeros(1, 3, 8, 8), 0.9)).all()

    path = tmp_path / "net.onnx"
    export_network(network(), ClassTable(NAMES), path, short_side=64, least_share=0.9)
    exported = OnnxSegmenter(path)
    assert all(len(np.unique(exported(photo).labels)) == 1 for photo in photos())


def test_folding_changes_no_answer():
    import torch

    plain = network()
    folded = fold_batch_norms(plain)
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in folded.modules())
    photo = torch.rand(1, 3, 64, 96)
    with torch.no_grad():
        torch.testing.assert_close(
            folded(photo, mode="tensor"), plain(photo, mode="tensor"), rtol=1e-3, atol=1e-4
        )


def test_export_refuses_another_number_of_classes(tmp_path):
    with pytest.raises(CheckpointError, match="4 classes"):
        export_network(network(), ClassTable(["a"]), tmp_path / "net.onnx")
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------- segmenters


def test_checkpoint_of_ones_own(checkpoint):
    name = f"mmseg:{CONFIG}@{checkpoint}@96"
    segmenter = load_segmenter(name, threads=1)
    assert segmenter.name == name
    assert segmenter.classes.names == NAMES
    assert segmenter.classes.palette[2] == (2, 2, 2)
    assert segmenter(np.zeros((50, 100, 3), np.uint8)).shape == (24, 48)
    assert load_segmenter(f"mmseg:{CONFIG}@{checkpoint}").short_side == 512
    assert segmenter.fingerprint != load_segmenter(f"mmseg:{CONFIG}@{checkpoint}").fingerprint


def test_labels_are_those_of_mmsegmentations_inference(checkpoint):
    """mmsegmentation enlarges the planes fourfold first; around each pixel both agree."""
    import torch

    photo = np.ascontiguousarray(photos()[0][:96, :160])
    own = load_segmenter(f"mmseg:{CONFIG}@{checkpoint}@96")(photo).labels
    model = network()
    bgr = torch.from_numpy(photo[..., ::-1].transpose(2, 0, 1).copy())
    shapes = dict.fromkeys(("ori_shape", "img_shape", "pad_shape"), (96, 160))
    with torch.no_grad():
        inputs = model.data_preprocessor({"inputs": [bgr]})["inputs"]
        whole = model.encode_decode(inputs, [shapes]).argmax(1)[0].numpy()
    agree = (whole[1::4, 1::4] == own) | (whole[2::4, 2::4] == own)
    assert agree.mean() > 0.97


def test_checkpoint_by_address(checkpoint, tmp_path, monkeypatch):
    monkeypatch.setenv("SEMSIG_CACHE", str(tmp_path))
    digest = hashlib.sha256(checkpoint.read_bytes()).hexdigest()[:8]
    served = checkpoint.with_name(f"own-{digest}.pth")
    served.write_bytes(checkpoint.read_bytes())
    handler = partial(Quiet, directory=str(checkpoint.parent))
    told = []
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/{served.name}"
        progress = lambda done, total: told.append((done, total))  # noqa: E731
        segmenter = load_segmenter(f"mmseg:{CONFIG}@{url}@96", progress=progress)
        server.shutdown()
        thread.join()
    assert (tmp_path / "checkpoints" / served.name).is_file()
    assert told[-1] == (served.stat().st_size,) * 2
    assert segmenter.name == f"mmseg:{CONFIG}@{url}@96"
    fetch_checkpoint(segmenter.name)  # the server is gone: this is the cached file
    assert segmenter.classes.names == NAMES


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize(
    ("config", "table"),
    [
        ("fcn_hr18s-ade20k", "ade20k"),
        ("fcn_hr18s-voc12aug", "voc"),
        ("fcn_hr18s-pascal-context", "pascal-context"),
        ("fcn_hr18s-pascal-context-59", "pascal-context-59"),
        ("fcn_hr18s-cityscapes", "cityscapes"),
    ],
)
def test_checkpoint_without_classes_has_those_of_the_config(tmp_path, config, table):
    import torch

    classes = ClassTable.builtin(table)
    torch.save(network(len(classes), config).state_dict(), tmp_path / "x.pth")
    assert load_segmenter(f"mmseg:{config}@{tmp_path / 'x.pth'}").classes == classes


def test_old_checkpoints_name_classes_in_capitals(tmp_path):
    import torch

    meta = {"CLASSES": NAMES, "PALETTE": None, "mmseg_version": "0.5.0"}
    torch.save({"state_dict": network().state_dict(), "meta": meta}, tmp_path / "x.pth")
    assert load_segmenter(f"mmseg:{CONFIG}@{tmp_path / 'x.pth'}").classes.names == NAMES


def test_class_count_that_does_not_fit_the_weights(tmp_path):
    import torch

    torch.save(
        {"state_dict": network().state_dict(), "meta": {"classes": ("a", "b")}},
        tmp_path / "x.pth",
    )
    with pytest.raises(CheckpointError, match="another network"):
        load_segmenter(f"mmseg:{CONFIG}@{tmp_path / 'x.pth'}")


def test_checkpoint_of_another_network(checkpoint):
    with pytest.raises(CheckpointError, match="another network"):
        load_segmenter(f"mmseg:fcn_hr48-ade20k@{checkpoint}")


def test_cascades_answer_too(tmp_path):
    import torch

    config = "ocrnet_hr18s-ade20k"
    content = {"state_dict": network(4, config).state_dict(), "meta": {"classes": NAMES}}
    torch.save(content, tmp_path / "x.pth")
    segmenter = load_segmenter(f"mmseg:{config}@{tmp_path / 'x.pth'}@64")
    assert segmenter(photos()[0]).shape == (16, 24)


def test_relative_paths_become_absolute_in_the_name(checkpoint, monkeypatch):
    monkeypatch.chdir(checkpoint.parent)
    segmenter = load_segmenter(f"mmseg:{CONFIG}@own.pth")
    assert segmenter.name == f"mmseg:{CONFIG}@{checkpoint}"


def test_missing_checkpoint_and_config(tmp_path):
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_segmenter(f"mmseg:{CONFIG}@{tmp_path / 'none.pth'}")
    with pytest.raises(SegmenterError, match="no config"):
        load_segmenter("mmseg:nonesuch")
    with pytest.raises(CheckpointError, match="publishes no checkpoint"):
        load_segmenter("mmseg:fcn_hr18s-pascal-context")


@pytest.mark.parametrize("text", ["model = dict(type='Nonesuch')", "x = 1", "not python ("])
def test_config_that_is_none(tmp_path, checkpoint, text):
    path = tmp_path / "own.py"
    path.write_text(text)
    with pytest.raises((SegmenterError, CheckpointError)):
        load_segmenter(f"mmseg:{path}@{checkpoint}")


def test_photos_are_normalised_in_the_configs_order_of_channels():
    from mmengine.config import Config

    from semsig.segment.mmseg import _Normalisation

    photo = np.array([[[[10, 20, 30]]]], np.uint8)
    entries = {"mean": [1, 2, 3], "std": [1, 2, 4], "bgr_to_rgb": True}
    rgb = _Normalisation(Config({"model": {}, "data_preprocessor": entries}))(photo)
    assert rgb.flatten().tolist() == [9, 9, 6.75]
    entries["bgr_to_rgb"] = False
    bgr = _Normalisation(Config({"model": {"data_preprocessor": entries}}))(photo)
    assert bgr.flatten().tolist() == [29, 9, 1.75]


def test_nothing_is_printed_or_warned(checkpoint, capfd):
    load_segmenter(f"mmseg:{CONFIG}@{checkpoint}@64")(np.zeros((8, 8, 3), np.uint8))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("config", [CONFIG, "ocrnet_hr18s-ade20k"])
def test_features_are_of_what_the_classifier_sees(tmp_path, config):
    import torch

    content = {"state_dict": network(4, config).state_dict(), "meta": {"classes": NAMES}}
    torch.save(content, tmp_path / "x.pth")
    segmenter = load_segmenter(f"mmseg:{config}@{tmp_path / 'x.pth'}@64")
    images = [photos()[0], photos()[0][:, ::-1]]
    labels = segmenter.batch(images)
    described, mapped = segmenter.describe(images), segmenter.describe_maps(images)
    for expected, (label_map, features), (again, map_) in zip(
        labels, described, mapped, strict=True
    ):
        assert np.array_equal(label_map.labels, expected.labels)
        assert np.array_equal(again.labels, expected.labels)
        assert map_.shape[0] == segmenter.n_features == features.shape[1] > 0
        assert map_.min() >= 0
        np.testing.assert_allclose(features[0], map_.mean((1, 2)), rtol=1e-4, atol=1e-6)
        np.testing.assert_array_equal(features[1], map_.max((1, 2)))
        planes = torch.nn.functional.conv2d(
            torch.from_numpy(map_)[None],
            segmenter._classifier.weight.detach(),
            segmenter._classifier.bias.detach(),
        )
        assert (planes[0].argmax(0).numpy() == expected.labels).mean() > 0.99


def test_an_export_gives_the_feature_map(tmp_path, checkpoint):
    path = tmp_path / "net.onnx"
    export_network(network(), ClassTable(NAMES), path, short_side=64)
    exported = OnnxSegmenter(path)
    own = load_segmenter(f"mmseg:{CONFIG}@{checkpoint}@64")
    ((_, theirs),) = own.describe_maps(photos()[:1])
    ((_, features),) = exported.describe(photos()[:1])
    ((_, map_),) = exported.describe_maps(photos()[:1])
    assert map_.shape == theirs.shape
    np.testing.assert_array_equal(features[1], map_.max((1, 2)))
