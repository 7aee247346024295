"""Networks measured side by side."""

import shutil

import numpy as np
from PIL import Image

from scripts import compare_networks
from scripts.compare_networks import most_wrong, table
from semsig.classes import ClassTable
from semsig.distill.samples import Sample
from semsig.segment.card import PACKAGED
from semsig.types import LabelMap


def test_a_network_and_its_copy_have_the_same_figures(scenes, tmp_path, monkeypatch):
    rows = [f"{photo.name},scene" for photo in (scenes / "photos").iterdir()]
    (tmp_path / "photos.csv").write_text("\n".join(["file,category", *rows]))
    things = tmp_path / "things"
    (things / "images").mkdir(parents=True)
    (things / "labels").mkdir()
    (things / "classes.txt").write_text("bear\nsheep")
    Image.new("RGB", (64, 48), "brown").save(things / "images" / "one.png")
    Image.fromarray(np.eye(48, 64, dtype=np.uint8)).save(things / "labels" / "one.png")
    for suffix in (".onnx", ".json"):
        shutil.copy(PACKAGED["lite"].with_suffix(suffix), tmp_path / f"copy{suffix}")
    out = tmp_path / "out"
    arguments = [scenes / "photos", f"{scenes / 'labels'}@semsig54", tmp_path / "photos.csv"]
    arguments += [things, out, "--networks", "lite", tmp_path / "copy.onnx"]
    monkeypatch.setattr("sys.argv", ["compare_networks", *map(str, arguments)])
    compare_networks.main()
    lines = [line.split("|")[1:-1] for line in (out / "compare.md").read_text().splitlines()]
    assert [cell.strip() for cell in lines[0]] == ["", "lite", str(tmp_path / "copy.onnx")]
    assert len(lines) == 9
    for name, one, other in lines[2:]:
        assert one == other or name.strip().startswith("ms")
        assert float(one) >= 0
    pictures = [out / f"failures-{number}.png" for number in (0, 1)]
    assert np.array_equal(*(np.asarray(Image.open(picture)) for picture in pictures))


def test_columns_stand_beside_each_other():
    rows = table(["old", "new"], [{"map": "0.5", "MB": "8"}, {"map": "0.6", "MB": "9"}])
    assert rows.splitlines() == [
        "|  | old | new |",
        "| --- | --- | --- |",
        "| map | 0.5 | 0.6 |",
        "| MB | 8 | 9 |",
    ]


def test_the_most_wrong_stand_first():
    classes, photo = ClassTable(["a", "b"]), np.zeros((2, 2, 3), np.uint8)
    truth = LabelMap(np.zeros((2, 2), np.uint8), classes)
    found = [[[0, 0], [0, 1]], [[1, 1], [1, 1]], [[0, 0], [0, 0]], [[0, 1], [0, 1]]]
    samples = [
        Sample(photo, truth, LabelMap(np.array(labels, np.uint8), classes)) for labels in found
    ]
    assert most_wrong(samples, 3) == [1, 3, 0]
