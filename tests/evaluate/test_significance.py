from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semsig.errors import OptionError
from semsig.evaluate.significance import differences, holm, paired_permutation

shares = st.integers(0, 8).map(lambda eighths: eighths / 8)


def by_all_flips(first, second):
    apart = np.array(first) - np.array(second)
    flips = np.array(list(product([1, -1], repeat=len(apart))))
    means = np.abs((flips * apart).mean(1))
    return (means >= abs(apart.mean()) - 1e-12).mean()


@settings(max_examples=25)
@given(st.lists(st.tuples(shares, shares), min_size=2, max_size=8))
def test_few_queries_are_tested_by_all_flips(pairs):
    first, second = np.array(pairs).T
    assert paired_permutation(first, second) == pytest.approx(by_all_flips(first, second))


def test_random_flips_come_near_and_are_the_same_every_time():
    rng = np.random.default_rng(0)
    first = rng.random(12)
    second = first - rng.normal(0.05, 0.1, 12)
    exact = by_all_flips(first, second)
    # of 2,000 flips, the share's standard error is below 0.012
    drawn = paired_permutation(first, second, samples=2000)
    assert drawn == pytest.approx(exact, abs=0.05)
    assert paired_permutation(first, second, samples=2000) == drawn


def test_no_difference_is_no_difference_and_a_clear_one_is_clear():
    scores = np.random.default_rng(1).random(50)
    assert paired_permutation(scores, scores) == 1
    assert paired_permutation(scores + 0.1, scores, samples=999) == pytest.approx(2 / 1000)


def test_false_alarms_are_as_rare_as_promised():
    rng = np.random.default_rng(2)
    p_values = [paired_permutation(*rng.random((2, 10)), samples=300) for _ in range(200)]
    assert np.mean(np.array(p_values) < 0.05) < 0.1


def test_holm_by_hand():
    # 0.01 * 4, then 0.02 * 3, 0.03 * 2 (no less than before), 0.9 * 1
    assert holm([0.03, 0.01, 0.9, 0.02]) == pytest.approx([0.06, 0.04, 0.9, 0.06])
    assert holm([0.6, 0.5]) == [1, 1]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=9))
def test_holm_lies_between_the_p_values_and_bonferronis(p_values):
    corrected = np.array(holm(p_values))
    given_ = np.array(p_values)
    assert (corrected >= given_).all()
    assert (corrected <= np.minimum(given_ * len(given_), 1) + 1e-12).all()
    order = np.argsort(given_, kind="stable")
    assert (np.diff(corrected[order]) >= 0).all()


def test_every_pair_is_tested_and_corrected_together():
    rng = np.random.default_rng(3)
    a = rng.random(40)
    found = differences({"a": a, "b": a - 0.2, "c": a + rng.normal(0, 0.1, 40)}, samples=999)
    assert [(each.first, each.second) for each in found] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert found[0].difference == pytest.approx(0.2)
    assert [each.p_holm for each in found] == holm([each.p for each in found])


@pytest.mark.parametrize("wrong", [(np.zeros(2), np.zeros(3)), (np.zeros(0), np.zeros(0))])
def test_refuses_what_cannot_be_paired(wrong):
    with pytest.raises(OptionError, match="same queries"):
        paired_permutation(*wrong)
    with pytest.raises(OptionError, match="samples"):
        paired_permutation(np.ones(2), np.ones(2), samples=0)
