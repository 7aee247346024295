"""One photo of a report: its pixels, label map and signature."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from semsig.engine import Engine
from semsig.photo.image_files import read_image
from semsig.query import Box, Words
from semsig.report.draw import fit
from semsig.signatures.sbs.encoding import sbs
from semsig.types import Image, LabelMap, SbsSignature


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Side:
    """One photo of a report.

    Parameters
    ----------
    title : str
        What it is called, such as its file name.
    image : ndarray of uint8, shape (H, W, 3)
        The photo, RGB.
    label_map : LabelMap
        Its label map, of any size.
    signature : SbsSignature
        Its signature.
    """

    title: str
    image: Image
    label_map: LabelMap
    signature: SbsSignature

    @classmethod
    def read(cls, path: str | Path, engine: Engine, *, side: int = 640) -> Side:
        """Read the photo at `path`, its longer side scaled to `side` pixels, and segment it.

        Raises
        ------
        ImageError
            If it cannot be read.
        SegmenterError
            If it cannot be segmented.
        """
        label_map = engine.label_map(path)
        return cls(
            title=Path(path).name,
            image=fit(read_image(path, at_least=side), side),
            label_map=label_map,
            signature=sbs(label_map, engine.index.schema.levels),
        )

    @classmethod
    def asked(
        cls,
        query: str | Path | LabelMap,
        engine: Engine,
        *,
        title: str,
        without: Words = (),
        crop: Box | None = None,
        mirrored: bool = False,
        side: int = 640,
    ) -> list[Side]:
        """Return what :meth:`Engine.search` looks for with these options: one side, or two."""
        signatures = engine.signatures(query, without=without, crop=crop, mirrored=mirrored)
        label_map = engine.label_map(query)
        if isinstance(query, LabelMap):
            image = query.colored((255, 255, 255))
        else:
            image = read_image(query, at_least=side)
        if crop:
            image = image[crop.slices(*image.shape[:2])]
            label_map = crop.crop(label_map)
        image = fit(image, side)
        mirror = np.ascontiguousarray(image[:, ::-1])
        pairs = [(image, label_map), (mirror, label_map.flipped())]
        return [
            cls(title=title, image=shown, label_map=labels, signature=signature)
            for (shown, labels), signature in zip(pairs, signatures, strict=False)
        ]
