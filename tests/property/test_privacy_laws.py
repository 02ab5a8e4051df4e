"""What holds for every budget, every ranking of members, and every audit."""

from itertools import pairwise

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings

from labkit.core import InvalidInputError
from labkit.defenses.privacy import gaussian_delta, gaussian_epsilon, privacy_spent
from labkit.metrics import (
    OverSplits,
    balanced_accuracy,
    epsilon_lower_bound,
    membership_auc,
    membership_roc,
    one_run_epsilon_bound,
    over_splits,
    tpr_at_fpr,
)
from labkit.metrics.auditing import guesses_at_most

FEW = settings(max_examples=25, deadline=None)
noises = st.floats(0.6, 20)
rates = st.floats(0.01, 1.0)


def spent(noise, rate, steps, delta=1e-5):
    return privacy_spent(noise_multiplier=noise, sample_rate=rate, steps=steps, privacy_delta=delta)


# ------------------------------------------------------------------ budgets


@FEW
@given(noises, rates, st.integers(1, 500))
def test_a_budget_falls_with_noise_and_grows_with_steps_and_rate(noise, rate, steps):
    here = spent(noise, rate, steps)
    assert spent(noise * 1.2, rate, steps) <= here + 1e-12
    assert spent(noise, rate, steps + 50) >= here - 1e-12
    assert spent(noise, rate / 2, steps) <= here + 1e-12
    assert spent(noise, rate, steps, delta=1e-6) >= here - 1e-12


@FEW
@given(st.floats(0.8, 20), st.integers(1, 50))
def test_accounting_of_whole_data_sets_never_falls_below_the_exact_figure(noise, steps):
    exact = gaussian_epsilon(noise / steps**0.5, 1e-5)
    assert exact - 1e-9 <= spent(noise, 1.0, steps) <= 1.5 * exact + 0.2


@FEW
@given(st.floats(0.3, 20), st.floats(1e-8, 1e-2))
def test_the_closed_form_can_be_turned_round(sigma, delta):
    epsilon = gaussian_epsilon(sigma, delta)
    if epsilon > 0:
        assert gaussian_delta(sigma, epsilon) == pytest.approx(delta, rel=1e-4)
    assert gaussian_delta(sigma, epsilon + 0.1) <= delta


# ------------------------------------------------------------------ rankings


@st.composite
def ranked(draw):
    n = draw(st.integers(4, 60))
    values = draw(st.lists(st.integers(-5, 5), min_size=n, max_size=n))
    member = draw(st.lists(st.booleans(), min_size=n, max_size=n).filter(lambda m: any(m) and not all(m)))
    return torch.tensor(values).float(), torch.tensor(member)


@FEW
@given(ranked())
def test_a_curve_rises_from_nobody_to_everybody(given_):
    curve = membership_roc(*given_)
    for values in (curve.fpr, curve.tpr):
        assert (values[0], values[-1]) == (0, 1)
        assert all(a <= b + 1e-12 for a, b in pairwise(values))
    assert 0 <= curve.auc <= 1


@FEW
@given(ranked())
def test_the_area_is_how_often_a_member_stands_above(given_):
    scores, member = given_
    own, others = scores[member][:, None], scores[~member][None]
    direct = ((own > others).double() + (own == others).double() / 2).mean()
    assert membership_auc(scores, member) == pytest.approx(float(direct))


@FEW
@given(ranked(), st.floats(0, 1))
def test_a_rate_is_read_off_the_curve_and_grows_with_false_alarms(given_, fpr):
    scores, member = given_
    found = tpr_at_fpr(scores, member, fpr).value
    assert found == pytest.approx(membership_roc(scores, member).at(fpr))
    assert found <= tpr_at_fpr(scores, member, min(1.0, fpr + 0.2)).value


@FEW
@given(ranked())
def test_only_the_order_counts(given_):
    scores, member = given_
    assert membership_roc(3 * scores - 7, member) == membership_roc(scores, member)


@pytest.mark.parametrize("value", [0.0, -3.0, 1e6])
def test_a_constant_tells_nobody_apart(value):
    member = torch.arange(40) < 20
    scores = torch.full((40,), value)
    assert membership_auc(scores, member) == 0.5
    assert tpr_at_fpr(scores, member).value == 0
    assert balanced_accuracy(scores, member) == 0.5
    assert balanced_accuracy(scores, member, threshold=value) == 0.5


