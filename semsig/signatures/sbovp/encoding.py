"""Semantic bags of visual phrases (Ouni et al. 2022, section 3.2, eqs. 2 and 3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

import numpy as np
from numpy.typing import NDArray

from semsig.classes import ClassTable
from semsig.errors import SignatureError
from semsig.signatures.sbovp.vocabulary import Vocabulary
from semsig.types import Keypoints, LabelMap, SbovpBatch, SbovpSchema, SbovpSignature
from semsig.types.sbovp_schema import Norm, Regions, Space, Words, require_choice

_LARGEST_COUNT = np.iinfo(np.uint16).max


@dataclass(frozen=True, slots=True, kw_only=True)
class SbovpOptions:
    """How words become phrases; see :class:`SbovpSchema`, which keeps it with each signature.

    The defaults, and L = 5 words, retrieve best among 493 photos that neither the network nor the
    vocabularies have seen (``scripts/choose_sbovp.py``): mean average precision 0.463 for KAZE.
    One change at a time, n = 3 or 4: 0.462, components: 0.463, picture: 0.457, norm l2: 0.419,
    none: 0.356, visual words: 0.217; L = 10, 25, 50, 100, 200, 500: 0.456, 0.442, 0.439, 0.422,
    0.401, 0.381.

    Parameters
    ----------
    words : {"semantic", "visual"}
        Whether words are kept apart by class. "visual" is the paper's text to the letter.
    space : {"descriptor", "picture"}
        Space of the nearest-neighbour search.
    length : int
        Words per phrase, n = 2..4.
    regions : {"classes", "components"}
        What keypoints are linked within: all pixels of a class, as in the paper, or its
        connected components (8 neighbours).
    norm : {"sqrt", "l2", "none"}
        How counts are scaled before distances are taken. "none" is the paper's equation 3.

    Raises
    ------
    OptionError
        If a value is none of these.
    """

    words: Words = "semantic"
    space: Space = "descriptor"
    length: int = 2
    regions: Regions = "classes"
    norm: Norm = "sqrt"

    def __post_init__(self) -> None:
        for option in fields(self):
            require_choice(option.name, getattr(self, option.name))

    def schema(self, vocabulary: Vocabulary, classes: ClassTable) -> SbovpSchema:
        """Return the schema of the signatures that these options give.

        Raises
        ------
        OptionError
            If the words times the classes do not fit 32-bit column numbers.
        """
        return SbovpSchema(
            detector=vocabulary.detector,
            vocabulary=vocabulary.fingerprint,
            n_words=len(vocabulary),
            classes=classes,
            **asdict(self),
        )


def sbovp(
    keypoints: Keypoints,
    label_map: LabelMap,
    vocabulary: Vocabulary,
    options: SbovpOptions | None = None,
) -> SbovpSignature:
    """Return the semantic bag of visual phrases of one photo.

    Each keypoint has the class of the pixel under it and the nearest word of the vocabulary
    (eq. 2). Keypoints on void are left out; the others fall into regions. Each keypoint of a
    region makes one phrase: itself and its n - 1 nearest neighbours in the region by L2 distance,
    of equally near ones the stronger; fewer in a region that has fewer, and none if it is alone.
    Each unordered pair of a phrase's keypoints adds 1 to H(i, j), i <= j their words: n = 3 adds
    three per phrase. Two keypoints that are each other's nearest make two phrases.

    The paper leaves open whether mutual neighbours count once or twice, whether a
    phrase of three is a star (as here) or a chain, what ties do, and whether words of different
    classes are the same word. It links by an LSH forest; this is exact, by brute force: among
    descriptors a k-d tree takes seven to ten times as long for 500 to 2,000 keypoints.

    Parameters
    ----------
    keypoints : Keypoints
        Found by the vocabulary's detector and options.
    label_map : LabelMap
        Labels of the same photo, of any size: positions are scaled.
    vocabulary : Vocabulary
        The L words.
    options : SbovpOptions, optional
        The defaults if left out.

    Returns
    -------
    SbovpSignature
        The non-empty columns and their counts, which stop at 65,535. A photo without keypoints
        gives an empty one.

    Raises
    ------
    OptionError
        If L words over the map's classes do not fit 32-bit column numbers.
    """
    schema = (options or SbovpOptions()).schema(vocabulary, label_map.classes)
    return SbovpSignature.trusted(*_histogram(keypoints, label_map, vocabulary, schema), schema)


def sbovp_batch(
    keypoints: Sequence[Keypoints],
    label_maps: Sequence[LabelMap],
    vocabulary: Vocabulary,
    options: SbovpOptions | None = None,
) -> SbovpBatch:
    """Return the signatures of many photos; see :func:`sbovp`.

    Parameters
    ----------
    keypoints, label_maps : sequence
        At least one of each, as many of both; the maps over one class table. Threads share them.
    vocabulary : Vocabulary
        The L words.
    options : SbovpOptions, optional
        The defaults if left out.

    Raises
    ------
    SignatureError
        If there is no photo, as many keypoints as label maps are not given, or a label map has
        another class table than the first.
    OptionError
        If L words over the maps' classes do not fit 32-bit column numbers.
    """
    if not label_maps or len(keypoints) != len(label_maps):
        raise SignatureError(
            "Expected keypoints and a label map for each photo, and at least one photo, "
            f"got {len(keypoints)} and {len(label_maps)}."
        )
    classes = label_maps[0].classes
    for i, label_map in enumerate(label_maps):
        if label_map.classes != classes:
            raise SignatureError(
                f"Label map {i} is over class table {label_map.classes.name!r}, the first over "
                f"{classes.name!r}; a batch needs one table."
            )
    from semsig_kernels.threads import run_split

    schema = (options or SbovpOptions()).schema(vocabulary, classes)

    def build(first: int, last: int) -> list[SbovpSignature]:
        return [
            SbovpSignature.trusted(
                *_histogram(keypoints[i], label_maps[i], vocabulary, schema), schema
            )
            for i in range(first, last)
        ]

    parts = run_split(len(label_maps), build, grain=8)
    return SbovpBatch.of([row for part in parts for row in part], schema)


def link_words(
    keypoints: Keypoints, label_map: LabelMap, vocabulary: Vocabulary, schema: SbovpSchema
) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Return the pairs that a signature of `schema` counts, each with its two keypoints.

    Returns
    -------
    columns : ndarray of uint32, shape (P,)
        Column of each pair.
    ends : ndarray of int64, shape (P, 2)
        The keypoint whose phrase it is, or one of its neighbours, and a farther neighbour.
    """
    from semsig_kernels.phrases import link_pairs

    rows, columns = pixels_under(keypoints, label_map)
    labels = label_map.labels[rows, columns].astype(np.int64)
    regions = labels
    if schema.regions == "components":
        regions = _components(label_map, labels, rows, columns)
    inside = np.flatnonzero(labels != label_map.classes.void)
    order = inside[np.argsort(regions[inside], kind="stable")]
    starts = np.flatnonzero(np.diff(regions[order], prepend=-1, append=-1))
    space = keypoints.descriptors if schema.space == "descriptor" else keypoints.points
    blocks = labels[order[starts[:-1]]] * schema.n_pairs * (schema.words == "semantic")
    most = len(order) * schema.length * (schema.length - 1) // 2
    pairs, ends = np.empty(most, np.uint32), np.empty((most, 2), np.int64)
    words = vocabulary.assign(keypoints.descriptors[order])
    features = np.ascontiguousarray(space[order].T)
    linked = features, starts, blocks, words, schema.n_words, schema.length
    written = link_pairs(*linked, pairs, ends)
    return pairs[:written], order[ends[:written]]


