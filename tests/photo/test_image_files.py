from __future__ import annotations

import errno
import io
import os
import random
import signal
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from semsig.errors import ImageError, OptionError
from semsig.photo.image_files import MAX_SIDE, image_paths, read_image, unread_files

RGB = (np.mgrid[0:48, 0:64].sum(0)[..., None] * (2, 1, 2) % 256).astype(np.uint8)
REASONS = {"empty", "not-an-image", "truncated", "corrupt", "too-large", "unreadable"}


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def read(tmp_path: Path, content: bytes, **options: int) -> np.ndarray:
    path = tmp_path / "x.bin"
    path.write_bytes(content)
    return read_image(path, **options)


def reason(tmp_path: Path, content: bytes, **options: int) -> str:
    with pytest.raises(ImageError) as caught:
        read(tmp_path, content, **options)
    return caught.value.reason


def flat(mode: str, color: object, size: tuple[int, int] = (16, 8)) -> Image.Image:
    return Image.new(mode, size, color)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("BMP", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "tiff_adobe_deflate"}),
        ("WEBP", {"lossless": True}),
    ],
)
def test_lossless_formats_come_back_exactly(tmp_path, kind, options):
    image = read(tmp_path, encoded(Image.fromarray(RGB), kind, **options))
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, RGB)


@pytest.mark.parametrize(
    ("kind", "options"),
    [("JPEG", {}), ("JPEG", {"progressive": True}), ("WEBP", {}), ("JPEG", {"subsampling": 0})],
)
def test_lossy_formats_come_back_nearly(tmp_path, kind, options):
    image = read(tmp_path, encoded(Image.fromarray(RGB), kind, quality=95, **options))
    assert image.shape == RGB.shape
    assert np.abs(image.astype(int) - RGB).mean() < 12


def test_gif_gives_its_first_frame(tmp_path):
    frames = [flat("RGB", color) for color in ((200, 10, 30), (0, 0, 255))]
    content = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert (read(tmp_path, content) == (200, 10, 30)).all()


@pytest.mark.parametrize("kind", ["PNG", "BMP", "JPEG", "TIFF"])
def test_grey_becomes_three_equal_channels(tmp_path, kind):
    image = read(tmp_path, encoded(flat("L", 77), kind))
    assert image.shape == (8, 16, 3)
    assert (image == 77).all()


def test_black_and_white(tmp_path):
    assert (read(tmp_path, encoded(flat("1", 1), "PNG")) == 255).all()


@pytest.mark.parametrize(
    "picture",
    [flat("RGBA", (255, 0, 0, 51)), flat("RGBA", (255, 0, 0, 51)).convert("RGBa").convert("RGBA")],
)
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_alpha_lies_over_white(tmp_path, picture, kind):
    image = read(tmp_path, encoded(picture, kind)).astype(int)
    assert np.abs(image - (255, 204, 204)).max() <= 1


def test_grey_with_alpha_lies_over_white(tmp_path):
    assert (read(tmp_path, encoded(flat("LA", (0, 0)), "PNG")) == 255).all()
    assert (read(tmp_path, encoded(flat("LA", (90, 255)), "PNG")) == 90).all()


def test_palette_with_a_transparent_entry_lies_over_white(tmp_path):
    picture = flat("P", 0, (2, 1))
    picture.putpalette([10, 20, 30, 40, 50, 60])
    picture.putpixel((1, 0), 1)
    image = read(tmp_path, encoded(picture, "PNG", transparency=0))
    assert image.tolist() == [[[255, 255, 255], [40, 50, 60]]]


def test_16_bit_grey_is_scaled_not_cut(tmp_path):
    grey = np.array([[0, 128, 129, 257, 32_768, 65_535]], np.uint16)
    content = encoded(Image.fromarray(grey), "PNG")
    assert read(tmp_path, content)[0, :, 0].tolist() == [0, 0, 1, 1, 128, 255]
    assert read(tmp_path, encoded(Image.fromarray(grey), "TIFF"))[0, :, 1].tolist()[-1] == 255


