"""Laws of certificates, over drawn networks, inputs, boxes and counts."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from labkit.attacks.evasion import pgd
from labkit.core import Norm, make_generator
from labkit.defenses.certification import (
    Certificates,
    box_around,
    certify_intervals,
    clopper_pearson,
    interval_bounds,
)
from labkit.metrics import certified_accuracy
from labkit.models import TorchClassifier, build

SHAPES = {"mlp": (1, 8, 8), "logistic": (1, 8, 8), "cnn": (1, 8, 8), "resnet": (1, 8, 8)}
FEW = settings(max_examples=25, deadline=None, derandomize=True)
names, seeds = st.sampled_from(list(SHAPES)), st.integers(0, 10_000)


def drawn(name, seed):
    module = build(name, SHAPES[name], 3, seed=seed).requires_grad_(False)
    model = TorchClassifier(module, SHAPES[name], 3)
    return model, torch.rand((4, *SHAPES[name]), generator=make_generator(seed))


@FEW
@given(names, seeds, st.floats(0, 0.3))
def test_bounds_hold_for_random_points_of_the_box_and_for_those_that_attacks_find(name, seed, epsilon):
    model, x = drawn(name, seed)
    low, high = box_around(x, epsilon, (0.0, 1.0))
    least, most = interval_bounds(model.module, low, high)
    generator = make_generator(seed + 1)
    points = [low + (high - low) * torch.rand(x.shape, generator=generator) for _ in range(3)]
    points += [low, high]
    points.append(pgd(model, x, model.logits(x).argmax(1), epsilon=epsilon, steps=4, early_stop=False).x_adv)
    for point in points:
        scores = model.logits(point)
        assert (scores >= least - 1e-4).all()
        assert (scores <= most + 1e-4).all()


@FEW
@given(names, seeds, st.floats(0, 0.2), st.floats(0, 0.2))
def test_bounds_widen_with_the_box(name, seed, first, second):
    model, x = drawn(name, seed)
    small, large = (
        interval_bounds(model.module, *box_around(x, epsilon, (0.0, 1.0)))
        for epsilon in sorted((first, second))
    )
    assert (large[0] <= small[0] + 1e-4).all()
    assert (large[1] >= small[1] - 1e-4).all()


@FEW
@given(names, seeds)
def test_no_attack_within_a_proved_radius_changes_the_class(name, seed):
    model, x = drawn(name, seed)
    made = certify_intervals(model, x, most=0.2)
    for i in range(len(x)):
        epsilon = 0.99 * float(made.radii[i])
        adv = pgd(model, x[i : i + 1], made.predicted[i : i + 1], epsilon=epsilon, steps=5)
        assert int(model.logits(adv.x_adv).argmax()) == int(made.predicted[i])


@FEW
@given(st.integers(0, 60), st.integers(1, 60), st.floats(0.5, 0.999))
def test_the_interval_is_that_of_the_exact_binomial_test(hits, n, confidence):
    hits = min(hits, n)
    exact = binomtest(hits, n).proportion_ci(confidence, method="exact")
    low, high = clopper_pearson(hits, n, confidence)
    assert abs(low - exact.low) < 1e-9
    assert abs(high - exact.high) < 1e-9
    assert low <= hits / n <= high


@FEW
@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=8), st.floats(0, 1), st.integers(1, 100))
def test_certified_accuracy_never_rises_and_is_less_in_the_norm_that_reaches_further(radii, epsilon, d):
    made = Certificates(
        "randomized_smoothing",
        Norm.L2,
        torch.zeros(len(radii), dtype=torch.int64),
        torch.tensor(radii),
        0.99,
        "m",
        d,
    )
    y = torch.zeros(len(radii), dtype=torch.int64)
    here = certified_accuracy(made, y, epsilon).value
    assert certified_accuracy(made, y, epsilon / 2).value >= here
    assert certified_accuracy(made, y, epsilon, Norm.LINF).value <= here
