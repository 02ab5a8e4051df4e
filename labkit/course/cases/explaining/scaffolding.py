"""A manipulation as plain data: which explainers a provider prepares for, and how."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from labkit.attacks.explanation import KINDS, Scaffold, fit_detector, scaffold
from labkit.core.checks import length, whole
from labkit.core.errors import InvalidInputError, UnknownNameError
from labkit.core.protocols import Classifier, predict
from labkit.core.seeds import derive
from labkit.course.cases.explaining.auditing import EXPLAINERS, explained
from labkit.course.cases.explaining.deciders import CATEGORICAL, DISTRICT, GROUP, Decider
from labkit.course.cases.explaining.files import published_files
from labkit.metrics import Rate, named_first

__all__ = ["DISGUISES", "PREPARED", "SCAFFOLD", "Looked", "build_scaffold", "check_scaffold", "look"]

DISGUISES = ("the score alone", "the district")
"""What the innocuous model decides by."""

PREPARED = ("lime", "shap", "both")
"""Explainers that a scaffold may be prepared for."""

SCAFFOLD: Mapping[str, Any] = MappingProxyType(
    {"prepared_for": "lime", "copies": 2, "threshold": 0.5, "disguise": DISGUISES[0]}
)
"""Every setting of a scaffold, and what it is by default."""

_MOST_COPIES = 6


@dataclass(frozen=True, slots=True)
class Looked:
    """What explainers say about a model, and what it does.

    Attributes
    ----------
    named : mapping of str to Rate
        For each explainer: share of explanations that name the group first.
    agreement : Rate
        Share of real records that are decided as the biased model decides them.
    values : mapping of str to Tensor of shape ``(n, 10)``
    """

    named: Mapping[str, Rate]
    agreement: Rate
    values: Mapping[str, Tensor]

    @property
    def hidden(self) -> float:
        """Share of the explanations that do not name the group first, by the explainer that names it most."""
        return 1 - max(rate.value for rate in self.named.values())


def check_scaffold(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a scaffold with every one in it.

    Raises
    ------
    InvalidInputError, UnknownNameError
        When they are no mapping, or one of them is not known or out of range.
    """
    if not isinstance(settings, Mapping):
        raise InvalidInputError(
            f'expected settings such as {{"prepared_for": "both", "threshold": 0.65}}, got {settings!r}'
        )
    for name in settings:
        if name not in SCAFFOLD:
            raise UnknownNameError("setting of a scaffold", str(name), SCAFFOLD)
    made = {**SCAFFOLD, **settings}
    for name, known in (("prepared_for", PREPARED), ("disguise", DISGUISES)):
        if made[name] not in known:
            raise UnknownNameError(f"choice of {name}", str(made[name]), known)
    made["copies"] = whole("copies", made["copies"])
    made["threshold"] = length("threshold", made["threshold"])
    if made["copies"] > _MOST_COPIES or made["threshold"] > 1:
        raise InvalidInputError(
            f"expected copies from 1 to {_MOST_COPIES} and threshold from 0 to 1, "
            f"got {made['copies']} and {made['threshold']:g}"
        )
    return made


def build_scaffold(
    biased: Classifier,
    score: Classifier,
    settings: Mapping[str, Any],
    *,
    seed: int,
    progress: Callable[[int, int, str], None] | None = None,
) -> Scaffold:
    """Return the biased model behind a scaffold with these settings.

    Parameters
    ----------
    biased : Classifier
        Decides about applicants.
    score : Classifier
        What the innocuous model is made of.
    settings : mapping
        See :func:`check_scaffold`.
    seed : int
    progress : function, optional
    """
    made = check_scaffold(settings)
    if progress is not None:
        progress(0, 3, "learning to recognise explainers")
    rows = published_files().x
    detectors = [
        fit_detector(
            rows,
            kinds=(kind,),
            background=rows.mean(0, keepdim=True),
            copies=made["copies"],
            categorical=CATEGORICAL,
            threshold=made["threshold"],
            seed=derive(seed, "scaffold", kind),
        )
        for kind in (KINDS if made["prepared_for"] == "both" else (made["prepared_for"],))
    ]
    penalty = None if made["disguise"] == DISGUISES[0] else (lambda x: 1.5 * x[:, DISTRICT])

    def recognises(x: Tensor) -> Tensor:
        """Say which rows any of the detectors takes for a question."""
        return torch.stack([each.recognises(x) for each in detectors]).any(0)

    return scaffold(biased, Decider(score, penalty=penalty), recognises)


def look(
    model: Classifier,
    biased: Classifier,
    x: Tensor,
    records: Tensor,
    *,
    seed: int,
    progress: Callable[[int, int, str], None] | None = None,
) -> Looked:
    """Ask both explainers about ``x``, and compare decisions on ``records`` with the biased model.

    Parameters
    ----------
    model, biased : Classifier
    x : Tensor of shape ``(n, 10)``
        Applicants to explain, relative to the average applicant.
    records : Tensor of shape ``(m, 10)``
    seed : int
    progress : function, optional
    """
    values = {}
    for i, name in enumerate(EXPLAINERS):
        if progress is not None:
            progress(1 + i, 1 + len(EXPLAINERS), f"asking {name.upper()}")
        values[name] = explained(model, x, name, "average", seed=seed)
    same = predict(model, records) == predict(biased, records)
    named = {name: named_first(found, GROUP) for name, found in values.items()}
    return Looked(named, Rate.of(same), {name: torch.as_tensor(found) for name, found in values.items()})
