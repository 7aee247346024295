"""Synthetic bags of visual phrases with the statistics that matter for speed.

Each photo has a kind with frequent words, and some frequent words of its own. Each keypoint is
linked to another one, often of the same word, otherwise of a similar one, like neighbours in
descriptor space; if two are each other's nearest, their pair is counted twice. The parameters are
fitted to what semsig finds in Wang's 1,000 photos (KAZE, default options, label maps of two public
teachers):

======================  ==================  ============  ==================  ============
mean per photo          200 visual words    here          50 semantic words   here
======================  ==================  ============  ==================  ============
keypoints               820                 823           820                 823
non-empty columns       420                 423           284                 321
mean count              1.95                1.95          2.89                2.57
columns two share       67                  67            15.6                14.5
======================  ==================  ============  ==================  ============
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from benchmarks.scenes import CACHE
from semsig import ClassTable, SbovpBatch, SbovpSchema

KINDS = 60
SAME_WORD = 0.35
MUTUAL = 0.57
SKEW = {"visual": 1.1, "semantic": 1.65}
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
    """Return the histograms numbered from `first` on, cached in ``build/``.

    Each depends only on its number.
    """
    path = CACHE / f"phrases2-{schema.words}-{schema.n_words}-{first}-{count}.npz"
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
    """Return, with one row per kind, weights of words, and classes in order of frequency."""
    rng = np.random.default_rng(1)
    weights = np.exp(0.3 * rng.standard_normal((KINDS, n_words)))
    order = np.arange(len(CLASSES)) + 50 * rng.random((KINDS, len(CLASSES)))
    return weights, np.argsort(order, axis=1)


def _histogram(seed: int, schema: SbovpSchema) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    weights, classes = _kinds(schema.n_words)
    kind = int(rng.integers(KINDS))
    n_keypoints = int(np.clip(rng.lognormal(np.log(950), 0.5), 100, 1000))
    n_links = int(n_keypoints * (1 - MUTUAL / 2))
    own = weights[kind] * np.exp(SKEW[schema.words] * rng.standard_normal(schema.n_words))
    first = rng.choice(schema.n_words, n_links, p=own / own.sum())
    apart = ((schema.n_words / 2) ** (rng.random(n_links) ** 1.2)).astype(np.int64)
    apart[rng.random(n_links) < SAME_WORD] = 0
    second = (first + apart) % schema.n_words
    low, high = np.minimum(first, second), np.maximum(first, second)
    columns = low * schema.n_words - low * (low - 1) // 2 + high - low
    if schema.words == "semantic":
        ranks = np.minimum(rng.geometric(0.55, n_links) - 1, len(CLASSES) - 1)
        columns += classes[kind, ranks] * schema.n_pairs
    twice = columns[: n_keypoints - n_links]
    return np.unique(np.concatenate([columns, twice]), return_counts=True)
