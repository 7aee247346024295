"""Made-up bags of visual phrases with the statistics that matter for speed.

A photo has a kind, which has favourite words in Zipf proportions. Each keypoint is linked to
another that is often of the same word, as neighbours in descriptor space are, and their pair is
counted. About 520 keypoints a photo, as KAZE finds at 384 x 256. A query meets 12 counts a row over
200 visual words and 8 over 50 words and 54 classes; in real photos of half that many keypoints it
was 7 and 2, so real semantic rows are less alike, and searched faster, than these.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from benchmarks.scenes import CACHE
from semsig import ClassTable, SbovpBatch, SbovpSchema

KINDS = 60
OWN_WORDS = 60
CLASSES = ClassTable([f"class {label}" for label in range(54)], name="bench")


def schema_of(words: str, n_words: int, norm: str) -> SbovpSchema:
    """Return the schema of `n_words` visual or semantic words."""
    return SbovpSchema(
        detector="kaze",
        vocabulary="0" * 64,
        n_words=n_words,
        classes=CLASSES,
        words=words,
        space="descriptor",
        length=2,
        regions="classes",
        norm=norm,
    )


def phrases(count: int, schema: SbovpSchema, *, first: int = 0) -> SbovpBatch:
    """Return the histograms numbered from `first` on, kept in ``build/`` for the next run.

    Each depends on its number only.
    """
    path = CACHE / f"phrases-{schema.words}-{schema.n_words}-{first}-{count}.npz"
    if not path.exists():
        CACHE.mkdir(exist_ok=True)
        columns, counts, offsets = _make(count, schema, first)
        np.savez(path, columns=columns, counts=counts, offsets=offsets)
    with np.load(path, allow_pickle=False) as stored:
        return SbovpBatch(stored["columns"], stored["counts"], stored["offsets"], schema)


def _make(
    count: int, schema: SbovpSchema, first: int
) -> tuple[NDArray[np.uint32], NDArray[np.uint16], NDArray[np.int64]]:
    made = [_histogram(seed, schema) for seed in range(first, first + count)]
    lengths = [len(columns) for columns, _ in made]
    columns = np.concatenate([columns for columns, _ in made]).astype(np.uint32)
    counts = np.concatenate([counts for _, counts in made]).astype(np.uint16)
    return columns, counts, np.concatenate([[0], np.cumsum(lengths)])


@lru_cache
def _kinds(n_words: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return shares of words, one row a kind, and its classes in order of frequency."""
    rng = np.random.default_rng(1)
    common = rng.permutation(1 / np.arange(2, n_words + 2) ** 0.7)
    shares = common * rng.random((KINDS, n_words)) ** 2
    order = np.arange(len(CLASSES)) + 80 * rng.random((KINDS, len(CLASSES)))
    classes = np.argsort(order, axis=1)
    return shares / shares.sum(axis=1, keepdims=True), classes


def _histogram(seed: int, schema: SbovpSchema) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    shares, classes = _kinds(schema.n_words)
    kind = int(rng.integers(KINDS))
    n_keypoints = int(np.clip(rng.lognormal(6.15, 0.5), 30, 2000))
    own = rng.choice(schema.n_words, OWN_WORDS, p=shares[kind])
    words = own[(OWN_WORDS * rng.random((2, n_keypoints)) ** 2.5).astype(np.int64)]
    words[1] = np.where(rng.random(n_keypoints) < 0.2, words[0], words[1])
    low, high = words.min(axis=0), words.max(axis=0)
    columns = low * schema.n_words - low * (low - 1) // 2 + high - low
    if schema.words == "semantic":
        ranks = np.minimum(rng.geometric(0.4, n_keypoints) - 1, len(CLASSES) - 1)
        columns += classes[kind, ranks] * schema.n_pairs
    return np.unique(columns, return_counts=True)
