"""Certificates: exact bounds, votes, boxes, and a checker that refuses what they do not carry."""

import dataclasses
import math

import pytest
import torch
from scipy.stats import binom
from torch import nn

from labkit.attacks.evasion import pgd, square
from labkit.core import Classifier, InvalidInputError, Norm, make_generator
from labkit.defenses.certification import (
    ABSTAINED,
    REASONS,
    Certificates,
    Claim,
    SmoothedClassifier,
    box_around,
    certify_intervals,
    check_claim,
    clopper_pearson,
    interval_bounds,
    interval_margins,
    interval_training,
    lower_bound,
    model_digest,
    reach_in,
)
from labkit.metrics import abstention_rate, certified_accuracy, certified_curve, clean_accuracy
from labkit.models import TorchClassifier, build

SHAPES = {"mlp": (1, 8, 8), "logistic": (1, 8, 8), "cnn": (1, 16, 16), "resnet": (3, 16, 16)}


def network(name, seed=0, classes=4):
    module = build(name, SHAPES[name], classes, seed=seed).requires_grad_(False)
    return TorchClassifier(module, SHAPES[name], classes)


def inputs(model, count=6, seed=0):
    return torch.rand((count, *model.input_shape), generator=make_generator(seed))


@pytest.fixture(scope="module")
def clusters():
    """Two blobs of ten values, and a network that tells them apart."""
    generator = make_generator(3)
    y = torch.arange(120) % 2
    x = (0.3 + 0.4 * y[:, None] + 0.08 * torch.randn((120, 10), generator=generator)).clamp(0, 1)
    model = interval_training("mlp", x, y, epsilon=0.1, epochs=6, lr=5e-3, batch_size=16)
    return model, x, y


# ------------------------------------------------------------------ exact bounds


@pytest.mark.parametrize(("hits", "n"), [(0, 20), (1, 20), (13, 20), (20, 20), (999, 1000)])
def test_the_bound_is_where_the_binomial_test_turns(hits, n):
    low = float(lower_bound(torch.tensor([hits]), n, 0.99)[0])
    if hits == 0:
        assert low == 0
    else:
        # At the bound so many hits, or more, come out with probability 1 - confidence exactly.
        assert binom.sf(hits - 1, n, low) == pytest.approx(0.01, rel=1e-6)


def test_the_bound_holds_as_often_as_it_says_whatever_the_probability():
    for p in (0.5, 0.8, 0.97):
        counts = torch.arange(0, 51)
        bounds = lower_bound(counts, 50, 0.95).numpy()
        held = binom.pmf(counts.numpy(), 50, p)[bounds <= p].sum()
        assert held >= 0.95


def test_the_interval_has_both_ends_and_contains_the_share():
    low, high = clopper_pearson(8, 10, 0.95)
    assert (low, high) == pytest.approx((0.4439, 0.9748), abs=1e-4)
    assert clopper_pearson(0, 10)[0] == 0
    assert clopper_pearson(10, 10)[1] == 1


@pytest.mark.parametrize("wrong", [0, 1, 1.5, math.nan, "0.9", True])
def test_a_confidence_lies_between_nothing_and_certainty(wrong):
    with pytest.raises(InvalidInputError, match="confidence"):
        lower_bound(torch.tensor([1]), 2, wrong)


def test_counts_are_whole_and_no_more_than_there_were_throws():
    for wrong in (torch.tensor([3]), torch.tensor([-1]), torch.tensor([0.5])):
        with pytest.raises(InvalidInputError, match="whole numbers from 0 to 2"):
            lower_bound(wrong, 2, 0.9)


# ------------------------------------------------------------------ smoothing


def linear(weight):
    """Two classes, told apart by the sign of ``weight @ x - 1``."""
    layer = nn.Linear(len(weight), 2)
    with torch.no_grad():
        layer.weight.copy_(torch.stack([-weight, weight]) / 2)
        layer.bias.copy_(torch.tensor([0.5, -0.5]))
    return TorchClassifier(layer.requires_grad_(False), (len(weight),), 2)


