"""From a photo to all its signatures, with one decoding and one pass of the network."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from semsig.errors import ImageError, SegmenterError
from semsig.photo import Photo, PhotoPath
from semsig.query import Box
from semsig.segment import PathSegmenter, Segmenter, require_features, require_maps
from semsig.signatures.base import Encoder, Inputs, Needs
from semsig.types import Image, LabelMap


class Signer:
    """Computes all signatures of photos from one decoding and one pass of the network.

    Threads may share it.

    Parameters
    ----------
    segmenter : callable returning Segmenter
        Called when the first photo needs it.
    encoders : mapping of str to Encoder
        What makes the signatures, by their names.
    """

    def __init__(self, segmenter: Callable[[], Segmenter], encoders: Mapping[str, Encoder]) -> None:
        self._segmenter = segmenter
        self._encoders = encoders
        self._needs = _all_needs(encoder.needs for encoder in encoders.values())

    def read(self, photo: Photo) -> Inputs:
        """Read what is needed of a photo: its label map where that is on disk, else its pixels.

        Raises
        ------
        ImageError
            If it cannot be read, or label maps are on disk and it has none ("no-label-map").
        """
        on_disk = label_map_on_disk(self._segmenter(), photo.path)
        if on_disk is not None and not self._needs.image:
            return Inputs(label_map=on_disk)
        return Inputs(image=photo.image(self._pixels()), label_map=on_disk)

    def _pixels(self) -> int | None:
        """Return the least short side at which photos are decoded; None for full size.

        A photo is decoded once for all of its signatures, so the one that needs most sets it.
        """
        side: int | None = getattr(self._segmenter(), "short_side", None)
        return None if side is None else max(side, self._needs.short_side or 0)

    def see(self, photos: Sequence[Inputs], needs: Needs | None = None) -> list[Inputs]:
        """Add the label maps and features that photos lack, by one call of the network."""
        needs = needs or self._needs
        lacking = [number for number, one in enumerate(photos) if _lacks(one, needs)]
        images = [photos[number].pixels() for number in lacking]
        seen = list(photos)
        for number, found in zip(lacking, self._run(images, needs), strict=True):
            label_map = seen[number].label_map or found.label_map
            features = seen[number].features if found.features is None else found.features
            seen[number] = replace(seen[number], label_map=label_map, features=features)
        return seen

    def _run(self, images: Sequence[Image], needs: Needs) -> list[Inputs]:
        if not images:
            return []
        segmenter = self._segmenter()
        if not needs.features:
            return [Inputs(label_map=label_map) for label_map in segmenter.batch(images)]
        if needs.maps:
            described = require_maps(segmenter).describe_maps(images)
        else:
            described = require_features(segmenter).describe(images)
        return [Inputs(label_map=label_map, features=found) for label_map, found in described]

    def needs_of_whole(self, *, is_signed: bool) -> Needs:
        """Return what is needed of a whole photo: at most its label map if a view is signed."""
        return self._needs if is_signed else Needs(label_map=self._needs.label_map)

    def view(self, photo: Inputs, crop: Box | None, mirrored: bool) -> list[Inputs]:
        """Return a segmented part of a photo, and perhaps its mirror image.

        The whole photo is segmented and its label map cut; features are of the part alone.
        """
        whole = crop is None and not mirrored
        (seen,) = self.see([photo], self.needs_of_whole(is_signed=whole))
        if whole:
            return [seen]
        part = _cut(seen, crop)
        return self.see([part, _mirror(part)] if mirrored else [part])

    def sign(self, photos: Sequence[Inputs]) -> list[dict[str, Any]]:
        """Return the signatures of photos, by their names."""
        return [
            {name: encode(seen) for name, encode in self._encoders.items()}
            for seen in self.see(photos)
        ]


def label_map_on_disk(segmenter: Segmenter, path: PhotoPath) -> LabelMap | None:
    """Return the label map of the photo at `path`; None where a network makes them.

    Raises
    ------
    ImageError
        If label maps are on disk and this photo has none ("no-label-map").
    """
    if not isinstance(segmenter, PathSegmenter):
        return None
    try:
        return segmenter.for_path(path)
    except SegmenterError as error:
        raise ImageError(str(error), reason="no-label-map") from error


def _all_needs(each: Iterable[Needs]) -> Needs:
    needs = list(each)
    sides = [one.short_side for one in needs if one.short_side is not None]
    return Needs(
        label_map=any(one.label_map for one in needs),
        features=any(one.features for one in needs),
        maps=any(one.maps for one in needs),
        image=any(one.image for one in needs),
        short_side=max(sides, default=None),
    )


def _lacks(photo: Inputs, needs: Needs) -> bool:
    if needs.features and (photo.features is None or needs.maps != (photo.features.ndim == 3)):
        return True  # none, or pooled where the map itself is needed, or the other way round
    return needs.label_map and photo.label_map is None


def _cut(photo: Inputs, crop: Box | None) -> Inputs:
    """Return a part of a photo and of its label map, without features."""
    image, label_map = photo.image, photo.label_map
    if crop is not None and image is not None:
        image = np.ascontiguousarray(image[crop.slices(*image.shape[:2])])
    if crop is not None and label_map is not None:
        label_map = crop.crop(label_map)
    return Inputs(image=image, label_map=label_map)


def _mirror(photo: Inputs) -> Inputs:
    return Inputs(
        image=None if photo.image is None else np.ascontiguousarray(photo.image[:, ::-1]),
        label_map=None if photo.label_map is None else photo.label_map.flipped(),
    )
