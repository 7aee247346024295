import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import average_precision_score

from semsig.errors import OptionError
from semsig.evaluate.measures import (
    average_precision,
    average_precision_first,
    average_precision_trapezoid,
    bootstrap_interval,
    normalized_modified_retrieval_rank,
    precision_at,
)
from tests.reference import measures as reference

rankings = hnp.arrays(bool, st.tuples(st.integers(1, 5), st.integers(1, 30)))
few = settings(max_examples=60)


def ranking(text):
    return np.array([[mark == "x" for mark in row] for row in text.split()])


def test_worked_by_hand():
    # hits at ranks 1, 3 and 5; all three relevant photos ranked
    hits = ranking("x.x.x.")
    assert average_precision(hits, 3) == pytest.approx((1 / 1 + 2 / 3 + 3 / 5) / 3)
    assert average_precision_first(hits, 3) == pytest.approx((1 / 1 + 2 / 3) / 2)
    assert precision_at(hits, 4) == pytest.approx(2 / 4)
    # K = min(12, 6) = 6, AVR = (1 + 3 + 5) / 3 = 3, ideal 2, worst 7.5
    assert normalized_modified_retrieval_rank(hits, 3) == pytest.approx((3 - 2) / (7.5 - 2))


def test_nmrr_counts_what_lies_beyond_k_as_a_quarter_more_than_k():
    # NG = 2, K = min(8, 4) = 4: ranks 2 and 5 count 2 and 5 (1.25 K)
    hits = ranking(".x..x")
    assert normalized_modified_retrieval_rank(hits, 2) == pytest.approx((3.5 - 1.5) / (5 - 1.5))
    # a larger GTM stretches K to 8, so that rank 5 counts 5, the worst 10
    stretched = normalized_modified_retrieval_rank(hits, 2, largest=10)
    assert stretched == pytest.approx((3.5 - 1.5) / (10 - 1.5))


def test_map_paper_forgives_what_was_not_found_and_strict_map_does_not():
    # one hit at rank 1 of 10 relevant photos: the reading of the paper calls that perfect
    hits = ranking("x.........")
    assert average_precision_first(hits, 10) == 1
    assert average_precision(hits, 10) == pytest.approx(0.1)


def test_the_trapezoid_rule_by_hand():
    # hits at ranks 1 and 3: (1 + 1) / 2 and (1/2 + 2/3) / 2
    hits = ranking("x.x.")
    assert average_precision_trapezoid(hits, 2) == pytest.approx((1 + (1 / 2 + 2 / 3) / 2) / 2)
    # the first rank misses: P(1) = 0 before, 1/2 after
    assert average_precision_trapezoid(ranking(".x"), 1) == pytest.approx(0.25)


def test_each_query_has_its_own_cutoff_and_number_of_relevant_photos():
    hits = ranking("x.x. .x.x")
    assert precision_at(hits, [1, 2]).tolist() == [1, 0.5]
    assert average_precision(hits, [1, 4]).tolist() == [1 + 2 / 3, 0.25]
    assert average_precision_first(hits, [1, 4]).tolist() == [1, 0.5]


def test_precision_beyond_the_last_photo_counts_misses():
    assert precision_at(ranking("xx"), 20) == pytest.approx(0.1)


def test_nothing_relevant_scores_worst():
    none = ranking("....")
    assert average_precision(none, 0) == 0
    assert average_precision_first(none, 2) == 0
    assert precision_at(none, 2) == 0
    assert normalized_modified_retrieval_rank(none, 0) == 1
    assert normalized_modified_retrieval_rank(none, 0, largest=3) == 1


def test_no_queries_give_no_values():
    none = np.zeros((0, 4), bool)
    for values in (average_precision(none, 1), normalized_modified_retrieval_rank(none, 1)):
        assert values.shape == (0,)


@few
@given(rankings, st.integers(0, 5), st.integers(1, 40))
def test_as_by_definition(hits, unranked, cutoff):
    relevant = np.maximum(hits.sum(1) + unranked, 1)
    largest = int(relevant.max())
    rows = [(row.tolist(), int(n)) for row, n in zip(hits, relevant, strict=True)]
    for found, expected in [
        (average_precision(hits, relevant), [reference.average_precision(r, n) for r, n in rows]),
        (
            average_precision_first(hits, cutoff),
            [reference.average_precision_first(r, cutoff) for r, _ in rows],
        ),
        (precision_at(hits, cutoff), [sum(r[:cutoff]) / cutoff for r, _ in rows]),
        (
            normalized_modified_retrieval_rank(hits, relevant),
            [reference.nmrr(r, n, largest) for r, n in rows],
        ),
    ]:
        np.testing.assert_allclose(found, expected, atol=1e-12)