def test_a_smoothed_linear_classifier_is_certified_up_to_its_margin_and_no_further():
    weight = torch.tensor([1.0, 2.0, -0.5, 1.5])
    x = torch.rand((40, 4), generator=make_generator(1))
    margin = (x @ weight - 1).abs() / weight.norm()
    for seed in range(3):
        made = SmoothedClassifier(linear(weight), 0.3, n=400, confidence=0.9999).certify(x, seed=seed)
        assert (made.radii <= margin + 1e-6).all()
        assert float((margin - made.radii)[margin < 0.5].mean()) < 0.15  # and not by far


def test_more_copies_certify_more_and_no_radius_passes_what_they_can_show():
    model, x = linear(torch.tensor([1.0, 2.0])), torch.rand((30, 2), generator=make_generator(2))
    few, many = (SmoothedClassifier(model, 0.25, n=n).certify(x, seed=1).radii for n in (50, 1000))
    assert float(many.mean()) > float(few.mean())
    # All copies agree: the bound is the root of the failure probability.
    assert float(few.max()) <= 0.25 * torch.special.ndtri(torch.tensor(0.002 ** (1 / 50))) + 1e-5


def test_where_the_vote_is_close_it_abstains_and_certifies_nothing():
    weight = torch.tensor([1.0, 1.0])
    x = torch.tensor([[0.5, 0.5], [0.9, 0.9]])  # one on the border, one far from it
    smoothed = SmoothedClassifier(linear(weight), 0.2, n=300)
    made = smoothed.certify(x, seed=0)
    assert made.predicted.tolist() == [ABSTAINED, 1]
    assert made.radii[0] == 0 < made.radii[1]
    assert made.abstained.tolist() == [True, False]
    assert smoothed.predict(x, seed=1).tolist() == [ABSTAINED, 1]
    assert abstention_rate(made).value == 0.5
    assert certified_accuracy(made, torch.tensor([1, 1]), 0.0).value == 0.5


def test_a_smoothed_classifier_is_a_classifier_that_attacks_run_on(clusters):
    model, x, y = clusters
    smoothed = SmoothedClassifier(model, 0.1, n=50)
    assert isinstance(smoothed, Classifier)
    assert clean_accuracy(smoothed, x[:20], y[:20]).value > 0.9
    adv = square(smoothed, x[:8], y[:8], epsilon=0.3, query_budget=30, seed=0)
    assert float((adv.x_adv - x[:8]).abs().max()) <= 0.3 + 1e-6
    with pytest.raises(InvalidInputError, match="needs the gradient"):
        pgd(smoothed, x[:2], y[:2], epsilon=0.1)


def test_its_answer_to_an_input_does_not_depend_on_what_is_asked_beside_it(clusters):
    model, x, _ = clusters
    smoothed = SmoothedClassifier(model, 0.3, n=40)
    assert torch.equal(smoothed.logits(x[:5])[2], smoothed.logits(x[2:3])[0])


def test_the_same_seed_makes_the_same_certificates_and_the_model_stays_as_it_was(clusters):
    model, x, _ = clusters
    before = model_digest(model.module)
    made = [SmoothedClassifier(model, 0.2, n=60).certify(x[:9], seed=s) for s in (4, 4, 5)]
    assert torch.equal(made[0].radii, made[1].radii)
    assert not torch.equal(made[0].radii, made[2].radii)
    assert made[0].model == before == model_digest(model.module)


@pytest.mark.parametrize("wrong", [{"noise_std": 0.0}, {"n": 0}, {"n0": 0}, {"confidence": 1.0}])
def test_settings_of_smoothing_are_checked(wrong):
    with pytest.raises(InvalidInputError):
        SmoothedClassifier(network("mlp"), **{"noise_std": 0.1, **wrong})


def test_inputs_of_another_shape_are_refused_and_none_at_all_are_fine():
    smoothed = SmoothedClassifier(network("mlp"), 0.1, n=10)
    with pytest.raises(InvalidInputError, match="shape"):
        smoothed.certify(torch.rand(2, 3), seed=0)
    assert len(smoothed.certify(torch.rand(0, 1, 8, 8), seed=0)) == 0
    assert smoothed.logits(torch.rand(0, 1, 8, 8)).shape == (0, 4)


# ------------------------------------------------------------------ intervals