def test_16_bit_colour(tmp_path):
    rows = b"\0" + struct.pack(">6H", 0, 0x8000, 0xFFFF, 0x0100, 0x1234, 0xABCD)
    header = struct.pack(">2I5B", 2, 1, 16, 2, 0, 0, 0)
    content = b"\x89PNG\r\n\x1a\n"
    for tag, data in ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")):
        checksum = struct.pack(">I", zlib.crc32(tag + data))
        content += struct.pack(">I", len(data)) + tag + data + checksum
    expected = np.array([[[0, 0x80, 0xFF], [1, 0x12, 0xAB]]])
    assert np.abs(read(tmp_path, content) - expected).max() <= 1


def test_float_tiff(tmp_path):
    grey = np.array([[0, 0.5, 1, np.nan, 7]], np.float32)
    image = read(tmp_path, encoded(Image.fromarray(grey), "TIFF"))
    assert image[0, :, 2].tolist() == [0, 128, 255, 0, 255]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([[0, 64, 255, np.nan]], np.float32), [0, 64, 255, 0]),
        (np.array([[-20, 0, 30, np.inf, -np.inf]], np.float32), [0, 102, 255, 255, 0]),
        (np.array([[0.0, 0.25, 0.5]], np.float32), [0, 64, 128]),
        (np.array([[1000, 1500, 2000]], np.int32), [0, 128, 255]),
        (np.array([[-5, 0, 5]], np.int32), [0, 128, 255]),
        (np.array([[0, 128, 255]], np.int32), [0, 128, 255]),
        (np.array([[0, 70_000, 140_000]], np.int32), [0, 128, 255]),
        (np.array([[9, 9]], np.int32), [0, 0]),
        (np.array([[np.nan, np.nan]], np.float32), [0, 0]),
    ],
)
def test_deep_tiffs_are_scaled_by_their_range(tmp_path, values, expected):
    image = read(tmp_path, encoded(Image.fromarray(values), "TIFF"))
    assert image[0, :, 0].tolist() == expected


def test_16_bit_tiffs_of_either_byte_order_are_scaled_by_all_of_16_bits(tmp_path):
    grey = np.array([[0, 257, 32_768]], np.uint16)
    for mode, bytes_ in (("I;16", grey.tobytes()), ("I;16B", grey.byteswap().tobytes())):
        picture = Image.frombytes(mode, (3, 1), bytes_)
        assert read(tmp_path, encoded(picture, "TIFF"))[0, :, 0].tolist() == [0, 1, 128]


def test_unsigned_32_bit_tiffs_have_no_sign(tmp_path):
    values = np.array([[0, 2**31, 2**32 - 1]], np.uint32).view(np.int32)
    signed = struct.pack("<HHIH", 339, 3, 1, 2)
    content = encoded(Image.fromarray(values), "TIFF").replace(signed, signed[:-2] + b"\1\0")
    assert read(tmp_path, content)[0, :, 0].tolist() == [0, 128, 255]


def test_cmyk_jpeg(tmp_path):
    image = read(tmp_path, encoded(flat("CMYK", (0, 255, 255, 0)), "JPEG", quality=100))
    assert np.abs(image.astype(int) - (255, 0, 0)).max() <= 3


def test_ycck_jpeg_as_adobe_writes_it(tmp_path):
    luma, black = 200, 180
    stored = (255 - luma, 127, 127, 255 - black)  # Adobe stores CMYK inverted
    content = bytearray(encoded(flat("CMYK", stored), "JPEG", quality=100))
    adobe = content.index(b"Adobe")
    content[adobe + 11] = 2  # transform: YCCK
    image = read(tmp_path, bytes(content)).astype(int)
    cmy, key = 255 - (255 - luma), 255 - black
    assert np.abs(image - (255 - cmy) * (255 - key) / 255).max() <= 3


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_exif_orientation_is_applied(tmp_path, orientation, kind):
    upright = np.zeros((32, 48, 3), np.uint8)
    upright[:16, :16] = 255  # bright top left corner
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = Image.fromarray(np.ascontiguousarray(stored))
    image = read(tmp_path, encoded(picture, kind, exif=exif))
    assert image.shape == upright.shape
    assert np.abs(image.astype(int) - upright).mean() < 8


