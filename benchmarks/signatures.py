"""Construction time of every signature by the paper's protocol, with rivals in the same run.

Detection, extraction and segmentation are done in advance and not timed. Timed are: label map to
SBS; label map and keypoints to SBOVP; descriptors to BoVW, VLAD and Fisher vector.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from semsig_kernels.threads import set_thread_count, thread_count

from benchmarks.paper.facts import TITLES, paper
from benchmarks.rivals.local import BagOfWords, Encoder, Fisher, Vlad, sample
from benchmarks.timing import as_entries, cycle, interleave
from semsig.classes import ClassTable
from semsig.errors import OptionError
from semsig.photo.image_files import image_paths, read_image
from semsig.segment import load_segmenter, segment_path
from semsig.signatures import (
    KeypointDetector,
    SbovpOptions,
    default_vocabulary,
    detect_all,
    load_detector,
)
from semsig.signatures.sbovp.encoding import sbovp
from semsig.signatures.sbs.encoding import sbs
from semsig.synthetic import scenes
from semsig.types import Image, Keypoints, LabelMap

PHOTOS = 40
BASE = "Fisher vector, 32 Gaussians"
PAPER_WORDS = 500


@dataclass(frozen=True)
class Photo:
    """A photo and its label map, which has the photo's size."""

    image: Image
    label_map: LabelMap


def timings(folder: Path | None) -> dict[str, object]:
    """Time every construction on the photos of a folder, or on rendered scenes; one thread."""
    photos = list(islice(_photos(folder), PHOTOS))
    keypoints = {detector.name: _find(photos, detector) for detector in _detectors()}
    candidates = dict(_candidates(photos, keypoints))
    threads = thread_count()
    set_thread_count(1)
    timed = interleave({name: cycle(len(photos), call) for name, call in candidates.items()})
    set_thread_count(threads)
    height, width = photos[0].label_map.shape
    means = (f"{np.mean([len(f) for f in found]):.0f} {n}" for n, found in keypoints.items())
    return {
        "task": f"{len(photos)} {'photos' if folder else 'rendered scenes'} of about "
        f"{height} x {width}, keypoints per photo: {', '.join(means)}",
        "runs": as_entries(timed, BASE),
    }


def _photos(folder: Path | None) -> Iterator[Photo]:
    if folder is None:
        yield from (Photo(scene.image, scene.label_map) for scene in scenes(PHOTOS))
        return
    network = load_segmenter("embedded")
    for path in image_paths(folder):
        image, label_map = read_image(path), segment_path(network, path)
        yield Photo(image, _enlarge(label_map, image.shape[1], image.shape[0]))


def _enlarge(label_map: LabelMap, width: int, height: int) -> LabelMap:
    """Resize a network's label map to the size of its photo, as in the paper."""
    labels = cv2.resize(label_map.labels, (width, height), interpolation=cv2.INTER_NEAREST)
    classes: ClassTable = label_map.classes
    return LabelMap(labels, classes)


def _detectors() -> Iterator[KeypointDetector]:
    yield load_detector("kaze")
    try:
        yield load_detector("surf")
    except OptionError as error:
        print(f"left out: {error}")


def _find(photos: list[Photo], detector: KeypointDetector) -> list[Keypoints]:
    return list(detect_all((photo.image for photo in photos), detector))


def _candidates(
    photos: list[Photo], keypoints: dict[str, list[Keypoints]]
) -> Iterator[tuple[str, Callable[[int], object]]]:
    for levels in range(4):
        yield f"SBS, {4**levels} blocks", _sbs(photos, levels)
    for name, found in keypoints.items():
        for words in (len(default_vocabulary(name)), PAPER_WORDS):
            for length in (2, 3, 4):
                label = f"SBOVP, {name}, L = {words}, n = {length}"
                yield label, _sbovp(photos, found, name, words, length)
    found = keypoints["kaze"]
    rows = sample([each.descriptors for each in found])
    yield "BoVW, 500 words", _encode(found, BagOfWords.learn(rows))
    yield "VLAD, 64 words", _encode(found, Vlad.learn(rows))
    yield BASE, _encode(found, Fisher.learn(rows))


def _sbs(photos: list[Photo], levels: int) -> Callable[[int], object]:
    return lambda i: sbs(photos[i].label_map, levels)


def _sbovp(
    photos: list[Photo], found: list[Keypoints], name: str, words: int, length: int
) -> Callable[[int], object]:
    vocabulary = default_vocabulary("surf" if name == "surf" else "kaze", words)
    options = replace(SbovpOptions(), length=length)
    return lambda i: sbovp(found[i], photos[i].label_map, vocabulary, options)


def _encode(found: list[Keypoints], encoder: Encoder) -> Callable[[int], object]:
    return lambda i: encoder(found[i].descriptors)


def table(entries: dict[str, dict[str, dict[str, float]]]) -> str:
    """Return a table of our times, then those of the paper's Table 4."""
    lines = [f"{entries['task']}; CPU time, detection, extraction and segmentation apart"]
    lines += [
        f"  {name:32} {run['cpu'] * 1e3:9.4f} ms   {run['faster']:8.1f} x"
        for name, run in entries["runs"].items()
    ]
    lines.append("the paper's Table 4, SBS, ms per photo: 1, 4, 16, 64 blocks")
    lines += [
        f"  {TITLES[name]:32} {'  '.join(f'{value:5.1f}' for value in values)}"
        for name, values in paper()["table4"].items()
    ]
    lines.append(
        "the paper gives Figure 11 (SBS compared with BoVW, VLAD, Fisher, ...) without numbers"
    )
    return "\n".join(lines)
