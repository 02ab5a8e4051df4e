"""Three players of the lab about bias: one who knows how, one who does nothing, one who is lazy.

Their runs, recorded in ``reference.json``, are what the thresholds in ``lab.toml`` rest on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from labkit.attacks.poisoning import group_label_flip
from labkit.core import derive
from labkit.course.cases.fairness.applicants import Applicants
from labkit.course.cases.fairness.case import FairnessCase
from labkit.course.cases.fairness.decisions import accuracy, describe
from labkit.course.cases.fairness.recipes import BY, Desk, contradicted, open_desk
from labkit.metrics import demographic_parity
from labkit.models import fit_logistic

Handed = Iterator[tuple[str, dict[str, Any]]]

BESIDE = 0.09
"""How far the outcomes of a part may lie beside what is expected of it before somebody asks why."""


def reference(case: FairnessCase) -> Handed:
    """Play the lab as the solution notebook does."""
    yield "skew", {"y_poisoned": best_attack(case)}
    yield "repair", {"recipe": {"method": "reweigh", "by": "district"}}
    yield "blind", verdicts(case)
    yield "decide", {"record": honest_record(case)}


def nothing(case: FairnessCase) -> Handed:
    """Hand in what was issued, repair nothing, accuse nobody, and state that all is well."""
    yield "skew", {"y_poisoned": case.y}
    yield "repair", {"recipe": {"method": "none"}}
    yield "blind", {"verdicts": ["no attack"] * 4, "suspects": [[]] * 4}
    yield "decide", {"record": _wishful({"method": "none"})}


def lazy(case: FairnessCase) -> Handed:
    """Turn anybody's outcome, reweigh by the group, accuse whoever has a gap, and state hopes."""
    anybody = torch.zeros_like(case.y)
    made = group_label_flip(
        case.x,
        case.y,
        group=anybody,
        member=0,
        poison_rate=case.setting("poison_limit"),
        seed=derive(case.seed, "lazy bot"),
    )
    yield "skew", {"y_poisoned": made.y_poisoned}
    yield "repair", {"recipe": {"method": "reweigh", "by": "group"}}
    said, suspects = [], []
    for branch in case.branches:
        gap = demographic_parity(branch.y == 1, branch.group)
        said.append("attack" if gap.excludes_zero else "no attack")
        refused = (branch.group == 1) & (branch.y == 0)
        suspects.append(refused.nonzero().flatten() if gap.excludes_zero else [])
    yield "blind", {"verdicts": said, "suspects": suspects}
    yield (
        "decide",
        {"record": _wishful({"method": "thresholds", "by": "group", "target": "demographic_parity"})},
    )


def best_attack(case: FairnessCase) -> torch.Tensor:
    """Turn outcomes in the district that stands in for the group, and send what is safest on both counts."""
    before = accuracy(Desk(case.victim).decide(case.checked), case.checked).value
    tried = []
    for choose in ("boundary", "random"):
        for share in (1.0, 0.9, 0.8):
            rate = share * case.setting("poison_limit")
            made = group_label_flip(
                case.x, case.y, group=case.district, poison_rate=rate, choose=choose, seed=case.seed
            )
            said = case.train(made.y_poisoned).decide(case.checked)
            wide = demographic_parity(said, case.checked.group).value - 0.2
            quiet = 0.06 - (before - accuracy(said, case.checked).value)
            # In units of what the checked sample leaves open about either.
            tried.append((min(wide / 0.015, quiet / 0.006), made.y_poisoned))
    return max(tried, key=lambda each: each[0])[1]


def verdicts(case: FairnessCase) -> dict[str, Any]:
    """Ask of each part of a branch whether its outcomes lie beside what its circumstances lead to expect."""
    model = Desk(fit_logistic(case.checked.x, case.checked.y))
    said, suspects = [], []
    for branch in case.branches:
        beside = {by: _beside(model, branch, by) for by in BY}
        by = max(BY, key=lambda name: beside[name])
        attacked = beside[by] > BESIDE
        said.append("attack" if attacked else "no attack")
        suspects.append(contradicted(branch, case.checked, by).nonzero().flatten() if attacked else [])
    return {"verdicts": said, "suspects": suspects}


def _beside(model: Desk, branch: Applicants, by: str) -> float:
    part, off = branch.told_apart_by(by), branch.y - model.scores(branch)
    return max(abs(float(off[part == number].mean())) for number in (0, 1))


def honest_record(case: FairnessCase) -> dict[str, Any]:
    """Hold equal opportunity, measure what that gives up and costs, and state it."""
    recipe = {"method": "thresholds", "by": "group", "target": "equal_opportunity", "labels": "delivered"}
    desk, plain = (open_desk(each, case.portfolio, case.survey) for each in (recipe, {"method": "none"}))
    found = describe(desk, case.survey)
    cost = (
        accuracy(plain.decide(case.survey), case.survey).value
        - accuracy(desk.decide(case.survey), case.survey).value
    )
    return {
        "recipe": recipe,
        "holds": "equal_opportunity",
        "gives_up": [n for n, gap in found.items() if abs(gap) > 0.06 and n != "equal_opportunity"],
        "gaps": found,
        "cost": cost,
        "reason": "equal_opportunity",
    }


def _wishful(recipe: dict[str, str]) -> dict[str, Any]:
    measures = ("demographic_parity", "equal_opportunity", "predictive_equality", "predictive_parity")
    return {
        "recipe": recipe,
        "holds": "demographic_parity",
        "gives_up": [],
        "gaps": dict.fromkeys(measures, 0.0),
        "cost": 0.0,
        "reason": "demographic_parity",
    }
