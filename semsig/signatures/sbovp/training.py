"""Keypoints of many photos -> vocabulary, by k-means."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from semsig.errors import OptionError
from semsig.signatures.sbovp.keypoints import KeypointDetector
from semsig.signatures.sbovp.vocabulary import N_WORDS, Vocabulary
from semsig.types import Keypoints

Progress = Callable[[int, int], None]
"""Called with the steps of k-means that are done, and their total."""

PER_PHOTO = 250
_LARGE = 20_000_000
_BATCH = 8192
_PASSES = 4


def train_vocabulary(
    keypoints: Iterable[Keypoints],
    detector: KeypointDetector,
    *,
    words: int = N_WORDS,
    training: str = "",
    seed: int = 0,
    progress: Progress | None = None,
) -> Vocabulary:
    """Learn visual words from the keypoints of photos, by k-means.

    Of each photo at most 250 descriptors are drawn. While descriptors times words are at most 20
    million, scikit-learn's KMeans groups them, beyond MiniBatchKMeans in four passes.

    Parameters
    ----------
    keypoints : iterable of Keypoints
        Found by `detector`, as :func:`detect_all` gives them; photos may have none.
    detector : KeypointDetector
        What found them; the vocabulary remembers it.
    words : int
        Number L of words, at least 1.
    training : str
        What the photos are, in a phrase; kept in the vocabulary.
    seed : int
        The same keypoints and seed give the same words, to float32 rounding.
    progress : callable, optional
        Called before and after each step of k-means.

    Raises
    ------
    OptionError
        If `words` is below 1, or there are fewer descriptors than words.
    """
    chance = np.random.default_rng(seed)
    sample = np.concatenate(
        [np.zeros((0, 64), np.float32), *(_draw(found, chance) for found in keypoints)]
    )
    if not 1 <= words <= len(sample):
        raise OptionError(
            f"A vocabulary of {words} words needs as many descriptors, and at least one word; "
            f"the photos gave {len(sample)}. Give more photos, or ask for fewer words."
        )
    group = _group if len(sample) * words <= _LARGE else _group_batches
    centers = group(sample, words, seed, progress or (lambda _done, _total: None))
    return Vocabulary(
        words=centers, detector=detector.name, options=detector.options, training=training
    )


def _draw(found: Keypoints, chance: np.random.Generator) -> NDArray[np.float32]:
    if len(found) <= PER_PHOTO:
        return found.descriptors
    drawn = chance.choice(len(found), PER_PHOTO, replace=False, shuffle=False)
    return found.descriptors[drawn]


def _group(
    sample: NDArray[np.float32], words: int, seed: int, progress: Progress
) -> NDArray[np.float32]:
    from sklearn.cluster import KMeans

    progress(0, 1)
    model = KMeans(words, n_init=1, random_state=seed).fit(sample)
    progress(1, 1)
    return np.asarray(model.cluster_centers_, np.float32)


def _group_batches(
    sample: NDArray[np.float32], words: int, seed: int, progress: Progress
) -> NDArray[np.float32]:
    from sklearn.cluster import MiniBatchKMeans

    model = MiniBatchKMeans(words, random_state=seed, batch_size=_BATCH)
    chance = np.random.default_rng(seed)
    batches = max(1, len(sample) // max(_BATCH, words))
    done = 0
    for _ in range(_PASSES):
        for rows in np.array_split(chance.permutation(len(sample)), batches):
            progress(done, _PASSES * batches)
            model.partial_fit(sample[rows])
            done += 1
    progress(done, done)
    return np.asarray(model.cluster_centers_, np.float32)
