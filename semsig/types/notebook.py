"""How values show themselves in notebooks: small, self-contained and escaped HTML."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from semsig.durable import open_regular

if TYPE_CHECKING:
    from PIL.Image import Image

_SIDE = 224
"""Most pixels of a picture's longer side."""
_MOST_CLASSES = 8
_MOST_CHARACTERS = 1000


def safe(text: str) -> str:
    """Escape a text for HTML; one too long is cut, what is no Unicode becomes a question mark."""
    if len(text) > _MOST_CHARACTERS:
        half = _MOST_CHARACTERS // 2
        text = f"{text[:half]} … {text[-half:]}"
    return escape(text.encode("utf-8", "replace").decode())


def shown(image: NDArray[np.uint8], alt: str) -> str:
    """Return an RGB picture as an element that holds it as PNG, scaled to `_SIDE` pixels."""
    from PIL.Image import Resampling, fromarray

    scale = _SIDE / max(image.shape[:2])
    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    return _element(fromarray(image).resize(size, Resampling.NEAREST), alt, "PNG")


def thumbnail(path: str, side: int = 96) -> str:
    """Return a photo as a small element; empty where its file cannot be read as a picture."""
    from PIL import ImageOps
    from PIL.Image import open as open_picture

    try:
        with open_regular(path) as file, open_picture(file) as photo:
            photo.draft("RGB", (side, side))
            upright = ImageOps.exif_transpose(photo)
            upright.thumbnail((side, side))
            return _element(upright.convert("RGB"), path, "JPEG")
    except Exception:  # damage surfaces as nearly anything in Pillow
        return ""


def _element(picture: Image, alt: str, kind: str) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, kind)
    data = base64.b64encode(buffer.getvalue()).decode()
    return f'<img alt="{safe(alt)}" src="data:image/{kind.lower()};base64,{data}">'


def key(
    shares: NDArray[np.float64], names: Iterable[str], palette: Iterable[tuple[int, ...]]
) -> str:
    """Return the key to a picture's colours: the largest of `shares` (0..1), one for each class."""
    classes = list(zip(shares.tolist(), names, palette, strict=True))
    largest = sorted((c for c in classes if c[0] > 0), key=lambda c: -c[0])[:_MOST_CLASSES]
    return " ".join(
        f'<span style="white-space:nowrap"><span style="background:rgb{color}">&emsp;</span> '
        f"{safe(name)} {safe('<1%' if share < 0.005 else f'{share:.0%}')}</span>"
        for share, name, color in largest
    )


def table(head: Iterable[str], rows: Iterable[Iterable[str]], left_out: int = 0) -> str:
    """Return a table of cells that are HTML already, and how many rows were left out of it."""
    lines = ["".join(f"<th>{cell}</th>" for cell in head)]
    lines += ["".join(f"<td>{cell}</td>" for cell in row) for row in rows]
    more = f"<p>and {left_out:,} more</p>" if left_out else ""
    return "<table>" + "".join(f"<tr>{line}</tr>" for line in lines) + f"</table>{more}"
