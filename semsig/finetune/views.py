"""Training views of a photo: crops, and warped crops as if seen from another place."""

from __future__ import annotations

import numpy as np

from semsig.opencv import cv2
from semsig.types import Image


def middle_crop(image: Image, side: int) -> Image:
    """Return the square in the middle, `side` pixels."""
    top, left = ((size - side) // 2 for size in image.shape[:2])
    return image[top : top + side, left : left + side]


def random_crop(image: Image, side: int, random: np.random.Generator) -> Image:
    """Return a random square of `side` pixels, recoloured, mirrored with probability 1/2.

    Brightness and contrast change by up to a fifth.
    """
    top, left = (int(random.integers(0, size - side + 1)) for size in image.shape[:2])
    crop = image[top : top + side, left : left + side]
    if random.random() < 0.5:
        crop = crop[:, ::-1]
    return _recolored(crop, random)


def random_view(image: Image, side: int, random: np.random.Generator) -> Image:
    """Return a view as if from another place: a crop of 40 to 100 %, with each corner moved.

    Corners move by up to an eighth of the crop's sides. Views are never mirrored.
    """
    height, width = image.shape[:2]
    share = np.sqrt(random.uniform(0.4, 1.0))
    size = share * min(height, width)
    left, top = random.uniform(0, width - size), random.uniform(0, height - size)
    square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
    corners = square * size + (left, top) + random.uniform(-0.125, 0.125, (4, 2)) * size
    warp = cv2.getPerspectiveTransform(
        corners.astype(np.float32), (square * side).astype(np.float32)
    )
    seen = cv2.warpPerspective(image, warp, (side, side), borderMode=cv2.BORDER_REFLECT)
    return _recolored(np.asarray(seen, np.uint8), random)


def _recolored(image: Image, random: np.random.Generator) -> Image:
    contrast, brightness = random.uniform(0.8, 1.2), random.uniform(-25, 25)
    return np.asarray(np.clip(image * contrast + brightness, 0, 255), np.uint8)
