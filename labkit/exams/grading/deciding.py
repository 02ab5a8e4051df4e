"""From marks to a decision: sums, the rule of the blueprint, its error, and what a result says."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from labkit.exams.blueprint import Blueprint

__all__ = ["calibration", "decide", "quadrant", "standard_error"]

Parts = Sequence[tuple[float, float]]
"""Points and earned points, part by part."""

CONFIDENCES = ("guess", "think", "know")

_QUADRANTS = {
    (True, True): "knows and does",
    (True, False): "knows, does not do yet",
    (False, True): "does, does not know why yet",
    (False, False): "neither yet",
}


def decide(
    blueprint: Blueprint,
    tasks: Sequence[Mapping[str, Any]],
    items: Sequence[Mapping[str, Any]],
    *,
    verified: bool = True,
) -> dict[str, Any]:
    """Return the sums of a score sheet, and what the blueprint's rule makes of them.

    All shares are of what the form could earn, so a form with fewer tasks is held to the same
    shares.

    Parameters
    ----------
    blueprint : Blueprint
    tasks : sequence of mapping
        ``domain``, ``points``, ``earned``, ``critical``.
    items : sequence of mapping
        ``domain``, ``points``, ``credit``, ``confidence``.
    verified : bool
        Whether the submission is what its session asked for.

    Returns
    -------
    dict
        ``domains``, ``practical``, ``knowledge``, ``total``, ``sem``, ``decision``, ``quadrant``,
        ``calibration``.
    """
    done = [(task["domain"], float(task["points"]), float(task["earned"])) for task in tasks]
    known = [(item["domain"], float(item["points"]), item["points"] * item["credit"]) for item in items]
    domains = {
        domain.id: _sum((points, earned) for id, points, earned in [*done, *known] if id == domain.id)
        for domain in blueprint.domains
    }
    practical, knowledge = (_sum((points, earned) for _, points, earned in part) for part in (done, known))
    total = _sum((points, earned) for _, points, earned in [*done, *known])
    total["share"] = _share(total)
    rule = blueprint.decision
    rules = [_rule("the whole exam", rule.cut, total["share"])]
    if done:
        rules.append(_rule("the practical part", rule.practical, _share(practical)))
    rules += [
        _rule(f"domain {domain.id}", rule.domain, _share(domains[domain.id]))
        for domain in blueprint.domains
        if domain.weight >= rule.domain_weight and domains[domain.id]["points"]
    ]
    critical = sum(len(task["critical"]) for task in tasks)
    rules.append({"rule": "no critical error", "needed": 0, "reached": critical, "met": critical == 0})
    rules.append(
        {"rule": "the submission is in order", "needed": 1, "reached": int(verified), "met": verified}
    )
    passed = bool(total["points"]) and all(each["met"] for each in rules)
    sem = standard_error([part[1:] for part in done], [part[1:] for part in known])
    near = not passed and rule.cut - sem <= total["share"] < rule.cut
    return {
        "domains": domains,
        "practical": practical,
        "knowledge": knowledge,
        "total": total,
        "sem": sem,
        "decision": {"passed": passed, "within_one_sem": near, "rules": rules},
        "quadrant": quadrant(blueprint, _share(knowledge), _share(practical)),
        "calibration": calibration(items),
    }


def standard_error(*strata: Parts) -> float:
    r"""Return the conditional standard error of one candidate's share of all points.

    Each stratum (the tasks, the items) is taken as a sample of parts that could have been asked
    instead.  With shares :math:`s_i` of points :math:`w_i`, its variance is

    .. math:: \frac{n}{n-1}\sum_i w_i^2 (s_i - \bar s)^2

    which for right-or-wrong items of one point is Lord's :math:`x(n-x)/(n-1)`.  Strata add up.

    Parameters
    ----------
    strata : sequences of (points, earned)

    References
    ----------
    Lord (1955), "Estimating test reliability"; Feldt (1984), "Some relationships between the
    binomial error model and classical test theory".
    """
    variance = math.fsum(_variance(parts) for parts in strata)
    points = math.fsum(points for parts in strata for points, _ in parts)
    return math.sqrt(variance) / points if points else 0.0


def _variance(parts: Parts) -> float:
    whole = math.fsum(points for points, _ in parts)
    if len(parts) < 2 or not whole:
        return 0.0
    mean = math.fsum(earned for _, earned in parts) / whole
    spread = math.fsum((earned - points * mean) ** 2 for points, earned in parts)
    return spread * len(parts) / (len(parts) - 1)


def quadrant(blueprint: Blueprint, knowledge: float, practical: float) -> str:
    """Return in which quarter of knowledge and practice the shares lie."""
    rule = blueprint.decision
    return _QUADRANTS[knowledge >= rule.cut, practical >= rule.practical]


def calibration(items: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return for each confidence how many answers had it, and their mean credit.

    ``sure_and_wrong`` counts answers given as known that earned less than half.
    """
    given = [item for item in items if item["confidence"] in CONFIDENCES]
    levels = {}
    for level in CONFIDENCES:
        credits = [float(item["credit"]) for item in given if item["confidence"] == level]
        mean = math.fsum(credits) / len(credits) if credits else None
        levels[level] = {"count": len(credits), "credit": mean}
    wrong = sum(item["confidence"] == "know" and item["credit"] < 0.5 for item in given)
    return {**levels, "sure_and_wrong": wrong}


def _sum(parts: Iterable[tuple[float, float]]) -> dict[str, float]:
    listed = list(parts)
    return {
        "points": math.fsum(points for points, _ in listed),
        "earned": math.fsum(earned for _, earned in listed),
    }


def _share(part: Mapping[str, float]) -> float:
    return part["earned"] / part["points"] if part["points"] else 0.0


def _rule(name: str, needed: float, reached: float) -> dict[str, Any]:
    # A share that is exactly what is needed must not fail by the last bit of a sum.
    return {"rule": name, "needed": needed, "reached": reached, "met": reached >= needed - 1e-9}