@few
@given(rankings, st.integers(0, 5))
def test_the_trapezoid_rule_as_oxford_published_it(hits, unranked):
    relevant = np.maximum(hits.sum(1) + unranked, 1)
    expected = [
        reference.oxford_average_precision(row.tolist(), int(n))
        for row, n in zip(hits, relevant, strict=True)
    ]
    np.testing.assert_allclose(average_precision_trapezoid(hits, relevant), expected, atol=1e-12)


@few
@given(rankings)
def test_strict_average_precision_is_scikit_learns(hits):
    assume(hits.any(1).all())
    falling = -np.arange(hits.shape[1])
    expected = [average_precision_score(row, falling) for row in hits]
    np.testing.assert_allclose(average_precision(hits, hits.sum(1)), expected)


@few
@given(st.integers(1, 9), st.integers(0, 9))
def test_a_perfect_ranking_is_perfect(n_relevant, others):
    hits = np.arange(n_relevant + others)[None] < n_relevant
    assert average_precision(hits, n_relevant) == 1
    assert average_precision_first(hits, n_relevant) == 1
    assert precision_at(hits, n_relevant) == 1
    assert normalized_modified_retrieval_rank(hits, n_relevant) == 0


@few
@given(st.lists(st.booleans(), max_size=15), st.lists(st.booleans(), max_size=15))
def test_moving_a_hit_up_never_hurts(before, after):
    hits = np.array([[*before, False, True, *after]])
    better = np.array([[*before, True, False, *after]])
    relevant = hits.sum()
    assert average_precision(better, relevant) > average_precision(hits, relevant)
    assert precision_at(better, len(before) + 1) > precision_at(hits, len(before) + 1)
    old = normalized_modified_retrieval_rank(hits, relevant)
    assert normalized_modified_retrieval_rank(better, relevant) <= old


@few
@given(rankings, st.integers(0, 5), st.integers(1, 40))
def test_every_value_is_a_share(hits, unranked, cutoff):
    relevant = hits.sum(1) + unranked
    for values in (
        average_precision(hits, relevant),
        average_precision_first(hits, cutoff),
        precision_at(hits, cutoff),
        normalized_modified_retrieval_rank(hits, relevant),
    ):
        assert values.shape == (len(hits),)
        assert ((values >= 0) & (values <= 1 + 1e-12)).all()


@pytest.mark.parametrize(
    "wrong", [np.zeros(4, bool), np.zeros((2, 2), int), np.zeros((1, 2, 3), bool)]
)
def test_refuses_what_is_no_ranking(wrong):
    for measure in (average_precision, average_precision_first, precision_at,
                    normalized_modified_retrieval_rank):  # fmt: skip
        with pytest.raises(OptionError, match="shape"):
            measure(wrong, 1)


@pytest.mark.parametrize("cutoff", [0, -1, [1, 0]])
def test_refuses_cutoffs_below_1(cutoff):
    with pytest.raises(OptionError, match="at least 1"):
        precision_at(ranking("x. .x"), cutoff)


def test_the_bootstrap_knows_the_standard_error():
    scores = np.random.default_rng(0).random(400)
    low, high = bootstrap_interval(scores)
    error = scores.std() / np.sqrt(len(scores))
    assert low == pytest.approx(scores.mean() - 1.96 * error, abs=0.2 * error)
    assert high == pytest.approx(scores.mean() + 1.96 * error, abs=0.2 * error)
    assert bootstrap_interval(scores) == (low, high)
    narrow = bootstrap_interval(scores, level=0.5)
    assert low < narrow[0] < narrow[1] < high


def test_the_bootstrap_of_equal_scores_is_a_point():
    assert bootstrap_interval(np.full(5, 0.25)) == (0.25, 0.25)


@pytest.mark.parametrize("wrong", [{"level": 0}, {"level": 1}, {"samples": 0}])
def test_refuses_what_no_interval_can_be_made_of(wrong):
    with pytest.raises(OptionError, match="Expected scores"):
        bootstrap_interval(np.ones(3), **wrong)
    with pytest.raises(OptionError, match="0 scores"):
        bootstrap_interval(np.zeros(0))
