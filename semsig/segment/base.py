"""The protocols of segmenters: photos in, label maps out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from semsig.classes import ClassTable
from semsig.errors import OptionError
from semsig.types import Image, LabelMap


class Segmenter(Protocol):
    """A segmentation network, or anything that acts as one."""

    @property
    def classes(self) -> ClassTable:
        """The table of every label map it returns."""
        ...

    @property
    def name(self) -> str:
        """The name by which :func:`semsig.load_segmenter` loads it again."""
        ...

    @property
    def fingerprint(self) -> str:
        """A digest of all that the label maps depend on: weights, input size, class table."""
        ...

    def __call__(self, image: Image) -> LabelMap:
        """Segment one photo, shape (H, W, 3) uint8 RGB.

        The map has the photo's aspect ratio but may be smaller: networks' output is at 1/4 scale.

        Raises
        ------
        SegmenterError
            If the photo is not such an array, or the network fails.
        """
        ...

    def batch(self, images: Sequence[Image]) -> list[LabelMap]:
        """Segment many photos of any sizes; the maps are in the order of the photos."""
        ...


@runtime_checkable
class FeatureSegmenter(Protocol):
    """A network that returns pooled features as well as label maps, from one forward pass."""

    @property
    def n_features(self) -> int:
        """Channels C of its last feature map; 0 if its file has no output for features."""
        ...

    def describe(self, images: Sequence[Image]) -> list[tuple[LabelMap, NDArray[np.float32]]]:
        """Segment photos of any sizes, and pool the feature map that the classifier reads.

        The features, float32 (3, C), are the feature map's mean, maximum and generalised mean
        with exponent 3 over the photo (GeM, Radenovic et al. 2018); non-negative, not
        normalised. Raises SegmenterError if the network's file has no such output.
        """
        ...


@runtime_checkable
class MapSegmenter(FeatureSegmenter, Protocol):
    """A network that also returns its feature map, for callers that pool it themselves."""

    def describe_maps(self, images: Sequence[Image]) -> list[tuple[LabelMap, NDArray[np.float32]]]:
        """Segment photos of any sizes, and return the feature map that the classifier reads.

        The map, float32 (C, h, w), is non-negative; h and w follow the photo's aspect ratio.
        Raises SegmenterError if the network's file has no such output.
        """
        ...


@runtime_checkable
class PathSegmenter(Protocol):
    """A segmenter that looks photos up by their path: label maps on disk."""

    def state(self, path: str | os.PathLike[str]) -> str:
        """Return a digest of the label map of the photo at `path`; empty if it has none."""
        ...

    def for_path(self, path: str | os.PathLike[str]) -> LabelMap:
        """Return the label map of the photo at `path`.

        Raises
        ------
        SegmenterError
            If the photo has no label map.
        """
        ...


def gives_features(segmenter: Segmenter) -> bool:
    """Tell whether a segmenter returns features."""
    return isinstance(segmenter, FeatureSegmenter) and bool(segmenter.n_features)


def require_features(segmenter: Segmenter) -> FeatureSegmenter:
    """Return `segmenter` if it returns features; raise OptionError if it does not."""
    if isinstance(segmenter, FeatureSegmenter) and segmenter.n_features:
        return segmenter
    raise OptionError(
        f"Expected a segmenter that gives features for pooled descriptors, such as 'lite'; "
        f"got {getattr(segmenter, 'name', segmenter)!r}, which gives label maps alone."
    )


def require_maps(segmenter: Segmenter) -> MapSegmenter:
    """Return `segmenter` if it returns feature maps; raise OptionError if it does not."""
    if isinstance(segmenter, MapSegmenter) and segmenter.n_features:
        return segmenter
    raise OptionError(
        f"Expected a segmenter that gives its feature map, such as 'lite'; got "
        f"{getattr(segmenter, 'name', segmenter)!r}, which does not."
    )
