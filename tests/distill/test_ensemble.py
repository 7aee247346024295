"""Votes of teachers, combined."""

import numpy as np
import pytest

from scripts.ensemble import (
    LEAST_FACTOR,
    VOID,
    Votes,
    category_factors,
    combine,
    count,
    precision,
)

CLASSES = 4


def sure(labels):
    return Votes.of_labels(np.array(labels))


def test_probabilities_come_back_from_the_votes_that_are_kept():
    likely = np.array([0.5, 0.1, 0.3, 0.1], np.float32).reshape(4, 1, 1) * np.ones((4, 2, 3))
    votes = Votes.of_probabilities(likely.astype(np.float32), 2)
    full = votes.spread(CLASSES)
    assert full.shape == (4, 2, 3)
    assert full[:, 1, 2] == pytest.approx([0.5, 0, 0.3, 0], abs=0.003)


def test_void_is_no_vote():
    votes = sure([[1, VOID]])
    assert votes.spread(CLASSES).sum(0).tolist() == [[1, 0]]
    assert not count(votes, np.array([[VOID, 1]]), CLASSES).any()


def test_the_trusted_teacher_wins_its_class():
    """The first teacher is good at class 1 and bad at class 2, the second the other way round."""
    votes = [sure([[1, 2, 1]]), sure([[2, 1, 1]])]
    trust = [np.array([0, 0.9, 0.2, 0]), np.array([0, 0.3, 0.6, 0])]
    found = combine(votes, trust, np.ones(CLASSES))
    assert found[0, :, 0].tolist() == [1, 1, 1]
    assert found[0, 0, 1] == 2
    assert found[0, 0, 2] == round(255 * 0.9 / 1.5)
    assert found[0, 1].tolist() == [1, 2, round(255 * 0.3 / 0.5)]
    assert found[0, 2, 2] == 255


def test_what_the_category_rules_out_counts_less():
    votes = [sure([[1]]), sure([[2]])]
    trust = [np.full(CLASSES, 0.6), np.full(CLASSES, 0.5)]
    assert combine(votes, trust, np.ones(CLASSES))[0, 0, 0] == 1
    assert combine(votes, trust, np.array([1, 0.5, 1, 1]))[0, 0, 0] == 2


def test_where_nobody_votes_is_void():
    assert combine([sure([[VOID]])], [np.ones(CLASSES)], np.ones(CLASSES)).tolist() == [
        [[VOID, VOID, 0]]
    ]


def test_the_share_is_of_the_first_among_the_two():
    rng = np.random.default_rng(0)
    votes = [
        Votes.of_probabilities(rng.dirichlet(np.ones(CLASSES), (5, 6)).T.astype(np.float32))
        for _ in range(3)
    ]
    trust = list(rng.random((3, CLASSES)))
    found = combine(votes, trust, np.ones(CLASSES))
    total = sum(one.spread(CLASSES) * t[:, None, None] for one, t in zip(votes, trust, strict=True))
    ranked = np.sort(total, 0)
    assert np.array_equal(found[..., 0], total.argmax(0))
    assert found[..., 2] / 255 == pytest.approx(ranked[-1] / (ranked[-1] + ranked[-2]), abs=0.002)


def test_precision_is_by_what_the_teacher_says():
    counts = count(sure([[0, 0, 0, 1]]), np.array([[0, 0, 1, 1]]), CLASSES)
    assert counts[:2, :2].tolist() == [[2, 1], [0, 1]]
    assert precision(counts, prior=0.001)[:2] == pytest.approx([2 / 3, 1], abs=0.001)
    assert precision(counts, prior=1e9) == pytest.approx([0.75] * CLASSES)


def test_counts_are_weighted_by_the_votes():
    likely = np.array([0.8, 0.2, 0, 0], np.float32).reshape(4, 1, 1)
    counts = count(Votes.of_probabilities(likely), np.array([[0]]), CLASSES)
    assert counts[:, 0] == pytest.approx([0.8, 0.2, 0, 0], abs=0.003)


def test_a_category_holds_what_it_never_shows_against_a_class():
    shown = np.array([[True, True, False], [True, False, False], [False, False, True]])
    factors = category_factors(shown, np.array([True, True, False]))
    assert factors.tolist() == [1, 1, LEAST_FACTOR]
    assert category_factors(shown, np.zeros(3, bool)).tolist() == [1, 1, 1]
