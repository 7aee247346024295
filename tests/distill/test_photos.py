"""Photos and label maps in memory, and batches cut from them."""

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from semsig.distill import DistillOptions
from semsig.distill.batches import BatchMaker, ahead
from semsig.distill.photos import PhotoStore, find_photos
from semsig.errors import OptionError, SegmenterError
from semsig.segment import load_segmenter


def store_of(scenes, **changes):
    teacher = load_segmenter(f"files:{scenes / 'labels'}")
    return PhotoStore(find_photos(scenes / "photos"), teacher, **changes)


def test_pairs_have_one_size_and_a_bounded_short_side(scenes):
    store = store_of(scenes, side=32)
    for position in (0, 39):
        image, labels = store[position]
        assert image.shape == (32, 43, 3)
        assert labels.shape == (32, 43)


def test_photos_beyond_the_budget_are_read_again(scenes):
    kept, read = store_of(scenes), store_of(scenes, budget_mb=0)
    np.testing.assert_array_equal(kept[5][0], read[5][0])
    np.testing.assert_array_equal(kept[5][1], read[5][1])
    np.testing.assert_array_equal(kept.counts, read.counts)


def test_counts_leave_void_out(scenes):
    store = store_of(scenes)
    assert (store.counts.sum(1) == 48 * 64 - 3).all()
    assert store.shown[:2].tolist() == [[True, True, False], [True, False, True]]
    assert store.dominant[0] in (0, 1)


def test_a_photo_without_a_label_map_is_named(scenes):
    (scenes / "labels" / "007.png").unlink()
    with pytest.raises(SegmenterError, match="007"):
        store_of(scenes)


def test_stems_must_be_distinct(scenes):
    twin = scenes / "photos" / "sub"
    twin.mkdir()
    (twin / "003.png").write_bytes((scenes / "photos" / "003.jpg").read_bytes())
    with pytest.raises(OptionError, match="003"):
        find_photos(scenes / "photos")


def test_a_batch_depends_on_seed_and_step_alone(scenes):
    options = DistillOptions(photos=Path(), teacher="labels:x", out=Path(), batch_size=3)
    make = BatchMaker(store_of(scenes), np.arange(4), np.full(4, 0.25), options)
    plain = list(islice(ahead(make, 2, lambda step: 64 + 32 * (step % 2), 0), 4))
    threaded = list(islice(ahead(make, 2, lambda step: 64 + 32 * (step % 2), 2), 4))
    assert [batch.side for batch in plain] == [64, 96, 64, 96]
    for one, other in zip(plain, threaded, strict=True):
        np.testing.assert_array_equal(one.images, other.images)
        np.testing.assert_array_equal(one.labels, other.labels)
    assert (make(2, 64).images != make(4, 64).images).any()
    assert plain[0].labels.shape == (3, 16, 16)
