"""What is measured on one participant's variant of the federated lab.

The participant hands in recipes, plain data.  The clinics, who among them lies, where training
starts and what the liars send are drawn anew by whoever judges.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from labkit.core import derive
from labkit.course.cases.federated import records
from labkit.course.cases.federated.case import FederatedCase, Federation, federated_case
from labkit.course.cases.federated.recipes import check_attack, check_server
from labkit.course.cases.federated.running import Run, run
from labkit.course.cases.federated.secrecy import CLAIMS, check_group, check_works, in_groups, try_claim
from labkit.course.cases.federated.sieges import (
    GUARD,
    LEAST_KEPT,
    MEAN,
    NOTHING,
    besiege,
    minority_accuracy,
    serve,
)
from labkit.scoring import Measurement

make_case = federated_case
RECORDS = records.RECORDS

Recipe = Mapping[str, Any]

LEAST_GROUP = 2
TRIAL_ROUNDS = 5  # enough to tell a federation that learns from one that guesses ...
LEAST_LEARNED = 0.5  # ... the former reads 0.77 or more by then, the latter 0.17 or less


def _judged(case: FederatedCase, kind: str, malicious: int, number: int = 0) -> Federation:
    """Draw clinics that the participant has not seen."""
    return case.federation(kind, malicious=malicious, seed=derive(case.seed, "judge", kind, number))


# ------------------------------------------------------------------ crash


def measure_fedavg_accuracy(case: FederatedCase, recipe: Recipe) -> Measurement:
    """Clean accuracy of two federations that add up with FedAvg, two of ten clinics following a recipe."""
    attack = check_attack(recipe)
    runs = [run(case, _judged(case, "alike", 2, number), attack, MEAN) for number in range(2)]
    value = sum(each.accuracy[-1] for each in runs) / len(runs)
    facts = {
        "before": _untouched(case),
        "heard": _mean([each.share_of_malicious for each in runs]),
        "strength": _strength(attack),
        "flips": float(attack["attack"] == "sign_flip"),
    }
    return Measurement(value, facts)


@lru_cache(maxsize=8)
def _untouched(case: FederatedCase) -> float:
    return run(case, _judged(case, "alike", 0), NOTHING, MEAN).accuracy[-1]


# ------------------------------------------------------------------ stealth


def measure_accuracy_past_guard(case: FederatedCase, recipe: Recipe) -> Measurement:
    """Clean accuracy of two skewed federations under multi-Krum, three of ten clinics as a recipe says."""
    attack = check_attack(recipe)
    runs = [run(case, _judged(case, "skewed", 3, number), attack, GUARD) for number in range(2)]
    value = sum(each.accuracy[-1] for each in runs) / len(runs)
    facts = {
        "before": _untouched_skewed(case),
        "heard": _mean([each.share_of_malicious for each in runs]),
        "strength": _strength(attack),
    }
    return Measurement(value, facts)


@lru_cache(maxsize=8)
def _untouched_skewed(case: FederatedCase) -> float:
    return run(case, _judged(case, "skewed", 0), NOTHING, GUARD).accuracy[-1]


# ------------------------------------------------------------------ defend


def measure_accuracy_kept(case: FederatedCase, recipe: Recipe) -> Measurement:
    """The least that a rule keeps under three attacks by three of ten clinics; a backdoor counts too."""
    server = check_server(recipe)
    runs = besiege(case, server, seed=derive(case.seed, "judge", "siege"))
    facts = {name: each.kept for name, each in runs.items()}
    facts["sign_works"] = runs["backdoor"].backdoor[-1]
    facts["backdoor_accuracy"] = runs["backdoor"].accuracy[-1]
    facts["heard"] = max(each.share_of_malicious for each in runs.values())
    return Measurement(min(each.kept for each in runs.values()), facts)


# ------------------------------------------------------------------ the minority


def measure_minority_kept(case: FederatedCase, recipe: Recipe) -> Measurement:
    """Minority accuracy next to that of a plain mean without liars; 0 where the rule does not hold."""
    server = check_server(recipe)
    usual = _minority_usual(case)
    runs = serve(case, server, seed=derive(case.seed, "judge", "minority", 0))
    served = {name: minority_accuracy(case, each) for name, each in runs.items()}
    kept = min(each.kept for each in runs.values())
    ratio = min(min(1.0, value / usual) for value in served.values())
    facts = {
        "kept": kept,
        "ratio": ratio,
        "usual": usual,
        "served": min(served.values()),
        "ordinary": served["ordinary"],
        "majority": min(each.accuracy[-1] for each in runs.values()),
        "heard": min(each.share_of(len(each.federation) - 1) for each in runs.values()),
        "liars_heard": max(runs[name].share_of_malicious for name in ("flip", "backdoor")),
    }
    return Measurement(ratio if kept >= LEAST_KEPT else 0.0, facts)


@lru_cache(maxsize=8)
def _minority_usual(case: FederatedCase) -> float:
    rounds = int(case.setting("minority_rounds"))
    plain = run(case, _judged(case, "minority", 0), NOTHING, MEAN, rounds=rounds)
    return minority_accuracy(case, plain)


# ------------------------------------------------------------------ secure aggregation


def measure_accuracy_under_masks(
    case: FederatedCase, group_size: int, recipe: Recipe, works: Sequence[str]
) -> Measurement:
    """Accuracy kept when a rule sees sums of groups only; 0 if a single update shows or a claim is wrong."""
    server, named = check_server(recipe), check_works(works)
    federation = _judged(case, "alike", 2)
    size = check_group(group_size, len(federation))
    groups = max(1, len(federation) // size)
    made = run(
        case,
        federation,
        {"attack": "sign_flip", "scale": 5.0},
        server,
        alarm=False,
        wrap=lambda rule: in_groups(rule, federation, size),
    )
    right = set(named) == {name for name, accuracy in _claims(case).items() if accuracy >= LEAST_LEARNED}
    facts = {
        "kept": made.accuracy[-1],
        "group_size": float(size),
        "groups": float(groups),
        "bare": float(size < LEAST_GROUP),
        "named": float(len(named)),
        "claims_wrong": float(not right),
    }
    honest = right and size >= LEAST_GROUP
    return Measurement(made.accuracy[-1] if honest else 0.0, facts)


@lru_cache(maxsize=8)
def _claims(case: FederatedCase) -> dict[str, float]:
    """Try every claim on clinics of the judge, and return the accuracy that each one leaves."""
    federation = _judged(case, "alike", 2, 1)
    return {name: try_claim(case, federation, name, rounds=TRIAL_ROUNDS).accuracy[-1] for name in CLAIMS}


# ------------------------------------------------------------------ what they share


def _strength(attack: Recipe) -> float:
    """Return the number that says how hard an attack pulls; 0 for an attack without one."""
    return next((float(v) for k, v in attack.items() if k in ("scale", "z", "boost", "disguise")), 0.0)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


MEASURES = {
    "fedavg_accuracy": measure_fedavg_accuracy,
    "accuracy_past_guard": measure_accuracy_past_guard,
    "accuracy_kept": measure_accuracy_kept,
    "minority_kept": measure_minority_kept,
    "accuracy_under_masks": measure_accuracy_under_masks,
}

# ------------------------------------------------------------------ what the predictions are about


@lru_cache(maxsize=8)
def _own(case: FederatedCase, kind: str, malicious: int, attack: str, server: str) -> Run:
    """Run the participant's own clinics under two recipes that predictions are about."""
    attacks = {"none": NOTHING, "flip": {"attack": "sign_flip", "scale": 1.0}}
    servers = {"mean": MEAN, "median": {"aggregator": "median"}}
    return run(case, case.federation(kind, malicious=malicious), attacks[attack], servers[server])


OUTCOMES = {
    "plain_flip_percent": lambda case: 100 * _own(case, "alike", 2, "flip", "mean").accuracy[-1],
    "minority_median_percent": lambda case: (
        100 * minority_accuracy(case, _own(case, "minority", 0, "none", "median"))
    ),
}
