"""The visual phrases that two photos share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from semsig.signatures.sbovp.encoding import SbovpOptions, link_words, pixels_under
from semsig.signatures.sbovp.vocabulary import Vocabulary
from semsig.types import Keypoints, LabelMap, SbovpSchema

_MOST_NAMED = 5


class Links(NamedTuple):
    """Links of one photo whose phrases the other has as well.

    Parameters
    ----------
    ends : ndarray of float64, shape (P, 2, 2)
        Both ends of each link, (x, y) in fractions of width and height.
    labels : ndarray of int64, shape (P,)
        Class of the region of each.
    """

    ends: NDArray[np.float64]
    labels: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SharedPhrases:
    """The phrases that two photos share.

    Parameters
    ----------
    schema : SbovpSchema
        What phrases were made with.
    totals : (int, int)
        Pairs of words in each photo.
    shared : dict of int to int
        How many pairs both have, by the class of the region in the first.
    links : (Links, Links)
        Where they are in each photo.
    """

    schema: SbovpSchema
    totals: tuple[int, int]
    shared: dict[int, int]
    links: tuple[Links, Links]

    @property
    def sentence(self) -> str:
        """How many phrases of which classes both photos have."""
        total = sum(self.shared.values())
        if not total:
            return f"no phrases shared, of {self.totals[0]:,} and {self.totals[1]:,}"
        names = self.schema.classes.names
        parts = [f"{count:,} in {names[label]}" for label, count in self._most_first()]
        rest = "" if len(parts) <= _MOST_NAMED else ", ..."
        where = ", ".join(parts[:_MOST_NAMED]) + rest
        return f"{total:,} phrases shared, of {self.totals[0]:,} and {self.totals[1]:,}: {where}"

    def to_dict(self) -> dict[str, object]:
        """Return plain values for JSON."""
        names = self.schema.classes.names
        by_class = {names[label]: count for label, count in self._most_first()}
        return {"phrases": list(self.totals), "phrases_shared": by_class}

    def _most_first(self) -> list[tuple[int, int]]:
        return sorted(self.shared.items(), key=lambda item: -item[1])


def share_phrases(
    a: tuple[Keypoints, LabelMap],
    b: tuple[Keypoints, LabelMap],
    vocabulary: Vocabulary,
    options: SbovpOptions | None = None,
) -> SharedPhrases:
    """Find the phrases that two photos share.

    Of a pair of words that one photo has p times and the other q times, min(p, q) are shared;
    all p + q of its links are drawn.

    Parameters
    ----------
    a, b : (Keypoints, LabelMap)
        The photos, their label maps over one class table.
    vocabulary : Vocabulary
        The words.
    options : SbovpOptions, optional
        How words become phrases.

    Raises
    ------
    SchemaMismatchError
        If the label maps have different class tables.
    """
    options = options or SbovpOptions()
    schema = options.schema(vocabulary, a[1].classes)
    schema.require(options.schema(vocabulary, b[1].classes))
    first, second = (_columns_and_links(photo, vocabulary, schema) for photo in (a, b))
    common = np.intersect1d(first[0], second[0])
    return SharedPhrases(
        schema=schema,
        totals=(len(first[0]), len(second[0])),
        shared=_count(first, second, common),
        links=(_of(first, common), _of(second, common)),
    )


def _columns_and_links(
    photo: tuple[Keypoints, LabelMap], vocabulary: Vocabulary, schema: SbovpSchema
) -> tuple[NDArray[np.uint32], Links]:
    keypoints, label_map = photo
    columns, ends = link_words(keypoints, label_map, vocabulary, schema)
    rows, cols = pixels_under(keypoints, label_map)
    labels = label_map.labels[rows, cols].astype(np.int64)
    places = (keypoints.points.astype(np.float64) + 0.5) / np.array(keypoints.size[::-1])
    return columns, Links(places[ends], labels[ends[:, 0]])


def _count(
    first: tuple[NDArray[np.uint32], Links],
    second: tuple[NDArray[np.uint32], Links],
    common: NDArray[np.uint32],
) -> dict[int, int]:
    here, there = (
        np.unique(columns[np.isin(columns, common)], return_counts=True)[1]
        for columns, _ in (first, second)
    )
    least = np.minimum(here, there)
    position = np.searchsorted(common, _of_columns(first[0], common))
    label_of = np.zeros(len(common), np.int64)
    label_of[position] = _of(first, common).labels
    totals = np.bincount(label_of, least).astype(np.int64)
    return {int(label): int(totals[label]) for label in np.flatnonzero(totals)}


def _of(photo: tuple[NDArray[np.uint32], Links], common: NDArray[np.uint32]) -> Links:
    columns, links = photo
    kept = np.isin(columns, common)
    return Links(links.ends[kept], links.labels[kept])


def _of_columns(columns: NDArray[np.uint32], common: NDArray[np.uint32]) -> NDArray[np.uint32]:
    return columns[np.isin(columns, common)]
