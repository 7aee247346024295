"""Votes of teachers, combined."""

import numpy as np
import pytest

from scripts.ensemble import (
    LEAST,
    LEAST_FACTOR,
    VOID,
    Votes,
    category_factors,
    combine,
    count,
    evidence,
    label_evidence,
    prior_of,
)

CLASSES = 4
EVEN = np.ones(CLASSES)


def sure(labels):
    return Votes.of_labels(np.array(labels))


def drawn(rng, shape=(5, 6)):
    likely = rng.dirichlet(np.ones(CLASSES), shape).transpose(2, 0, 1)
    return Votes.of_probabilities(likely.astype(np.float32))


def test_probabilities_are_got_back_from_the_votes_that_are_kept():
    likely = np.array([0.5, 0.1, 0.3, 0.1]).reshape(4, 1, 1) * np.ones((4, 2, 3))
    votes = Votes.of_probabilities(likely.astype(np.float32), 2)
    full = votes.spread(CLASSES)
    assert full.shape == (4, 2, 3)
    assert full[:, 1, 2] == pytest.approx([0.5, 0, 0.3, 0], abs=0.003)


def test_void_is_no_vote():
    votes = sure([[1, VOID]])
    assert votes.spread(CLASSES).sum(0).tolist() == [[1, 0]]
    assert not count(votes, np.array([[VOID, 1]]), CLASSES).any()


def test_counts_are_weighted_by_the_votes():
    likely = np.array([0.8, 0.2, 0, 0], np.float32).reshape(4, 1, 1)
    counts = count(Votes.of_probabilities(likely), np.array([[0]]), CLASSES)
    assert counts[:, 0] == pytest.approx([0.8, 0.2, 0, 0], abs=0.003)


def test_evidence_is_how_much_likelier_a_class_is_than_elsewhere():
    counts = np.array([[60.0, 20], [0, 20]])
    prior = prior_of(counts)
    assert prior == pytest.approx([0.6, 0.4], abs=0.01)
    assert evidence(counts, smoothing=1e-9) == pytest.approx(
        np.array([[0.75, 0.25], [0, 1]]) / prior, abs=1e-6
    )
    assert evidence(counts, smoothing=1e9) == pytest.approx(np.ones((2, 2)), abs=1e-6)


def test_labels_are_evidence_for_themselves_as_far_as_they_are_right():
    prior = np.array([0.2, 0.8])
    assert label_evidence(prior, 1.0) == pytest.approx(np.diag([5, 1.25]))
    assert label_evidence(prior, 0.5)[0] == pytest.approx([0.5 / 0.2 + 0.5, 0.5])


def test_experts_are_multiplied():
    rng = np.random.default_rng(0)
    own, *others = (drawn(rng) for _ in range(3))
    ratios, factors = rng.uniform(0.2, 3, (2, CLASSES, CLASSES)), rng.random(CLASSES)
    found = combine(own, list(zip(others, ratios, strict=True)), factors)
    for y in range(5):
        for x in range(6):
            total = (own.spread(CLASSES)[:, y, x] + LEAST) * factors
            for votes, ratio in zip(others, ratios, strict=True):
                said = votes.spread(CLASSES)[:, y, x]
                seen = [sum(said[t] * ratio[t, c] for t in range(CLASSES)) for c in range(CLASSES)]
                total = total * np.sqrt(np.array(seen) + 1 - said.sum())
            second, first = np.argsort(total)[-2:]
            assert found[y, x, :2].tolist() == [first, second]
            share = total[first] / (total[first] + total[second])
            assert found[y, x, 2] / 255 == pytest.approx(share, abs=0.003)


def test_a_teacher_that_lacks_a_class_does_not_outvote_one_that_has_it():
    """Class 3 is unknown to the other, which says 1 instead: where it says 1, 3 is likelier."""
    counts = np.array([[50.0, 0, 0, 0], [0, 30, 0, 20], [0, 0, 50, 0], [0, 0, 0, 0]])
    ratios = evidence(counts, smoothing=1.0)
    own = Votes.of_probabilities(np.array([0.45, 0.1, 0, 0.4], np.float32).reshape(4, 1, 1))
    assert combine(own, [], EVEN)[0, 0, 0] == 0
    assert combine(own, [(sure([[1]]), ratios)], EVEN)[0, 0, 0] == 3


def test_who_does_not_vote_changes_nothing():
    own, ratios = drawn(np.random.default_rng(1)), evidence(np.eye(CLASSES) * 9)
    silent = sure(np.full((5, 6), VOID))
    assert np.array_equal(combine(own, [(silent, ratios)], EVEN), combine(own, [], EVEN))


def test_shares_that_are_rounded_up_are_no_negative_silence():
    said = Votes(
        np.array([0, 1, 2]).reshape(3, 1, 1).astype(np.uint8), np.full((3, 1, 1), 86, "u1")
    )
    own = Votes.of_probabilities(np.array([0.2, 0.2, 0.2, 0.4], np.float32).reshape(4, 1, 1))
    little = np.full((CLASSES, CLASSES), 1e-3)
    assert combine(own, [(said, little)], EVEN)[0, 0, 0] == 3  # and no warning, which is an error


def test_what_the_category_rules_out_counts_less():
    own = Votes.of_probabilities(np.array([0, 0.55, 0.45, 0], np.float32).reshape(4, 1, 1))
    assert combine(own, [], EVEN)[0, 0, 0] == 1
    assert combine(own, [], np.array([1, 0.5, 1, 1]))[0, 0, 0] == 2


def test_a_category_holds_what_it_never_shows_against_a_class():
    shown = np.array([[True, True, False], [True, False, False], [False, False, True]])
    factors = category_factors(shown, np.array([True, True, False]))
    assert factors.tolist() == [1, 1, LEAST_FACTOR]
    assert category_factors(shown, np.zeros(3, bool)).tolist() == [1, 1, 1]
