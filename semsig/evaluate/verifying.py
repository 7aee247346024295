"""Rankings of a benchmark re-ordered by geometry."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from semsig.datasets import Photos
from semsig.errors import ImageError
from semsig.evaluate.signing import box_of
from semsig.explain.geometry import GeometryOptions, LocalFeatures, local_features, match
from semsig.photo.image_files import read_image
from semsig.types import Image

_KEPT = 4096
"""Photos whose keypoints stay in memory: at most 2 GiB, 1,000 SIFT keypoints each."""


class GeometricVerification:
    """Puts the first photos of rankings in order of the keypoints that agree with the query's.

    Parameters
    ----------
    photos : Photos
        The benchmark's photos.
    options : GeometryOptions, optional
        How many are compared, and how.
    """

    def __init__(self, photos: Photos, options: GeometryOptions | None = None) -> None:
        self.options = options or GeometryOptions()
        self._photos = photos
        self._features = lru_cache(_KEPT)(self._find)

    def __call__(self, asked: NDArray[np.int64], found: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the new order of columns, shape (q, N), of photos found (q, N) for queries (q,).

        A query stays where it is in its own ranking.
        """
        order = np.tile(np.arange(found.shape[1]), (len(asked), 1))
        for row, query, numbers in zip(order, asked.tolist(), found, strict=True):
            first = numbers[: self.options.first].tolist()
            inliers = np.array([self._inliers(query, number) for number in first])
            row[: len(first)] = np.argsort(-inliers, kind="stable")
        return order

    def _inliers(self, query: int, number: int) -> float:
        if query == number:
            return np.inf
        return match(self._features(query), self._features(number), self.options).inliers

    def _find(self, number: int) -> LocalFeatures:
        try:
            image = read_image(self._photos.paths[number], at_least=self.options.max_side)
        except ImageError:
            image = np.zeros((1, 1, 3), np.uint8)
        return local_features(self._part(number, image), self.options)

    def _part(self, number: int, image: Image) -> Image:
        if number not in self._photos.listed:
            return image
        part = box_of(self._photos, number).slices(*image.shape[:2])
        return np.ascontiguousarray(image[part])
