"""Ask what axes are worth for photos from elsewhere: leave a source out, search within it.

Usage: python -m scripts.leave_source_out PHOTOS CSV CACHE [NETWORK]

PHOTOS and CSV are those of `semsig distill`, NETWORK is embedded by default.
`scripts.choose_ranking` asks for categories among all photos, and nearly every category comes from
one source: what tells sources apart looks good there. Here axes are learned without a source's
photos, and every photo of it that `choose_ranking` searches is asked for its category among those
alone, as a benchmark is.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.paper.axes import Axes, joined
from benchmarks.paper.beat import GEM
from benchmarks.paper.cache import Cache
from benchmarks.paper.material import Material
from benchmarks.rivals.local import unit_rows
from scripts.choose_ranking import catalogued
from scripts.measure_network import category_map
from semsig.datasets import Photos, load_dataset
from semsig.distill.holdout import read_catalogue
from semsig.segment import load_segmenter
from semsig.signatures.sbs.encoding import sbs_batch

LEVELS = 2
CATEGORIES, PHOTOS, MEMBERS = 3, 40, 5
"""A source asked has so many categories and photos; a category asked for so many photos."""

Rows = NDArray[np.float32]
Names = NDArray[np.str_]


def main(folder: str, catalogue: str, cache: str, name: str = "embedded") -> None:
    """Print a Markdown table: one row a descriptor, one column a source."""
    listed = read_catalogue(Path(catalogue))
    parts = catalogued(Path(folder), Path(catalogue))
    network, kept = {"embedded": load_segmenter(name, threads=1)}, Cache(Path(cache))
    asked, learned = (Material(load_dataset("msrc_v2"), part, network, kept) for part in parts)
    categories, known = (_names(part) for part in parts)
    sources, theirs = (_sources(part, listed) for part in parts)
    chosen = [s for s, _ in Counter(sources.tolist()).most_common() if _fit(categories, sources, s)]
    print(f"| descriptor | mean | {' | '.join(s.partition('@')[0] for s in chosen)} |")  # noqa: T201
    print("|---" * (2 + len(chosen)) + "|")  # noqa: T201
    for name, rows, others, shrink in _descriptors(asked, learned):
        found = []
        for source in chosen:
            mine, away = sources == source, theirs != source
            if shrink:
                axes = Axes.learn(others[away], known[away], "", shrink=shrink)
            own = axes(rows[mine]) if shrink else rows[mine]
            ranked = np.argsort(-(own @ own.T), axis=1, kind="stable")
            found.append(category_map(ranked, categories[mine], MEMBERS))
        shown = " | ".join(f"{value:.3f}" for value in [np.mean(found), *found])
        print(f"| {name} | {shown} |", flush=True)  # noqa: T201


def _descriptors(asked: Material, learned: Material) -> Iterator[tuple[str, Rows, Rows, float]]:
    """Yield a name, what is known of the photos asked and learned from, and the shrinkage."""
    yield "GeM", *(unit_rows(part.features()[:, GEM]) for part in (asked, learned)), 0
    features = [joined(part.features()) for part in (asked, learned)]
    codes = [_codes(part) for part in (asked, learned)]
    both = [np.concatenate(pair, axis=1) for pair in zip(features, codes, strict=True)]
    yield "codes of SBS, n = 2", *codes, 0
    kinds = {"features": features, "features and codes": both}
    for (name, rows), shrink in product(kinds.items(), (0.3, 0.6, 1, 3)):
        yield f"axes of {name}, shrink {shrink}", *rows, shrink


def _codes(material: Material) -> Rows:
    """Return the square roots of signatures' proportion levels, each row of length 1."""
    batch = sbs_batch(material.label_maps(), LEVELS)
    levels = np.zeros((len(batch), batch.schema.n_cells), np.float32)
    for row, signature in zip(levels, batch, strict=True):
        row[signature.cells.astype(np.int64) >> 2] = signature.proportions
    return unit_rows(np.sqrt(levels))


def _names(photos: Photos) -> Names:
    return np.array(photos.classes)[photos.labels]


def _sources(photos: Photos, listed: dict[str, dict[str, str]]) -> Names:
    return np.array([listed[path.stem]["source"] for path in photos.paths])


def _fit(categories: Names, sources: Names, source: str) -> bool:
    members = categories[sources == source]
    return len(members) >= PHOTOS and len(set(members.tolist())) >= CATEGORIES


if __name__ == "__main__":
    main(*sys.argv[1:])
