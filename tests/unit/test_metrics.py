"""Metrics: definitions, on numbers that can be checked by hand."""

import math

import pytest
import torch

from labkit.core import AdversarialExamples, InvalidInputError, ThreatModel
from labkit.metrics import (
    Rate,
    attack_success_rate,
    clean_accuracy,
    confusion,
    perturbation_norms,
    robust_accuracy,
    targeted_success_rate,
)
from tests.unit.victims import linear

# The victim reads class 0 where the one value is above 0.5.
MODEL = linear((1.0,), bias=-0.5)
X = torch.tensor([[0.9], [0.8], [0.2], [0.4]])
Y = torch.tensor([0, 0, 1, 0])


def _adv(*values, y_target=None):
    return AdversarialExamples(
        x=X, x_adv=torch.tensor(values).view(-1, 1), y=Y, attack="by hand", y_target=y_target
    )


def test_clean_accuracy_counts_what_is_read_right():
    assert clean_accuracy(MODEL, X, Y).value == 0.75


def test_robust_accuracy_counts_over_all_inputs_and_success_over_those_read_right():
    adv, threat = _adv(0.45, 0.8, 0.2, 0.4), ThreatModel("linf", 0.5)
    assert robust_accuracy(MODEL, adv, threat).value == 0.5
    assert attack_success_rate(MODEL, adv, threat).value == pytest.approx(1 / 3)


def test_a_change_outside_the_budget_did_not_happen():
    assert robust_accuracy(MODEL, _adv(0.1, 0.1, 0.9, 0.4), ThreatModel("linf", 0.1)).value == 0.75


def test_a_value_that_is_no_number_did_not_happen():
    assert robust_accuracy(MODEL, _adv(math.nan, 0.8, 0.2, 0.4), ThreatModel("linf", 1.0)).value == 0.75


def test_the_success_of_nothing_is_not_a_number():
    wrong = AdversarialExamples(x=X, x_adv=X, y=torch.tensor([1, 1, 0, 0]), attack="by hand")
    rate = attack_success_rate(MODEL, wrong, ThreatModel("linf", 0.1))
    assert math.isnan(rate.value)
    assert str(rate) == "not measurable: no samples"


def test_targeted_success_does_not_count_inputs_that_are_of_the_target_class():
    adv = _adv(0.3, 0.8, 0.2, 0.4, y_target=torch.tensor([1, 1, 1, 1]))
    assert targeted_success_rate(MODEL, adv, ThreatModel("linf", 1.0)).value == pytest.approx(2 / 3)
    with pytest.raises(InvalidInputError, match="targeted"):
        targeted_success_rate(MODEL, _adv(0.9, 0.8, 0.2, 0.4), ThreatModel("linf", 1.0))


def test_wilson_intervals_are_those_of_the_literature():
    """Newcombe 1998, table I: 81 of 263 gives 0.2553 to 0.3662; 0 of 20 gives 0 to 0.1611."""
    some = Rate.of(torch.arange(263) < 81)
    assert (round(some.low, 4), round(some.high, 4)) == (0.2553, 0.3662)
    none = Rate.of(torch.zeros(20, dtype=torch.bool))
    assert (none.low, round(none.high, 4)) == (0.0, 0.1611)


def test_confusion_has_true_classes_in_rows():
    assert confusion(MODEL, X, Y).tolist() == [[2, 1], [0, 1]]


def test_perturbations_are_measured_in_every_norm():
    x = torch.zeros(1, 4)
    sizes = perturbation_norms(
        AdversarialExamples(
            x=x, x_adv=torch.tensor([[0.3, 0.0, -0.4, 0.0]]), y=torch.tensor([0]), attack="by hand"
        )
    )
    assert (sizes.linf_max, sizes.l2_max, sizes.l1_mean, sizes.l0_share) == pytest.approx(
        (0.4, 0.5, 0.7, 0.5)
    )
