"""The parts of two photos that match, drawn on both."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from semsig.explain.words import sentence_case
from semsig.opencv import cv2
from semsig.report.canvas import FAINT, Canvas, Ink
from semsig.report.draw import fit
from semsig.report.side import Side
from semsig.signatures.pooled.regions import MOST_PAIRS, Box, RegionMatches
from semsig.types import Image

_GAP = 24
_COLORS: tuple[Ink, ...] = (
    (214, 39, 40),
    (31, 119, 180),
    (44, 160, 44),
    (255, 127, 14),
    (148, 103, 189),
    (140, 86, 75),
)
"""One per pair: categorical colours that are easy to tell apart on photos."""


def regions_picture(
    a: Side, b: Side, matches: RegionMatches, *, width: int = 600
) -> PillowImage.Image:
    """Draw two photos, pale where nothing in the other matches, and frame the best pairs.

    Parameters
    ----------
    a, b : Side
        The photos.
    matches : RegionMatches
        Of their feature maps, in this order.
    width : int
        Longer side of each photo in pixels.
    """
    canvas = Canvas(2 * width + _GAP + 64)
    columns = canvas.margin, canvas.margin + width + _GAP
    canvas.text(f"{matches.distance:.3f} squared L2", columns[0], size=34)
    canvas.y += 50
    canvas.paragraph(sentence_case(matches.sentence))
    canvas.y += 14
    for letter, side, x in zip("AB", (a, b), columns, strict=True):
        letter_width = canvas.text(letter, x, size=22, ink=FAINT)
        canvas.text(side.title, x + letter_width + 12, size=22)
    canvas.y += 36
    pairs = matches.pairs[:MOST_PAIRS]
    boxes = (
        [matches.box(pair.a) for pair in pairs],
        [matches.box(pair.b, of_b=True) for pair in pairs],
    )
    best = matches.best_in_a, matches.best_in_b
    drawn = [
        draw_regions(fit(side.image, width), alike, framed)
        for side, alike, framed in zip((a, b), best, boxes, strict=True)
    ]
    for x, picture in zip(columns, drawn, strict=True):
        canvas.paste(picture, x + (width - picture.shape[1]) // 2)
    canvas.y += max(picture.shape[0] for picture in drawn) + 12
    canvas.paragraph(
        "Vivid where the other photo has something similar, pale where not; frames with the same "
        "number are each other's most similar parts.",
        size=16,
        ink=FAINT,
    )
    return canvas.finished()


def draw_regions(image: Image, alike: NDArray[np.float32], boxes: Sequence[Box]) -> Image:
    """Pale a photo where little matches, and frame numbered parts.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W, 3)
        The photo, RGB.
    alike : ndarray of float32, shape (h, w)
        Similarity of each part to the other photo's most similar one, -1..1.
    boxes : sequence of Box
        Parts to frame, at most as many as there are colours.
    """
    height, width = image.shape[:2]
    smooth = cv2.resize(alike, (width, height), interpolation=cv2.INTER_LINEAR)
    vivid = np.clip(smooth, 0, 1)[..., None]
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    pale = 0.35 * grey.astype(np.float32) + 0.65 * 255
    mixed = (vivid * image + (1 - vivid) * pale).astype(np.uint8)
    picture = PillowImage.fromarray(mixed)
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(18)
    for number, (box, color) in enumerate(zip(boxes, _COLORS, strict=False), 1):
        left, top, right, bottom = np.multiply(box, (width, height, width, height)).tolist()
        corners = (left + 1, top + 1, max(left + 1, right - 2), max(top + 1, bottom - 2))
        draw.rectangle(corners, outline=color, width=3)
        draw.text((left + 6, top + 3), str(number), fill=color, font=font)
    return np.asarray(picture)
