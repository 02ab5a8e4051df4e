"""One participant's variant of the membership lab, and what is measured on it.

The participant hands in scores, settings, choices and guesses; who was in, the trainings that a
deployment is judged by, the attacks on them and the coins of the audit come from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from labkit.attacks.membership import loss_attack
from labkit.core import InvalidInputError
from labkit.course.cases.membership import handed
from labkit.course.cases.membership.audits import judge_audit
from labkit.course.cases.membership.case import MembershipCase, membership_case
from labkit.course.cases.membership.deployments import BUDGET, Deployed, Deployment, deploy
from labkit.course.cases.membership.records import members_of
from labkit.course.cases.membership.statement import judge_statement
from labkit.metrics import membership_auc, over_splits, tpr_at_fpr
from labkit.scoring import Measurement

make_case = membership_case
RECORDS = handed.RECORDS

LEAK_CEILING = 0.03  # the target of "deploy": with more, nothing was bought and there is no price
_NONE = 999.0  # stands for a budget without end, where a number is needed


# ------------------------------------------------------------------ attack


def measure_members_found(case: MembershipCase, scores: Tensor) -> Measurement:
    """Share of the members found at one wrong accusation in a hundred, as the mean over eight readers."""
    given, member = torch.as_tensor(scores), members_of(case)
    if tuple(given.shape) != tuple(member.shape) or not given.is_floating_point():
        raise InvalidInputError(
            f"expected scores as floats of shape {tuple(member.shape)}, a row for each reader and a column "
            f"for each candidate; got {given.dtype} of shape {tuple(given.shape)}"
        )
    found = over_splits(tpr_at_fpr, given, member)
    area = over_splits(membership_auc, given, member)
    flat = (given == given[:, :1]).all(1)
    return Measurement(
        found.value,
        {
            "low": found.low,
            "high": found.high,
            "auc": area.value,
            "readers": float(found.n),
            "members": float(member.sum(1)[0]),
            "found": found.value * float(member.sum(1)[0]),
            "accused": float((~member).sum(1)[0]) // 100,
            "flat": float(flat.sum()),
        },
    )


# ------------------------------------------------------------------ deploy, and the price


def measure_leak(
    case: MembershipCase,
    records: int,
    clip: float,
    noise_multiplier: float,
    sample_rate: float,
    epochs: int,
) -> Measurement:
    """Share of the members that the judge finds at 1 % wrong accusations; 1 where the budget is too large."""
    made = Deployment(records, clip, noise_multiplier, sample_rate, epochs)
    facts, done = _facts(case, made)
    return Measurement(done.tpr.value if facts["within"] else 1.0, facts)


def measure_accuracy(
    case: MembershipCase,
    records: int,
    clip: float,
    noise_multiplier: float,
    sample_rate: float,
    epochs: int,
) -> Measurement:
    """Accuracy on forms that nobody trained on; 0 where the deployment does not protect."""
    made = Deployment(records, clip, noise_multiplier, sample_rate, epochs)
    facts, done = _facts(case, made)
    holds = bool(facts["within"]) and done.tpr.value <= LEAK_CEILING
    return Measurement(done.accuracy.value if holds else 0.0, {**facts, "holds": float(holds)})


def _facts(case: MembershipCase, made: Deployment) -> tuple[dict[str, float | str], Deployed]:
    spent, done = made.spent(case.privacy_delta), deploy(case, made)
    return {
        "spent": min(spent, _NONE),
        "within": float(spent <= BUDGET),
        "bought": f"{spent:.2f}" if spent < _NONE else "none: there is no bound",
        "delta": case.privacy_delta,
        "leak": done.tpr.value,
        "leak_low": done.tpr.low,
        "leak_high": done.tpr.high,
        "auc": done.auc.value,
        "attack": done.attack,
        "accuracy": done.accuracy.value,
        "accuracy_low": done.accuracy.low,
        "accuracy_high": done.accuracy.high,
        "gap": done.trained - done.accuracy.value,
        "records": float(made.records),
        "noise": made.noise_multiplier,
        "steps": float(made.steps),
    }, done


# ------------------------------------------------------------------ statement


def measure_statement(
    case: MembershipCase, settings: Mapping[str, Any], statement: Mapping[str, Any], privacy_epsilon: float
) -> Measurement:
    """Share of the lines of a privacy statement that say what the settings guarantee."""
    if not isinstance(settings, Mapping):
        raise InvalidInputError(f"expected settings as a mapping, got {type(settings).__name__}")
    try:
        made = Deployment(**settings)
    except TypeError as error:
        raise InvalidInputError(f"expected the settings of a deployment: {error}") from None
    spent = made.spent(case.privacy_delta)
    verdict = judge_statement(statement, privacy_epsilon, spent)
    return Measurement(
        verdict.value,
        {
            "right": float(verdict.right),
            "lines": float(verdict.lines),
            "spent": min(spent, _NONE),
            "stated": float(privacy_epsilon),
            "delta": case.privacy_delta,
            "records": float(made.records),
            "wrong": " ".join(f"{title}: {why}" for title, why in verdict.wrong),
        },
    )


# ------------------------------------------------------------------ audit


def measure_audit(case: MembershipCase, guesses: Tensor) -> Measurement:
    """Share of the vendors of whom the guesses prove what is true: false claims refuted, true ones not."""
    found = judge_audit(case, guesses)
    false = [each for each in found if not each.honest]
    accused = [each for each in found if each.honest and each.refuted]
    return Measurement(
        sum(each.as_it_should_be for each in found) / len(found),
        {
            "vendors": float(len(found)),
            "refuted": float(sum(each.refuted for each in found)),
            "false_claims": float(len(false)),
            "missed": float(sum(not each.refuted for each in false)),
            "accused": float(len(accused)),
            "guesses": float(sum(each.guesses for each in found)) / len(found),
            "canaries": float(case.canaries),
            "claim": found[0].privacy_epsilon,
            "strongest": max(each.bound.value for each in found),
            "findings": "; ".join(
                f"{each.name}: {each.right} of {each.guesses} right, epsilon at least {each.bound.value:.2f}"
                for each in found
            ),
        },
    )


# ------------------------------------------------------------------ what the predictions are about


def _loss_finds(case: MembershipCase) -> float:
    scores = torch.stack([loss_attack(model, case.x, case.y).scores for model in case.victims])
    return 100 * over_splits(tpr_at_fpr, scores, members_of(case)).value


def _few_forms(case: MembershipCase) -> float:
    settings = case.scenario.settings
    few = Deployment(
        records=int(settings["members"]),
        **{
            name: settings[f"reference_{name}"]
            for name in ("clip", "noise_multiplier", "sample_rate", "epochs")
        },
    )
    return 100 * deploy(case, few).accuracy.value


MEASURES = {
    "members_found": measure_members_found,
    "leak": measure_leak,
    "accuracy": measure_accuracy,
    "statement": measure_statement,
    "audit": measure_audit,
}

OUTCOMES = {
    "loss_finds_percent": _loss_finds,
    "few_forms_accuracy_percent": _few_forms,
}