def test_one_linear_layer_is_bounded_exactly():
    layer = nn.Linear(5, 3)
    low, high = torch.rand(1, 5), torch.rand(1, 5) + 1
    least, most = interval_bounds(layer, low, high)
    corners = torch.cartesian_prod(*torch.stack([low[0], high[0]], 1))
    reached = layer(corners)
    assert torch.allclose(least[0], reached.amin(0), atol=1e-5)
    assert torch.allclose(most[0], reached.amax(0), atol=1e-5)


@pytest.mark.parametrize("name", list(SHAPES))
def test_every_architecture_is_bounded_and_a_point_has_no_width(name):
    model = network(name)
    x = inputs(model)
    least, most = interval_bounds(model.module, x, x)
    scores = model.logits(x)
    assert torch.allclose(least, scores, atol=1e-4)
    assert torch.allclose(most, scores, atol=1e-4)
    margins = interval_margins(model.module, x, x, scores.argmax(1))
    assert torch.allclose(margins, scores.amax(1, keepdim=True) - scores, atol=1e-4)


def test_bounding_the_difference_is_tighter_than_the_difference_of_bounds():
    model = network("mlp")
    x = inputs(model)
    y = model.logits(x).argmax(1)
    box = box_around(x, 0.05, (0.0, 1.0))
    least, most = interval_bounds(model.module, *box)
    loose = least.gather(1, y[:, None]) - most
    tight = interval_margins(model.module, *box, y)
    others = torch.ones_like(tight, dtype=torch.bool).scatter(1, y[:, None], False)
    assert (tight >= loose - 1e-4)[others].all()


def test_a_certified_radius_stands_and_a_little_more_does_not(clusters):
    model, x, y = clusters
    made = certify_intervals(model, x[:30])
    assert made.confidence == 1
    assert made.norm is Norm.LINF
    for shift, stands in ((0.0, True), (0.01, False)):
        low, high = ((x[:30] + s * (made.radii[:, None] + shift)).clamp(0, 1) for s in (-1, 1))
        margins = interval_margins(model.module, low, high, made.predicted)
        worst = margins.scatter(1, made.predicted[:, None], torch.inf).amin(1)
        assert bool((worst > 0).all()) is stands
    assert certified_accuracy(made, y[:30], 0.02).value > 0.9


def test_no_attack_breaks_what_intervals_prove(clusters):
    model, x, _ = clusters
    made = certify_intervals(model, x)
    sure = made.radii >= 0.05
    assert sure.any()
    adv = pgd(model, x[sure], made.predicted[sure], epsilon=0.05, steps=20)
    assert torch.equal(model.logits(adv.x_adv).argmax(1), made.predicted[sure])


def test_training_on_intervals_makes_more_of_a_network_provable(clusters):
    model, x, y = clusters
    plain = interval_training("mlp", x, y, epsilon=0.1, share=0.0, epochs=6, lr=5e-3, batch_size=16)
    proved = [certified_accuracy(certify_intervals(each, x), y, 0.1).value for each in (model, plain)]
    assert proved[0] > proved[1]


def test_what_intervals_cannot_pass_is_refused_by_name():
    with pytest.raises(InvalidInputError, match="got Sigmoid"):
        interval_bounds(nn.Sequential(nn.Linear(2, 2), nn.Sigmoid()), torch.zeros(1, 2), torch.ones(1, 2))
    with pytest.raises(InvalidInputError, match="evaluation mode"):
        interval_bounds(nn.BatchNorm2d(2).train(), torch.zeros(1, 2, 3, 3), torch.ones(1, 2, 3, 3))
    with pytest.raises(InvalidInputError, match="TorchClassifier"):
        certify_intervals(SmoothedClassifier(network("mlp"), 0.1), torch.rand(1, 1, 8, 8))


def test_batch_norm_with_a_negative_factor_turns_the_interval_round():
    norm = nn.BatchNorm2d(1).eval()
    with torch.no_grad():
        norm.weight.fill_(-2.0)
    low, high = torch.zeros(1, 1, 1, 1), torch.ones(1, 1, 1, 1)
    least, most = (each.detach() for each in interval_bounds(norm, low, high))
    assert float(least) < float(most)
    assert float(most) == pytest.approx(0, abs=1e-6)


# ------------------------------------------------------------------ claims


