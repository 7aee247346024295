"""What the tables are made from: a dataset's photos, their label maps, features and keypoints."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.paper.cache import Array, Cache
from semsig.datasets import Dataset, Photos, find_folder, load_dataset
from semsig.errors import DatasetError, SemsigError
from semsig.parallel import ordered_map
from semsig.photo.image_files import read_image
from semsig.segment import Segmenter, load_segmenter, segment_paths
from semsig.segment.card import PACKAGED
from semsig.segment.onnx import OnnxSegmenter
from semsig.signatures import Encoder, Inputs, detect_all
from semsig.signatures.sbovp.encoding import SbovpOptions, sbovp_batch
from semsig.signatures.sbovp.keypoints import load_detector
from semsig.signatures.sbovp.vocabulary import default_vocabulary
from semsig.types import Keypoints, LabelMap, SbovpBatch, SbovpSignature

PAPER = ("msrc_v1", "msrc_v2", "linnaeus", "wang", "corel_10k", "ghim_10k")
"""The paper's datasets, in the order of its tables."""

AT_ONCE = 64
"""Photos whose phrases are made together."""

KIN = {"msrc_v1": "msrc_v2"}
"""Datasets that are part of another's folder."""


@dataclass(frozen=True)
class Material:
    """A dataset's photos and what is computed of them, each thing once.

    Parameters
    ----------
    dataset : Dataset
        The benchmark.
    photos : Photos
        Its photos.
    segmenters : dict of str to Segmenter
        What makes label maps, by the name to show; the first are the package's networks.
    cache : Cache
        Where everything is kept.
    """

    dataset: Dataset
    photos: Photos
    segmenters: dict[str, Segmenter]
    cache: Cache
    _remembered: dict[str, list[list[Array]]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @property
    def name(self) -> str:
        """The dataset's short name."""
        return self.dataset.name

    def label_maps(self, segmenter: str = "embedded") -> list[LabelMap]:
        """Return every photo's label map by one of the segmenters."""
        source = self.segmenters[segmenter]
        if isinstance(source, OnnxSegmenter):
            return [LabelMap(labels, source.classes) for labels in self._seen(source)[0]]

        def make(paths: Sequence[Path]) -> Iterator[Array]:
            for _, outcome in segment_paths(source, paths):
                if isinstance(outcome, SemsigError):
                    raise outcome
                yield outcome.labels

        found = self.cache.arrays(f"labels {source.fingerprint}", self.photos.paths, make)
        return [LabelMap(labels, source.classes) for labels in found]

    def features(self, segmenter: str = "embedded") -> NDArray[np.float32]:
        """Return an ONNX network's features, shape (N, 3, C): average, maximum, GeM."""
        network = self.segmenters[segmenter]
        assert isinstance(network, OnnxSegmenter)
        return np.stack(self._seen(network)[1])

    def signatures(self, encoder: Encoder, segmenter: str = "embedded") -> Sequence[Any]:
        """Return every photo's signature by an encoder of a kind's defaults."""
        if encoder.needs.image:
            return self.phrases("kaze", segmenter)
        features = self.features(segmenter) if encoder.needs.features else repeat(None)
        both = zip(self.label_maps(segmenter), features, strict=False)
        return [encoder(Inputs(label_map=seen, features=of)) for seen, of in both]

    def _seen(self, network: OnnxSegmenter) -> list[list[Array]]:
        """Return the labels and features of every photo, a photo a core."""
        kept = self._remembered.get(network.fingerprint)
        if kept is None:
            kept = self._remembered[network.fingerprint] = self._see(network)
        return kept

    def _see(self, network: OnnxSegmenter) -> list[list[Array]]:
        def make(paths: Sequence[Path]) -> Iterator[tuple[Array, Array]]:
            return ordered_map(lambda path: _answer(network, path), paths, cores())

        kinds = [f"{what} {network.fingerprint}" for what in ("labels", "features")]
        return self.cache.together(kinds, self.photos.paths, make)

    def keypoints(self, detector: str) -> list[Keypoints]:
        """Return every photo's keypoints, the strongest first."""
        find = load_detector(detector)

        def make(paths: Sequence[Path]) -> Iterator[Array]:
            images = map(read_image, paths)
            return map(_as_rows, detect_all(images, find, workers=cores()))

        kind = f"keypoints {find.name} {find.options}"
        return [_as_keypoints(rows) for rows in self.cache.arrays(kind, self.photos.paths, make)]

    def phrases(
        self, detector: str, segmenter: str = "embedded", options: SbovpOptions | None = None
    ) -> SbovpBatch:
        """Return every photo's bag of visual phrases, of the shipped words."""
        source, vocabulary = self.segmenters[segmenter], default_vocabulary(detector)
        schema = (options or SbovpOptions()).schema(vocabulary, source.classes)

        def make(paths: Sequence[Path]) -> Iterator[Array]:
            if not paths:
                return
            keypoints = dict(zip(self.photos.paths, self.keypoints(detector), strict=True))
            maps = dict(zip(self.photos.paths, self.label_maps(segmenter), strict=True))
            for start in range(0, len(paths), AT_ONCE):
                some = paths[start : start + AT_ONCE]
                found = [keypoints[path] for path in some], [maps[path] for path in some]
                for one in sbovp_batch(*found, vocabulary, options):
                    yield np.stack([one.columns, one.counts])

        kind = f"phrases {schema.fingerprint} {source.fingerprint}"
        rows = self.cache.arrays(kind, self.photos.paths, make)
        signatures = (SbovpSignature(columns, counts, schema) for columns, counts in rows)
        return SbovpBatch.of(signatures, schema)


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _answer(network: OnnxSegmenter, path: Path) -> tuple[Array, Array]:
    image = read_image(path, at_least=network.short_side)
    label_map, features = network.describe([image])[0]
    return label_map.labels, features


def _as_rows(found: Keypoints) -> Array:
    """Put keypoints in one array: the photo's size, then a row a keypoint."""
    size = np.zeros((1, 67), np.float32)
    size[0, :2] = found.size
    rows = [found.points, found.responses[:, None], found.descriptors]
    return np.concatenate([size, np.concatenate(rows, axis=1)])


def _as_keypoints(rows: Array) -> Keypoints:
    height, width = rows[0, :2].astype(int).tolist()
    points, responses, descriptors = np.split(rows[1:], [2, 3], axis=1)
    return Keypoints(points, descriptors, responses[:, 0], (height, width))


def find_material(root: Path, cache: Cache) -> tuple[list[Material], dict[str, str]]:
    """Return the paper's datasets that lie under `root`, and why the others are left out.

    A folder ``<name>_labelmaps`` beside a dataset, and ``labels`` in it, are segmenters too.
    """
    found, missing = [], {}
    for name in PAPER:
        dataset = load_dataset(name)
        folder = find_folder(name, root)
        if folder is None:
            missing[name] = f"there is no folder of that name; get it from {dataset.source}"
            continue
        try:
            photos = dataset.scan(folder)
        except DatasetError as error:
            missing[name] = str(error)
            continue
        found.append(Material(dataset, photos, _segmenters(folder), cache))
    return found, missing


def _segmenters(folder: Path) -> dict[str, Segmenter]:
    maps = {
        "two public teachers": folder.with_name(f"{folder.name}_labelmaps"),
        "ground truth": folder / "labels",
    }
    return {
        **{name: load_segmenter(name, threads=1) for name in PACKAGED},
        **{name: load_segmenter(f"files:{at}") for name, at in maps.items() if at.is_dir()},
    }
