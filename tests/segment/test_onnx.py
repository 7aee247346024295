from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from sklearn.datasets import load_sample_image

from semsig.classes import ClassTable
from semsig.errors import CheckpointError, OptionError, SegmenterError
from semsig.segment import fetch_checkpoint, load_segmenter
from semsig.segment.card import PACKAGED, NetworkCard
from semsig.segment.onnx import OnnxSegmenter, packaged, start_session
from semsig.segment.options import NetworkOptions


@pytest.fixture(scope="module")
def segmenter() -> OnnxSegmenter:
    return packaged("embedded", NetworkOptions(threads=1, short_side=192))


@pytest.fixture
def copied(tmp_path):
    for suffix in (".onnx", ".json"):
        shutil.copy(PACKAGED["embedded"].with_suffix(suffix), tmp_path / f"net{suffix}")
    return tmp_path / "net.onnx"


def photo(seed: int = 0, shape: tuple[int, int] = (90, 130)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (*shape, 3), np.uint8)


@pytest.mark.parametrize("name", PACKAGED)
def test_packaged_files_are_small_and_their_table_is_built_in(name):
    assert PACKAGED[name].stat().st_size <= 9_000_000
    assert packaged(name).classes == ClassTable.builtin("semsig54")
    assert packaged(name).name == name


@pytest.mark.parametrize("name", PACKAGED)
def test_sky_over_the_temple(name):
    china = load_segmenter(name, threads=1)(load_sample_image("china.jpg"))
    top = china.labels[:10]
    assert (top == china.classes.index("sky")).mean() > 0.9


def test_map_has_a_quarter_of_the_network_size(segmenter):
    assert segmenter(photo(shape=(256, 384))).shape == (48, 72)


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (3000, 2), (33, 65)])
def test_odd_shapes(segmenter, shape):
    labels = segmenter(photo(shape=shape)).labels
    assert labels.dtype == np.uint8
    assert min(labels.shape) >= 48


def test_grey_and_read_only_photos(segmenter):
    grey = np.full((64, 64, 3), 128, np.uint8)
    grey.flags.writeable = False
    assert segmenter(grey).shape == (48, 48)
    assert segmenter(photo()[::-1, ::-1]).shape == segmenter(photo()).shape


def test_batch_gives_what_single_photos_give(segmenter):
    images = [photo(0), photo(1, (130, 90)), photo(2), photo(3, (50, 50)), photo(4)]
    together = segmenter.batch(images)
    assert [m.shape for m in together] == [segmenter(i).shape for i in images]
    agree = [
        (a.labels == segmenter(i).labels).mean() for a, i in zip(together, images, strict=True)
    ]
    assert min(agree) > 0.999


def test_features_are_pooled_in_three_ways(segmenter):
    photos = [photo(shape=shape) for shape in ((96, 160), (1, 1), (300, 200))]
    features = segmenter.features(photos)
    assert features.shape == (3, 3, 270)
    assert features.dtype == np.float32
    average, largest, gem = features.transpose(1, 0, 2)
    assert average.min() >= 0
    assert (average <= gem * 1.0001).all()
    assert (gem <= largest * 1.0001).all()
    assert (largest > average).any()
    np.testing.assert_array_equal(segmenter.features(photos[1:2]), features[1:2])
    assert segmenter.features([]).shape[0] == 0


def test_what_is_no_photo(segmenter):
    with pytest.raises(SegmenterError, match="RGB uint8"):
        segmenter(np.zeros((5, 5), np.uint8))


def test_name_loads_it_again():
    segmenter = load_segmenter("embedded@128", threads=1)
    again = load_segmenter(segmenter.name, threads=1)
    assert again.name == "embedded@128"
    assert again.fingerprint == segmenter.fingerprint
    assert again.fingerprint != load_segmenter("embedded").fingerprint
    assert load_segmenter(f"embedded@{segmenter.card.short_side}").name == "embedded"


def test_onnx_file_by_name(copied, segmenter):
    own = load_segmenter(f"onnx:{copied}@160", threads=1)
    assert own.name == f"onnx:{copied}@160"
    assert own(photo()).shape == (40, 56)
    assert load_segmenter(f"onnx:{copied}@192", threads=1)(photo()) == segmenter(photo())


def test_relative_path_becomes_absolute_in_the_name(copied, monkeypatch):
    monkeypatch.chdir(copied.parent)
    assert load_segmenter("onnx:net.onnx", threads=1).name == f"onnx:{copied}"


@pytest.mark.parametrize("name", ["embedded", "onnx:x.onnx", "files:x"])
def test_names_that_need_no_download(name, tmp_path, monkeypatch):
    monkeypatch.setenv("SEMSIG_CACHE", str(tmp_path))
    fetch_checkpoint(name, progress=lambda *_: pytest.fail("downloads"))
    assert list(tmp_path.iterdir()) == []


