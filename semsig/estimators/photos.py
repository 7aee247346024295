"""What transformers of photos have in common: their network, clones and tags."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Self

from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags

from semsig.errors import OptionError
from semsig.estimators.tags import of_photos
from semsig.segment import Segmenter, load_segmenter
from semsig.types import LabelMap


class PhotoTransformer(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Base class of transformers whose samples are photos."""

    segmenter: str | Segmenter
    threads: int | None

    def __sklearn_clone__(self) -> Self:
        return type(self)(**self.get_params(deep=False))

    def __sklearn_tags__(self) -> Tags:
        return of_photos(super().__sklearn_tags__())

    def _segmenter(self) -> Segmenter:
        if isinstance(self.segmenter, str):
            return loaded(self.segmenter, self.threads)
        return self.segmenter


@lru_cache(maxsize=4)
def loaded(name: str, threads: int | None) -> Segmenter:
    """Load a network once per process, also for the many clones of a cross-validation."""
    return load_segmenter(name, threads=threads)


def kind_of(photo: object) -> str:
    """Return whether a sample is a "label map", a "path" or a "picture"."""
    if isinstance(photo, LabelMap):
        return "label map"
    return "path" if isinstance(photo, str | os.PathLike) else "picture"


def require_sequence(photos: object) -> None:
    """Raise :class:`OptionError` if something is no sequence of photos."""
    if kind_of(photos) != "picture" or not hasattr(photos, "__len__"):
        raise OptionError(
            f"Expected a sequence of photos or label maps, got {type(photos).__name__}. "
            "Put a single one in a list."
        )