def test_damaged_exif_does_not_cost_the_picture(tmp_path):
    content = encoded(Image.fromarray(RGB), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    with warnings.catch_warnings():
        assert read(tmp_path, content).shape == RGB.shape


def test_at_least_shrinks_a_jpeg_but_not_below(tmp_path):
    content = encoded(Image.new("RGB", (1000, 800)), "JPEG")
    assert read(tmp_path, content, at_least=190).shape == (200, 250, 3)
    assert read(tmp_path, content, at_least=201).shape == (400, 500, 3)
    assert read(tmp_path, content, at_least=900).shape == (800, 1000, 3)
    assert read(tmp_path, encoded(Image.new("RGB", (99, 98)), "PNG"), at_least=9).shape[:2] == (
        98,
        99,
    )


@pytest.mark.parametrize("options", [{"at_least": 0}, {"max_pixels": 0}])
def test_limits_out_of_range(tmp_path, options):
    with pytest.raises(OptionError, match="start at 1"):
        read(tmp_path, b"", **options)


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1)])
def test_smallest_pictures(tmp_path, size):
    assert read(tmp_path, encoded(Image.new("RGB", size), "PNG")).shape == (*size[::-1], 3)


def test_result_is_writable_and_contiguous(tmp_path):
    image = read(tmp_path, encoded(Image.fromarray(RGB), "PNG"))
    assert image.flags.c_contiguous
    assert image.flags.writeable


# ---------------------------------------------------------------------- reasons


def test_empty(tmp_path):
    assert reason(tmp_path, b"") == "empty"


@pytest.mark.parametrize(
    "content", [b"hello", b"\0" * 4000, b"%PDF-1.7 ...", b"\xff\xd8", b"RIFF1234WAVEfmt "]
)
def test_not_an_image(tmp_path, content):
    assert reason(tmp_path, content) == "not-an-image"


@pytest.mark.parametrize("kind", ["PPM", "ICO", "PCX", "TGA", "EPS", "SGI"])
def test_other_formats_of_pillow_are_never_decoded(tmp_path, kind):
    picture = Image.fromarray(RGB)
    assert reason(tmp_path, encoded(picture, kind)) == "not-an-image"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "BMP"])
def test_truncated(tmp_path, kind):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    content = encoded(Image.fromarray(noise), kind)
    assert reason(tmp_path, content[: len(content) * 2 // 3]) == "truncated"


def test_corrupt_header(tmp_path):
    content = bytearray(encoded(Image.fromarray(RGB), "PNG"))
    assert reason(tmp_path, bytes(content[:20])) == "truncated"
    content[17] ^= 1
    assert reason(tmp_path, bytes(content)) == "corrupt"


def test_too_many_pixels_is_seen_before_decoding(tmp_path):
    content = bytearray(encoded(Image.new("1", (64, 64)), "PNG"))
    content[16:24] = struct.pack(">2I", 60_000, 60_000)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    assert reason(tmp_path, bytes(content)) == "too-large"


def test_pixel_limit_is_exact(tmp_path):
    content = encoded(Image.fromarray(RGB), "PNG")
    assert read(tmp_path, content, max_pixels=48 * 64).shape == RGB.shape
    assert reason(tmp_path, content, max_pixels=48 * 64 - 1) == "too-large"


def test_longest_side(tmp_path):
    content = encoded(Image.new("1", (MAX_SIDE + 1, 1)), "PNG")
    assert reason(tmp_path, content) == "too-large"
    assert read(tmp_path, encoded(Image.new("1", (MAX_SIDE, 1)), "PNG")).shape[1] == MAX_SIDE


def test_text_bomb_in_a_png_is_an_image_or_an_error(tmp_path):
    info = PngImagePlugin.PngInfo()
    info.add_text("x", "a" * 80_000_000, zip=True)
    assert reason(tmp_path, encoded(Image.fromarray(RGB), "PNG", pnginfo=info)) == "corrupt"


def test_missing_folder_and_pipe_are_unreadable(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name in ("missing.jpg", ".", "pipe"):
        with pytest.raises(ImageError) as caught:
            read_image(tmp_path / name)
        assert caught.value.reason == "unreadable"


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_forbidden_is_unreadable(tmp_path):
    path = tmp_path / "x.png"
    path.write_bytes(encoded(Image.fromarray(RGB), "PNG"))
    path.chmod(0)
    with pytest.raises(ImageError) as caught:
        read_image(path)
    assert caught.value.reason == "unreadable"


def test_memory_error_is_too_large(tmp_path, monkeypatch):
    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Image.Image, "convert", fail)
    assert reason(tmp_path, encoded(flat("L", 1), "PNG")) == "too-large"


# ---------------------------------------------------------------------- mutations


def originals() -> list[bytes]:
    rng = np.random.default_rng(7)
    noise = Image.fromarray(rng.integers(0, 256, (40, 56, 3), np.uint8))
    smooth = Image.fromarray(RGB)
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "maker"
    grey16 = Image.fromarray(rng.integers(0, 65_536, (20, 20), np.uint16))
    frames = [noise, smooth.resize(noise.size)]
    return [
        encoded(smooth, "JPEG", exif=exif, icc_profile=b"p" * 200),
        encoded(noise, "JPEG", progressive=True),
        encoded(smooth.convert("CMYK"), "JPEG"),
        encoded(frames[0], "MPO", save_all=True, append_images=frames[1:]),
        encoded(noise, "PNG", exif=exif),
        encoded(smooth.convert("LA"), "PNG"),
        encoded(smooth.convert("P"), "PNG", transparency=3),
        encoded(grey16, "PNG"),
        encoded(smooth.convert("RGBA"), "WEBP", exif=exif),
        encoded(noise, "WEBP", lossless=True),
        encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:]),
        encoded(smooth.convert("P"), "BMP"),
        encoded(noise, "BMP"),
        encoded(smooth, "TIFF", compression="tiff_lzw"),
        encoded(smooth, "TIFF", compression="jpeg"),
        encoded(grey16, "TIFF"),
        encoded(smooth.convert("1"), "TIFF", compression="group4"),
        encoded(noise, "TIFF", exif=exif),
        encoded(smooth, "GIF"),
        encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]),
    ]


