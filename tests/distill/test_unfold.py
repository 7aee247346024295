"""An exported network gets its batch norms back, answers as before, and can learn."""

import copy
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from semsig.classes import ClassTable
from semsig.errors import CheckpointError
from semsig.segment import load_segmenter
from semsig.segment.card import PACKAGED, NetworkCard, sha256_of
from semsig.synthetic import scenes

torch = pytest.importorskip("torch")
pytest.importorskip("mmseg")
pytestmark = pytest.mark.mmseg

from semsig.distill.network import (  # noqa: E402
    features_and_logits,
    mixes_fast,
    new_network,
    start_from,
)
from semsig.distill.unfold import load_exported, settle  # noqa: E402
from semsig.segment.export import (  # noqa: E402
    LEAST_SHARE,
    MEAN,
    STD,
    export_network,
    rule_out,
)

CLASSES = ClassTable(["sky", "grass", "sand"])


def norms(network):
    return [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)]


def crops(seed, count=4):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, 3, 64, 64, generator=generator)


def scores(network, images):
    with torch.no_grad():
        return features_and_logits(network, images)[1]


def alike(got, expected, within):
    return (got - expected).std() < within * expected.std()


@pytest.fixture(scope="module")
def trained():
    """A network whose batch norms have all drifted."""
    torch.manual_seed(1)
    network = new_network("hr18s", 3).eval()
    with torch.no_grad():
        network.decode_head.conv_seg.weight.normal_()
        for norm in norms(network):
            norm.weight.uniform_(0.5, 1.5)
            norm.bias.normal_(std=0.2)
    settle(network, [crops(0)])
    return network


@pytest.fixture(scope="module")
def exported(trained, tmp_path_factory):
    path = tmp_path_factory.mktemp("exported") / "model.onnx"
    export_network(trained, CLASSES, path, provenance={"photos_seen": "77"})
    return path


@pytest.fixture
def again(exported):
    torch.manual_seed(2)
    network = new_network("hr18s", 3)
    network.load_state_dict(load_exported(exported, network)["state_dict"])
    return network.eval()


def test_it_answers_as_the_file_does(trained, again):
    assert alike(scores(again, crops(3)), scores(trained, crops(3)), within=0.01)


def test_classes_and_views_are_read(exported):
    meta = load_exported(exported, new_network("hr18s", 3))["meta"]
    assert meta == {"classes": ["sky", "grass", "sand"], "images": 77}


def test_the_network_asked_about_is_not_changed(exported):
    network = new_network("hr18s", 3)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    load_exported(exported, network)
    assert all(torch.equal(before[name], t) for name, t in network.state_dict().items())


def test_rows_are_as_long_as_fresh_ones(again):
    torch.manual_seed(2)
    fresh = new_network("hr18s", 3).backbone.conv2.weight.flatten(1).norm(dim=1).mean()
    lengths = again.backbone.conv2.weight.flatten(1).norm(dim=1)
    torch.testing.assert_close(lengths, fresh.detach().expand(64))


def test_settling_keeps_the_answer(again):
    before = scores(again, crops(3))
    settle(again, [crops(4), crops(5)])
    assert alike(scores(again, crops(3)), before, within=0.001)


def test_settled_norms_have_the_statistics_of_the_crops(again):
    settle(again, [crops(4), crops(5)])
    with torch.no_grad():
        first = again.backbone.conv1(torch.cat([crops(4), crops(5)]))
    norm = again.backbone.norm1
    torch.testing.assert_close(norm.running_mean, first.mean((0, 2, 3)), rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(
        norm.running_var, first.var((0, 2, 3), correction=0), rtol=1e-3, atol=1e-4
    )


def test_settled_norms_learn_from_where_they_answer(again):
    settle(again, [crops(4, 8)])
    settled = scores(again, crops(4, 8))
    assert alike(scores(again.train(), crops(4, 8)), settled, within=0.02)


def test_a_channel_that_never_answers_stays_finite(trained, tmp_path):
    silent = copy.deepcopy(trained)
    with torch.no_grad():
        silent.backbone.norm2.weight[3] = 0
    path = tmp_path / "model.onnx"
    export_network(silent, CLASSES, path)
    network = new_network("hr18s", 3)
    network.load_state_dict(load_exported(path, network)["state_dict"])
    settle(network, [crops(4)])
    assert alike(scores(network, crops(3)), scores(silent, crops(3)), within=0.01)
    assert scores(network.train(), crops(4)).isfinite().all()


def card_for(path, **changes):
    """Write a card that belongs to `path`, but for the changes."""
    card = NetworkCard(sha256=sha256_of(path), classes=CLASSES, short_side=96, opset=17)
    replace(card, **changes).write(path)


def test_files_of_other_networks_are_refused(exported, tmp_path):
    with pytest.raises(CheckpointError, match="another network"):
        load_exported(PACKAGED["lite"], new_network("hr18s", 3))
    with pytest.raises(CheckpointError, match="another network"):
        load_exported(exported, new_network("hr18", 3))
    path = tmp_path / "model.onnx"
    export_network(new_network("hr18", 3), CLASSES, path)
    with pytest.raises(CheckpointError, match="another network"):
        load_exported(path, new_network("hr18s", 3))


def test_damaged_files_are_refused(exported, tmp_path):
    network, torn = new_network("hr18s", 3), tmp_path / "model.onnx"
    with pytest.raises(CheckpointError, match="no readable card"):
        load_exported(torn, network)
    torn.write_bytes(exported.read_bytes()[:-999])
    shutil.copy(exported.with_suffix(".json"), tmp_path)
    with pytest.raises(CheckpointError, match="SHA-256"):
        load_exported(torn, network)
    card_for(torn)
    with pytest.raises(CheckpointError, match="no ONNX file"):
        load_exported(torn, network)


def test_cards_that_say_something_else_are_refused(exported, tmp_path):
    path = tmp_path / "model.onnx"
    shutil.copy(exported, path)
    card_for(path, provenance={"photos_seen": "²"})
    assert load_exported(path, new_network("hr18s", 3))["meta"]["images"] == 0
    card_for(path, classes=ClassTable(["sky", "grass"]))
    with pytest.raises(CheckpointError, match="names 2 classes and scores 3"):
        start_from(new_network("hr18s", 3), [path], CLASSES)


@pytest.mark.parametrize("tiles", [True, False])
def test_bfloat16_is_worth_it_where_matrices_are_multiplied_in_it(tiles, monkeypatch):
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: tiles)
    assert mixes_fast(torch.device("cpu")) == tiles
    assert mixes_fast(torch.device("cuda"))
    assert not mixes_fast(torch.device("meta"))


def test_the_embedded_network_answers_as_it_does_in_the_package():
    classes = ClassTable.builtin("semsig54")
    network = new_network("hr18s", len(classes))
    assert start_from(network, [Path("embedded")], classes) > 100_000
    segmenter = load_segmenter("embedded", threads=1)
    photo = next(scenes(1, size=(256, 192))).image
    expected = segmenter(photo).labels
    pixels = torch.from_numpy(photo).permute(2, 0, 1)[None].float()
    normalized = (pixels - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
    got = rule_out(scores(network.eval(), normalized), LEAST_SHARE).argmax(1)[0].numpy()
    assert (got == expected).mean() > 0.99
