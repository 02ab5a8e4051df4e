"""Laws of the statistics of an exam, whatever the scores."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from labkit.exams.statistics import (
    Panel,
    TrueScores,
    corrected_point_biserial,
    cronbach_alpha,
    cut_of,
    kr20,
    kr21,
    livingston_k2,
    lord_csem,
    mantel_haenszel,
    subkoviak,
    trade_off,
    wilson,
)

SIZES = st.tuples(st.integers(3, 20), st.integers(2, 8))
RIGHT = SIZES.flatmap(lambda size: arrays(float, size, elements=st.sampled_from([0.0, 1.0])))
SCORES = SIZES.flatmap(lambda size: arrays(float, size, elements=st.integers(0, 8).map(lambda n: n / 8)))
SHARE = st.floats(0.01, 0.99)

few = settings(max_examples=60)


def _alpha(scores):
    found = cronbach_alpha(scores)
    assume(not math.isnan(found))
    return found


@few
@given(SCORES)
def test_alpha_is_at_most_one(scores):
    assert _alpha(scores) <= 1 + 1e-9


@few
@given(SCORES, st.floats(0, 1))
def test_a_question_that_all_answer_alike_changes_nothing(scores, credit):
    constant = np.full((len(scores), 1), credit)
    assert cronbach_alpha(np.hstack([scores, constant])) == pytest.approx(_alpha(scores))


@few
@given(SCORES, st.randoms(use_true_random=False))
def test_alpha_knows_neither_order_nor_scale(scores, random):
    found = _alpha(scores)
    columns = list(range(scores.shape[1]))
    random.shuffle(columns)
    assert cronbach_alpha(scores[::-1, columns] * 7 + 2) == pytest.approx(found, abs=1e-6)


@few
@given(SCORES)
def test_alpha_of_what_everybody_was_asked_is_the_same_by_parts(scores):
    from labkit.exams.statistics.reliability import _alpha_of_parts

    kept = scores[:, np.ptp(scores, axis=0) > 0]
    assume(kept.shape[1] > 1)
    found = _alpha(scores)
    assert _alpha_of_parts(kept, np.ones(kept.shape, dtype=bool)) == pytest.approx(found, abs=1e-6)


@few
@given(SCORES)
def test_two_copies_of_a_question_agree_perfectly(scores):
    column = scores[:, :1]
    assume(np.ptp(column) > 0)
    assert cronbach_alpha(np.hstack([column, column, column])) == pytest.approx(1)


@few
@given(RIGHT)
def test_kr21_is_at_most_kr20(scores):
    # Tucker, "A Note on the Estimation of Test Reliability by the Kuder-Richardson Formula (20)", 1949.
    ends = np.vstack([np.zeros(scores.shape[1]), np.ones(scores.shape[1])])
    scores = np.vstack([scores, ends])
    assert kr21(scores.sum(axis=1), scores.shape[1]) <= kr20(scores) + 1e-9


@few
@given(RIGHT)
def test_turning_a_key_around_turns_the_sign(scores):
    found = corrected_point_biserial(scores)
    turned = scores.copy()
    turned[:, 0] = 1 - turned[:, 0]
    if not math.isnan(found[0]):
        assert corrected_point_biserial(turned)[0] == pytest.approx(-found[0])
    assert np.all(np.abs(found[~np.isnan(found)]) <= 1 + 1e-9)


@few
@given(st.integers(2, 200), SHARE)
def test_lords_error_is_the_same_from_both_ends_and_never_more_than_in_the_middle(length, share):
    score = share * length
    assert lord_csem(score, length) == pytest.approx(lord_csem(length - score, length))
    assert lord_csem(score, length) <= lord_csem(length / 2, length) + 1e-12


@few
@given(st.floats(0, 1), st.floats(0, 60), st.floats(0.1, 100), st.floats(0, 60))
def test_k2_is_between_the_reliability_and_one(reliability, mean, variance, cut):
    assert reliability - 1e-12 <= livingston_k2(reliability, mean, variance, cut) <= 1 + 1e-12


@few
@given(st.lists(st.integers(0, 30), min_size=2, max_size=30), st.integers(1, 30), st.floats(0, 1))
def test_consistency_is_a_share_of_at_least_a_half(right, cut, reliability):
    found = subkoviak(right, 30, cut, reliability)
    assert 0.5 - 1e-9 <= found.consistency <= 1 + 1e-9
    assert math.isnan(found.kappa) or -1e-6 <= found.kappa <= 1 + 1e-9


@few
@given(
    arrays(
        float, st.tuples(st.integers(1, 6), st.just(2), st.just(2)), elements=st.integers(0, 20).map(float)
    )
)
def test_exchanging_the_groups_turns_delta_around(tables):
    found, turned = mantel_haenszel(tables), mantel_haenszel(tables[:, ::-1])
    if not math.isnan(found.delta):
        assert turned.delta == pytest.approx(-found.delta)
        assert turned.odds_ratio == pytest.approx(1 / found.odds_ratio)
        assert found.low <= found.odds_ratio <= found.high
        assert turned.category == found.category
    if not math.isnan(found.p):
        assert turned.p == pytest.approx(found.p)
        assert 0 <= found.p <= 1


@few
@given(st.integers(1, 500), st.floats(0, 1))
def test_an_interval_holds_its_share_and_narrows_with_more(n, share):
    found, more = wilson(share * n, n), wilson(share * 4 * n, 4 * n)
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert more.high - more.low < found.high - found.low


def _panel(ratings):
    judges, items = ratings.shape
    return Panel(
        1,
        tuple(f"j{n}" for n in range(judges)),
        tuple(f"i{n}" for n in range(items)),
        np.ones(items),
        ratings,
    )


RATINGS = st.tuples(st.integers(3, 8), st.integers(2, 12)).flatmap(
    lambda size: arrays(float, size, elements=st.integers(0, 20).map(lambda n: n / 20))
)


@few
@given(RATINGS, st.data())
def test_a_higher_rating_never_lowers_the_cut(ratings, data):
    raised = ratings.copy()
    place = data.draw(st.tuples(*(st.integers(0, size - 1) for size in ratings.shape)))
    raised[place] = data.draw(st.floats(ratings[place], 1))
    assert cut_of(_panel(raised)).cut >= cut_of(_panel(ratings)).cut - 1e-12


@few
@given(RATINGS)
def test_a_cut_lies_within_what_can_be_earned_and_judges_who_agree_make_no_error(ratings):
    found = cut_of(_panel(ratings))
    assert -1e-9 <= found.cut <= ratings.shape[1] + 1e-9
    agreed = cut_of(_panel(np.tile(ratings[:1], (len(ratings), 1))))
    assert agreed.error == pytest.approx(0, abs=1e-9)
    assert agreed.doubtful == ()


@few
@given(
    st.floats(0.5, 20),
    st.floats(0.5, 20),
    st.floats(0, 0.3),
    st.floats(0.7, 1),
    st.integers(5, 80),
    SHARE,
    SHARE,
)
def test_a_higher_cut_passes_no_more_who_should_fail(a, b, low, high, length, cut, step):
    people = TrueScores(a, b, low, high, length)
    moved = [each for _, each in trade_off(people, cut, step * 0.1)]
    for lower, higher in pairwise(moved):
        assert higher.false_pass <= lower.false_pass + 1e-9
        assert higher.false_fail >= lower.false_fail - 1e-9
    for each in moved:
        assert each.accuracy == pytest.approx(1 - each.false_pass - each.false_fail)