def mutated(content: bytes, other: bytes, rng: random.Random) -> bytes:
    data = bytearray(content)
    head = min(len(data), 200) if rng.random() < 0.5 else len(data)
    how = rng.choice(["flip", "bytes", "cut", "splice", "repeat", "extreme"])
    if how == "flip":
        for _ in range(rng.randint(1, 12)):
            data[rng.randrange(head)] ^= 1 << rng.randrange(8)
    elif how == "bytes":
        start = rng.randrange(head)
        data[start : start + rng.randint(1, 40)] = rng.randbytes(rng.randint(0, 40))
    elif how == "cut":
        del data[rng.randrange(1, len(data)) :]
    elif how == "splice":
        data[rng.randrange(head) :] = other[rng.randrange(len(other)) :]
    elif how == "repeat":
        start = rng.randrange(head)
        data[start:start] = data[start : start + rng.randint(1, 64)] * rng.randint(1, 8)
    else:
        start = rng.randrange(head)
        data[start : start + 4] = rng.choice([b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff"])
    return bytes(data)


def test_500_mutated_files_are_images_or_errors(tmp_path):
    rng = random.Random(20_260_101)
    sources = originals()
    path = tmp_path / "mutated"
    outcomes: dict[str, int] = {}
    resource = pytest.importorskip("resource")  # not on Windows
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(500):
        content = mutated(sources[number % len(sources)], rng.choice(sources), rng)
        path.write_bytes(content)
        signal.alarm(20)  # a decoder that hangs ends the run with SIGALRM
        try:
            image = read_image(path, max_pixels=4_000_000, at_least=rng.choice([None, 8]))
            assert image.ndim == 3
            assert image.dtype == np.uint8
            outcome = "image"
        except ImageError as error:
            outcome = error.reason
        finally:
            signal.alarm(0)
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 400_000  # kilobytes
    assert {"image", "truncated", "corrupt", "not-an-image"} <= set(outcomes), outcomes
    assert set(outcomes) <= {"image"} | REASONS - {"unreadable"}, outcomes


@pytest.mark.parametrize("content", originals())
def test_originals_of_the_mutations_are_read(tmp_path, content):
    assert read(tmp_path, content).ndim == 3


# ---------------------------------------------------------------------- folders


def test_image_paths(tmp_path):
    names = ["b.JPG", "a.jpeg", "sub/c.png", "sub/deep/d.Tiff", "e.webp", "Z.gif"]
    others = ["x.txt", ".hidden.jpg", ".git/y.png", "noext", "sub/.thumbs/z.jpg"]
    for name in names + others:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    assert image_paths(tmp_path) == sorted(tmp_path / name for name in names)
    assert image_paths(str(tmp_path / "sub" / "deep")) == [tmp_path / "sub/deep/d.Tiff"]


def forbid(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a folder impossible to list, even for root."""
    list_folder = os.scandir

    def scandir(path):
        if Path(path) == folder:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return list_folder(path)

    monkeypatch.setattr(os, "scandir", scandir)


def test_image_paths_name_folders_that_cannot_be_listed(tmp_path, monkeypatch):
    for name in ("a.png", "shut/b.png", "z/c.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    forbid(tmp_path / "shut", monkeypatch)
    assert image_paths(tmp_path) == [tmp_path / name for name in ("a.png", "shut", "z/c.png")]
    with pytest.raises(ImageError, match="shut is a folder") as caught:
        read_image(tmp_path / "shut")
    assert caught.value.reason == "unreadable"


@pytest.mark.parametrize("name", ["missing", "file.txt"])
def test_image_paths_of_no_folder(tmp_path, name):
    (tmp_path / "file.txt").touch()
    with pytest.raises(ImageError) as caught:
        image_paths(tmp_path / name)
    assert caught.value.reason == "unreadable"


def test_what_systems_keep_and_what_is_excluded_is_no_photo(tmp_path):
    kept = ["a.jpg", "b/c.jpg"]
    left = ["@eaDir/a.jpg/T.jpg", "#recycle/x.jpg", "$RECYCLE.BIN/x.jpg", "lost+found/x.jpg"]
    left += ["System Volume Information/x.jpg", ".thumbnails/x.jpg", "raw/x.jpg", "b/old.jpg"]
    for name in [*kept, *left, "d.PSD", "b/e.svg", "raw/f.psd"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    exclude = ["raw", "b/old.*"]
    found = [
        path.relative_to(tmp_path).as_posix() for path in image_paths(tmp_path, exclude=exclude)
    ]
    assert found == kept
    unread = [path.name for path in unread_files(tmp_path, exclude=exclude)]
    assert unread == ["e.svg", "d.PSD"]


def upload(tmp_path):
    rng = np.random.default_rng(5)
    path = tmp_path / "photo.png"
    Image.fromarray(rng.integers(0, 256, (5, 7, 3), np.uint8)).save(path)
    return path


class Pipe:
    """Can be read once, without seeking."""

    def __init__(self, content):
        self.read = lambda: content

    def seekable(self):
        return False


@pytest.mark.parametrize(
    "source",
    [
        Path.read_bytes,
        lambda path: bytearray(path.read_bytes()),
        lambda path: memoryview(path.read_bytes()),
        lambda path: io.BytesIO(path.read_bytes()),
        lambda path: Pipe(path.read_bytes()),
        Image.open,
        str,
    ],
)
def test_uploads_are_read_as_files_are(tmp_path, source):
    path = upload(tmp_path)
    np.testing.assert_array_equal(read_image(source(path)), read_image(path))


def test_an_open_file_is_read_from_its_start_and_left_open(tmp_path):
    path = upload(tmp_path)
    with path.open("rb") as file:
        file.read(3)
        np.testing.assert_array_equal(read_image(file), read_image(path))
        assert not file.closed


def test_a_picture_of_pillow_is_turned_upright():
    picture = Image.fromarray(np.arange(6, dtype=np.uint8).reshape(2, 3))
    picture.getexif()[0x0112] = 6
    assert read_image(picture).shape == (3, 2, 3)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (b"", "empty"),
        (io.BytesIO(), "empty"),
        (b"no photo at all", "not-an-image"),
        (b"\x89PNG\r\n\x1a\n" + b"0" * 50, "truncated"),
        (None, "not-an-image"),
        (5, "not-an-image"),
        (["a.jpg"], "not-an-image"),
        (io.StringIO("text"), "not-an-image"),
        ("null\0character.jpg", "unreadable"),
    ],
)
def test_what_is_no_upload_is_named(source, reason):
    with pytest.raises(ImageError) as caught:
        read_image(source)
    assert caught.value.reason == reason


def test_the_name_before_semsig_photo_still_imports():
    from semsig import image

    assert (image.read_image, image.image_paths) == (read_image, image_paths)
