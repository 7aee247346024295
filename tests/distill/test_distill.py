"""The whole of it, small: train, resume, export, report."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from semsig.classes import ClassTable
from semsig.distill import DistillOptions, Stage, distill
from semsig.distill.batches import Batch
from semsig.distill.photos import find_photos
from semsig.distill.teacher import load_teacher
from semsig.errors import CheckpointError, OptionError
from semsig.photo.image_files import read_image
from semsig.segment import load_segmenter, segment_path
from tests.distill.scenes import NAMES, write_scenes

torch = pytest.importorskip("torch")
pytest.importorskip("mmseg")
pytestmark = pytest.mark.mmseg

from semsig.distill.learner import Learner  # noqa: E402
from semsig.distill.network import new_network, start_from  # noqa: E402
from tests.distill.mentors import write_mentor  # noqa: E402


def options_for(scenes, out):
    return DistillOptions(
        photos=scenes / "photos",
        teacher=f"labels:{scenes / 'labels'}",
        out=out,
        views=8,
        batch_size=2,
        stages=Stage.parse("64:1,96:1"),
        threads=1,
        precision="float32",
        report_minutes=1e-6,
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished run: its options, result, and the progress it reported at every step."""
    folder = tmp_path_factory.mktemp("run")
    options, seen = options_for(write_scenes(folder), folder / "out"), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("semsig.distill.training.EVERY", 1)
        result = distill(options, seen.append)
    return options, result, seen


def weights(folder):
    return torch.load(folder / "weights.pth", weights_only=True)["state_dict"]


def test_progress_tells_views_and_stages(run):
    _, _, seen = run
    assert [status.views for status in seen] == [2, 4, 6, 8]
    assert [status.side for status in seen] == [64, 96, 96, 96]
    assert seen[-1].done == 1
    assert seen[-1].minutes_left == 0


def test_a_run_writes_what_it_promises(run):
    options, result, _ = run
    assert result.views == 8
    assert result.export_agreement > 0.95
    assert result.held_out.confusion.sum() == 3 * (48 * 64 - 3)  # one of each dominant class
    pictures = ("curves.png", "overlays.png", "failures.png")
    for name in ("classes.txt", "weights.pth", "checkpoint.pth", *pictures):
        assert (options.out / name).stat().st_size > 0
    rows = [json.loads(line) for line in (options.out / "log.jsonl").read_text().splitlines()]
    assert [row["views"] for row in rows if "agreement" in row] == [0, 2, 4, 6, 8]
    card = (options.out / "MODEL_CARD.md").read_text()
    assert f"{result.held_out.pixels:.4f}" in card
    assert str(options.photos.parent) not in card


def test_the_exported_network_segments(run):
    options, result, _ = run
    segmenter = load_segmenter(f"onnx:{result.onnx}", threads=1)
    label_map = segmenter(read_image(options.photos / "000.jpg"))
    assert label_map.classes.names == ("sky", "grass", "sand")
    assert label_map.shape == (24, 32)


def test_a_network_teacher_labels_each_photo_once(run, tmp_path):
    options, result, _ = run
    photos = find_photos(options.photos)
    teacher = load_teacher(f"onnx:{result.onnx}", photos, tmp_path)
    network = load_segmenter(f"onnx:{result.onnx}", threads=1)
    kept, made = segment_path(teacher, photos[3]), segment_path(network, photos[3])
    np.testing.assert_array_equal(kept.labels, made.labels)
    written = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.png")}
    assert len(written) == 40
    load_teacher(f"onnx:{result.onnx}", photos, tmp_path)
    assert written == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.png")}


def test_a_resumed_run_ends_where_an_unbroken_one_does(run, tmp_path, monkeypatch):
    class StopError(Exception):
        pass

    def stop_late(status):
        if status.views == 6:
            raise StopError

    monkeypatch.setattr("semsig.distill.training.EVERY", 1)
    whole, _, _ = run
    broken = replace(whole, out=tmp_path)
    with pytest.raises(StopError):
        distill(broken, stop_late)
    assert distill(replace(broken, resume=True)).views == 8
    expected, got = weights(whole.out), weights(broken.out)
    assert all(torch.equal(expected[name], got[name]) for name in expected)
    rows = [json.loads(line) for line in (broken.out / "log.jsonl").read_text().splitlines()]
    assert [row["views"] for row in rows if "loss" in row] == [2, 4, 6, 8]


def test_a_run_is_not_overwritten_nor_resumed_as_another(run):
    options, _, _ = run
    with pytest.raises(OptionError, match="resume"):
        distill(options)
    with pytest.raises(CheckpointError, match="batch_size"):
        distill(replace(options, resume=True, batch_size=4))


def test_head_rows_start_from_the_class_of_the_same_name(tmp_path):
    source, target = new_network("hr18s", 3), new_network("hr18s", 2)
    path = tmp_path / "init.pth"
    meta = {"classes": ["sky", "grass", "sand"], "images": 77}
    torch.save({"state_dict": source.state_dict(), "meta": meta}, path)
    before = target.decode_head.conv_seg.weight.detach().clone()
    assert start_from(target, [path], ClassTable(["sand", "lava"])) == 77
    head = target.decode_head.conv_seg.weight
    assert torch.equal(head[0], source.decode_head.conv_seg.weight[2])
    assert torch.equal(head[1], before[1])
    with pytest.raises(CheckpointError, match="no checkpoint of this network"):
        start_from(new_network("hr18", 3), [path], ClassTable(["sky", "grass", "sand"]))


