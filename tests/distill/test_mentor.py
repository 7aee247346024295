"""Soft targets and hints of an ONNX network, by hand where they can be."""

import numpy as np
import pytest

from semsig.classes import ClassTable
from semsig.errors import CheckpointError, SegmenterError

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
pytestmark = pytest.mark.mmseg

from semsig.distill.mentor import CLASSES, Mentor  # noqa: E402
from tests.distill.mentors import write_mentor  # noqa: E402

TABLE = ClassTable(["dark", "bright"])


@pytest.fixture
def mentor(tmp_path):
    return Mentor(write_mentor(tmp_path / "mentor.onnx", TABLE), TABLE, 3, 1)


def gray(*levels):
    return np.broadcast_to(
        np.array(levels, np.uint8)[:, None, None, None], (len(levels), 64, 64, 3)
    )


def test_soft_targets_are_the_mentors_probabilities(mentor):
    photos = gray(128 + 30, 128 - 20)  # brighter by 3 and darker by 2 tenths
    scores = torch.tensor([[0.0, 1.0], [2.0, 0.0]])[:, :, None, None].expand(2, 2, 16, 16)
    soft, _ = mentor(scores, torch.zeros(2, 3, 16, 16), photos)
    bright = 1 / (1 + np.exp([-3.0, 2.0]))
    likely = np.log(1 / (1 + np.exp([-1.0, 2.0])))
    unlikely = np.log(1 / (1 + np.exp([1.0, -2.0])))
    assert float(soft) == pytest.approx(-(bright * likely + (1 - bright) * unlikely).mean())


def test_hints_are_standardised_over_the_batch_and_predicted(mentor):
    photos = gray(100, 150, 200, 250)
    features = torch.ones(4, 3, 16, 16)
    scores = torch.zeros(4, 2, 16, 16)
    weight, bias = mentor.requires_grad_(False).parameters()
    weight.zero_()
    bias.zero_()
    assert float(mentor(scores, features, photos)[1]) == pytest.approx(1, rel=1e-3)
    told = torch.from_numpy(photos[:, :16, :16, :1].astype(np.float32)).permute(0, 3, 1, 2)
    told = (told - told.mean()) / told.std(correction=0)
    weight[:, 0] = 1.0
    assert float(mentor(scores, told.expand(4, 3, 16, 16), photos)[1]) == pytest.approx(0, abs=1e-4)


def test_a_mentor_without_feature_maps_gives_no_hints(tmp_path):
    path = write_mentor(tmp_path / "mentor.onnx", TABLE, maps=0)
    mentor = Mentor(path, TABLE, 3, 1)
    soft, hints = mentor(torch.zeros(1, 2, 16, 16), torch.zeros(1, 3, 16, 16), gray(9))
    assert float(soft) == pytest.approx(np.log(2))
    assert float(hints) == 0
    assert not list(mentor.parameters())


def test_other_classes_are_refused(tmp_path):
    path = write_mentor(tmp_path / "mentor.onnx", TABLE)
    with pytest.raises(CheckpointError, match=r"names 2 classes in its metadata \(dark, bright\)"):
        Mentor(path, ClassTable(["bright", "dark"]), 3, 1)
    model = onnx.load(path)
    onnx.helper.set_model_props(model, {CLASSES: ""})
    onnx.save(model, path)
    with pytest.raises(CheckpointError, match="names 0 classes"):
        Mentor(path, TABLE, 3, 1)


def test_scores_of_other_than_the_named_classes_are_refused(tmp_path):
    model = onnx.load(write_mentor(tmp_path / "mentor.onnx", TABLE))
    three = ClassTable(["dark", "bright", "brightest"])
    onnx.helper.set_model_props(model, {CLASSES: "\n".join(three.names)})
    onnx.save(model, tmp_path / "mentor.onnx")
    with pytest.raises(CheckpointError, match=r"outputs of \[2, 1\] channels"):
        Mentor(tmp_path / "mentor.onnx", three, 3, 1)


def test_a_mentor_that_fails_says_so(mentor):
    with pytest.raises(SegmenterError, match=r"failed on \(1, 64, 64, 3\)"):
        mentor(torch.zeros(1, 2, 16, 16), torch.zeros(1, 3, 16, 16), gray(9).astype(np.float32))


def test_files_that_are_no_mentor_are_refused(tmp_path):
    path = tmp_path / "mentor.onnx"
    with pytest.raises(CheckpointError, match=r"mentor\.onnx cannot be read"):
        Mentor(path, TABLE, 3, 1)
    path.write_bytes(b"not a network")
    with pytest.raises(CheckpointError, match="no network that can be run"):
        Mentor(path, TABLE, 3, 1)
    model = onnx.load(write_mentor(path, TABLE))
    model.graph.output[0].name = model.graph.node[-1].output[0] = "probabilities"
    onnx.save(model, path)
    with pytest.raises(CheckpointError, match="expected 'photos' and, first, 'scores'"):
        Mentor(path, TABLE, 3, 1)
