"""Two photos side by side, and the keypoints that one homography joins."""

from __future__ import annotations

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageDraw

from semsig.explain.geometry import Match
from semsig.report.canvas import Canvas
from semsig.report.draw import fit
from semsig.types import Image

_GAP = 24
_COLORS = ((0, 158, 115), (0, 114, 178), (213, 94, 0), (204, 121, 167), (230, 159, 0))


def match_picture(
    a: Image, b: Image, found: Match, titles: tuple[str, str], *, width: int = 560
) -> PillowImage.Image:
    """Draw two photos and a line from each keypoint to the one that it matches.

    Parameters
    ----------
    a, b : ndarray of uint8, shape (H, W, 3)
        The photos, RGB.
    found : Match
        Of these photos, in this order, in their pixels.
    titles : (str, str)
        What they are called.
    width : int
        Longer side of each in pixels.
    """
    canvas = Canvas(2 * width + _GAP + 64)
    canvas.text(found.sentence, canvas.margin, size=26)
    canvas.y += 44
    shown = [fit(photo, width) for photo in (a, b)]
    lefts = [canvas.margin, canvas.margin + width + _GAP]
    for title, left in zip(titles, lefts, strict=True):
        canvas.text(title, left, size=18)
    canvas.y += 30
    top = canvas.y
    for photo, left in zip(shown, lefts, strict=True):
        canvas.paste(photo, left)
    canvas.y += max(photo.shape[0] for photo in shown)
    sheet = canvas.finished()
    scales = np.array([new.shape[1] / old.shape[1] for new, old in zip(shown, (a, b), strict=True)])
    ends = found.pairs * scales[:, None] + np.array([[lefts[0], top], [lefts[1], top]])
    draw = ImageDraw.Draw(sheet)
    for number, ((x0, y0), (x1, y1)) in enumerate(ends.tolist()):
        color = _COLORS[number % len(_COLORS)]
        draw.line((x0, y0, x1, y1), fill=color, width=1)
        for x, y in ((x0, y0), (x1, y1)):
            draw.ellipse((x - 3, y - 3, x + 3, y + 3), outline=color, width=2)
    return sheet
