"""Links of visual phrases drawn over their photo."""

from __future__ import annotations

import numpy as np

from semsig.classes import ClassTable
from semsig.opencv import cv2
from semsig.signatures.sbovp.explanation import Links
from semsig.types import Image

_SHIFT = 4
_SUBPIXEL = 1 << _SHIFT


def draw_links(image: Image, links: Links, classes: ClassTable) -> Image:
    """Draw each link as a line in its class's colour, its keypoints as dots, over a pale photo.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W, 3)
        The photo, RGB.
    links : Links
        What to draw.
    classes : ClassTable
        The table of their labels.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)
    """
    gray = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    picture = np.asarray(cv2.addWeighted(gray, 0.45, np.full_like(gray, 255), 0.55, 0), np.uint8)
    height, width = image.shape[:2]
    pixels = np.round(links.ends * (width, height) * _SUBPIXEL).astype(np.int64)
    for (start, end), label in zip(pixels.tolist(), links.labels.tolist(), strict=True):
        color = classes.palette[label]
        cv2.line(picture, start, end, (60, 60, 60), 2, cv2.LINE_AA, _SHIFT)
        cv2.line(picture, start, end, color, 1, cv2.LINE_AA, _SHIFT)
        for point in (start, end):
            cv2.circle(picture, point, 3 * _SUBPIXEL, (60, 60, 60), -1, cv2.LINE_AA, _SHIFT)
            cv2.circle(picture, point, 2 * _SUBPIXEL, color, -1, cv2.LINE_AA, _SHIFT)
    return picture
