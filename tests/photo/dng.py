"""Camera files for tests: DNG with a mosaic of one colour, and perhaps a JPEG preview."""

from __future__ import annotations

import struct

import numpy as np

SHORT, LONG, ASCII, RATIONAL, SRATIONAL, BYTE = 3, 4, 2, 5, 10, 1
_FORMATS = {SHORT: "H", LONG: "I", BYTE: "B", RATIONAL: "I", SRATIONAL: "i"}


def dng(
    width: int, height: int, *, orientation: int = 1, preview: bytes = b"", size: tuple = ()
) -> bytes:
    """Return a DNG whose left half is bright, with a JPEG preview of `size` if one is given."""
    grid = np.full((height, width), 2_000, "<u2")
    grid[:, : width // 2] = 40_000
    raw = [
        (254, LONG, [0]),
        (256, LONG, [width]),
        (257, LONG, [height]),
        (258, SHORT, [16]),
        (259, SHORT, [1]),
        (262, SHORT, [32803]),
        (271, ASCII, b"Test\0"),
        (272, ASCII, b"Test\0"),
        (273, LONG, ["strip"]),
        (274, SHORT, [orientation]),
        (277, SHORT, [1]),
        (278, LONG, [height]),
        (279, LONG, [grid.nbytes]),
        (284, SHORT, [1]),
        (33421, SHORT, [2, 2]),
        (33422, BYTE, [0, 1, 1, 2]),
    ]
    camera = [
        (50706, BYTE, [1, 4, 0, 0]),
        (50708, ASCII, b"Test Camera\0"),
        (50721, SRATIONAL, [1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1]),
        (50728, RATIONAL, [1, 1, 1, 1, 1, 1]),
        (50778, SHORT, [21]),
    ]
    white = [(50717, LONG, [65_535])]
    strip = grid.tobytes()
    start = 8
    if not preview:
        body, _ = _directory(sorted(raw + camera + white), start + len(strip), {"strip": start})
        return struct.pack("<2sHI", b"II", 42, start + len(strip)) + strip + body
    first = [
        (254, LONG, [1]),
        (256, LONG, [size[0]]),
        (257, LONG, [size[1]]),
        (258, SHORT, [8, 8, 8]),
        (259, SHORT, [7]),
        (262, SHORT, [6]),
        (271, ASCII, b"Test\0"),
        (272, ASCII, b"Test\0"),
        (273, LONG, ["preview"]),
        (274, SHORT, [orientation]),
        (277, SHORT, [3]),
        (278, LONG, [size[1]]),
        (279, LONG, [len(preview)]),
        (330, LONG, ["raw"]),
    ]
    preview += bytes(len(preview) % 2)
    at = {"strip": start, "preview": start + len(strip)}
    at["raw"] = at["preview"] + len(preview)
    inner, end = _directory(sorted(raw + white), at["raw"], at)
    outer, _ = _directory(sorted(first + camera), end, at)
    return struct.pack("<2sHI", b"II", 42, end) + strip + preview + inner + outer


def _directory(tags, offset, at):
    entries, further = b"", b""
    after = offset + 2 + 12 * len(tags) + 4
    for tag, kind, values in tags:
        if kind == ASCII:
            body, count = values, len(values)
        else:
            numbers = [at.get(value, value) for value in values]
            body = struct.pack(f"<{len(numbers)}{_FORMATS[kind]}", *numbers)
            count = len(numbers) // (2 if kind in (RATIONAL, SRATIONAL) else 1)
        if len(body) > 4:
            entries += struct.pack("<HHII", tag, kind, count, after + len(further))
            further += body + bytes(len(body) % 2)
        else:
            entries += struct.pack("<HHI", tag, kind, count) + body.ljust(4, b"\0")
    whole = struct.pack("<H", len(tags)) + entries + bytes(4) + further
    return whole, offset + len(whole)
