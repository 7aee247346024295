"""A network in int8."""

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
pytestmark = pytest.mark.mmseg

from scripts import quantise_network  # noqa: E402
from semsig.segment.card import PACKAGED, NetworkCard  # noqa: E402
from semsig.segment.onnx import OnnxSegmenter  # noqa: E402
from semsig.segment.options import NetworkOptions  # noqa: E402

KEPT = ["stem", "_blocks.0/", "_blocks.1/", "_blocks.2/"]


def test_an_int8_network_is_small_and_answers_nearly_as_the_other(scenes, tmp_path, monkeypatch):
    rows = [f"{photo.name},scene" for photo in (scenes / "photos").iterdir()]
    (tmp_path / "photos.csv").write_text("\n".join(["file,category", *rows]))
    out = tmp_path / "int8.onnx"
    arguments = ["lite", scenes / "photos", tmp_path / "photos.csv", out, "--photos", "8"]
    monkeypatch.setattr("sys.argv", ["", *map(str, arguments), "--kept", *KEPT])
    quantise_network.main()
    assert out.stat().st_size < 0.6 * PACKAGED["lite"].stat().st_size
    card = NetworkCard.read(out)
    assert card.identity != NetworkCard.read(PACKAGED["lite"]).identity
    assert card.provenance["quantised"] == "int8, 8 photos, lite"
    photo = quantise_network.fitted(next((scenes / "photos").iterdir()), 64)
    options = NetworkOptions(threads=1)
    own, other = (OnnxSegmenter(path, options) for path in (PACKAGED["lite"], out))
    assert (own(photo).labels == other(photo).labels).mean() > 0.85
    (_, features), (_, quantised) = own.describe([photo])[0], other.describe([photo])[0]
    cosine = (features[0] @ quantised[0]) / np.prod(
        [np.linalg.norm(one[0]) for one in (features, quantised)]
    )
    assert 0.95 < cosine < 1
    made = onnx.load(out)
    scales = [node.input[1] for node in made.graph.node if node.op_type == "DequantizeLinear"]
    sizes = {tensor.name: tuple(tensor.dims) for tensor in made.graph.initializer}
    assert any(len(sizes[scale]) == 1 and sizes[scale][0] > 1 for scale in scales)
    assert {node.name for node in made.graph.node if node.op_type == "Conv"} > {
        "/backbone/_conv_stem/Conv"
    }
