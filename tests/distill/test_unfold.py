"""An exported network gets its batch norms back, answers as before, and can learn."""

import shutil

import numpy as np
import pytest

from semsig.classes import ClassTable
from semsig.errors import CheckpointError
from semsig.segment.card import PACKAGED

torch = pytest.importorskip("torch")
pytest.importorskip("mmseg")
pytestmark = pytest.mark.mmseg

from semsig.distill.network import features_and_logits, mixes_fast, new_network  # noqa: E402
from semsig.distill.unfold import load_exported, settle  # noqa: E402
from semsig.segment.export import export_network  # noqa: E402

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


def test_other_files_are_refused(exported, tmp_path):
    network = new_network("hr18s", 3)
    with pytest.raises(CheckpointError, match="another network"):
        load_exported(PACKAGED["lite"], network)
    torn = tmp_path / "model.onnx"
    with pytest.raises(CheckpointError, match="no readable card"):
        load_exported(torn, network)
    shutil.copy(exported.with_suffix(".json"), tmp_path)
    with pytest.raises(CheckpointError, match="no ONNX file"):
        load_exported(torn, network)
    torn.write_bytes(exported.read_bytes()[:-999])
    with pytest.raises(CheckpointError, match="no ONNX file"):
        load_exported(torn, network)


@pytest.mark.parametrize("tiles", [True, False])
def test_bfloat16_is_worth_it_where_matrices_are_multiplied_in_it(tiles, monkeypatch):
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: tiles)
    assert mixes_fast(torch.device("cpu")) == tiles
    assert mixes_fast(torch.device("cuda"))
    assert not mixes_fast(torch.device("meta"))


def test_the_embedded_network_starts_a_run(exported):
    classes = ClassTable.builtin("semsig54")
    saved = load_exported(PACKAGED["embedded"], new_network("hr18s", len(classes)))
    assert saved["meta"]["classes"] == list(classes.names)
    assert saved["meta"]["images"] > 100_000
    assert np.isfinite([t.double().sum().item() for t in saved["state_dict"].values()]).all()
