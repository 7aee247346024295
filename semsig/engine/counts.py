"""In how many photos of an index each class occurs."""

from __future__ import annotations

import numpy as np

from semsig.search import HammingIndex


def class_counts(index: HammingIndex) -> dict[str, int]:
    """Return how many photos show each class, by name, the most frequent first.

    A photo shows a class if any of its blocks has a trace of it.
    """
    ids, batch = index.to_batch()
    classes = batch.schema.classes
    rows = np.repeat(np.arange(len(ids), dtype=np.int64), np.diff(batch.offsets))
    labels = (batch.cells.astype(np.int64) >> 2) % len(classes)
    pairs = np.unique(rows * len(classes) + labels)
    counts = np.bincount(pairs % len(classes), minlength=len(classes))
    order = np.argsort(-counts, kind="stable")
    return {classes.names[label]: int(counts[label]) for label in order}
