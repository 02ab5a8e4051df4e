"""The variant of the guided tour, and what is measured on it."""

from __future__ import annotations

from torch import Tensor

from labkit.attacks import evasion
from labkit.core import AdversarialExamples, derive
from labkit.course.cases.evasion import EvasionCase, evasion_case
from labkit.metrics import attack_success_rate, clean_accuracy, robust_accuracy
from labkit.scoring import Measurement

make_case = evasion_case


def measure_baseline_error(case: EvasionCase, reported_accuracy: float) -> Measurement:
    """Distance between the reported and the measured clean accuracy, as a share."""
    reported = float(reported_accuracy)
    rate = clean_accuracy(case.victim, case.x, case.y)
    return Measurement(
        abs(reported - rate.value),
        {
            "reported": reported,
            "true": rate.value,
            "low": rate.low,
            "high": rate.high,
            "inputs": float(rate.n),
        },
    )


def measure_attack_success_rate(case: EvasionCase, x_adv: Tensor) -> Measurement:
    """Share of the correctly read inputs that the handed-in pictures make the victim misread."""
    adv = AdversarialExamples(x=case.x, x_adv=x_adv, y=case.y, attack="handed in")
    budget = {"epsilon": case.threat.epsilon, "norm": case.threat.norm}
    noise = evasion.random_noise(case.victim, case.x, case.y, seed=derive(case.seed, "noise"), **budget)
    legal = case.threat.allows(case.x, x_adv, case.victim.bounds)
    return Measurement(
        attack_success_rate(case.victim, adv, case.threat).value,
        {
            "illegal_share": 1 - float(legal.float().mean()),
            "largest": float(case.threat.norm.size(adv.delta).max()),
            "epsilon": case.threat.epsilon,
            "noise": attack_success_rate(case.victim, noise, case.threat).value,
        },
    )


def _fgsm_accuracy_percent(case: EvasionCase) -> float:
    adv = evasion.fgsm(case.victim, case.x, case.y, epsilon=case.threat.epsilon, norm=case.threat.norm)
    return 100 * robust_accuracy(case.victim, adv, case.threat).value


MEASURES = {
    "baseline_error": measure_baseline_error,
    "attack_success_rate": measure_attack_success_rate,
}

OUTCOMES = {"fgsm_accuracy_percent": _fgsm_accuracy_percent}
