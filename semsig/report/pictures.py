"""A label map over its photo, and two photos explained side by side, as pictures."""

from __future__ import annotations

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageDraw

from semsig.explain import Explanation, describe
from semsig.explain.words import sentence_case
from semsig.report.canvas import FAINT, Canvas, frame
from semsig.report.draw import fit, legend, overlay
from semsig.report.links import draw_links
from semsig.report.side import Side
from semsig.signatures.sbovp.explanation import SharedPhrases
from semsig.types import Image

_GAP = 24


def segmentation_picture(side: Side, *, width: int = 640) -> PillowImage.Image:
    """Draw a photo next to its label map, with a legend and a description.

    Parameters
    ----------
    side : Side
        The photo.
    width : int
        Longest side of each of the two pictures in pixels.
    """
    image = fit(side.image, width)
    canvas = Canvas(max(2 * image.shape[1] + _GAP + 64, 560))
    canvas.text(side.title, canvas.margin, size=22)
    canvas.y += 40
    canvas.paste(image, canvas.margin)
    canvas.paste(overlay(image, side.label_map), canvas.margin + image.shape[1] + _GAP)
    canvas.y += image.shape[0] + 18
    canvas.paragraph(sentence_case(describe(side.signature, side.label_map)), size=18)
    canvas.y += 8
    canvas.swatches(legend(side.label_map))
    return canvas.finished()


def explanation_picture(
    a: Side,
    b: Side,
    explanation: Explanation,
    *,
    phrases: SharedPhrases | None = None,
    width: int = 600,
) -> PillowImage.Image:
    """Draw two photos, their label maps, and the blocks in which they agree and differ.

    Parameters
    ----------
    a, b : Side
        The photos.
    explanation : Explanation
        Of their signatures, in this order.
    phrases : SharedPhrases, optional
        Visual phrases to draw as well.
    width : int
        Longer side of each photo in pixels.
    """
    canvas = Canvas(2 * width + _GAP + 64)
    columns = canvas.margin, canvas.margin + width + _GAP
    canvas.text(f"{explanation.distance:,} bits differ", columns[0], size=34)
    canvas.y += 50
    canvas.paragraph(sentence_case(explanation.sentence))
    canvas.y += 14
    for letter, side, x in zip("AB", (a, b), columns, strict=True):
        letter_width = canvas.text(letter, x, size=22, ink=FAINT)
        canvas.text(side.title, x + letter_width + 12, size=22)
    canvas.y += 36
    photos = [fit(side.image, width) for side in (a, b)]
    _place_pair(canvas, columns, photos)
    canvas.y += 12
    covered = [overlay(photo, side.label_map) for photo, side in zip(photos, (a, b), strict=True)]
    _place_pair(canvas, columns, [_marked(picture, explanation) for picture in covered])
    canvas.y += 12
    _key(canvas, explanation)
    if phrases is not None:
        drawn = zip(photos, phrases.links, strict=True)
        classes = phrases.schema.classes
        _place_pair(canvas, columns, [draw_links(*each, classes) for each in drawn])
        canvas.y += 12
        canvas.paragraph(sentence_case(phrases.sentence), size=18)
        canvas.y += 6
    canvas.swatches(legend(a.label_map, b.label_map))
    _class_bars(canvas, explanation)
    return canvas.finished()


def _place_pair(canvas: Canvas, columns: tuple[int, int], pictures: list[Image]) -> None:
    """Place two pictures, each in the middle of its column, and move below them."""
    width = columns[1] - columns[0] - _GAP
    for x, picture in zip(columns, pictures, strict=True):
        canvas.paste(picture, x + (width - picture.shape[1]) // 2)
    canvas.y += max(picture.shape[0] for picture in pictures)


def _marked(image: Image, explanation: Explanation) -> Image:
    """Frame each block: green where the two agree, orange and crossed where they differ."""
    picture = PillowImage.fromarray(image)
    draw = ImageDraw.Draw(picture)
    side = 2**explanation.schema.levels
    height, width = image.shape[:2]
    for block, agreement in enumerate(explanation.block_agreement):
        row, column = divmod(block, side)
        left, top = column * width // side + 2, row * height // side + 2
        right, bottom = (column + 1) * width // side - 3, (row + 1) * height // side - 3
        if left < right and top < bottom:
            frame(draw, (left, top, right, bottom), float(agreement))
    return np.asarray(picture)


def _key(canvas: Canvas, explanation: Explanation) -> None:
    """Explain the frames."""
    blocks = explanation.block_agreement
    words = (
        (1.0, f"blocks that agree: {np.count_nonzero(blocks == 1)} of {len(blocks)} wholly"),
        (0.75, "more than half of the bits shared"),
        (0.2, "fewer than half"),
        (0.0, "none"),
    )
    canvas.frames(words)


def _class_bars(canvas: Canvas, explanation: Explanation) -> None:
    """Write which classes the differing bits belong to."""
    parts = [f"{name} {bits}" for name, bits in explanation.class_distances()[:10]]
    if parts:
        canvas.y += 6
        canvas.paragraph("Differing bits by class: " + ", ".join(parts), size=16, ink=FAINT)