def test_a_run_without_views_exports_the_mean_of_weights(run, tmp_path):
    options, first, _ = run
    other = distill(replace(options, out=tmp_path / "other", seed=1, paste=0.5))
    both = (options.out / "weights.pth", other.out / "weights.safetensors")
    mean = distill(replace(options, out=tmp_path / "mean", init=both, views=0))
    assert mean.views == max(first.views, other.views)
    one, two, got = weights(options.out), weights(other.out), weights(mean.out)
    for name, tensor in got.items():
        if tensor.is_floating_point():
            torch.testing.assert_close(tensor, (one[name] + two[name]) / 2)
    assert (mean.out / "model.onnx").stat().st_size > 0
    assert f"{mean.held_out.pixels:.4f}" in (mean.out / "MODEL_CARD.md").read_text()


def test_a_run_goes_on_from_an_exported_network(run, tmp_path):
    options, first, _ = run
    start = replace(options, init=(first.onnx,))
    same = distill(replace(start, out=tmp_path / "same", views=0))
    assert same.views == first.views
    assert abs(same.held_out.pixels - first.held_out.pixels) < 0.01
    assert (weights(same.out)["backbone.bn1.running_var"] != 1).all()
    assert (
        "Training started from the exported network `model.onnx`"
        in (same.out / "MODEL_CARD.md").read_text()
    )
    more = distill(replace(start, out=tmp_path / "more", precision="bfloat16"))
    assert more.views == first.views + options.views
    assert distill(replace(options, init=start.init, out=more.out, resume=True)).views == more.views


def test_weights_that_are_not_there_are_missed_before_anything_is_done(run, tmp_path):
    options, _, _ = run
    with pytest.raises(CheckpointError, match="no weights at"):
        distill(replace(options, out=tmp_path, init=(Path("nowhere.onnx"),)))


@pytest.mark.parametrize(("tiles", "precision"), [(True, "bfloat16"), (False, "float32")])
def test_the_card_says_what_precision_was_chosen(run, tmp_path, monkeypatch, tiles, precision):
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: tiles)
    options, first, _ = run
    init = (first.out / "weights.pth",)
    distill(replace(options, out=tmp_path, init=init, views=0, precision="auto"))
    assert f"| precision | {precision} |" in (tmp_path / "MODEL_CARD.md").read_text()


def test_a_class_counts_in_the_weights_that_know_it(tmp_path):
    networks = [new_network("hr18s", count) for count in (2, 1, 5)]
    known = [["sky", "lava"], ["sky"], None]
    for number, (network, classes) in enumerate(zip(networks, known, strict=True)):
        meta = {"classes": classes} if classes else {}
        torch.save({"state_dict": network.state_dict(), "meta": meta}, tmp_path / f"{number}.pth")
    target = new_network("hr18s", 3)
    anew = target.decode_head.conv_seg.weight.detach().clone()
    paths = [tmp_path / f"{number}.pth" for number in range(3)]
    assert start_from(target, paths, ClassTable(["lava", "sky", "sand"])) == 0
    both, one, _ = (network.decode_head.conv_seg.weight for network in networks)
    lava, sky, sand = target.decode_head.conv_seg.weight
    assert torch.equal(lava, both[1])
    torch.testing.assert_close(sky, (both[0] + one[0]) / 2)
    assert torch.equal(sand, anew[2])


def halves():
    """Crops dark above and bright below, labelled so; and the same crops, all void."""
    labels = np.zeros((2, 16, 16), np.int64)
    labels[:, 8:] = 1
    images = (labels.repeat(4, 1).repeat(4, 2)[..., None] * 200 + [20, 20, 20]).astype(np.uint8)
    return Batch(images, labels), Batch(images, np.full_like(labels, 255))


def test_a_learner_learns_and_leaves_void_alone(scenes, tmp_path):
    learner = Learner(options_for(scenes, tmp_path), ClassTable(["dark", "bright"]))
    batch, void = halves()
    assert learner.learn(void, 0.0) == 0
    losses = [learner.learn(batch, 1e-3) for _ in range(20)]
    assert losses[-1] < losses[0] / 2


def test_a_learner_learns_void_from_a_mentor(scenes, tmp_path):
    classes = ClassTable(["dark", "bright"])
    path = write_mentor(tmp_path / "mentor.onnx", classes)
    options = replace(options_for(scenes, tmp_path), mentor=path, soft_share=1.0, hint_weight=0.0)
    batch, void = halves()
    learner = Learner(options, classes)
    before = learner.learn(void, 0.0)
    half = Learner(replace(options, soft_share=0.5), classes)
    assert half.learn(void, 0.0) == pytest.approx(before / 2)
    for _ in range(60):
        learner.learn(void, 1e-3)
    assert (learner.scores(batch.images).argmax(1) == batch.labels).mean() > 0.9
    hinted = replace(options, hint_weight=1.0)
    first, restored = Learner(hinted, classes), Learner(replace(hinted, seed=5), classes)
    assert first.learn(void, 1e-3) > before
    restored.restore(first.state())
    assert restored.learn(void, 1e-3) == first.learn(void, 1e-3)
    assert (
        learner.state()["state_dict"].keys()
        == Learner(replace(options, mentor=None), classes).state()["state_dict"].keys()
    )


def test_a_run_has_a_mentor_resumes_with_it_and_tells_of_it(scenes, tmp_path):
    classes = ClassTable(NAMES)
    path = write_mentor(tmp_path / "mentor.onnx", classes)
    options = replace(options_for(scenes, tmp_path / "out"), mentor=path, views=4)
    result = distill(options, lambda _: None)
    assert "| mentor | `mentor.onnx` |" in (result.out / "MODEL_CARD.md").read_text()
    longer = replace(options, views=6, resume=True)
    assert distill(longer, lambda _: None).views == 6
    write_mentor(path, classes, maps=0)
    with pytest.raises(CheckpointError, match="another mentor"):
        distill(replace(longer, views=8), lambda _: None)
