"""Compare the figures of several networks side by side, for their cards, and show failures.

    python -m scripts.compare_networks PHOTOS LABELS CSV THINGS OUT --networks lite NEW.onnx ...

PHOTOS, LABELS (DIR[@TABLE]) and CSV are those of `semsig distill`, of which the held-out photos are
used; THINGS holds `images`, `labels` and `classes.txt` of hand-drawn masks. Written to OUT are

* compare.md, one column per network: agreement and mean IoU of held-out photos, mean IoU of
  hand-drawn things, how well held-out photos find their own category by SBS (n = 1, idf-Tanimoto)
  and by pooled features without a projection, ms per photo on one thread, megabytes;
* failures-NUMBER.png: the photos on which the last network is most wrong, as each labels them.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scripts.measure_network import category_map, held_out_photos, named, own_category
from scripts.measure_things import measure
from semsig.distill.measure import Agreement
from semsig.distill.photos import PhotoStore
from semsig.distill.report import draw_samples
from semsig.distill.samples import Sample
from semsig.photo.image_files import image_paths
from semsig.segment import load_segmenter
from semsig.segment.card import PACKAGED
from semsig.segment.onnx import OnnxSegmenter
from semsig.signatures import PooledOptions
from semsig.signatures.pooled.encoding import unit_vectors
from semsig.types import LabelMap

FAILURES = 12


@dataclass(frozen=True, slots=True)
class Looked:
    """The results of a network on the held-out photos.

    Parameters
    ----------
    samples : list of Sample
    vectors : ndarray of float64, shape (N, C)
        Pooled features at unit length.
    milliseconds : float
        Median time per photo on one thread.
    """

    samples: list[Sample]
    vectors: NDArray[np.float64]
    milliseconds: float


def main() -> None:
    """Measure every network and write OUT."""
    given = _arguments()
    store, asked = held_out_photos(given.photos, given.labels, given.catalogue)
    drawn = load_segmenter(f"files:{given.things / 'labels'}@{given.things / 'classes.txt'}")
    paths = image_paths(given.things / "images")
    columns, looked = [], []
    for name in given.networks:
        one = look(name, store)
        things = measure(paths, drawn, named(name))
        looked.append(one)
        columns.append(figures(one, asked, list(things.values()), name))
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "compare.md").write_text(table(given.networks, columns))
    worst = most_wrong(looked[-1].samples)
    for number, one in enumerate(looked):
        draw_samples([one.samples[place] for place in worst], given.out / f"failures-{number}.png")


def look(name: str, store: PhotoStore) -> Looked:
    """Label and describe the photos with a network, one at a time."""
    network = load_segmenter(named(name), threads=1, device="cpu")
    assert isinstance(network, OnnxSegmenter)
    samples, vectors, times = [], [], []
    for place in range(len(store)):
        photo, labels = store[place]
        began = time.process_time()
        found, features = network.describe([photo])[0]
        times.append(time.process_time() - began)
        samples.append(Sample(photo, LabelMap(labels, store.classes), found))
        vectors.append(unit_vectors(features, PooledOptions().pooling).ravel())
    return Looked(samples, np.stack(vectors), 1e3 * float(np.median(times)))


def figures(one: Looked, asked: NDArray[np.str_], things: list[float], name: str) -> dict[str, str]:
    """Return the column of a network, by the names of the rows."""
    held = Agreement(np.sum([sample.confusion for sample in one.samples], axis=0))
    maps = [sample.network for sample in one.samples]
    ranked = np.argsort(-(one.vectors @ one.vectors.T), axis=1, kind="stable")
    file = PACKAGED.get(name, Path(name))
    return {
        "held-out photos: agreement": f"{held.pixels:.4f}",
        "held-out photos: mean IoU": f"{held.miou:.4f}",
        "things that people drew: mean IoU": f"{np.mean(things):.4f}",
        "own category: SBS, n = 1, idf-Tanimoto, map": (
            f"{own_category(maps, asked, 1, 'tanimoto-idf'):.4f}"
        ),
        "own category: pooled, no projection, map": f"{category_map(ranked, asked, 2):.4f}",
        "ms a photo, one thread": f"{one.milliseconds:.1f}",
        "MB": f"{file.stat().st_size / 1e6:.1f}",
    }


def table(names: Sequence[str], columns: Sequence[dict[str, str]]) -> str:
    """Return figures side by side as Markdown."""
    rows = [["", *names], ["---"] * (1 + len(names))]
    rows += [[row, *(column[row] for column in columns)] for row in columns[0]]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def most_wrong(samples: Sequence[Sample], count: int = FAILURES) -> list[int]:
    """Return the photos on which a network agrees least with the labels, worst first."""
    return np.argsort([Agreement(one.confusion).pixels for one in samples])[:count].tolist()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path)
    parser.add_argument("labels")
    parser.add_argument("catalogue", type=Path)
    parser.add_argument("things", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--networks", nargs="+", default=["lite", "embedded"])
    return parser.parse_args()


if __name__ == "__main__":
    main()
