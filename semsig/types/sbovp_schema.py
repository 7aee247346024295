"""What a bag of visual phrases was made with: only signatures of one schema can be compared."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from semsig.classes import ClassTable
from semsig.documents import Entries
from semsig.errors import OptionError, SchemaMismatchError
from semsig.types.schema import whole_number

Detector = Literal["kaze", "surf"]
"""Keypoint detectors with descriptors of 64 numbers."""

Words = Literal["semantic", "visual"]
"""Whether words are kept apart by class (one block of columns per class) or not."""

Space = Literal["descriptor", "picture"]
"""Space of the nearest-neighbour search: descriptors, or positions in the photo."""

Regions = Literal["classes", "components"]
"""What keypoints are linked within: all pixels of a class, or its connected components."""

Norm = Literal["sqrt", "l2", "none"]
"""What the L2 distance is computed on: square roots of the counts, scaled to unit length; counts,
scaled to unit length; or raw counts."""

MAX_WORDS = 65_535

CHOICES: dict[str, tuple[str | int, ...]] = {
    "detector": get_args(Detector),
    "words": get_args(Words),
    "space": get_args(Space),
    "length": (2, 3, 4),
    "regions": get_args(Regions),
    "norm": get_args(Norm),
}
"""The values that each option of phrases may have."""


def require_choice(name: str, value: object) -> None:
    """Raise :class:`OptionError` unless `value` is valid for option `name`."""
    if value not in CHOICES[name]:
        choices = ", ".join(map(str, CHOICES[name]))
        raise OptionError(f"{name} must be one of {choices}, got {value!r}.")


@dataclass(frozen=True, kw_only=True)
class SbovpSchema:
    """What an SBOVP signature was made with; only signatures of one schema can be compared.

    A column stands for an unordered pair of words i <= j: ``i * L - i * (i - 1) / 2 + j - i``,
    the upper triangle of an L x L matrix read row by row; with semantic words, class c's block
    begins at column ``c * L * (L + 1) / 2``.

    Parameters
    ----------
    detector : {"kaze", "surf"}
        Where the keypoints come from.
    vocabulary : str
        Fingerprint of the vocabulary; it covers the detector's options too.
    n_words : int
        Number L of words, 1..65,535.
    classes : ClassTable
        The table of M classes of the label maps.
    words : {"semantic", "visual"}
        One block of columns per class, or one block in all.
    space : {"descriptor", "picture"}
        Space of the nearest-neighbour search.
    length : int
        Words per phrase, n = 2..4.
    regions : {"classes", "components"}
        What keypoints are linked within.
    norm : {"sqrt", "l2", "none"}
        How counts are scaled before distances are taken; stored counts are the same.

    Raises
    ------
    OptionError
        If a value is none of these, or columns do not fit 32-bit numbers.
    """

    detector: Detector
    vocabulary: str
    n_words: int
    classes: ClassTable
    words: Words
    space: Space
    length: int
    regions: Regions
    norm: Norm

    def __post_init__(self) -> None:
        for name in ("n_words", "length"):
            object.__setattr__(self, name, whole_number(name, getattr(self, name)))
        for name in CHOICES:
            require_choice(name, getattr(self, name))
        if not 1 <= self.n_words <= MAX_WORDS:
            raise OptionError(f"n_words must be 1 to {MAX_WORDS:,}, got {self.n_words}.")
        if self.n_columns > 2**32:
            raise OptionError(
                f"{self.n_words:,} words over {len(self.classes):,} classes exceed 2^32 columns; "
                "use fewer words."
            )

    @property
    def n_pairs(self) -> int:
        """Number of unordered pairs of words, L * (L + 1) / 2."""
        return self.n_words * (self.n_words + 1) // 2

    @property
    def n_columns(self) -> int:
        """Length of the histogram: M * L * (L + 1) / 2, without M for visual words."""
        return self.n_pairs * (len(self.classes) if self.words == "semantic" else 1)

    def word_pairs(self, columns: NDArray[np.integer]) -> NDArray[np.int64]:
        """Return the words i <= j that columns stand for, shape (K, 2) int64."""
        first = np.arange(self.n_words, dtype=np.int64)
        starts = first * self.n_words - first * (first - 1) // 2
        pair = columns.astype(np.int64) % self.n_pairs
        i = np.searchsorted(starts, pair, "right") - 1
        return np.stack([i, pair - starts[i] + i], axis=1)

    @cached_property
    def fingerprint(self) -> str:
        """Hex SHA-256 of everything that makes two signatures comparable."""
        own = {name: getattr(self, name) for name in _PLAIN}
        text = f"semsig sbovp 1; {own}; classes {self.classes.fingerprint}"
        return hashlib.sha256(text.encode()).hexdigest()

    def require(self, other: SbovpSchema) -> None:
        """Raise :class:`SchemaMismatchError` unless `other` is comparable with this schema."""
        if other.fingerprint != self.fingerprint:
            raise SchemaMismatchError(
                f"Expected signatures of {self.describe()}, got {other.describe()}. "
                "Make both with the same segmenter, vocabulary and options."
            )

    def describe(self) -> str:
        """One phrase for messages."""
        return (
            f"SBOVP {self.detector} L={self.n_words} n={self.length}, {self.words} words linked "
            f"by {self.space} within {self.regions}, norm {self.norm}, over "
            f"{self.classes.name!r} ({len(self.classes)} classes, vocabulary "
            f"{self.vocabulary[:8]}, {self.fingerprint[:8]})"
        )

    def to_json(self) -> dict[str, Any]:
        """Return the schema as what JSON can hold."""
        table = self.classes
        return {
            "fingerprint": self.fingerprint,
            **{name: getattr(self, name) for name in _PLAIN},
            "classes": {
                "name": table.name,
                "names": list(table.names),
                "palette": [list(color) for color in table.palette],
            },
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> SbovpSchema:
        """Rebuild the schema of :meth:`to_json`.

        Raises
        ------
        KeyError, TypeError, ValueError, SemsigError
            If the document is no schema, or its fingerprint is of another definition.
        """
        classes = ClassTable.from_entries(Entries(document["classes"], "classes"))
        schema = cls(classes=classes, **{name: document[name] for name in _PLAIN})
        if schema.fingerprint != document["fingerprint"]:
            raise ValueError("its signatures were computed by another definition; index again")
        return schema


_PLAIN = ("detector", "vocabulary", "n_words", "words", "space", "length", "regions", "norm")
