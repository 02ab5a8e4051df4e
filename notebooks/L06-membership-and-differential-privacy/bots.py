"""Three players of the membership lab: one who knows how, one who does nothing, one who is lazy.

Their runs, recorded in ``reference.json``, are what the thresholds in ``lab.toml`` rest on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from labkit.attacks.membership import lira, loss_attack
from labkit.course.cases.membership.audits import canary_scores, guess
from labkit.course.cases.membership.case import MembershipCase
from labkit.course.cases.membership.deployments import Deployment
from labkit.course.cases.membership.statement import FIELDS

Handed = Iterator[tuple[str, dict[str, Any]]]

_GUESSES = 80


def reference(case: MembershipCase) -> Handed:
    """Play the lab as the solution notebook does."""
    scores = [lira(model, case.x, case.y, shadows=case.shadows).scores for model in case.victims]
    yield "attack", {"scores": torch.stack(scores)}

    chosen = settings(case)
    yield "deploy", chosen
    yield "price", chosen

    said = {field.key: next(each.key for each in field.choices if each.right) for field in FIELDS}
    spent = Deployment(**chosen).spent(case.privacy_delta)
    yield "statement", {"settings": chosen, "statement": said, "privacy_epsilon": round(spent, 2)}

    yield "audit", {"guesses": audited(case, "against practice", _GUESSES)}


def nothing(case: MembershipCase) -> Handed:
    """Score everybody alike, protect nothing, state the first thing offered, guess about nobody."""
    yield "attack", {"scores": torch.zeros(len(case.victims), len(case.x))}
    bare = {"records": 300, "clip": 100.0, "noise_multiplier": 0.0, "sample_rate": 0.2, "epochs": 60}
    yield "deploy", bare
    yield "price", bare
    said = {field.key: field.choices[0].key for field in FIELDS}
    yield "statement", {"settings": bare, "statement": said, "privacy_epsilon": 1.0}
    yield "audit", {"guesses": torch.zeros(len(case.vendors), case.canaries, dtype=torch.int64)}


def lazy(case: MembershipCase) -> Handed:
    """Take the loss, stop early instead of adding noise, add noise without more forms, guess about all."""
    scores = [loss_attack(model, case.x, case.y).scores for model in case.victims]
    yield "attack", {"scores": torch.stack(scores)}
    early = {"records": 300, "clip": 1.0, "noise_multiplier": 0.0, "sample_rate": 0.2, "epochs": 5}
    yield "deploy", early
    few = settings(case) | {"records": 300}
    yield "price", few
    said = {
        "unit": "patient",
        "neighbours": "replace",
        "composition": "training",
        "delta": "confidence",
        "attacker": "tried",
        "not_covered": "population",
        "tuning": "free",
    }
    spent = Deployment(**few).spent(case.privacy_delta)
    yield "statement", {"settings": few, "statement": said, "privacy_epsilon": spent}
    yield "audit", {"guesses": audited(case, "loss", case.canaries)}


def settings(case: MembershipCase) -> dict[str, Any]:
    """Return the deployment of the reference."""
    names = ("records", "clip", "noise_multiplier", "sample_rate", "epochs")
    return {name: case.scenario.settings[f"reference_{name}"] for name in names}


def audited(case: MembershipCase, how: str, guesses: int) -> torch.Tensor:
    """Return guesses about the canaries of every vendor."""
    vendors = range(len(case.vendors))
    return torch.stack([guess(canary_scores(case, number, how), guesses) for number in vendors])
