"""What was handed in to the membership lab, written so that somebody else can measure it again.

A record is plain data: scores, settings, choices, guesses.  The case of the same scenario and
seed takes them as they stand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from labkit.course.cases.membership.case import MembershipCase
from labkit.course.cases.membership.deployments import Deployment

__all__ = ["RECORDS", "handed_in_again"]

Record = dict[str, Any]


def _scores(case: MembershipCase, scores: Tensor) -> tuple[Record, Record]:
    given = torch.as_tensor(scores)
    return {"readers": len(given), "candidates": len(case.x)}, {"scores": given.tolist()}


def _deployment(case: MembershipCase, **settings: Any) -> tuple[Record, Record]:
    deployment = Deployment(**settings)
    spent = deployment.spent(case.privacy_delta)
    budget = {"privacy_delta": case.privacy_delta, "privacy_epsilon": spent if spent < 1e6 else None}
    return {**deployment.settings(), **budget}, deployment.settings()


def _statement(
    case: MembershipCase, settings: Mapping[str, Any], statement: Mapping[str, Any], privacy_epsilon: float
) -> tuple[Record, Record]:
    said = {str(key): str(value) for key, value in statement.items()}
    kept = Deployment(**settings).settings()
    parameters = {"privacy_epsilon": float(privacy_epsilon), "privacy_delta": case.privacy_delta, **said}
    return parameters, {"settings": kept, "statement": said, "privacy_epsilon": float(privacy_epsilon)}


def _audit(case: MembershipCase, guesses: Any) -> tuple[Record, Record]:
    given = torch.as_tensor(guesses)
    made = {vendor.name: int((row != 0).sum()) for vendor, row in zip(case.vendors, given, strict=True)}
    return {"guesses_made": made, "canaries": case.canaries}, {"guesses": given.tolist()}


RECORDS: Mapping[str, Callable[..., tuple[Record, Record]]] = {
    "attack": _scores,
    "deploy": _deployment,
    "price": _deployment,
    "statement": _statement,
    "audit": _audit,
}
"""For each checkpoint: a function from a case and what was handed in to parameters and the record."""


def handed_in_again(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a checkpoint takes, from what a record says was handed in.

    Parameters
    ----------
    record : mapping
        Read from the JSON file of a checkpoint in an evidence pack.
    """
    kept = dict(record["handed_in"])
    return {
        name: torch.tensor(value) if name in ("scores", "guesses") else value for name, value in kept.items()
    }
