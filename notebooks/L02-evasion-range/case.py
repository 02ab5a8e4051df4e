"""One participant's variant of the evasion range, and what is measured on it.

The participant hands in pictures, counts, a figure or a model; the inputs, the labels, the
victim and the threat model come from here.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from labkit.attacks import evasion
from labkit.core import AdversarialExamples, Classifier, InvalidInputError, derive, predict
from labkit.course.cases.evasion import EvasionCase, evasion_case
from labkit.metrics import clean_accuracy, robust_accuracy
from labkit.scoring import Measurement

make_case = evasion_case

STEPS = 40
ROBUST_FLOOR = 0.5  # the target of "harden": a model below it has no price to pay
BLACK_BOX_SAMPLES = 50


# ------------------------------------------------------------------ white-box


def measure_robust_accuracy(case: EvasionCase, x_adv: Tensor) -> Measurement:
    """Share of the batch that the victim still reads correctly; illegal inputs do not count."""
    adv = AdversarialExamples(x=case.x, x_adv=x_adv, y=case.y, attack="handed in")
    legal = case.threat.allows(case.x, x_adv, case.victim.bounds)
    size = case.threat.norm.size(adv.delta)
    return Measurement(
        robust_accuracy(case.victim, adv, case.threat).value,
        {
            "illegal_share": 1 - float(legal.float().mean()),
            "largest": float(size.max()),
            "mean_size": float(size.mean()),
            "epsilon": case.threat.epsilon,
            "budget_used": float(size.max()) / case.threat.epsilon,
            "clean": clean_accuracy(case.victim, case.x, case.y).value,
            "noise": _accuracy_under(case, "random_noise"),
        },
    )


# ------------------------------------------------------------------ black-box


def measure_flipped_within_budget(case: EvasionCase, x_adv: Tensor, queries: Tensor) -> Measurement:
    """Share of the ten chosen inputs that are read differently, legally and within the query budget."""
    x, y = case.x[case.chosen], case.y[case.chosen]
    queries = torch.as_tensor(queries)
    if queries.shape != y.shape:
        raise InvalidInputError(
            f"expected queries of shape ({len(y)},), one count for each chosen input; "
            f"got {tuple(queries.shape)}"
        )
    adv = AdversarialExamples(x=x, x_adv=x_adv, y=y, attack="handed in", queries=queries)
    legal = case.threat.allows(x, adv.x_adv, case.victim.bounds)
    affordable = queries <= case.query_budget
    # Asking nothing and flipping anyway means that the pictures came from somewhere else.
    asked = queries > 0
    flipped = (predict(case.victim, torch.where(_wide(legal, x), adv.x_adv, x)) != y) & affordable & asked
    return Measurement(
        float(flipped.float().mean()),
        {
            "flipped": float(flipped.sum()),
            "over_budget": float((~affordable).sum()),
            "illegal_share": 1 - float(legal.float().mean()),
            "median_queries": float(queries.float().median()),
            "budget": float(case.query_budget),
        },
    )


# ------------------------------------------------------------------ unmask


def measure_report_error(case: EvasionCase, reported_accuracy: float) -> Measurement:
    """Distance between the reported accuracy of the secure model and what every attack leaves."""
    reported = float(reported_accuracy)
    if not 0 <= reported <= 1:
        raise InvalidInputError(f"expected an accuracy between 0 and 1, got {reported}: 12 % is 0.12")
    true = true_secure_accuracy(case)
    return Measurement(
        abs(reported - true),
        {
            "reported": reported,
            "true": true,
            "reported_minus_true": reported - true,
            "claim": case.vendor_claim,
            "epsilon": case.threat.epsilon,
        },
    )


@lru_cache(maxsize=8)
def true_secure_accuracy(case: EvasionCase) -> float:
    """Share of the batch that the secure model reads correctly under every attack that we have."""
    seed = derive(case.seed, "unmask")
    through = evasion.bpda(case.secure)
    # As many restarts as the panel takes: a judge who tries less calls the better figure wrong.
    settings = {
        **{"epsilon": case.threat.epsilon, "norm": case.threat.norm},
        **{"steps": STEPS, "restarts": 2, "seed": seed},
    }
    attacks = [
        evasion.pgd(through, case.x, case.y, **settings),
        evasion.pgd(through, case.x, case.y, loss="margin", **settings),
        evasion.pgd(case.victim, case.x, case.y, **settings),
    ]
    stands = predict(case.secure, case.x) == case.y
    for adv in attacks:
        legal = case.threat.allows(case.x, adv.x_adv, case.secure.bounds)
        stands &= (predict(case.secure, adv.x_adv) == case.y) | ~legal
    return float(stands.float().mean())


# ------------------------------------------------------------------ harden and price


def measure_hardened_robust_accuracy(case: EvasionCase, model: Classifier) -> Measurement:
    """Robust accuracy of the handed-in model under PGD-40, made on that model."""
    robust, clean = _judge(case, model)
    some = slice(0, BLACK_BOX_SAMPLES)
    asked = evasion.square(
        model,
        case.x[some],
        case.y[some],
        epsilon=case.threat.epsilon,
        norm=case.threat.norm,
        query_budget=100,
        seed=derive(case.seed, "harden"),
    )
    return Measurement(
        robust,
        {
            "clean": clean,
            "bare": _accuracy_under(case, "pgd"),
            "blackbox": robust_accuracy(model, asked, case.threat).value,
            "epsilon": case.threat.epsilon,
        },
    )


def measure_clean_accuracy_of_hardened(case: EvasionCase, model: Classifier) -> Measurement:
    """Clean accuracy of the hardened model; zero while it is not robust, for then nothing was bought."""
    robust, clean = _judge(case, model)
    return Measurement(
        clean if robust >= ROBUST_FLOOR else 0.0,
        {
            "clean": clean,
            "robust": robust,
            "bare_clean": clean_accuracy(case.victim, case.x, case.y).value,
            "bare": _accuracy_under(case, "pgd"),
        },
    )


def _judge(case: EvasionCase, model: Classifier) -> tuple[float, float]:
    if not isinstance(model, Classifier):
        raise InvalidInputError(
            f"expected a classifier such as adversarial_training() returns, got {type(model).__name__}"
        )
    # A model that hides its gradient is attacked through a stand-in for it.
    target = model if hasattr(model, "forward") else evasion.bpda(model)
    adv = evasion.pgd(
        target,
        case.x,
        case.y,
        epsilon=case.threat.epsilon,
        norm=case.threat.norm,
        steps=STEPS,
        seed=derive(case.seed, "judge"),
    )
    return robust_accuracy(model, adv, case.threat).value, clean_accuracy(model, case.x, case.y).value


# ------------------------------------------------------------------ what the predictions are about


@lru_cache(maxsize=32)
def _accuracy_under(case: EvasionCase, attack: str) -> float:
    adv = evasion.ATTACKS[attack](
        case.victim,
        case.x,
        case.y,
        epsilon=case.threat.epsilon,
        norm=case.threat.norm,
        **({} if attack == "fgsm" else {"seed": derive(case.seed, attack)}),
    )
    return robust_accuracy(case.victim, adv, case.threat).value


def _wide(mask: Tensor, like: Tensor) -> Tensor:
    return mask.view(-1, *[1] * (like.dim() - 1))


MEASURES = {
    "robust_accuracy": measure_robust_accuracy,
    "flipped_within_budget": measure_flipped_within_budget,
    "report_error": measure_report_error,
    "hardened_robust_accuracy": measure_hardened_robust_accuracy,
    "clean_accuracy_of_hardened": measure_clean_accuracy_of_hardened,
}

OUTCOMES = {
    "pgd_accuracy_percent": lambda case: 100 * _accuracy_under(case, "pgd"),
    "fgsm_accuracy_percent": lambda case: 100 * _accuracy_under(case, "fgsm"),
}
