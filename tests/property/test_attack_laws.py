"""Laws of norms, attacks and metrics, over inputs that hypothesis draws."""

import math

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from labkit.attacks import evasion
from labkit.core import AdversarialExamples, Norm, ThreatModel
from labkit.metrics import Rate, attack_success_rate, clean_accuracy, robust_accuracy, robustness_curve
from tests.unit.victims import linear

QUICK = settings(max_examples=40, deadline=None)
FEW = settings(max_examples=12, deadline=None)
norms = st.sampled_from(list(Norm))
epsilons = st.floats(0.0, 0.5)
convex = st.sampled_from([norm for norm in Norm if norm is not Norm.L0])


def budget(norm, epsilon):
    """Return a budget of the norm: L0 counts values."""
    return round(8 * epsilon) if norm is Norm.L0 else epsilon


NEAREST = [
    (evasion.carlini_wagner, Norm.L2),
    (evasion.deepfool, Norm.L2),
    (evasion.deepfool, Norm.LINF),
    (evasion.fab, Norm.LINF),
    (evasion.fab, Norm.L2),
    (evasion.fab, Norm.L1),
]


def batches(low=0.0, high=1.0, n=3):
    values = st.floats(low, high, allow_subnormal=False)
    return arrays("float64", (n, 4), elements=values).map(lambda drawn: torch.from_numpy(drawn).float())


@QUICK
@given(delta=batches(-2, 2), epsilon=epsilons, norm=norms)
def test_projection_lands_in_the_ball_and_is_done_once(delta, epsilon, norm):
    epsilon = budget(norm, epsilon)
    once = norm.project(delta, epsilon)
    assert (norm.size(once) <= epsilon + 1e-6).all()
    assert torch.allclose(norm.project(once, epsilon), once, atol=1e-6)


@QUICK
@given(a=batches(-2, 2), b=batches(-2, 2), epsilon=epsilons, norm=convex)
def test_projection_brings_no_two_points_further_apart(a, b, epsilon, norm):
    before = (a - b).norm(dim=1)
    after = (norm.project(a, epsilon) - norm.project(b, epsilon)).norm(dim=1)
    assert (after <= before + 1e-5).all()


@QUICK
@given(gradient=batches(-1, 1), other=batches(-1, 1), norm=norms)
def test_no_step_of_unit_length_gains_more_than_the_steepest(gradient, other, norm):
    best = (gradient * norm.steepest(gradient)).sum(1)
    assert (best >= (gradient * norm.project(other, 1.0)).sum(1) - 1e-5).all()


@QUICK
@given(x=batches(), epsilon=epsilons, norm=norms, seed=st.integers(0, 2**31))
def test_every_attack_stays_inside_the_ball_and_the_box(x, epsilon, norm, seed):
    model, y = linear(), torch.zeros(3, dtype=torch.int64)
    epsilon = budget(norm, epsilon)
    threat, before = ThreatModel(norm, epsilon), x.clone()
    for adv in (
        evasion.fgsm(model, x, y, epsilon=epsilon, norm=norm),
        evasion.pgd(model, x, y, epsilon=epsilon, norm=norm, steps=3, seed=seed),
        evasion.random_noise(model, x, y, epsilon=epsilon, norm=norm, seed=seed),
        evasion.universal_perturbation(model, x, y, epsilon=epsilon, norm=norm, epochs=2, seed=seed),
    ):
        assert threat.allows(x, adv.x_adv, model.bounds).all()
    assert torch.equal(x, before)


@FEW
@given(x=batches(), epsilon=epsilons, seed=st.integers(0, 2**31))
def test_the_smallest_change_found_is_brought_back_into_the_ball_and_the_box(x, epsilon, seed):
    model, y = linear(bias=0.3), torch.zeros(3, dtype=torch.int64)
    before = x.clone()
    for attack, norm in NEAREST:
        adv = attack(model, x, y, epsilon=epsilon, norm=norm, steps=5)
        assert ThreatModel(norm, epsilon).allows(x, adv.x_adv, model.bounds).all()
    assert torch.equal(x, before)


