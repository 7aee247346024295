"""Training, resuming, exporting and loading a network; needs torch and onnx."""

import json

import numpy as np
import pytest
from PIL import Image as PillowImage

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from semsig import load_segmenter  # noqa: E402
from semsig.errors import (  # noqa: E402
    CheckpointError,
    OptionError,
    ReconstructionError,
    SegmenterError,
)
from semsig.evaluate.measures import average_precision  # noqa: E402
from semsig.finetune import FinetuneOptions, finetune  # noqa: E402
from semsig.finetune.losses import TEMPERATURE, group_loss, tuple_loss  # noqa: E402
from semsig.finetune.network import gem, new_network  # noqa: E402
from semsig.finetune.pipeline import precision_of  # noqa: E402
from semsig.finetune.training import start_from  # noqa: E402
from semsig.segment.checkpoint import load_checkpoint  # noqa: E402
from tests.explain.test_geometry import picture, warped  # noqa: E402
from tests.finetune.scene import photograph, positions, scene  # noqa: E402

pytestmark = pytest.mark.mmseg


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Six groups of four: each its own colour, under blobs."""
    root = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for group in range(6):
        (root / f"g{group}").mkdir()
        color = rng.integers(0, 256, 3)
        for n in range(4):
            image = (picture(10 * group + n) * 0.5 + color * 0.5).astype(np.uint8)
            PillowImage.fromarray(image[:90, :120]).save(root / f"g{group}" / f"{n}.png")
    return root


def recipe(photos, out, **more):
    few = {"epochs": 3, "tuples": 12, "negatives": 2, "batch": 4, "side": 64, "left_out": 0.34}
    pairs = {"loss": "contrastive", "decay": 0.8, "keep": 0}
    options = {"backbone": "tiny", "learning_rate": 1e-3, **few, **pairs, **more}
    return FinetuneOptions(photos=photos, out=out, **options)


def plain_loss(descriptors, loss, margin):
    total = 0.0
    for query, match, *others in descriptors:
        near = np.square(query - match).sum()
        far = [np.square(query - other).sum() for other in others]
        if loss == "triplet":
            total += sum(max(0, near - d + margin) for d in far)
        else:
            total += (near + sum(max(0, margin - np.sqrt(d)) ** 2 for d in far)) / 2
    return total / len(descriptors)


@pytest.mark.parametrize("loss", ["contrastive", "triplet"])
@pytest.mark.parametrize("margin", [0.3, 0.9])
def test_losses_by_definition(loss, margin):
    drawn = np.random.default_rng(0).normal(size=(5, 4, 6))
    drawn /= np.linalg.norm(drawn, axis=2, keepdims=True)
    found = tuple_loss(torch.from_numpy(drawn), loss, margin)
    assert float(found) == pytest.approx(plain_loss(drawn, loss, margin), rel=1e-5)


def test_loss_of_groups_by_definition():
    drawn = np.random.default_rng(0).normal(size=(7, 6))
    drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    matching = np.zeros((7, 7), bool)
    for q, i in [(0, 1), (0, 2), (1, 2), (3, 4), (5, 6)]:
        matching[q, i] = matching[i, q] = True
    neither = {(4, 5), (5, 4), *((n, n) for n in range(7))}
    apart = np.array([[not matching[q, i] and (q, i) not in neither for i in range(7)]
                      for q in range(7)])  # fmt: skip
    similar = np.exp(drawn @ drawn.T / TEMPERATURE)
    expected = []
    for q in range(7):
        total = sum(similar[q, i] for i in range(7) if matching[q, i] or apart[q, i])
        shares = [similar[q, i] / total for i in range(7) if matching[q, i]]
        expected.append(-np.log(shares).mean())
    itself = torch.from_numpy(matching | np.eye(7, dtype=bool))
    found = group_loss(torch.from_numpy(drawn), itself, torch.from_numpy(apart))
    assert float(found) == pytest.approx(np.mean(expected), rel=1e-6)


def test_gem_by_definition():
    features = torch.rand(2, 3, 4, 5, dtype=torch.float64)
    for power in (1.0, 2.5):
        expected = (features.numpy() ** power).mean((2, 3)) ** (1 / power)
        found = gem(features, torch.tensor(power, dtype=torch.float64))
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-6)


def test_precision_by_definition():
    rng = np.random.default_rng(1)
    descriptors = rng.normal(size=(9, 3)).astype(np.float32)
    labels = np.array([0, 0, 0, 1, 1, 2, 2, 3, -1])
    expected = []
    for q in range(7):
        order = [n for n in np.argsort(-(descriptors @ descriptors[q])) if n != q]
        hits = labels[order] == labels[q]
        expected.append(average_precision(hits[None], hits.sum())[0])
    assert precision_of(descriptors, labels) == pytest.approx(np.mean(expected))
    assert np.isnan(precision_of(descriptors, np.arange(9)))


def test_learns_what_matches_and_exports_it(photos, tmp_path):
    told = []
    result = finetune(recipe(photos, tmp_path / "run", epochs=6), told.append)
    rows = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4, 5, 6]
    assert rows[-1]["loss"] < rows[0]["loss"]
    assert (result.groups, result.photos, result.epochs) == (4, 16, 6)
    assert result.power != 3
    assert told[-1].step == told[-1].steps == 3
    assert rows[-1]["left_out"] == pytest.approx(result.after["left_out"])
    for name in ("curves.png", "MODEL_CARD.md", "model.json", "checkpoint.pth"):
        assert (tmp_path / "run" / name).stat().st_size > 0
    assert 0 <= result.whitened <= 1
    card = (tmp_path / "run" / "MODEL_CARD.md").read_text()
    assert f"| {result.whitened:.4f} |" in card
    assert f"{result.before['left_out']:.4f} | {result.after['left_out']:.4f}" in card
    segmenter = load_segmenter(f"onnx:{result.onnx}")
    image = np.asarray(PillowImage.open(photos / "g0" / "0.png"))[:80, :80]
    _, features = segmenter.describe([image])[0]
    network = new_network("tiny", 0)
    saved = torch.load(tmp_path / "run" / "checkpoint.pth", weights_only=True)
    network.load_state_dict(saved["state_dict"])
    small = np.asarray(PillowImage.fromarray(image).resize((64, 64), PillowImage.Resampling.BOX))
    with torch.no_grad():
        expected = network(torch.from_numpy(small[None].copy()))[0].numpy()
    np.testing.assert_allclose(features[2] / np.linalg.norm(features[2]), expected, atol=0.02)


@pytest.mark.parametrize("loss", ["groups", "triplet"])
def test_weights_end_between_those_that_were_and_the_trained_ones(photos, tmp_path, loss):
    kept = {
        keep: finetune(recipe(photos, tmp_path / str(keep), loss=loss, keep=keep))
        for keep in (0.0, 0.5, 1.0)
    }
    rows = [json.loads(line) for line in (tmp_path / "0.5" / "log.jsonl").read_text().splitlines()]
    assert loss != "groups" or rows[-1]["loss"] < rows[0]["loss"]
    assert rows[-1]["left_out"] == pytest.approx(kept[0.5].after["left_out"])
    assert kept[1.0].after == kept[1.0].before
    networks = {}
    for keep in kept:
        networks[keep] = new_network("tiny", 0)
        start_from(networks[keep], tmp_path / str(keep) / "checkpoint.pth")
    start = new_network("tiny", 0).state_dict()
    ends = [networks[keep].state_dict() for keep in kept]
    for name, begun in start.items():
        torch.testing.assert_close(ends[1][name], (begun + ends[0][name]) / 2)
        torch.testing.assert_close(ends[2][name], begun)
    assert not torch.equal(ends[0]["backbone.layers.0.weight"], start["backbone.layers.0.weight"])


@pytest.mark.parametrize(
    "more", [{}, {"teacher": 2.0}, {"loss": "groups", "keep": 0.5}], ids=["", "teacher", "groups"]
)
def test_a_resumed_run_is_the_same_run(photos, tmp_path, more):
    whole = finetune(recipe(photos, tmp_path / "whole", **more))
    finetune(recipe(photos, tmp_path / "parts", epochs=1, **more))
    resumed = finetune(recipe(photos, tmp_path / "parts", resume=True, **more))
    assert resumed.epochs == 3
    assert (resumed.before, resumed.after) == (whole.before, whole.after)
    weights = [torch.load(tmp_path / run / "checkpoint.pth", weights_only=True)["state_dict"]
               for run in ("whole", "parts")]  # fmt: skip
    for name, tensor in weights[0].items():
        assert torch.equal(tensor, weights[1][name])
    shared = load_checkpoint(tmp_path / "parts" / "weights.safetensors")
    assert shared["meta"] == {"epoch": 3, "backbone": "tiny"}
    given_back = new_network("tiny", 0)
    start_from(given_back, tmp_path / "parts" / "checkpoint.pth")
    for name, tensor in given_back.state_dict().items():
        assert torch.equal(shared["state_dict"][name], tensor)
    assert b".png" not in (tmp_path / "parts" / "weights.safetensors").read_bytes()
    with pytest.raises(CheckpointError, match="margin differ"):
        finetune(recipe(photos, tmp_path / "parts", resume=True, **more, margin=0.5))


def test_a_teacher_keeps_what_the_network_made(photos, tmp_path):
    """The heavier its weight, the less descriptors move."""
    from semsig.finetune.groups import labelled
    from semsig.finetune.training import describe

    groups = labelled(photos, 64)
    before = describe(new_network("tiny", 0), groups.images, 64)
    moved = []
    for teacher in (0.0, 50.0):
        out = tmp_path / str(teacher)
        finetune(recipe(photos, out, teacher=teacher))
        network = new_network("tiny", 0)
        start_from(network, out / "checkpoint.pth")
        moved.append(np.square(describe(network, groups.images, 64) - before).sum(1).mean())
    assert moved[1] < moved[0] / 2


def test_starts_from_another_run_and_tells_what_is_forgotten(photos, tmp_path):
    first = finetune(recipe(photos, tmp_path / "first", left_out=0))
    assert first.after == {}
    second = finetune(
        recipe(photos, tmp_path / "second", init=tmp_path / "first" / "weights.safetensors",
               old=photos, epochs=1)
    )  # fmt: skip
    assert set(second.before) == {"left_out", "old"}
    (tmp_path / "other.pth").write_bytes(b"nothing")
    with pytest.raises(CheckpointError):
        finetune(recipe(photos, tmp_path / "third", init=tmp_path / "other.pth"))


def test_no_epochs_export_the_network_as_it_is(photos, tmp_path):
    result = finetune(recipe(photos, tmp_path / "run", epochs=0))
    assert result.before == result.after
    assert load_segmenter(f"onnx:{result.onnx}").n_features == 64


def test_minutes_end_a_run(photos, tmp_path):
    result = finetune(recipe(photos, tmp_path / "run", minutes=0))
    assert result.epochs == 0


@pytest.mark.parametrize(
    ("source", "loss"), [("views", "groups"), ("views", "contrastive"), ("mined", "groups")]
)
def test_learns_without_labels(tmp_path, source, loss):
    (tmp_path / "photos").mkdir()
    for thing in range(4):
        for view in range(2):
            image = warped(picture(thing), np.eye(3) + 0.03 * view * np.ones((3, 3)) * np.array(
                [[1, 1, 30], [1, 1, 30], [0, 0, 0]]))  # fmt: skip
            PillowImage.fromarray(image).save(tmp_path / "photos" / f"{thing}{view}.png")
    options = recipe(tmp_path / "photos", tmp_path / "run", source=source, epochs=1, left_out=0,
                     loss=loss)  # fmt: skip
    result = finetune(options)
    assert result.groups == (8 if source == "views" else 4)
    assert result.after == {}


def test_learns_from_pairs_that_structure_from_motion_tells(tmp_path, run):
    pytest.importorskip("pycolmap")
    (tmp_path / "photos").mkdir()
    for seed in (0, 200):
        solids = scene(seed)
        for n, place in enumerate(positions()[3:9]):
            photo = PillowImage.fromarray(photograph(solids, place))
            photo.save(tmp_path / "photos" / f"{seed}_{n}.png")
    code, out, err = run(
        "finetune", tmp_path / "photos", "--out", tmp_path / "run", "--sfm", "--backbone", "tiny",
        "--side", 64, "--epochs", 1, "--left-out", 0, "--json",
    )  # fmt: skip
    assert code == 0, err
    result = json.loads(out)
    assert (result["groups"], result["photos"], result["epochs"]) == (2, 12, 1)
    assert 12 <= result["pairs"] <= 2 * 6 * 5
    assert (tmp_path / "run" / "whitening.npz").exists()
    assert f"{result['pairs']} hard pairs" in (tmp_path / "run" / "MODEL_CARD.md").read_text()


def test_says_what_is_missing(photos, tmp_path, monkeypatch):
    with monkeypatch.context() as without:
        without.setitem(__import__("sys").modules, "pycolmap", None)
        with pytest.raises(ReconstructionError, match=r"pip install 'semsig\[sfm\]'"):
            finetune(recipe(photos / "g0", tmp_path / "a", source="sfm"))
    with pytest.raises(OptionError, match="Expected backbone lite0"):
        finetune(recipe(photos, tmp_path / "a", backbone="vgg99"))
    monkeypatch.setitem(__import__("sys").modules, "efficientnet_lite_pytorch", None)
    with pytest.raises(SegmenterError, match="EfficientNet-Lite0's weights"):
        finetune(recipe(photos, tmp_path / "b", backbone="lite0"))


def test_command(photos, tmp_path, run):
    arguments = ["finetune", photos, "--out", tmp_path / "run", "--backbone", "tiny", "--side", 64,
                 "--epochs", 1, "--tuples", 8, "--left-out", 0.34]  # fmt: skip
    code, out, err = run(*arguments, "--json")
    assert code == 0, err
    assert json.loads(out)["epochs"] == 1
    code, out, _ = run(*arguments, "--resume")
    assert code == 0
    assert "(left out)" in out
    assert "whitened (left out)" in out
    systems = f"pooled,pooled@{tmp_path / 'run/whitening.npz'}"
    code, out, err = run("evaluate", photos, "--segmenter", f"onnx:{tmp_path / 'run/model.onnx'}",
                         "--compare", systems, "--json")  # fmt: skip
    assert code == 0, err
    assert all(of["measures"]["map"] > 0.2 for of in json.loads(out)["systems"].values())
    code, _, err = run(*arguments, "--views", "--mined")
    assert code == 2
    assert "Give one of" in err
