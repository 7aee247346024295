"""Choose the default network, signatures and ranking on held-out training photos.

    python -m scripts.choose_defaults PHOTOS CSV [NETWORK ...]

PHOTOS and CSV are those of `semsig distill`. The photos that it holds out (5 %) search for others
of their category, among themselves and every third of the rest (`scripts.training_photos`). Prints
a Markdown table: each network by blocks at each level and metric, by phrases, by pooled descriptors
(with a projection learned from the photos that are not searched), by fusions of them at several
weights, and re-ranked. `scripts.choose_pooled` chooses how features are pooled and projected.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path

import numpy as np

from scripts.training_photos import catalogued
from semsig.datasets import Photos, load_dataset
from semsig.evaluate import measure
from semsig.evaluate.comparisons import Comparison, Part
from semsig.evaluate.rankings import Distances
from semsig.evaluate.signing import sign_photos
from semsig.photo.image_files import read_image
from semsig.search.fusion import FusionOptions
from semsig.search.options import ExpandOptions, Reranking, RerankOptions
from semsig.segment import Segmenter, load_segmenter
from semsig.signatures import (
    PooledOptions,
    Projection,
    fit_projection,
    load_signature,
    signature_kinds,
)
from semsig.types.metrics import METRICS

LEVELS = (1, 2, 3)
FUSED = {"sbs": "sbs n = 3, tanimoto-idf", "sbovp": "sbovp", "pooled": "pooled"}
"""The signature of each kind that is fused, by the names of :func:`parts_of`."""

Way = tuple[str, Distances, Reranking | None]

SHARES = (0.0, 0.05, 0.1, 0.2, 0.4)
"""Weights of blocks and of phrases in fusions with pooled descriptors, whose weight is 1."""


def main(folder: str, catalogue: str, *networks: str) -> None:
    """Print one row per way to rank, network by network."""
    photos, others = catalogued(Path(folder), Path(catalogue))
    queries = int(photos.is_query.sum())
    _tell(f"{queries} queries, {len(photos.paths)} photos, {len(photos.classes)} categories\n")
    _tell("| network | ranked by | map | p@20 | map_paper |\n|---|---|---|---|---|")
    for network in networks or ("lite", "embedded"):
        for name, distances, rerank in ways(photos, others, network):
            found = measure(load_dataset("wang"), photos, distances, rerank=rerank).measures
            row = " | ".join(f"{found[of]:.4f}" for of in ("map", "p@20", "map_paper"))
            _tell(f"| {network} | {name} | {row} |")


def ways(photos: Photos, others: Photos, network: str) -> Iterator[Way]:
    """Yield each way to rank: its name, its distances, and its re-ranking if it has one."""
    segmenter = load_segmenter(network, threads=1)
    parts = parts_of(segmenter, learned(others, segmenter))
    signed, _ = sign_photos(photos, segmenter, Comparison(parts=parts), lambda *_: None)
    found = {}
    for name, part in parts.items():
        rows = [signed[number][0][name] for number in range(len(photos.paths))]
        found[name] = _remembered(part, rows)
        yield name, found[name], None
    scaled = {
        kind: _scaled(found[name], parts[name]) for kind, name in FUSED.items() if name in found
    }
    for sbs, sbovp in product(SHARES, SHARES):
        if sbs or sbovp:
            weights = {"sbs": sbs, "sbovp": sbovp, "pooled": 1.0}
            yield f"fused {weights}", _fused(scaled, weights), None
    for share in (0.2, 0.4, 0.6):
        weights = {"sbs": 1 - share, "sbovp": share}
        yield f"fused {weights}", _fused(scaled, weights), None
    for how in rerankings():
        yield f"pooled, {how}", found["pooled"], how


def rerankings() -> Iterator[Reranking]:
    """Yield the settings of re-ranking."""
    for k1, k2, weight in product((20, 30, 40), (4, 8), (0.1, 0.3, 0.5)):
        yield RerankOptions(k1=k1, k2=k2, weight=weight)
    for neighbors, alpha in product((4, 8, 16), (0, 1, 3)):
        yield ExpandOptions(neighbors=neighbors, alpha=alpha)


def learned(photos: Photos, segmenter: Segmenter) -> Projection:
    """Return the projection learned from photos and their categories."""
    images = (read_image(path, at_least=192) for path in photos.paths)
    return fit_projection(images, segmenter, groups=photos.labels.tolist())


def parts_of(segmenter: Segmenter, projection: Projection) -> dict[str, Part]:
    """Return all distances of single signatures: blocks by level and metric, and the others."""
    sbs = load_signature("sbs")
    parts = {
        f"sbs n = {level}, {metric}": Part(
            kind=sbs, encoder=sbs.encoder(segmenter, levels=level), metric=metric
        )
        for level in LEVELS
        for metric in METRICS
    }
    for kind in signature_kinds():
        if not kind.has_levels:
            options = PooledOptions(projection=projection) if kind.name == "pooled" else None
            encoder = kind.encoder(segmenter, options=options)
            parts[kind.name] = Part(kind=kind, encoder=encoder, metric=kind.metrics[0])
    return parts


def _remembered(part: Part, rows: list[object]) -> Distances:
    """Compute all distances once."""
    found = part.matrix(rows, rows)
    return lambda asked: found[asked]


def _scaled(distances: Distances, part: Part) -> Distances:
    scale = np.float32(part.kind.scale(part.encoder.schema))
    return lambda asked: scale * distances(asked)


def _fused(scaled: Mapping[str, Distances], weights: Mapping[str, float]) -> Distances:
    fusion = FusionOptions(shares={name: weight for name, weight in weights.items() if weight})
    return lambda asked: fusion.fuse({name: scaled[name](asked) for name in fusion.shares})


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
