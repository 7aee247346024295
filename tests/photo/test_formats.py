"""Kinds of pictures that need a reader: read where it is there, named where it is not."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

from semsig.errors import ImageError
from semsig.photo import formats
from semsig.photo.image_files import read_image
from semsig.photo.jxl import stated_size
from semsig.photo.walk import survey
from tests.photo.dng import dng

RGB = (np.mgrid[0:48, 0:64].sum(0)[..., None] * (2, 1, 2) % 256).astype(np.uint8)
TURNED = 6


def plugin(module: str) -> None:
    pytest.importorskip(module)
    formats._register(module)


def encoded(kind: str, picture: Image.Image, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def exif(orientation: int) -> bytes:
    facts = Image.Exif()
    facts[0x0112] = orientation
    return facts.tobytes()


@pytest.fixture
def without_readers(monkeypatch):
    """As on a machine without plug-ins, and a Pillow without AVIF and JPEG 2000."""
    monkeypatch.setattr(formats, "find_spec", lambda _: None)
    monkeypatch.setattr(features, "check", lambda _: False)
    formats.read_suffixes.cache_clear()
    formats.unread_suffixes.cache_clear()
    yield
    formats.read_suffixes.cache_clear()
    formats.unread_suffixes.cache_clear()


@pytest.mark.parametrize(
    ("kind", "module", "name", "options"),
    [
        ("HEIF", "pillow_heif", "a.HEIC", {"quality": 95}),
        ("JXL", "pillow_jxl", "a.jxl", {"lossless": True}),
        ("AVIF", "", "a.avif", {"quality": 95}),
        ("JPEG2000", "", "a.jp2", {}),
        ("JPEG2000", "", "a.j2k", {"no_jp2": True}),
        ("AVIF", "", "named.jpg", {"quality": 95}),
    ],
)
def test_kinds_with_a_reader(tmp_path, kind, module, name, options):
    if module:
        plugin(module)
    path = tmp_path / name
    path.write_bytes(encoded(kind, Image.fromarray(RGB), **options))
    image = read_image(path)
    assert image.shape == RGB.shape
    assert np.abs(image.astype(int) - RGB).mean() < 15
    assert survey(tmp_path).photos == [path]


@pytest.mark.parametrize("kind", ["AVIF", "JXL"])
def test_they_are_turned_upright(tmp_path, kind):
    if kind == "JXL":
        plugin("pillow_jxl")
    path = tmp_path / "a.x"
    path.write_bytes(encoded(kind, Image.fromarray(RGB), exif=exif(TURNED)))
    assert read_image(path).shape == (64, 48, 3)


def test_16_bit_jpeg_2000_is_scaled(tmp_path):
    grey = np.full((8, 16), 32_768, np.uint16)
    path = tmp_path / "a.jp2"
    path.write_bytes(encoded("JPEG2000", Image.fromarray(grey), irreversible=False))
    assert np.abs(read_image(path).astype(int) - 128).max() <= 1


def test_transparent_avif_lies_over_white(tmp_path):
    path = tmp_path / "a.avif"
    path.write_bytes(encoded("AVIF", Image.new("RGBA", (16, 8), (255, 0, 0, 0)), quality=95))
    assert read_image(path).min() >= 250


STARTS = {
    "heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
    "avif": b"\0\0\0\x18ftypavif\0\0\0\0mif1avif",
    "jxl": b"\0\0\0\x0cJXL \r\n\x87\n",
    "jp2": b"\0\0\0\x0cjP  \r\n\x87\n\0\0\0\x14ftypjp2 ",
    "cr3": b"\0\0\0\x18ftypcrx \0\0\0\1crx isom",
    "raf": b"FUJIFILMCCD-RAW 0201FF383501",
    "nef": b"II*\0\x08\0\0\0",
}


@pytest.mark.parametrize("suffix", STARTS)
def test_damaged_ones_are_refused_with_a_reason(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(STARTS[suffix] + bytes(64))
    with pytest.raises(ImageError) as caught:
        read_image(path)
    assert caught.value.reason in ("corrupt", "truncated", "not-an-image", "no-reader")


@pytest.mark.parametrize("suffix", STARTS)
@pytest.mark.usefixtures("without_readers")
def test_without_a_reader_the_way_to_one_is_named(tmp_path, suffix):
    path = tmp_path / f"a.{suffix.upper()}"
    path.write_bytes(STARTS[suffix] + bytes(64))
    with pytest.raises(ImageError, match=r"semsig\[(heif|jxl|raw)\]|newer Pillow") as caught:
        read_image(path)
    assert caught.value.reason == "no-reader"
    found = survey(tmp_path)
    assert (found.photos, found.unread) == ([], [path])
    assert found.remarks() == [f"1 file of kinds that are not read: .{suffix} 1"]


def test_too_many_pixels_are_refused_before_they_are_decoded(tmp_path):
    for name, kind in {"a.avif": "AVIF", "a.jp2": "JPEG2000"}.items():
        (tmp_path / name).write_bytes(encoded(kind, Image.fromarray(RGB)))
        with pytest.raises(ImageError) as caught:
            read_image(tmp_path / name, max_pixels=100)
        assert caught.value.reason == "too-large"


@pytest.mark.parametrize("size", [(1, 1), (64, 48), (300, 300), (513, 9000), (1600, 900), (8, 256)])
@pytest.mark.parametrize("container", [False, True])
def test_the_size_of_a_jpeg_xl_file_is_told_from_its_header(size, container):
    plugin("pillow_jxl")
    more = {"exif": exif(1), "use_container": True} if container else {}
    content = encoded("JXL", Image.new("L", size), effort=1, **more)
    assert content.startswith(b"\0\0\0\x0c" if container else b"\xff\x0a")
    file = io.BytesIO(content)
    assert stated_size(file) == size
    assert file.tell() == 0


@pytest.mark.parametrize("content", [b"", b"\xff", b"\0\0\0\x0cJXL ", b"\0\0\0\1JXL " + bytes(20)])
def test_jpeg_xl_files_that_state_no_size(content):
    assert stated_size(io.BytesIO(content)) is None


def test_jpeg_xl_files_beyond_the_limit_are_never_decoded(tmp_path, monkeypatch):
    plugin("pillow_jxl")
    (tmp_path / "a.jxl").write_bytes(encoded("JXL", Image.fromarray(RGB)))
    monkeypatch.setattr("semsig.photo.image_files.open_picture", None)
    with pytest.raises(ImageError) as caught:
        read_image(tmp_path / "a.jxl", max_pixels=48 * 64 - 1)
    assert caught.value.reason == "too-large"


def jpeg(size: tuple[int, int]) -> bytes:
    picture = np.zeros((size[1], size[0], 3), np.uint8)
    picture[:, : size[0] // 2] = (250, 0, 0)
    return encoded("JPEG", Image.fromarray(picture))


def raw(tmp_path: Path, **options: object) -> np.ndarray:
    pytest.importorskip("rawpy")
    path = tmp_path / "a.DNG"
    path.write_bytes(dng(64, 48, **options))
    return read_image(path)


@pytest.mark.parametrize(
    ("orientation", "shape", "bright"),
    [
        (1, (48, 64, 3), np.s_[:, :30]),
        (3, (48, 64, 3), np.s_[:, 34:]),
        (6, (64, 48, 3), np.s_[:30]),
        (8, (64, 48, 3), np.s_[34:]),
    ],
)
def test_raw_photos_are_developed_upright(tmp_path, orientation, shape, bright):
    image = raw(tmp_path, orientation=orientation)
    assert image.shape == shape
    assert image[bright].min() > 200 > image.mean()


def test_the_preview_of_a_raw_photo_comes_first(tmp_path):
    image = raw(tmp_path, preview=jpeg((640, 520)), size=(640, 520))
    assert image.shape == (520, 640, 3)
    assert np.abs(image[:, :300].astype(int) - (250, 0, 0)).max() < 8


def test_the_preview_is_turned_as_the_photo_is(tmp_path):
    image = raw(tmp_path, preview=jpeg((640, 520)), size=(640, 520), orientation=6)
    assert image.shape == (640, 520, 3)
    assert image[:300, :, 0].min() > 200


@pytest.mark.parametrize("preview", [jpeg((160, 120)), b"\xff\xd8\xff damaged"])
def test_thumbnails_and_damaged_previews_are_passed_over(tmp_path, preview):
    assert raw(tmp_path, preview=preview, size=(160, 120)).shape == (48, 64, 3)


def test_raw_photos_keep_to_the_limits(tmp_path):
    pytest.importorskip("rawpy")
    path = tmp_path / "a.dng"
    path.write_bytes(dng(64, 48))
    with pytest.raises(ImageError) as caught:
        read_image(path, max_pixels=100)
    assert caught.value.reason == "too-large"
    assert read_image(path, at_least=24).shape == (24, 32, 3)
