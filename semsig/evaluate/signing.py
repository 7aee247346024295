"""Signatures of a benchmark's photos; in listed mode, of parts of photos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from semsig.datasets import Photos
from semsig.errors import ImageError, SegmenterError
from semsig.evaluate.comparisons import Comparison, Signed
from semsig.evaluate.results import Skipped
from semsig.evaluate.scoring import Progress
from semsig.parallel import ordered_map, usable_cores
from semsig.photo import Photo
from semsig.photo.image_files import read_image
from semsig.query import Box
from semsig.segment import Segmenter
from semsig.signatures import Inputs, Signer

BATCH = 8
"""Photos that a worker reads and gives to the network as one batch."""


def sign_photos(
    photos: Photos, segmenter: Segmenter, comparison: Comparison, report: Progress
) -> tuple[dict[int, Signed], list[Skipped]]:
    """Return the signatures of each photo by its number, and the photos that were skipped."""
    signer = Signer(lambda: segmenter, comparison.encoders)
    total = len(photos.paths)
    batches = (range(first, min(first + BATCH, total)) for first in range(0, total, BATCH))
    signing = _Signing(photos, signer, mirrored=comparison.mirrored)
    signed: dict[int, Any] = {}
    skipped: list[Skipped] = []
    outcomes = chain.from_iterable(ordered_map(signing.sign, batches, usable_cores()))
    for number, outcome in enumerate(outcomes):
        if isinstance(outcome, Skipped):
            skipped.append(outcome)
        else:
            signed[number] = outcome
        report("segment", number + 1, total)
    return signed, skipped


@dataclass(frozen=True, slots=True)
class _Signing:
    """Computes the signatures of a benchmark's photos, several at a time."""

    photos: Photos
    signer: Signer
    mirrored: bool

    def sign(self, numbers: Sequence[int]) -> list[Signed | Skipped]:
        """Read some photos and compute their signatures by one call of the network."""
        read = [self._read(number) for number in numbers]
        try:
            seen = iter(self.signer.see([one for one in read if isinstance(one, Inputs)]))
        except SegmenterError as error:
            if len(numbers) > 1:
                return [self.sign([number])[0] for number in numbers]
            path = str(self.photos.paths[numbers[0]])
            return [Skipped(path=path, reason="no-label-map", message=str(error))]
        return [
            self._views(number, next(seen)) if isinstance(one, Inputs) else one
            for number, one in zip(numbers, read, strict=True)
        ]

    def _read(self, number: int) -> Inputs | Skipped:
        path = str(self.photos.paths[number])
        try:
            with Photo(path) as photo:
                return self.signer.read(photo)
        except ImageError as error:
            return Skipped(path=path, reason=error.reason, message=str(error))

    def _views(self, number: int, seen: Inputs) -> Signed:
        """Compute the signatures of a query's part of a photo; of all of it but in listed mode."""
        crop = box_of(self.photos, number) if number in self.photos.listed else None
        return self.signer.sign(self.signer.view(seen, crop, self.mirrored))


def box_of(photos: Photos, number: int) -> Box:
    """Return the part of a photo that a listed query asks for."""
    height, width, _ = read_image(photos.paths[number]).shape
    sides = np.array(photos.listed[number].box) / (width, height, width, height)
    left, top, right, bottom = np.clip(sides, 0, 1).tolist()
    return Box(left=left, top=top, right=right, bottom=bottom)
