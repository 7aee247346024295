"""Photos of a benchmark to what they are compared by; in listed mode, parts of photos."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from semsig.datasets import Photos
from semsig.errors import ImageError
from semsig.evaluate.comparisons import Comparison, PooledComparison
from semsig.evaluate.results import Skipped
from semsig.evaluate.scoring import Progress
from semsig.parallel import ordered_map
from semsig.photo.image_files import read_image
from semsig.query import Box
from semsig.segment import Segmenter, segment_paths
from semsig.types import Image, LabelMap

_LONGEST = 512


def sign_photos(
    photos: Photos, segmenter: Segmenter, comparison: Comparison, report: Progress
) -> tuple[dict[int, Any], list[Skipped]]:
    """Return what each photo that can be segmented is compared by, by its number; the others."""
    signed: dict[int, Any] = {}
    skipped: list[Skipped] = []
    found = comparison.keypoints(_image(photos, number) for number in range(len(photos.paths)))
    outcomes = zip(segment_paths(segmenter, photos.paths), found, strict=False)
    for number, ((path, outcome), keypoints) in enumerate(outcomes):
        if isinstance(outcome, LabelMap):
            signed[number] = comparison.sign(_part(outcome, photos, number), keypoints)
        else:
            reason = outcome.reason if isinstance(outcome, ImageError) else "no-label-map"
            skipped.append(Skipped(path=str(path), reason=reason, message=str(outcome)))
        report("segment", number + 1, len(photos.paths))
    return signed, skipped


def describe_photos(
    photos: Photos, segmenter: Segmenter, comparison: PooledComparison, report: Progress
) -> tuple[dict[int, Any], list[Skipped]]:
    """Return the descriptor of each photo that can be read, by its number; the others."""

    def sign(number: int) -> Any:
        try:
            return comparison.sign(segmenter, _read(photos, number))
        except ImageError as error:
            path = str(photos.paths[number])
            return Skipped(path=path, reason=error.reason, message=str(error))

    signed: dict[int, Any] = {}
    skipped: list[Skipped] = []
    numbers = range(len(photos.paths))
    for number, outcome in enumerate(ordered_map(sign, numbers, os.cpu_count() or 1)):
        if isinstance(outcome, Skipped):
            skipped.append(outcome)
        else:
            signed[number] = outcome
        report("segment", number + 1, len(numbers))
    return signed, skipped


def _image(photos: Photos, number: int) -> Image:
    """Read what is asked for of a photo; one pixel where it cannot be read, which is told later."""
    try:
        return _read(photos, number)
    except ImageError:
        return np.zeros((1, 1, 3), np.uint8)


def _read(photos: Photos, number: int) -> Image:
    """Read what is asked for of a photo."""
    image = read_image(photos.paths[number], at_least=_LONGEST)
    if number in photos.listed:
        image = np.ascontiguousarray(image[_box(photos, number).slices(*image.shape[:2])])
    return image


def _part(label_map: LabelMap, photos: Photos, number: int) -> LabelMap:
    """Return the part of a photo's label map that is asked for; all of it but in listed mode."""
    if number not in photos.listed:
        return label_map
    return _box(photos, number).crop(label_map)


def _box(photos: Photos, number: int) -> Box:
    height, width, _ = read_image(photos.paths[number]).shape
    sides = np.array(photos.listed[number].box) / (width, height, width, height)
    left, top, right, bottom = np.clip(sides, 0, 1).tolist()
    return Box(left=left, top=top, right=right, bottom=bottom)
