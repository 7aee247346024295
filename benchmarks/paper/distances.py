"""Distances between a dataset's photos: of signatures, of vectors, of sparse histograms, fused."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from benchmarks.paper.material import Material
from semsig.evaluate import Evaluation, measure
from semsig.evaluate.comparisons import Part, compare_by
from semsig.evaluate.rankings import Distances, RankingOptions, some_of
from semsig.search.options import Reranking
from semsig.signatures import Inputs, SignatureKind, Signer
from semsig.types import SbovpBatch


def sbs_distances(
    material: Material, options: RankingOptions, segmenter: str = "embedded"
) -> Distances:
    """Return distances of SBS signatures as `options` say."""
    source = material.segmenters[segmenter]
    comparison = compare_by("sbs", source, options)
    signer = Signer(lambda: source, comparison.encoders)
    views = [
        signer.sign(signer.view(Inputs(label_map=label_map), None, options.mirrored))
        for label_map in material.label_maps(segmenter)
    ]
    searched = np.flatnonzero(material.photos.in_database)
    compare = comparison.among([views[i] for i in searched])
    return lambda asked: compare([views[i] for i in asked])


def kind_distances(
    material: Material, kind: SignatureKind, segmenter: str = "embedded"
) -> Distances:
    """Return distances by a kind of signature, made and compared as semsig fuses it, 0..1."""
    encoder = kind.encoder(material.segmenters[segmenter])
    scale = kind.scale(encoder.schema)
    part = Part(kind=kind, encoder=encoder, metric=kind.fused_metric, weight=scale)
    rows = material.signatures(encoder, segmenter)
    compare = part.among([rows[i] for i in np.flatnonzero(material.photos.in_database)])
    return lambda asked: compare([rows[i] for i in asked])


def vector_distances(material: Material, vectors: NDArray[np.float32] | csr_array) -> Distances:
    """Return L2 distances between the rows of `vectors`, one a photo."""
    searched = vectors[np.flatnonzero(material.photos.in_database)]
    sizes = _squares(searched)

    def distances(asked: NDArray[np.int64]) -> NDArray[np.float32]:
        rows = vectors[asked]
        products = rows @ searched.T
        dense = products.toarray() if isinstance(products, csr_array) else products
        return np.sqrt(np.maximum(_squares(rows)[:, None] + sizes - 2 * dense, 0))

    return distances


def _squares(rows: NDArray[np.float32] | csr_array) -> NDArray[np.float32]:
    return np.asarray((rows * rows).sum(axis=1)).reshape(-1)


def sbovp_vectors(batch: SbovpBatch) -> csr_array:
    """Return a batch's histograms scaled by their schema's norm, one row a photo."""
    counts = batch.counts.astype(np.float32)
    norm = batch.schema.norm
    shape = len(batch), batch.schema.n_columns
    values = np.sqrt(counts) if norm == "sqrt" else counts
    rows = csr_array((values, batch.columns.astype(np.int64), batch.offsets), shape=shape)
    if norm == "none":
        return rows
    lengths = np.repeat(np.sqrt(np.maximum(_squares(rows), 1e-12)), np.diff(batch.offsets))
    return csr_array((values / lengths, rows.indices, rows.indptr), shape=shape)


def remembered(material: Material, distances: Distances) -> Distances:
    """Compute all distances once, to ask for them often."""
    numbers = np.arange(len(material.photos.paths))
    rows = np.concatenate([distances(some) for some in some_of(numbers)])
    return lambda asked: rows[asked]


def scores(
    material: Material, distances: Distances, rerank: Reranking | None = None
) -> dict[str, object]:
    """Measure distances on a dataset; the measures, each with its interval, for JSON."""
    found = measure(material.dataset, material.photos, distances, rerank=rerank)
    return as_scores(found)


def as_scores(found: Evaluation) -> dict[str, object]:
    """Return an evaluation's measures and intervals, rounded, for JSON."""
    return {
        **{name: round(value, 4) for name, value in found.measures.items()},
        "intervals": {
            name: [round(bound, 4) for bound in bounds] for name, bounds in found.intervals.items()
        },
    }