@FEW
@given(x=batches(0.3, 0.7), bias=st.floats(0.05, 0.3))
def test_on_a_linear_victim_the_smallest_change_is_the_distance_to_its_border(x, bias):
    """The distance is the gap over the dual norm of the weights, where the box does not interfere."""
    w = torch.tensor([1.0, -2.0, 0.5, 0.25])
    model, y = linear(tuple(w.tolist()), bias), torch.zeros(3, dtype=torch.int64)
    gap = x @ w + bias
    dual = {Norm.LINF: w.abs().sum(), Norm.L2: w.norm(), Norm.L1: w.abs().max()}
    for attack, norm in NEAREST:
        found = attack(model, x, y, norm=norm)
        # The whole gap, closed by the steepest value alone, may be more than the box allows.
        exact = (gap.clamp_min(0) / dual[norm]).clamp_max(0.25)
        free = gap / dual[norm] < 0.25
        size = norm.size(found.delta)[free]
        assert (size >= exact[free] - 1e-5).all()
        assert (size <= 1.05 * exact[free] + 1e-3).all()


@QUICK
@given(x=batches(0.3, 0.7), epsilon=st.floats(0.0, 0.25))
def test_fgsm_is_optimal_on_a_linear_victim(x, epsilon):
    """The margin that a linear model loses is exactly epsilon times the L1 norm of its weights."""
    w = torch.tensor([1.0, -2.0, 0.5, 0.25])
    adv = evasion.fgsm(linear(tuple(w.tolist())), x, torch.zeros(3, dtype=torch.int64), epsilon=epsilon)
    lost = (adv.x - adv.x_adv) @ w
    assert torch.allclose(lost, torch.full((3,), epsilon * float(w.abs().sum())), atol=1e-5)


@QUICK
@given(x=batches(0.4, 0.6), epsilon=st.floats(0.01, 0.3))
def test_pgd_is_not_weaker_than_fgsm_on_a_linear_victim(x, epsilon):
    model, y, threat = linear(), torch.zeros(3, dtype=torch.int64), ThreatModel("linf", epsilon)
    one = robust_accuracy(model, evasion.fgsm(model, x, y, epsilon=epsilon), threat).value
    many = robust_accuracy(model, evasion.pgd(model, x, y, epsilon=epsilon, steps=20), threat).value
    assert many <= one


@QUICK
@given(x=batches(), noise=batches(-1, 1), epsilon=epsilons)
def test_success_and_robust_accuracy_fit_together(x, noise, epsilon):
    model, y, threat = linear(), torch.tensor([0, 1, 0]), ThreatModel("linf", epsilon)
    adv = AdversarialExamples(x=x, x_adv=x + noise, y=y, attack="noise")
    clean, robust = clean_accuracy(model, x, y), robust_accuracy(model, adv, threat)
    success = attack_success_rate(model, adv, threat)
    if success.n == 0:
        assert math.isnan(success.value)
    else:
        assert robust.value >= clean.value * (1 - success.value) - 1e-9


@QUICK
@given(x=batches(), y=st.lists(st.integers(0, 1), min_size=3, max_size=3))
def test_the_robustness_curve_never_rises(x, y):
    curve = robustness_curve(
        linear(), x, torch.tensor(y), attack=evasion.fgsm, epsilons=[0.3, 0.0, 0.1, 0.2, 0.05]
    )
    values = [rate.value for rate in curve.rates]
    assert values == sorted(values, reverse=True)
    assert list(curve.epsilons) == sorted(curve.epsilons)


@QUICK
@given(hits=st.lists(st.booleans(), max_size=300))
def test_an_interval_holds_its_value_and_stays_between_zero_and_one(hits):
    rate = Rate.of(torch.tensor(hits, dtype=torch.bool))
    assert 0 <= rate.low <= rate.high <= 1
    assert rate.n == len(hits)
    if hits:
        assert rate.low <= rate.value <= rate.high
