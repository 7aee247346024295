"""The two interfaces that every kind of signature implements: encoder and kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from semsig.errors import QueryError
from semsig.query import Conditions
from semsig.segment import Segmenter
from semsig.types import Image, LabelMap
from semsig.types.record_spec import AnySchema, AnySignature


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What signatures are made from: a photo's pixels, and the results of one network pass.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W, 3), optional
        RGB pixels; None if not needed or not there.
    label_map : LabelMap, optional
        Which class is where; None until the photo was segmented.
    features : ndarray of float32, shape (3, C) or (C, h, w), optional
        What :meth:`semsig.segment.FeatureSegmenter.describe` gives, or the feature map itself as
        from :meth:`semsig.segment.MapSegmenter.describe_maps`; None if not needed.
    """

    image: Image | None = None
    label_map: LabelMap | None = None
    features: NDArray[np.float32] | None = None

    @property
    def n_bytes(self) -> int:
        """Bytes of the pixels."""
        return 0 if self.image is None else self.image.nbytes

    def pixels(self) -> Image:
        """Return the pixels; QueryError if there are none."""
        if self.image is None:
            raise QueryError(
                "Expected a photo, got a layout or label map: phrases and pooled descriptors are "
                "made from a photo's pixels. Search by 'sbs'."
            )
        return self.image

    def segmented(self) -> LabelMap:
        """Return the label map; QueryError if there is none."""
        if self.label_map is None:
            raise QueryError("Expected a photo with a label map, got one that was not segmented.")
        return self.label_map

    def described(self) -> NDArray[np.float32]:
        """Return the features; QueryError if there are none."""
        if self.features is None:
            self.pixels()
            raise QueryError("Expected a photo with features, got one that was not described.")
        return self.features

    def without(self, absent: Conditions) -> Inputs:
        """Return the inputs with the classes of `absent` void wherever they are."""
        if not len(absent) or self.label_map is None:
            return self
        labels = self.label_map.labels.copy()
        for term in absent.terms:
            labels[np.isin(labels, term.labels)] = self.label_map.classes.void
        return replace(self, label_map=LabelMap(labels, self.label_map.classes))


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What an encoder needs of a photo.

    Parameters
    ----------
    label_map, features, image : bool
        Which of the :class:`Inputs`.
    maps : bool
        Whether features are the whole feature map.
    short_side : int, optional
        Pixels of the shorter side that are enough, where it needs the image.
    """

    label_map: bool = False
    features: bool = False
    maps: bool = False
    image: bool = False
    short_side: int | None = None


class Encoder(Protocol):
    """Makes the signatures of one schema; threads may share it."""

    @property
    def schema(self) -> Any:
        """Schema of its signatures."""
        ...

    @property
    def needs(self) -> Needs:
        """What it needs of a photo."""
        ...

    @property
    def settings(self) -> Mapping[str, Any]:
        """What its signatures depend on, for JSON."""
        ...

    def __call__(self, inputs: Inputs) -> AnySignature:
        """Return the signature of a photo."""
        ...


class Why(Protocol):
    """Why two photos are similar, by one kind of signature."""

    @property
    def sentence(self) -> str:
        """The reasons in words."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """Return the reasons for JSON."""
        ...


class SignatureKind(Protocol):
    """A kind of signature: how it is made of photos, stored, compared and explained.

    Attributes
    ----------
    name : str
        Its name in options, such as "sbs".
    title : str
        What it is, in two or three words: "blocks of classes".
    folder : str
        Its folder in an index of photos; "" for the index's own folder.
    kept : tuple of str
        Files that :meth:`keep` writes, relative to the folder of the photos.
    metrics : tuple of str
        Names of the distances between its signatures, the default first.
    fused_metric : str
        The one that is used in fusion.
    has_levels : bool
        Whether its encoder takes ``levels``, the level 0..8 of a quadtree.
    rank : int
        Of the signatures that an index has, photos are ranked by the one of the lowest rank
        that can compare them, unless another is named. Chosen on training photos.
    index : type
        The class that stores and searches its signatures.
    leave_out : callable, optional
        From a signature and conditions, the signature as if classes were absent; where it is
        None, they are taken out of the label map.
    """

    name: str
    title: str
    folder: str
    kept: tuple[str, ...]
    metrics: tuple[str, ...]
    fused_metric: str
    has_levels: bool
    rank: int

    @property
    def index(self) -> type[Any]:
        """Class that stores and searches its signatures."""
        ...

    @property
    def leave_out(self) -> Callable[[Any, Conditions], Any] | None:
        """Takes classes out of a signature."""
        ...

    def scale(self, schema: AnySchema) -> float:
        """Return the factor that scales `fused_metric` distances to at most 1; 0 if unbounded."""
        ...

    def suits(self, segmenter: Segmenter) -> bool:
        """Tell whether a segmenter gives what its encoder needs."""
        ...

    def is_default(self, segmenter: Segmenter) -> bool:
        """Tell whether a new index has it by default."""
        ...

    def encoder(self, segmenter: Segmenter, **options: Any) -> Encoder:
        """Return an encoder for a segmenter's photos; its options are the kind's own.

        Raises
        ------
        OptionError
            If the segmenter does not give what it needs, or an option is out of range.
        """
        ...

    def search_options(self, metric: str) -> dict[str, Any]:
        """Return what its index's ``search`` takes to rank by a metric."""
        ...

    def keep(self, encoder: Encoder, folder: Path) -> None:
        """Write what the encoder needs besides its schema, in the folder of the photos."""
        ...

    def encoder_of(self, schema: Any, folder: Path) -> Encoder:
        """Return the encoder of an index's schema, with what :meth:`keep` wrote."""
        ...

    def explain_needs(self, encoder: Encoder) -> Needs:
        """Return what :meth:`explain` must be given of each photo."""
        ...

    def explain(self, encoder: Encoder, a: Inputs, b: Inputs, names: tuple[str, str]) -> Why:
        """Say what two photos have in common and where they differ."""
        ...
