"""Which photos are held out, and how often the others are drawn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semsig.distill.holdout import (
    MOST_FAVOURED,
    draw_weights,
    hold_out,
    read_catalogue,
    strata_of,
)
from semsig.errors import OptionError


@given(st.lists(st.integers(0, 4), min_size=1, max_size=80), st.sampled_from([0.05, 0.2, 0.5]))
def test_every_stratum_gives_its_share(strata, share):
    train, held = hold_out(strata, share)
    assert sorted([*train, *held]) == list(range(len(strata)))
    step = round(1 / share)
    for stratum in set(strata):
        members = [i for i, s in enumerate(strata) if s == stratum]
        assert [i for i in members if i in set(held)] == members[::step]


def test_catalogue_is_found_by_stem(tmp_path):
    path = tmp_path / "images.csv"
    path.write_text("file,category\na.jpg,cat\nsub/b.jpg,dog\n")
    assert strata_of(["a", "b", "c"], read_catalogue(path)) == ["cat", "dog", ""]


@pytest.mark.parametrize("text", ["", "file,category\n", "name,kind\na,b\n"])
def test_catalogue_without_its_columns_is_refused(tmp_path, text):
    path = tmp_path / "images.csv"
    path.write_text(text)
    with pytest.raises(OptionError):
        read_catalogue(path)


def test_rare_classes_are_drawn_more_often():
    present = np.zeros((100, 3), bool)
    present[:, 0] = True
    present[:4, 1] = True
    weights = draw_weights(present, 0.5)
    assert weights.sum() == pytest.approx(1)
    assert weights[0] / weights[50] == pytest.approx(5)  # (100 / 4) ** 0.5


def test_favour_is_bounded_and_photos_without_labels_are_drawn():
    present = np.zeros((1000, 2), bool)
    present[:999, 0] = True
    present[0, 1] = True
    weights = draw_weights(present, 0.5)
    assert weights.max() / weights[1] == pytest.approx(MOST_FAVOURED * 0.999**0.5)
    assert weights[999] > 0
    assert np.ptp(draw_weights(present, 0)) == 0
