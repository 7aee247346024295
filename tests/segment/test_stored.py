"""A label file is read exactly as it was stored, or refused."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from semsig.errors import SegmenterError
from semsig.segment import load_segmenter
from semsig.segment.stored import read_stored

NUMBERS = np.array([[0, 1, 2, 3, 255]], np.uint8)
RGB = np.repeat(NUMBERS[..., None], 3, 2)
OPAQUE = np.full_like(NUMBERS, 255)


def rgba(alpha=OPAQUE):
    return np.dstack([RGB, alpha])


EQUAL = {
    "rgb.png": lambda: Image.fromarray(RGB),
    "rgb.bmp": lambda: Image.fromarray(RGB),
    "rgb.tif": lambda: Image.fromarray(RGB),
    "rgba.png": lambda: Image.fromarray(rgba()),
    "rgba.TIFF": lambda: Image.fromarray(rgba()),
    "la.png": lambda: Image.fromarray(np.dstack([NUMBERS, OPAQUE]), "LA"),
    "float.tif": lambda: Image.fromarray(NUMBERS.astype(np.float32)),
    "int32.tif": lambda: Image.fromarray(NUMBERS.astype(np.int32)),
    "uint16.tif": lambda: Image.fromarray(NUMBERS.astype(np.uint16)),
    "uint16.png": lambda: Image.fromarray(NUMBERS.astype(np.uint16)),
    "grey.png": lambda: Image.fromarray(NUMBERS),
}


def names_in(folder, table="", photo="a.jpg"):
    found = load_segmenter(f"files:{folder}{table}").for_path(photo)
    names = [*found.classes.names, *["void"] * (256 - len(found.classes.names))]
    return [names[label] for label in found.labels[0]]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "classes.txt").write_text("sky\nroad\ncar\ntree\n")
    return tmp_path


@pytest.mark.filterwarnings("ignore:'mode' parameter:DeprecationWarning")
@pytest.mark.parametrize("kind", EQUAL)
def test_equal_channels_are_numbers(folder, kind):
    EQUAL[kind]().save(folder / f"a{kind[kind.index('.') :]}")
    assert names_in(folder) == ["sky", "road", "car", "tree", "void"]


@pytest.mark.parametrize("shape", [(1, 5, 1), (1, 5, 3)])
def test_equal_channels_in_arrays(folder, shape):
    np.save(folder / "a.npy", np.broadcast_to(NUMBERS[..., None], shape))
    assert names_in(folder) == ["sky", "road", "car", "tree", "void"]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_whole_floats_are_numbers(folder, dtype):
    np.save(folder / "a.npy", np.array([[-1, 0, 3]], dtype))
    assert names_in(folder) == ["void", "sky", "tree"]


@pytest.mark.parametrize("value", [0.5, np.nan, np.inf, 1e30])
def test_other_floats_are_refused(folder, value):
    Image.fromarray(np.array([[0, value]], np.float32)).save(folder / "a.tif")
    with pytest.raises(SegmenterError, match=r"whole|no class"):
        names_in(folder)


def test_black_is_a_number_where_the_table_has_no_colours(folder):
    Image.new("RGB", (2, 1)).save(folder / "a.png")
    assert names_in(folder) == ["sky", "sky"]


def test_grey_colours_of_a_table(tmp_path):
    (tmp_path / "classes.txt").write_text("128 128 128 Sky\n0 0 192 Sidewalk\n")
    Image.new("RGB", (2, 1), (128, 128, 128)).save(tmp_path / "a.png")
    assert names_in(tmp_path) == ["Sky", "Sky"]


@pytest.mark.parametrize(
    ("lines", "grey", "message"),
    [
        ("1 1 1 a\n0 0 0 b\n", 1, "may be class numbers or colours"),
        ("9 9 9 a\n0 0 0 void\n", 0, "may be class numbers or colours"),
        ("1 a 9 9 9\n2 b 8 8 7\n", 0, "neither"),
        ("9 9 9 a\n8 8 7 b\n", 77, "neither"),
    ],
)
def test_equal_channels_that_may_be_both_or_neither(tmp_path, lines, grey, message):
    (tmp_path / "classes.txt").write_text(lines)
    Image.new("RGB", (2, 1), (grey,) * 3).save(tmp_path / "a.png")
    with pytest.raises(SegmenterError, match=message):
        names_in(tmp_path)


def test_black_voc_masks_are_background_either_way(tmp_path):
    Image.new("RGB", (2, 1)).save(tmp_path / "a.png")
    assert names_in(tmp_path, "@voc") == ["background"] * 2


def test_transparent_grey_is_no_class(folder):
    alpha = np.array([[255, 255, 255, 0, 255]], np.uint8)
    Image.fromarray(rgba(alpha)).save(folder / "a.png")
    assert names_in(folder) == ["sky", "road", "car", "void", "void"]


@pytest.mark.parametrize("alpha", [0, 128])
def test_half_and_wholly_transparent_masks_are_refused(folder, alpha):
    Image.fromarray(rgba(np.full_like(NUMBERS, alpha))).save(folder / "a.png")
    with pytest.raises(SegmenterError, match="transparent"):
        names_in(folder)


def test_16_bit_colour_is_refused_where_pillow_would_cut_it(folder):
    def chunk(kind, body):
        check = zlib.crc32(kind + body).to_bytes(4, "big")
        return len(body).to_bytes(4, "big") + kind + body + check

    head = chunk(b"IHDR", struct.pack(">2I5B", 1, 1, 16, 2, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(b"\0" + struct.pack(">3H", 3, 3, 3)))
    (folder / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + head + body + chunk(b"IEND", b""))
    with pytest.raises(SegmenterError, match="16 bits"):
        names_in(folder)


def test_cmyk_is_refused(folder):
    Image.new("CMYK", (2, 1), (1, 1, 1, 0)).save(folder / "a.tif")
    with pytest.raises(SegmenterError, match="CMYK"):
        names_in(folder)


def tiff(numbers, depth, photometric):
    """A grey TIFF of one strip, `depth` bits per pixel."""
    bits = "".join(format(number, f"0{depth}b") for number in numbers)
    strip = int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")
    tags = [(256, len(numbers)), (257, 1), (258, depth), (259, 1), (262, photometric)]
    tags += [(273, 8), (277, 1), (278, 1), (279, len(strip))]
    strip += bytes(-len(strip) % 2)
    entries = b"".join(struct.pack("<HHIHxx", tag, 3, 1, value) for tag, value in tags)
    start = struct.pack("<2sHI", b"II", 42, 8 + len(strip))
    return start + strip + struct.pack("<H", len(tags)) + entries + bytes(4)


@pytest.mark.parametrize("photometric", [0, 1])
@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_grey_tiffs_hold_numbers_as_they_are(tmp_path, depth, photometric):
    numbers = [0, 1, 2, 3, 7, 15, 3, 1] if depth > 2 else [0, 1, 2**depth - 1, 1]
    (tmp_path / "a.tif").write_bytes(tiff(numbers, depth, photometric))
    assert read_stored(tmp_path / "a.tif")[0].tolist() == numbers
