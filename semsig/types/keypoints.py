"""Keypoints of a photo and what surrounds them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from semsig.errors import SignatureError

DIMENSIONS = 64
"""Length of a descriptor, the same for every detector."""


class Keypoints:
    """Keypoints of one photo with their descriptors, in the detector's order.

    Parameters
    ----------
    points : array_like, shape (N, 2)
        x, y in pixels; the centre of the first pixel is (0, 0). Kept as float32.
    descriptors : array_like, shape (N, 64)
        Description of each keypoint's surroundings. Kept as float32, C-contiguous.
    responses : array_like, shape (N,)
        Strength of each keypoint, in the detector's own unit. Kept as float32.
    size : (int, int)
        Height and width of the photo in pixels, at least 1.

    Raises
    ------
    SignatureError
        If shapes do not fit together, the size is empty, or a number is not finite.
    """

    __slots__ = ("descriptors", "points", "responses", "size")

    points: NDArray[np.float32]
    descriptors: NDArray[np.float32]
    responses: NDArray[np.float32]
    size: tuple[int, int]

    def __init__(
        self,
        points: ArrayLike,
        descriptors: ArrayLike,
        responses: ArrayLike,
        size: tuple[int, int],
    ) -> None:
        self.responses = _frozen("responses", responses, ())
        count = len(self.responses)
        self.points = _frozen("points", points, (2,), count)
        self.descriptors = _frozen("descriptors", descriptors, (DIMENSIONS,), count)
        self.size = int(size[0]), int(size[1])
        if min(self.size) < 1:
            raise SignatureError(f"A photo has at least 1 x 1 pixels, got size {self.size}.")

    @classmethod
    def none(cls, size: tuple[int, int]) -> Keypoints:
        """Return an empty set of keypoints, as a blank photo has."""
        return cls(np.zeros((0, 2)), np.zeros((0, DIMENSIONS)), np.zeros(0), size)

    def __len__(self) -> int:
        return len(self.responses)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Keypoints):
            return NotImplemented
        return self.size == other.size and all(
            np.array_equal(getattr(self, name), getattr(other, name))
            for name in ("points", "descriptors", "responses")
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Keypoints({len(self)} in {self.size[0]} x {self.size[1]})"


def _frozen(
    name: str, values: ArrayLike, shape: tuple[int, ...], count: int | None = None
) -> NDArray[np.float32]:
    """Return a read-only float32 copy of `values`, an array of `count` items of `shape`."""
    array = np.array(values, np.float32, order="C")
    expected = (len(array) if count is None and array.ndim else count, *shape)
    if array.shape != expected:
        raise SignatureError(f"Expected {name} of shape {expected}, got {array.shape}.")
    if not np.isfinite(array).all():
        raise SignatureError(f"Expected finite {name}, got an infinity or NaN.")
    array.flags.writeable = False
    return array
