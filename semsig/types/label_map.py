"""Label maps: which class is where."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from semsig.arguments import expect
from semsig.classes import ClassTable, Color
from semsig.errors import LabelMapError
from semsig.types.notebook import key, safe, shown

Image = NDArray[np.uint8]
"""A photo: shape (H, W, 3), RGB."""

_SHARED = -1


class LabelMap:
    """Which class is where: one label per pixel over a class table.

    Parameters
    ----------
    labels : array_like of int, shape (H, W)
        Labels 0..M-1, or ``classes.void`` for pixels without a class. Any integer dtype;
        stored C-contiguous and read-only as uint8 (M <= 255) or uint16.
    classes : ClassTable
        The table of M classes.

    Raises
    ------
    LabelMapError
        If `labels` is not a non-empty 2-D integer array, or holds a label that is neither a
        class nor void.
    """

    __slots__ = ("classes", "labels")

    labels: NDArray[np.uint8] | NDArray[np.uint16]
    classes: ClassTable

    def __init__(self, labels: ArrayLike, classes: ClassTable) -> None:
        expect("classes", classes, ClassTable)
        array = np.asarray(labels)
        if array.ndim != 2 or array.size == 0 or array.dtype.kind not in "iu":
            raise LabelMapError(
                "A label map is a non-empty 2-D array of integers, "
                f"got shape {array.shape}, dtype {array.dtype}."
            )
        _check_range(array, classes)
        self.labels = (
            array.astype(np.uint8, order="C")
            if classes.dtype == np.uint8
            else array.astype(np.uint16, order="C")
        )
        self.labels.flags.writeable = False
        self.classes = classes

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.labels.shape[0], self.labels.shape[1]

    @property
    def present(self) -> tuple[int, ...]:
        """Labels that occur, without void, ascending."""
        labels = np.unique(self.labels)
        return tuple(labels[labels != self.classes.void].tolist())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, LabelMap):
            return NotImplemented
        return self.classes == other.classes and np.array_equal(self.labels, other.labels)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        height, width = self.shape
        return f"LabelMap({height} x {width}, {self.classes.name}: {len(self.classes)} classes)"

    def _repr_html_(self) -> str:
        counts = np.bincount(self.labels.ravel(), minlength=len(self.classes))
        shares = counts[: len(self.classes)] / self.labels.size
        return (
            f"<p>{safe(repr(self))}</p>{shown(self.colored(), 'label map')}"
            f"<p>{key(shares, self.classes.names, self.classes.palette)}</p>"
        )

    def flipped(self) -> LabelMap:
        """Return the map mirrored left to right."""
        return LabelMap(self.labels[:, ::-1], self.classes)

    def colored(self, void: Color = (0, 0, 0)) -> Image:
        """Return the map as a picture in its table's colours, shape (H, W, 3) uint8 RGB."""
        return self.classes.colors(void)[self.labels]

    @classmethod
    def from_colors(
        cls, rgb: ArrayLike, classes: ClassTable, *, void: Iterable[Color] = ((0, 0, 0),)
    ) -> LabelMap:
        """Convert a colour-mapped picture by the table's palette.

        Parameters
        ----------
        rgb : array_like of uint8, shape (H, W, 3)
            The picture; every pixel must have a colour of the palette or of `void`.
        classes : ClassTable
            The table whose palette is meant.
        void : iterable of (int, int, int)
            Colours that mean "no class"; a class of the same colour wins.

        Raises
        ------
        LabelMapError
            If `rgb` has another shape, or a colour that stands for no class or for two.
        """
        array = np.asarray(rgb)
        if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8:
            raise LabelMapError(
                f"Expected RGB uint8 of shape (H, W, 3), got {array.dtype} {array.shape}."
            )
        packed = _pack_rgb(array)
        known, labels = _color_keys(classes, void)
        slot = np.searchsorted(known, packed)
        slot[slot == len(known)] = 0
        table = f"table {classes.name!r}"
        unknown = f"{table} does not name it; is it another palette or a JPEG?"
        _refuse_colors(array, known[slot] != packed, unknown)
        found = labels[slot]
        shared = f"several classes of {table} share it; class numbers are needed."
        _refuse_colors(array, found == _SHARED, shared)
        return cls(found, classes)


def _check_range(labels: NDArray[np.integer], classes: ClassTable) -> None:
    if labels.min() >= 0 and labels.max() < len(classes):
        return
    outside = (labels < 0) | ((labels >= len(classes)) & (labels != classes.void))
    if outside.any():
        y, x = np.argwhere(outside)[0]
        raise LabelMapError(
            f"Label {labels[y, x]} at (row {y}, column {x}) is no class of {classes.name!r}: "
            f"expected 0 to {len(classes) - 1}, or {classes.void} for void."
        )


def _refuse_colors(rgb: Image, wrong: NDArray[np.bool_], reason: str) -> None:
    if wrong.any():
        y, x = np.argwhere(wrong)[0]
        color = tuple(rgb[y, x].tolist())
        raise LabelMapError(f"Pixel (row {y}, column {x}) has colour {color}: {reason}")


def _pack_rgb(rgb: NDArray[np.integer]) -> NDArray[np.int64]:
    channels = rgb.astype(np.int64)
    return (channels[..., 0] << 16) | (channels[..., 1] << 8) | channels[..., 2]


def _color_keys(
    classes: ClassTable, void: Iterable[Color]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the packed colours, ascending, and the label of each, or _SHARED."""
    labels = dict.fromkeys(void, classes.void)
    for label, color in enumerate(classes.palette):
        labels[color] = label if classes.palette.count(color) == 1 else _SHARED
    packed = _pack_rgb(np.array(list(labels)))
    order = np.argsort(packed)
    return packed[order], np.array(list(labels.values()))[order]