def certificates(**changes):
    """Ten inputs of 16 values: eight right with radii 0.05 to 0.4, one wrong, one abstention."""
    radii = torch.tensor([0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.0])
    settings = {
        "method": "randomized_smoothing",
        "norm": Norm.L2,
        "predicted": torch.tensor([1] * 8 + [0, ABSTAINED]),
        "radii": radii,
        "confidence": 0.998,
        "model": "abc",
        "dimension": 16,
        "noise_std": 0.25,
    }
    return Certificates(**{**settings, **changes})


Y = torch.ones(10, dtype=torch.int64)
HONEST = Claim("abc", Norm.L2, 0.2, 0.5, 0.998, 0.25)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, "holds"),
        ({"accuracy": 0.4, "confidence": 0.9}, "holds"),
        ({"norm": Norm.LINF, "epsilon": 0.05}, "holds"),  # 0.05 in every one of 16 values is 0.2 in L2
        ({"norm": Norm.LINF}, "norm"),
        ({"epsilon": 0.3}, "radius"),
        ({"accuracy": 0.6}, "radius"),
        ({"model": "xyz"}, "model"),
        ({"noise_std": 0.5}, "noise"),
        ({"confidence": 0.999}, "confidence"),
        ({"accuracy": 0.555}, "abstentions"),  # 5 of the 9 that were decided
        ({"norm": Norm.LINF, "epsilon": 0.3, "accuracy": 0.9}, "radius"),  # wrong in either norm
    ],
)
def test_a_claim_falls_for_the_one_thing_it_changes(change, reason):
    verdict = check_claim(dataclasses.replace(HONEST, **change), certificates(), Y)
    assert verdict.reason == reason
    assert verdict.accepted is (reason == "holds")
    assert REASONS[reason] in str(verdict)


def test_from_a_box_to_a_ball_nothing_is_lost():
    boxes = certificates(norm=Norm.LINF, confidence=1.0, noise_std=0.0)
    claim = Claim("abc", Norm.L2, 0.2, 0.5, 1.0)
    assert check_claim(claim, boxes, Y).accepted
    assert reach_in(Norm.L2, Norm.LINF, 16) == 1
    assert reach_in(Norm.LINF, Norm.L2, 16) == 0.25


def test_nothing_follows_from_no_certificate_and_labels_have_to_fit():
    none = certificates(predicted=torch.zeros(0, dtype=torch.int64), radii=torch.zeros(0))
    with pytest.raises(InvalidInputError, match="nothing follows"):
        check_claim(HONEST, none, Y[:0])
    with pytest.raises(InvalidInputError):
        check_claim(HONEST, certificates(), Y[:3])


@pytest.mark.parametrize(
    "wrong", [{"accuracy": 1.2}, {"confidence": -0.1}, {"epsilon": math.nan}, {"norm": "l7"}]
)
def test_a_claim_is_made_of_numbers_that_can_be_true(wrong):
    with pytest.raises(InvalidInputError):
        dataclasses.replace(HONEST, **wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"radii": torch.full((10,), -1.0)},
        {"radii": torch.full((10,), math.nan)},
        {"radii": torch.zeros(3)},
        {"predicted": torch.zeros(10)},
        {"confidence": 0.0},
    ],
)
def test_certificates_that_say_nonsense_cannot_be_made(wrong):
    with pytest.raises(InvalidInputError):
        certificates(**wrong)


def test_a_curve_of_certified_accuracy_falls_and_counts_abstentions_as_wrong():
    curve = certified_curve(certificates(), Y, (0.3, 0.0, 0.1))
    assert [rate.value for rate in curve.rates] == pytest.approx([0.8, 0.7, 0.3])
    shrunk = certified_curve(certificates(), Y, (0.0, 0.05), Norm.LINF)
    assert shrunk.norm is Norm.LINF
    assert shrunk.rates[1].value == pytest.approx(0.5)


def test_the_digest_of_a_network_changes_with_a_weight():
    first, second = network("mlp"), network("mlp")
    assert model_digest(first.module) == model_digest(second.module)
    with torch.no_grad():
        next(second.module.parameters())[0, 0] += 1e-3
    assert model_digest(first.module) != model_digest(second.module)
