"""Photo -> keypoints with descriptors of 64 numbers: KAZE and SURF behind one protocol."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from semsig.arguments import NOTHING, typed
from semsig.errors import OptionError, SignatureError
from semsig.types import Image, Keypoints
from semsig.types.sbovp_schema import Detector, require_choice
from semsig.types.schema import whole_number

_RANGES = {
    "octaves": (1, 6),
    "threshold": (0, inf),
    "max_points": (1, 1_000_000),
    "max_side": (32, 8192),
}
_THRESHOLDS: dict[Detector, float] = {"kaze": 0.0003, "surf": 0.1}


@dataclass(frozen=True, slots=True, kw_only=True)
class KeypointOptions:
    """How keypoints are found; all of it is part of a vocabulary's fingerprint.

    Parameters
    ----------
    upright : bool
        Describe what surrounds a keypoint without turning it to its own direction: faster, and
        more distinctive where photos are upright. KAZE only.
    octaves : int
        How often the scale doubles, 1..6.
    threshold : float, optional
        Least response of a keypoint, at least 0. By default 0.0003 for KAZE, which retrieves
        better than OpenCV's 0.001 on held-out training photos and takes as long; 0.1 for SURF,
        whose responses are determinants of the Hessian over grey values 0..255.
    max_points : int
        Most keypoints per photo, the strongest, 1..1,000,000.
    max_side : int
        Photos with a longer side are scaled down to it first, 32..8192 pixels: time and
        memory of detection grow with the pixels. Points are in the photo's own pixels all the same.

    Raises
    ------
    OptionError
        If a value is outside its range.
    """

    upright: bool = False
    octaves: int = 4
    threshold: float | None = None
    max_points: int = 1000
    max_side: int = 512

    def __post_init__(self) -> None:
        for name in ("octaves", "max_points", "max_side"):
            object.__setattr__(self, name, whole_number(name, getattr(self, name)))
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise OptionError(f"{name} must be {low} to {high}, got {value}.")


class KeypointDetector(Protocol):
    """Finds and describes the keypoints of a photo; any number of threads may call it."""

    @property
    def name(self) -> Detector:
        """Which detector it is."""

    @property
    def options(self) -> KeypointOptions:
        """What it was made with, the threshold filled in."""

    def __call__(self, image: Image) -> Keypoints:
        """Return the keypoints of a photo, shape (H, W, 3) uint8 RGB, the strongest first."""


@typed(name=str, options=(KeypointOptions, NOTHING))
def load_detector(name: Detector, options: KeypointOptions | None = None) -> KeypointDetector:
    """Return a detector of keypoints with 64-number descriptors of unit length.

    Parameters
    ----------
    name : {"kaze", "surf"}
        KAZE (Alcantarilla et al. 2012) by OpenCV, or SURF (Bay et al. 2008) by mahotas (extra
        ``surf``).
    options : KeypointOptions, optional
        The defaults if left out.

    Returns
    -------
    KeypointDetector
        ``detector(image)`` gives :class:`Keypoints`, the strongest first. A photo without any,
        because it is blank or tiny, gives none; only something that is not a photo is an error
        (:class:`SignatureError`).

    Raises
    ------
    OptionError
        If there is no such detector, it has no such option, or mahotas is not installed.
    """
    require_choice("detector", name)
    options = options or KeypointOptions()
    if options.threshold is None:
        options = replace(options, threshold=_THRESHOLDS[name])
    find = _kaze(options) if name == "kaze" else _surf(options)
    return _Detector(name, options, find)


Find = Callable[[NDArray[np.uint8]], tuple[NDArray[Any], NDArray[Any], NDArray[Any]]]
"""Grey photo to points (N, 2), descriptors (N, 64) and responses (N,)."""


@dataclass(frozen=True, slots=True)
class _Detector:
    name: Detector
    options: KeypointOptions
    find: Find

    def __call__(self, image: Image) -> Keypoints:
        from semsig.opencv import cv2

        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
            raise SignatureError(
                f"A photo is RGB uint8 of shape (H, W, 3), got {image.dtype} {image.shape}."
            )
        height, width = image.shape[:2]
        gray = cv2.cvtColor(_shrink(image, self.options.max_side), cv2.COLOR_RGB2GRAY)
        points, descriptors, responses = self.find(np.asarray(gray, np.uint8))
        kept = _strongest(points, descriptors, responses)[: self.options.max_points]
        scale = np.array([width / gray.shape[1], height / gray.shape[0]])
        points = (points[kept] + 0.5) * scale - 0.5
        return Keypoints(points, descriptors[kept], responses[kept], (height, width))


def _shrink(image: Image, max_side: int) -> Image:
    from semsig.opencv import cv2

    height, width = image.shape[:2]
    scale = max_side / max(height, width)
    if scale >= 1:
        return image
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _strongest(
    points: NDArray[Any], descriptors: NDArray[Any], responses: NDArray[Any]
) -> NDArray[np.int64]:
    """Return the order by response, ties by place; without keypoints that are not finite."""
    order = np.lexsort((points[:, 0], points[:, 1], -responses))
    finite = np.isfinite(descriptors).all(1) & np.isfinite(points).all(1) & np.isfinite(responses)
    return np.asarray(order[finite[order]])


def _kaze(options: KeypointOptions) -> Find:
    from semsig.opencv import cv2

    def find(
        gray: NDArray[np.uint8],
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        kaze = cv2.KAZE.create(
            extended=False,
            upright=options.upright,
            threshold=float(options.threshold or 0),
            nOctaves=options.octaves,
        )
        found, descriptors = kaze.detectAndCompute(gray, None)
        if not found:
            return np.zeros((0, 2), np.float32), np.zeros((0, 64), np.float32), np.zeros(0, "f4")
        points = np.array([keypoint.pt for keypoint in found], np.float32)
        responses = np.array([keypoint.response for keypoint in found], np.float32)
        return points, np.asarray(descriptors, np.float32), responses

    return find


def _surf(options: KeypointOptions) -> Find:
    if options.upright:
        raise OptionError("mahotas's SURF is never upright; use KAZE, or upright=False.")
    try:
        from mahotas.features import surf
    except ImportError as error:
        raise OptionError(
            f"SURF needs mahotas ({error}); in a clone, run: pip install '.[surf]'"
        ) from error

    def find(
        gray: NDArray[np.uint8],
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        found = surf.surf(
            gray,
            nr_octaves=options.octaves,
            threshold=options.threshold,
            max_points=options.max_points,
        )
        return found[:, 1::-1], found[:, 6:], found[:, 3]

    return find
