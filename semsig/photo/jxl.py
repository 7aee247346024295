"""The size that a JPEG XL file states: its reader decodes all of it before it tells."""

from __future__ import annotations

from typing import BinaryIO

_CODESTREAM = b"\xff\x0a"
_RATIOS = ((0, 1), (1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_WIDTHS = (9, 13, 18, 30)
_HEADER = 16
"""Bytes that hold the signature and the size header, of at most 66 bits."""
_BOXES = 64
"""Boxes of a container that are looked at; the codestream is among the first."""


def stated_size(file: BinaryIO) -> tuple[int, int] | None:
    """Return (width, height) of a JPEG XL file from its start; None if it states none.

    ISO/IEC 18181-1, SizeHeader: heights and widths in 9, 13, 18 or 30 bits or in eighths, widths
    also by a ratio. The file is left at its start.
    """
    try:
        start = _codestream(file)
    finally:
        file.seek(0)
    return _size(int.from_bytes(start[2:], "little")) if start.startswith(_CODESTREAM) else None


def _codestream(file: BinaryIO) -> bytes:
    """Return the start of the codestream, which may lie in a box of a container."""
    file.seek(0)
    start = file.read(_HEADER)
    if start.startswith(_CODESTREAM):
        return start
    at = 0
    for _ in range(_BOXES):
        file.seek(at)
        header = file.read(16)
        length, kind, body = int.from_bytes(header[:4], "big"), header[4:8], 8
        if length == 1:
            length, body = int.from_bytes(header[8:], "big"), 16
        if kind in (b"jxlc", b"jxlp"):
            file.seek(at + body + 4 * (kind == b"jxlp"))  # a part is numbered
            return file.read(_HEADER)
        if length < body:
            break
        at += length
    return b""


def _size(bits: int) -> tuple[int, int]:
    """Read a SizeHeader, the lowest bit first."""
    taken = 0

    def take(count: int) -> int:
        nonlocal taken
        value = bits >> taken & (1 << count) - 1
        taken += count
        return value

    in_eighths = take(1)

    def side() -> int:
        return 8 * (1 + take(5)) if in_eighths else 1 + take(_WIDTHS[take(2)])

    height = side()
    ratio = take(3)
    if not ratio:
        return side(), height
    numerator, denominator = _RATIOS[ratio]
    return height * numerator // denominator, height
