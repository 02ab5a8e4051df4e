"""Laws of theft and of proof: exact where it is exact, and never surer than it may be."""

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from labkit import data
from labkit.attacks import Oracle
from labkit.attacks.extraction import STRATEGIES, imitate, solve_linear, solve_logistic
from labkit.defenses.extraction import GuardedService, QueryDetector
from labkit.defenses.privacy import ApiView
from labkit.metrics import binomial_p_value, fidelity, holm, parameter_error, permutation_p_value
from labkit.models import LinearClassifier, TorchClassifier, build

DIGITS = data.load("digits")
MODEL = TorchClassifier(build("mlp", (1, 8, 8), 10, seed=1).requires_grad_(False), (1, 8, 8), 10)


def _linear(outputs, d, seed):
    generator = torch.Generator().manual_seed(seed)
    weights = torch.randn(outputs, d, generator=generator, dtype=torch.float64)
    return LinearClassifier(weights, torch.randn(outputs, generator=generator, dtype=torch.float64))


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 4), st.integers(1, 20), st.integers(0, 999))
def test_a_linear_output_is_exact_with_d_plus_one_questions(outputs, d, seed):
    model = _linear(outputs, d, seed)
    oracle = Oracle(model, d + 1)
    found = solve_linear(oracle)
    assert oracle.left == 0
    assert parameter_error((found.weights, found.bias), (model.weights, model.bias)) < 1e-9


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 6), st.integers(1, 15), st.integers(0, 999))
def test_a_logistic_regression_is_exact_up_to_what_a_softmax_hides(classes, d, seed):
    model = _linear(classes, d, seed)
    found = solve_logistic(ApiView(model), reach=0.3)
    true = (model.weights, model.bias)
    assert parameter_error((found.weights, found.bias), true, up_to_shift=True) < 1e-8


@settings(max_examples=8, deadline=None)
@given(st.sampled_from(list(STRATEGIES)), st.integers(5, 40), st.integers(1, 3), st.integers(0, 9))
def test_no_theft_asks_more_than_its_budget_and_each_repeats_itself(strategy, budget, rounds, seed):
    made = []
    for _ in range(2):
        oracle = Oracle(MODEL, budget)
        made.append(
            imitate(
                oracle,
                DIGITS.test.x[:15],
                query_budget=budget,
                strategy=strategy,
                rounds=rounds,
                epochs=2,
                seed=seed,
            )
        )
        assert oracle.queries == budget
    assert torch.equal(made[0].x, made[1].x)
    first, second = (each.model.logits(DIGITS.test.x[:5]) for each in made)
    assert torch.equal(first, second)


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 200))
def test_the_fidelity_of_a_copy_of_the_weights_is_one(n):
    rate = fidelity(MODEL, MODEL, DIGITS.test.x[:n])
    assert rate.value == rate.high == 1.0


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 60), st.floats(0.02, 0.9), st.floats(0.01, 0.99))
def test_a_binomial_p_value_is_below_a_level_no_more_often_than_the_level_says(n, chance, level):
    p_values = [binomial_p_value(hits, n, chance) for hits in range(n + 1)]
    assert p_values == sorted(p_values, reverse=True)
    # The probability of each number of hits is a difference of two tails.
    exactly = [a - b for a, b in zip(p_values, [*p_values[1:], 0.0], strict=True)]
    assert sum(mass for p, mass in zip(p_values, exactly, strict=True) if p <= level) <= level + 1e-9


@pytest.mark.parametrize("level", [0.05, 0.2, 0.5])
def test_a_permutation_p_value_is_below_a_level_no_more_often_than_the_level_says(level):
    generator = torch.Generator().manual_seed(7)
    found = [
        permutation_p_value(
            torch.randn(8, generator=generator), torch.randn(11, generator=generator), resamples=199, seed=i
        )
        for i in range(400)
    ]
    share = sum(p <= level for p in found) / len(found)
    assert share <= level + 3 * (level * (1 - level) / len(found)) ** 0.5


def test_the_watermark_test_of_models_that_know_nothing_is_as_honest_as_it_says():
    """Keys are drawn anew, the suspect stays: whatever it answers, its p-value is at least uniform."""
    from labkit.defenses.ownership import noise_keys
    from labkit.metrics import ownership_test

    p_values = []
    for seed in range(300):
        keys = noise_keys(30, (1, 8, 8), 10, seed=seed)
        p_values.append(ownership_test(MODEL, keys.x, keys.y, chance=keys.chance).p_value)
    for level in (0.05, 0.2, 0.5):
        share = sum(p <= level for p in p_values) / len(p_values)
        assert share <= level + 3 * (level * (1 - level) / len(p_values)) ** 0.5


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_an_adjustment_never_makes_anybody_surer_and_keeps_the_order(p_values):
    adjusted = holm(p_values)
    assert all(p <= a <= 1 for p, a in zip(p_values, adjusted, strict=True))
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    assert [adjusted[i] for i in order] == sorted(adjusted)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 12), min_size=1, max_size=6), st.integers(1, 40), st.integers(0, 30))
def test_an_account_answers_the_same_number_however_its_questions_are_cut(cuts, limit, suspect_limit):
    total = sum(cuts)
    x = DIGITS.test.x[:total]
    detector = QueryDetector("doubt", torch.linspace(0, 0.2, 50), 0.5)
    service = GuardedService(MODEL, rate_limit=limit, detectors=[detector], suspect_limit=suspect_limit)
    whole, parts = service.open(), service.open()
    at_once = whole.logits(x).isfinite().all(1)
    in_parts = torch.cat([parts.logits(part) for part in x.split(cuts)]).isfinite().all(1)
    assert torch.equal(at_once, in_parts)
    assert int(at_once.sum()) <= limit
    assert whole.suspected == parts.suspected


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 99), st.integers(1, 60))
def test_the_suspicion_of_the_first_questions_does_not_depend_on_later_ones(seed, n):
    values = torch.rand(60, generator=torch.Generator().manual_seed(seed))
    detector = QueryDetector("doubt", torch.linspace(0, 1, 80), 1.0)
    assert torch.allclose(detector.suspicion(values[:n]), detector.suspicion(values)[:n])