def test_changed_file_is_refused(copied):
    content = bytearray(copied.read_bytes())
    content[len(content) // 2] ^= 1
    copied.write_bytes(content)
    with pytest.raises(CheckpointError, match="SHA-256"):
        OnnxSegmenter(copied)


def test_missing_card_and_missing_file(copied, tmp_path):
    with pytest.raises(CheckpointError, match="card"):
        OnnxSegmenter(tmp_path / "other.onnx")
    copied.unlink()
    with pytest.raises(CheckpointError, match="cannot be read"):
        OnnxSegmenter(copied)


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"sha256": 1}', "\x00"])
def test_damaged_card(copied, text):
    copied.with_suffix(".json").write_text(text)
    with pytest.raises(CheckpointError, match="no network card"):
        OnnxSegmenter(copied)


def test_file_that_is_no_network(copied):
    copied.write_bytes(b"not a network")
    path = copied.with_suffix(".json")
    card = json.loads(path.read_text()) | {"sha256": hashlib.sha256(b"not a network").hexdigest()}
    path.write_text(json.dumps(card))
    with pytest.raises(CheckpointError, match="no network that can be run"):
        OnnxSegmenter(copied)


def test_card_round_trip(tmp_path):
    card = NetworkCard(
        sha256="00",
        classes=ClassTable(["a", "b"], name="t"),
        short_side=128,
        opset=17,
        provenance={"made by": "hand"},
    )
    card.write(tmp_path / "n.onnx")
    assert NetworkCard.read(tmp_path / "n.onnx") == card


@pytest.mark.parametrize(
    "values", [{"short_side": 63}, {"short_side": 1025}, {"threads": 0}, {"batch_size": 0}]
)
def test_options_out_of_range(values):
    with pytest.raises(OptionError, match=next(iter(values))):
        NetworkOptions(**values)


@pytest.mark.parametrize(
    "name", ["", "embeded", "onnx:", "mmseg:", "files:", "resnet:x", "embedded:x"]
)
def test_unknown_names(name):
    with pytest.raises(SegmenterError, match="there are embedded"):
        load_segmenter(name)


def test_side_out_of_range():
    with pytest.raises(OptionError, match="short_side"):
        load_segmenter("embedded@5000")


def test_weights_in_other_files_are_refused(tmp_path):
    entry = b"\x0a\x08location\x12\x05w.bin"  # key and value, as ONNX writes them
    path = tmp_path / "network.onnx"
    path.write_bytes(PACKAGED["embedded"].read_bytes() + bytes([0x72, len(entry)]) + entry)
    with pytest.raises(CheckpointError, match="other files"):
        start_session(path, 1, "labels")
    path.write_bytes(PACKAGED["embedded"].read_bytes())
    start_session(path, 1, "labels")


@pytest.mark.parametrize("key", ["short_side", "opset"])
@pytest.mark.parametrize(
    "value", ["1e9", "Infinity", "NaN", "0", "-5", "null", "true", "[]", '"9"']
)
def test_card_out_of_range_is_refused(tmp_path, key, value):
    path = tmp_path / "network.onnx"
    card = json.loads(PACKAGED["embedded"].with_suffix(".json").read_text("utf-8"))
    text = json.dumps(card | {key: "HERE"}).replace('"HERE"', value)
    path.with_suffix(".json").write_text(text)
    with pytest.raises(CheckpointError, match="no network card"):
        NetworkCard.read(path)


def test_card_nested_too_deep_is_refused(tmp_path):
    (tmp_path / "network.json").write_text("[" * 100_000)
    with pytest.raises(CheckpointError, match="no network card"):
        NetworkCard.read(tmp_path / "network.onnx")


@pytest.mark.parametrize("name", PACKAGED)
def test_feature_maps_are_what_features_are_pooled_of(name):
    network = packaged(name, NetworkOptions(threads=1, short_side=96))
    images = [photo(1), photo(2, (130, 90)), photo(3)]
    described, mapped = network.describe(images), network.describe_maps(images)
    for (label_map, features), (again, map_) in zip(described, mapped, strict=True):
        assert np.array_equal(label_map.labels, again.labels)
        assert map_.dtype == np.float32
        assert map_.shape[0] == network.n_features
        assert map_.min() >= 0
        np.testing.assert_allclose(features[0], map_.mean((1, 2)), rtol=1e-4, atol=1e-6)
        np.testing.assert_array_equal(features[1], map_.max((1, 2)))
    wide, tall = mapped[0][1].shape[1:], mapped[1][1].shape[1:]
    assert wide == tall[::-1]


def test_a_file_that_answers_as_an_earlier_one_has_its_fingerprint(copied):
    card = NetworkCard.read(copied)
    assert card.answers_as != card.sha256
    assert card.answers_as in OnnxSegmenter(copied).fingerprint
    replace(card, answers_as="").write(copied)
    assert NetworkCard.read(copied).answers_as == ""
    assert card.sha256 in OnnxSegmenter(copied).fingerprint
    assert "answers_as" not in copied.with_suffix(".json").read_text()