def test_a_perfect_ranking_finds_everybody():
    member = torch.arange(40) < 20
    assert tpr_at_fpr(-torch.arange(40).float(), member, 0.0).value == 1
    assert membership_auc(-torch.arange(40).float(), member) == 1


def test_a_mean_over_splits_has_students_interval():
    member = (torch.arange(40) < 20).expand(3, -1)
    scores = torch.randn(3, 40, generator=torch.Generator().manual_seed(0))
    mean = over_splits(membership_auc, scores, member)
    values = [membership_auc(*pair) for pair in zip(scores, member, strict=True)]
    assert mean.value == pytest.approx(np.mean(values))
    assert mean.high - mean.value == pytest.approx(4.302653 * np.std(values, ddof=1) / 3**0.5)
    assert OverSplits.of(torch.tensor([0.5])) == OverSplits(0.5, 0.5, 0.5, 1)
    with pytest.raises(InvalidInputError, match="one shape"):
        over_splits(membership_auc, scores[0], member)


@pytest.mark.parametrize(
    ("scores", "member"),
    [
        (torch.zeros(3), torch.tensor([True, True, True])),
        (torch.zeros(3), torch.tensor([1, 0, 1])),
        (torch.tensor([0.0, float("nan"), 1.0]), torch.tensor([True, False, True])),
        (torch.zeros(3), torch.tensor([True, False])),
    ],
)
def test_what_cannot_be_ranked_is_refused(scores, member):
    with pytest.raises(InvalidInputError):
        membership_roc(scores, member)


# ------------------------------------------------------------------ audits


def test_the_bound_of_many_trainings_is_the_published_one():
    # Jagielski et al. 2020 state that 500 trainings of each kind can prove no more than 4.54 at 99 %.
    best = epsilon_lower_bound(found=500, members=500, accused=0, others=500, confidence=0.99)
    assert best.value == pytest.approx(4.54, abs=0.02)


@FEW
@given(st.integers(1, 80), st.data())
def test_a_one_run_bound_grows_with_right_guesses_and_shrinks_with_delta(guesses, data):
    right = data.draw(st.integers(0, guesses))
    here = one_run_epsilon_bound(right=right, guesses=guesses, canaries=100)
    assert here.value >= 0
    if right < guesses:
        assert one_run_epsilon_bound(right=right + 1, guesses=guesses, canaries=100).value >= here.value
    with_delta = one_run_epsilon_bound(right=right, guesses=guesses, canaries=100, privacy_delta=1e-4)
    assert with_delta.value <= here.value


@FEW
@given(st.integers(1, 60), st.floats(0, 6), st.data())
def test_a_p_value_without_delta_is_a_tail_of_the_binomial_distribution(guesses, epsilon, data):
    from scipy.stats import binom

    right = data.draw(st.integers(0, guesses))
    expected = binom.sf(right - 1, guesses, 1 / (1 + np.exp(-epsilon)))
    assert guesses_at_most(right, guesses, 100, epsilon, 0.0) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("epsilon", [0.0, 1.0, 2.0])
def test_an_honest_claim_is_refuted_no_oftener_than_the_confidence_allows(epsilon):
    """Randomised response is exactly as private as it says, so this is the hardest honest claim."""
    generator = np.random.default_rng(0)
    right = generator.binomial(60, 1 / (1 + np.exp(-epsilon)), size=400)
    table = {
        count: one_run_epsilon_bound(right=int(count), guesses=60, canaries=100).refutes(epsilon)
        for count in set(right.tolist())
    }
    assert np.mean([table[count] for count in right.tolist()]) <= 0.08


@pytest.mark.parametrize(
    "how",
    [
        {"right": 5, "guesses": 4, "canaries": 10},
        {"right": 0, "guesses": 11, "canaries": 10},
        {"right": 0, "guesses": 0, "canaries": 0},
        {"right": 1, "guesses": 4, "canaries": 10, "confidence": 1.0},
    ],
)
def test_counts_that_cannot_be_are_refused(how):
    with pytest.raises(InvalidInputError):
        one_run_epsilon_bound(**how)


def test_nobody_guessed_about_proves_nothing():
    assert one_run_epsilon_bound(right=0, guesses=0, canaries=10).value == 0
