"""Laws of explanations: completeness, and hands off what is explained."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import nn

from labkit.core.seeds import make_generator
from labkit.explain import grad_cam, integrated_gradients, occlusion
from labkit.models import TorchClassifier, build

FEATURES, CLASSES = 6, 3
seeds = st.integers(0, 2**31)
tables = arrays("float32", (4, FEATURES), elements=st.floats(0, 1, width=32)).map(torch.from_numpy)
images = arrays("float32", (2, 1, 8, 8), elements=st.floats(0, 1, width=32)).map(torch.from_numpy)


def linear(seed: int) -> TorchClassifier:
    return TorchClassifier(build("logistic", (FEATURES,), CLASSES, seed=seed), (FEATURES,), CLASSES)


def smooth(seed: int) -> TorchClassifier:
    """A curved model without kinks, where a sum over more points cannot come out worse by chance."""
    module = nn.Sequential(nn.Linear(FEATURES, 12), nn.Tanh(), nn.Linear(12, CLASSES))
    generator = make_generator(seed)
    with torch.no_grad():
        for weight in module.parameters():
            weight.normal_(generator=generator)
    return TorchClassifier(module, (FEATURES,), CLASSES)


@given(x=tables, seed=seeds, steps=st.integers(1, 20))
@settings(max_examples=30, deadline=None)
def test_integrated_gradients_is_complete_on_a_linear_model_with_any_number_of_steps(x, seed, steps):
    found = integrated_gradients(linear(seed), x, steps=steps)
    assert found.completeness_gap.max() < 1e-5


@given(x=tables, seed=seeds)
@settings(max_examples=30, deadline=None)
def test_the_completeness_gap_shrinks_with_more_steps(x, seed):
    model = smooth(seed)
    few, some, many = (
        integrated_gradients(model, x, 0, steps=steps).completeness_gap for steps in (1, 4, 64)
    )
    rounding = 1e-4
    assert many.max() < rounding
    assert (many <= some + rounding).all()
    assert some.mean() <= few.mean() + 1e-2


@given(x=tables, seed=seeds)
@settings(max_examples=20, deadline=None)
def test_the_gap_is_what_the_values_miss_of_the_logit(x, seed):
    model = smooth(seed)
    found = integrated_gradients(model, x, 1, steps=3)
    gained = (model.logits(x) - model.logits(torch.zeros(1, FEATURES)))[:, 1]
    torch.testing.assert_close(found.completeness_gap, (found.values.sum(1) - gained).abs())


@given(x=tables, seed=seeds)
@settings(max_examples=20, deadline=None)
def test_a_feature_that_equals_the_baseline_gets_no_credit(x, seed):
    x[:, 2] = 0.0
    for explain in (integrated_gradients, occlusion):
        assert (explain(smooth(seed), x).values[:, 2].abs() < 1e-6).all()


@given(x=images, seed=seeds)
@settings(max_examples=15, deadline=None)
def test_input_and_weights_are_untouched_and_a_second_run_agrees(x, seed):
    model = TorchClassifier(build("cnn", (1, 8, 8), CLASSES, seed=seed), (1, 8, 8), CLASSES)
    before, weights = x.clone(), [weight.clone() for weight in model.module.parameters()]
    for explain in (integrated_gradients, occlusion, grad_cam):
        assert torch.equal(explain(model, x).values, explain(model, x).values)
    assert torch.equal(x, before)
    assert all(map(torch.equal, weights, model.module.parameters()))
