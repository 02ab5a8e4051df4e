"""Recipes for a loan desk: plain data that say how a model is trained and when it says yes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from labkit.core.errors import InvalidInputError, UnknownNameError
from labkit.course.cases.fairness.applicants import Applicants
from labkit.defenses.fairness import TARGETS, GroupThresholds, repair_thresholds, reweigh
from labkit.models import TorchClassifier, fit_logistic

__all__ = ["BY", "LABELS", "METHODS", "Desk", "check_recipe", "contradicted", "open_desk"]

METHODS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "none": {},
        "reweigh": {"by": "group"},
        "thresholds": {"by": "group", "target": "demographic_parity", "labels": "delivered"},
        "screen": {"by": "group"},
    }
)
"""Every method with its settings and what they are by default."""

BY = ("group", "district")
"""By what people are told apart: the group that the survey says, or the district in the file."""

LABELS = ("delivered", "checked")
"""Whose labels thresholds are set on: those of the delivery, or those of the checked sample."""

_KNOWN = {"by": BY, "target": tuple(TARGETS), "labels": LABELS}
_YES = 0.5


def check_recipe(recipe: Mapping[str, Any]) -> dict[str, str]:
    """Return a recipe with every setting in it.

    Raises
    ------
    InvalidInputError, UnknownNameError
        When it is no mapping, or names a method, a setting or a value that is not known.
    """
    if not isinstance(recipe, Mapping) or "method" not in recipe:
        raise InvalidInputError(
            f'expected a recipe such as {{"method": "reweigh", "by": "group"}}, got {recipe!r}'
        )
    method = recipe["method"]
    if not isinstance(method, str) or method not in METHODS:
        raise UnknownNameError("method of repair", str(method), METHODS)
    if unknown := sorted(str(name) for name in set(recipe) - {"method"} - set(METHODS[method])):
        raise UnknownNameError(f"setting of {method}", unknown[0], METHODS[method])
    whole = {"method": method, **METHODS[method], **{k: v for k, v in recipe.items() if k != "method"}}
    for name, values in _KNOWN.items():
        if name in whole and whole[name] not in values:
            raise UnknownNameError(f"value of {name}", str(whole[name]), values)
    return whole


@dataclass(frozen=True, slots=True, eq=False)
class Desk:
    """A model in use, and the scores from which it says yes.

    Attributes
    ----------
    model : TorchClassifier
    by : str
        By what ``thresholds`` tell people apart.
    thresholds : GroupThresholds or None
        None where one half is the threshold for everybody.
    """

    model: TorchClassifier
    by: str = "group"
    thresholds: GroupThresholds | None = None

    def scores(self, applicants: Applicants) -> Tensor:
        """Return the probability of repayment, ``(n,)`` float64."""
        return self.model.logits(applicants.x).double().softmax(1)[:, 1]

    def decide(self, applicants: Applicants) -> Tensor:
        """Return who gets a loan, ``(n,)`` bool."""
        scores = self.scores(applicants)
        if self.thresholds is None:
            return scores >= _YES
        return self.thresholds.decide(scores, applicants.told_apart_by(self.by))


def open_desk(recipe: Mapping[str, Any], delivery: Applicants, checked: Applicants) -> Desk:
    """Train on a delivery as a recipe says.

    Parameters
    ----------
    recipe : mapping
        See :data:`METHODS`.
    delivery : Applicants
        What the model is trained on.
    checked : Applicants
        A sample of the same town, with labels that somebody checked.
    """
    whole = check_recipe(recipe)
    method, by = whole["method"], whole.get("by", "group")
    if method == "reweigh":
        weight = reweigh(delivery.y, delivery.told_apart_by(by))
        return Desk(fit_logistic(delivery.x, delivery.y, sample_weight=weight))
    if method == "screen":
        keep = ~contradicted(delivery, checked, by)
        return Desk(fit_logistic(delivery.x[keep], delivery.y[keep]))
    plain = Desk(fit_logistic(delivery.x, delivery.y))
    if method == "none":
        return plain
    shown = delivery if whole["labels"] == "delivered" else checked
    found = repair_thresholds(
        plain.scores(shown), shown.told_apart_by(by), y=shown.y, target=whole["target"], threshold=_YES
    )
    return Desk(plain.model, by, found)


def contradicted(delivery: Applicants, checked: Applicants, by: str) -> Tensor:
    """Say whose label a model of the checked sample contradicts, in the part that is hit hardest.

    Parameters
    ----------
    delivery, checked : Applicants
    by : str
        ``"group"`` or ``"district"``: what the parts are.

    Returns
    -------
    Tensor of shape ``(n,)``, bool
        People of one part with one wrong-looking label: where their labels lie below what they
        lead to expect, those who would have been expected to repay and are said not to have;
        where they lie above, the others.
    """
    expected = Desk(fit_logistic(checked.x, checked.y)).scores(delivery)
    part = delivery.told_apart_by(by)
    beside = torch.stack([(delivery.y - expected)[part == number].mean() for number in (0, 1)]).nan_to_num()
    hit = int(beside.abs().argmax())
    said = 0 if beside[hit] < 0 else 1
    return (part == hit) & (delivery.y == said) & ((expected >= _YES).long() != said)
