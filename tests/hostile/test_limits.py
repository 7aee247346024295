"""Arrays and networks that state more than they hold, or compute what no network needs."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import struct
import zipfile

import numpy as np
import pytest

from semsig.arrays import read_npy, read_npz
from semsig.errors import CheckpointError, SegmenterError, VocabularyError
from semsig.segment import load_segmenter
from semsig.segment.card import PACKAGED
from semsig.segment.onnx import OnnxSegmenter
from semsig.segment.onnx_graph import OPERATORS, Operator, operators, refused
from semsig.signatures import Vocabulary


def header(shape, dtype="<u1") -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        file, {"descr": dtype, "fortran_order": False, "shape": shape}
    )
    return file.getvalue()


def bomb(names, n_bytes, states=None) -> bytes:
    """An .npz of zeros that is a thousandth of what it inflates to, or that states more."""
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            with archive.open(f"{name}.npy", "w") as member:
                member.write(header((states or n_bytes,)))
                for _ in range(n_bytes >> 20):
                    member.write(bytes(1 << 20))
    return body.getvalue()


def test_a_small_archive_of_large_arrays_is_refused_before_it_is_inflated():
    content = bomb(["a"], 1 << 26)
    assert len(content) < 1 << 18
    with pytest.raises(ValueError, match="at most 1,048,576 bytes"):
        read_npz(content, most=1 << 20)
    assert read_npz(content, most=1 << 26)["a"].shape == (1 << 26,)


def test_arrays_count_together():
    content = bomb("abcd", 1 << 20)
    with pytest.raises(ValueError, match="at most 0 bytes"):
        read_npz(content, most=3 << 20)
    assert list(read_npz(content, most=3 << 20, only=("d", "a"))) == ["d", "a"]


@pytest.mark.parametrize(
    "content",
    [
        header((2**40,)),
        header((2**62, 2**62)),
        header((10, 10), "|O"),
        header((10,), "|V0"),
        header((10,), "<U3"),
        header((10,)),
        b"\x93NUMPY\x03\x00" + b"x" * 100,
        b"\x93NUMPY\x01\x00\xff\xff",
        b"",
        b"PK\x03\x04",
    ],
)
def test_headers_that_promise_what_is_not_there(content):
    with pytest.raises(ValueError, match=r"expected|cannot be read"):
        read_npy(io.BytesIO(content), most=1 << 20)


def test_an_archive_may_be_damaged_anywhere():
    body = io.BytesIO()
    np.savez_compressed(body, a=np.arange(1000), b=np.ones((3, 4)))
    whole = body.getvalue()
    expected = read_npz(whole, most=1 << 20)
    rng = np.random.default_rng(0)
    for _ in range(400):
        damaged = bytearray(whole)
        damaged[rng.integers(len(whole))] ^= 1 << rng.integers(8)
        try:
            found = read_npz(bytes(damaged), most=1 << 20, only=("a", "b"))
        except ValueError:
            continue
        for name, array in found.items():
            np.testing.assert_array_equal(array, expected[name])


@pytest.mark.parametrize("name", ["1.npy", "1.npz", "1.png", "1.tif"])
def test_label_maps_have_the_limits_of_photos(tmp_path, name):
    (tmp_path / "classes.txt").write_text("sky\nsea\n")
    content = {
        "1.npy": header((2**20, 2**20)),
        "1.npz": bomb(["labels"], 1 << 20, 1 << 30),
        "1.png": _png(60_000, 60_000),
        "1.tif": _tiff(60_000, 60_000),
    }[name]
    (tmp_path / name).write_bytes(content)
    segmenter = load_segmenter(f"files:{tmp_path}")
    with pytest.raises(SegmenterError, match=r"at most|limit"):
        segmenter.for_path("1.jpg")


def _png(width, height) -> bytes:
    import zlib

    def chunk(kind, content):
        crc = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc)

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def _tiff(width, height) -> bytes:
    entries = [(256, width), (257, height), (258, 8), (259, 1), (262, 1), (273, 8), (279, 8)]
    fields = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + fields + bytes(4)


def test_a_label_map_within_limits_is_read(tmp_path):
    (tmp_path / "classes.txt").write_text("sky\nsea\n")
    labels = np.tile(np.array([0, 1], np.uint8), (4, 3))
    np.save(tmp_path / "1.npy", labels)
    np.savez_compressed(tmp_path / "2.npz", labels=labels, other=np.zeros(3))
    segmenter = load_segmenter(f"files:{tmp_path}")
    for name in ("1.jpg", "2.jpg"):
        np.testing.assert_array_equal(segmenter.for_path(name).labels, labels)


def test_a_vocabulary_that_inflates_is_refused(tmp_path):
    (tmp_path / "v.npz").write_bytes(bomb(["words", "card"], 1 << 20, 1 << 28))
    with pytest.raises(VocabularyError, match="at most"):
        Vocabulary.open(tmp_path / "v.npz")


# protocol buffers by hand: no test needs the package onnx


def field(number, content) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def varint(value) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def node(name, *, domain="", within=b"", kind=6) -> bytes:
    attribute = field(5, field(1, b"body") + field(kind, within)) if within else b""
    return field(1, field(4, name.encode()) + field(7, domain.encode()) + attribute)


def model(*nodes) -> bytes:
    return varint(1 << 3) + varint(8) + field(7, b"".join(nodes))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (model(node("Conv"), node("Relu")), []),
        (model(node("Conv", domain="ai.onnx")), []),
        (model(node("Loop", within=node("Add"))), ["Loop"]),
        (model(node("Conv"), node("If", within=node("Scan", within=node("Loop")))), None),
        (model(node("Conv", within=node("Loop"))), ["Loop"]),
        (model(node("Conv", within=node("Loop"), kind=11)), ["Loop"]),
        (model(node("Conv", domain="com.evil")), ["com.evil.Conv"]),
        (model(node("SequenceMap")), ["SequenceMap"]),
        (model(node("Conv")) + field(25, field(1, b"f") + field(7, field(4, b"Scan"))), ["Scan"]),
        (model(node("Conv")) + field(7, node("Loop")), ["Loop"]),
    ],
)
def test_operators_that_no_network_needs_are_named(content, expected):
    assert refused(content) == (["If", "Loop", "Scan"] if expected is None else expected)


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff" * 30, field(7, b"\x0a\xff"), b"\x3a\x7f", b"\x0b\x0c", b"\x80" * 9, b"\x3d\x01"],
)
def test_bytes_that_are_no_model(content):
    with pytest.raises(ValueError, match="expected"):
        operators(content)


def test_a_model_of_graphs_in_graphs_is_no_recursion():
    graph = node("Add")
    for _ in range(3000):
        graph = node("Identity", within=graph)
    assert operators(model(graph)) == {Operator("Add"), Operator("Identity")}


def test_our_networks_are_made_of_what_is_allowed():
    for path in PACKAGED.values():
        found = operators(path.read_bytes())
        assert {"Conv", "ArgMax", "Resize"} <= {name for name, _ in found}
        assert not refused(path.read_bytes())
    assert not {"Loop", "If", "Scan"} & OPERATORS


def test_a_network_with_a_loop_is_never_loaded(tmp_path):
    content = model(node("Conv"), node("Loop", within=node("Add")))
    (tmp_path / "net.onnx").write_bytes(content)
    card = json.loads(PACKAGED["lite"].with_suffix(".json").read_text("utf-8"))
    card["sha256"] = hashlib.sha256(content).hexdigest()
    (tmp_path / "net.json").write_text(json.dumps(card))
    with pytest.raises(CheckpointError, match="got Loop as well"):
        OnnxSegmenter(tmp_path / "net.onnx")


def test_what_runs_is_what_the_card_vouches_for(tmp_path, monkeypatch):
    """The file is read once: what is exchanged between check and start is not run."""
    for suffix in (".onnx", ".json"):
        shutil.copy(PACKAGED["lite"].with_suffix(suffix), tmp_path / f"net{suffix}")
    import semsig.segment.onnx as module

    genuine = module.refused

    def exchanging(content):
        (tmp_path / "net.onnx").write_bytes(b"exchanged")
        return genuine(content)

    monkeypatch.setattr(module, "refused", exchanging)
    segmenter = OnnxSegmenter(tmp_path / "net.onnx")
    assert segmenter(np.zeros((64, 64, 3), np.uint8)).labels.shape == (48, 48)