def _histogram(
    keypoints: Keypoints, label_map: LabelMap, vocabulary: Vocabulary, schema: SbovpSchema
) -> tuple[NDArray[np.uint32], NDArray[np.uint16]]:
    pairs, _ = link_words(keypoints, label_map, vocabulary, schema)
    columns, counts = np.unique(pairs, return_counts=True)
    return columns, np.minimum(counts, _LARGEST_COUNT).astype(np.uint16)


def pixels_under(
    keypoints: Keypoints, label_map: LabelMap
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return row and column of the label map's pixel under each keypoint."""
    sizes = np.array(label_map.shape), np.array(keypoints.size)
    places = np.floor((keypoints.points[:, ::-1] + 0.5) * (sizes[0] / sizes[1]))
    pixels = np.clip(places.astype(np.int64), 0, sizes[0] - 1)
    return pixels[:, 0], pixels[:, 1]


def _components(
    label_map: LabelMap,
    labels: NDArray[np.int64],
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Return the connected component of each keypoint's pixel, computed per class."""
    from semsig.opencv import cv2

    regions = labels * label_map.labels.size
    for label in np.unique(labels):
        _, components = cv2.connectedComponents((label_map.labels == label).astype(np.uint8))
        own = labels == label
        regions[own] += np.asarray(components)[rows[own], columns[own]] - 1
    return regions
