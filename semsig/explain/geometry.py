"""Whether two photos show one thing: matched keypoints that fit one homography."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from semsig.errors import OptionError
from semsig.opencv import cv2
from semsig.types import Image

KeypointName = Literal["sift", "kaze"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GeometryOptions:
    """How two photos are compared by their geometry.

    Parameters
    ----------
    first : int
        Number of first hits that are compared, at least 1.
    detector : {"sift", "kaze"}
        Method that finds and describes keypoints.
    max_points : int
        Most keypoints per photo, the strongest; at least 4.
    max_side : int
        Photos with a longer side are scaled down to it first, at least 32 pixels.
    ratio : float
        Lowe's ratio test: a keypoint's nearest counts if its distance is below this share of that
        of the second nearest; in (0, 1] (Lowe 2004).
    error : float
        Largest reprojection error of a match under the homography, in pixels, above 0.
    least : int
        Fewer matches than this that one homography explains count as none, at least 4: four
        define it.

    Raises
    ------
    OptionError
        If a value is outside its range.
    """

    first: int = 100
    detector: KeypointName = "sift"
    max_points: int = 1000
    max_side: int = 512
    ratio: float = 0.8
    error: float = 4.0
    least: int = 8

    def __post_init__(self) -> None:
        if self.detector not in _DETECTORS:
            known = ", ".join(_DETECTORS)
            raise OptionError(f"Expected a detector of {known}, got {self.detector!r}.")
        if self.first < 1 or self.max_points < 4 or self.max_side < 32 or self.least < 4:
            raise OptionError(
                "Expected first >= 1, max_points >= 4, max_side >= 32 and least >= 4, got "
                f"{self.first}, {self.max_points}, {self.max_side}, {self.least}."
            )
        if not 0 < self.ratio <= 1 or not self.error > 0:
            raise OptionError(
                f"Expected ratio above 0 to 1 and error above 0, got {self.ratio}, {self.error}."
            )


@dataclass(frozen=True, slots=True, eq=False)
class LocalFeatures:
    """Keypoints of a photo.

    Parameters
    ----------
    points : ndarray of float32, shape (n, 2)
        x and y in pixels of the photo as it was scaled down.
    descriptors : ndarray of float32, shape (n, d)
        What surrounds them.
    scale : float
        Pixels of the original photo per pixel of the scaled one.
    """

    points: NDArray[np.float32]
    descriptors: NDArray[np.float32]
    scale: float


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """What two photos have in common by their geometry.

    Parameters
    ----------
    pairs : ndarray of float32, shape (n, 2, 2)
        Matched keypoints that one homography explains: for each, x and y in the first photo and
        in the second, in pixels.
    tried : int
        Matches by descriptors alone.
    """

    pairs: NDArray[np.float32]
    tried: int

    @property
    def inliers(self) -> int:
        """How many keypoints agree."""
        return len(self.pairs)

    @property
    def sentence(self) -> str:
        """The match in words."""
        if not self.inliers:
            return f"no geometry in common ({self.tried:,} keypoints look similar)"
        return f"{self.inliers:,} of {self.tried:,} similar keypoints fit one homography"


def local_features(image: Image, options: GeometryOptions) -> LocalFeatures:
    """Find a photo's keypoints.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W, 3)
        The photo, RGB.
    options : GeometryOptions
        How.
    """
    longest = max(image.shape[:2])
    scale = max(1.0, longest / options.max_side)
    size = max(1, round(image.shape[1] / scale)), max(1, round(image.shape[0] / scale))
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    if scale > 1:
        gray = cv2.resize(gray, size, interpolation=cv2.INTER_AREA)
    found, descriptors = _DETECTORS[options.detector]().detectAndCompute(gray, None)
    if not found:
        return LocalFeatures(np.zeros((0, 2), np.float32), np.zeros((0, 1), np.float32), scale)
    points = np.array([point.pt for point in found], np.float32)
    weakest_last = np.array([-point.response for point in found])
    strongest = np.lexsort((points[:, 0], points[:, 1], weakest_last))
    kept = strongest[: options.max_points]
    described = np.asarray(descriptors, np.float32)[kept]
    if options.detector == "sift":
        described = _root(described)
    return LocalFeatures(points[kept], described, scale)


def match(a: LocalFeatures, b: LocalFeatures, options: GeometryOptions) -> Match:
    """Return the keypoints of two photos that match and fit one homography.

    Matches by descriptors pass Lowe's ratio test; the homography is found by OpenCV's USAC
    (MAGSAC++, Barath et al. 2020), deterministically. One that mirrors the picture is rejected.

    Parameters
    ----------
    a, b : LocalFeatures
        Keypoints of the photos.
    options : GeometryOptions
        As they were found with.
    """
    none = Match(np.zeros((0, 2, 2), np.float32), 0)
    if len(a.points) < options.least or len(b.points) < options.least:
        return none
    pairs = _alike(a, b, options.ratio)
    none = Match(none.pairs, len(pairs))
    if len(pairs) < options.least:
        return none
    found, mask = cv2.findHomography(
        pairs[:, 0], pairs[:, 1], cv2.USAC_MAGSAC, options.error, maxIters=2000, confidence=0.999
    )
    if found is None or np.linalg.det(found[:2, :2]) <= 0:
        return none
    kept = pairs[np.asarray(mask).ravel() > 0]
    if len(kept) < options.least:
        return none
    scales = np.array([a.scale, b.scale], np.float32)[:, None]
    return Match((kept + np.float32(0.5)) * scales - np.float32(0.5), len(pairs))


def _alike(a: LocalFeatures, b: LocalFeatures, ratio: float) -> NDArray[np.float32]:
    """Return pairs of keypoints that pass the ratio test, each of b's once, (n, 2, 2)."""
    two = cv2.BFMatcher(cv2.NORM_L2).knnMatch(a.descriptors, b.descriptors, k=2)
    passing = [pair[0] for pair in two if pair[0].distance < ratio * pair[1].distance]
    nearest = sorted(passing, key=lambda one: (one.distance, one.queryIdx))
    once = {one.trainIdx: one for one in reversed(nearest)}.values()
    ordered = sorted(once, key=lambda one: (one.distance, one.queryIdx))
    places = np.array([(one.queryIdx, one.trainIdx) for one in ordered], np.int64).reshape(-1, 2)
    return np.stack([a.points[places[:, 0]], b.points[places[:, 1]]], axis=1)


def _root(descriptors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return RootSIFT, whose L2 distances are Hellinger's (Arandjelovic & Zisserman 2012)."""
    sums = np.maximum(descriptors.sum(1, keepdims=True), np.float32(1e-12))
    return np.asarray(np.sqrt(descriptors / sums), np.float32)


def _sift() -> cv2.Feature2D:
    return cv2.SIFT.create()


def _kaze() -> cv2.Feature2D:
    return cv2.KAZE.create(threshold=0.0003)  # as in semsig.load_detector


_DETECTORS: dict[str, Callable[[], cv2.Feature2D]] = {"sift": _sift, "kaze": _kaze}
