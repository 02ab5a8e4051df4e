"""What poison achieved, and what a search for it found and cost."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from labkit.core.checks import tensor, whole
from labkit.core.errors import InvalidInputError
from labkit.core.poisoning import Trigger
from labkit.core.protocols import Classifier, check_batch, predict
from labkit.metrics.accuracy import clean_accuracy
from labkit.metrics.rates import Rate

__all__ = ["Detection", "clean_accuracy_drop", "detection", "normalised_score", "trigger_success_rate"]


def trigger_success_rate(model: Classifier, x: Tensor, y: Tensor, *, trigger: Trigger, y_target: int) -> Rate:
    """Share of the inputs of other classes that are read as the target once they bear the trigger.

    Parameters
    ----------
    model : Classifier
    x, y : Tensor of shape ``(n, ...)`` and ``(n,)``
        Clean inputs that the model was not trained on, and their true classes.
    trigger : Trigger
    y_target : int
        Inputs of this class do not count: there is nothing to achieve with them.

    Raises
    ------
    InvalidInputError
        When the inputs do not fit the model, or it has no such class.
    """
    check_batch(model, x, y)
    target = whole("y_target", y_target, at_least=0)
    if target >= model.classes:
        raise InvalidInputError(f"expected y_target from 0 to {model.classes - 1}, got {target}")
    others = y != target
    return Rate.of(predict(model, trigger.apply(x[others])) == target)


def clean_accuracy_drop(model: Classifier, x: Tensor, y: Tensor, *, before: Classifier) -> float:
    """Clean accuracy that a model has less than the model ``before`` it, a share; negative for a gain."""
    return clean_accuracy(before, x, y).value - clean_accuracy(model, x, y).value


@dataclass(frozen=True, slots=True)
class Detection:
    """What a search for poison found.

    Attributes
    ----------
    caught : Rate
        Share of the poison that was taken out.
    false_removals : Rate
        Share of the good samples that were taken out with it.
    auc : float
        Chance that a poisoned sample scores higher than a good one, ties counting half;
        NaN without scores, or where there is only one kind.
    """

    caught: Rate
    false_removals: Rate
    auc: float


def detection(remove: Tensor, poisoned: Tensor, scores: Tensor | None = None) -> Detection:
    """Hold what was taken out against what was poisoned.

    Parameters
    ----------
    remove, poisoned : Tensor of shape ``(n,)``, bool
    scores : Tensor of shape ``(n,)``, optional
        Higher is more suspicious.

    Raises
    ------
    InvalidInputError
        When they do not fit together, or a score is NaN: nobody knows where it ranks.
    """
    for name, value in (("remove", remove), ("poisoned", poisoned)):
        if tensor(name, value).dtype != torch.bool or value.shape != poisoned.shape:
            raise InvalidInputError(
                f"expected {name} as True and False of shape {tuple(poisoned.shape)}, "
                f"got {value.dtype} of {tuple(value.shape)}"
            )
    if scores is not None and bool(torch.isnan(tensor("scores", scores)).any()):
        raise InvalidInputError(
            f"expected scores without NaN, got {int(torch.isnan(scores).sum())}: say how suspicious those are"
        )
    auc = math.nan if scores is None else _auc(scores.double(), poisoned)
    return Detection(Rate.of(remove[poisoned]), Rate.of(remove[~poisoned]), auc)


def normalised_score(candidate: float, baseline: float, reference: float) -> float:
    """How far a candidate came from doing nothing (0) to the reference solution (1), clipped.

    All three are measured on the same seed, so that an easy or a hard variant is neither an
    advantage nor a burden.  Whether more or less is better follows from the two ends.

    Raises
    ------
    InvalidInputError
        When baseline and reference are the same, or anything is not a finite number.
    """
    if not all(math.isfinite(value) for value in (candidate, baseline, reference)):
        raise InvalidInputError(
            f"expected finite numbers, got candidate {candidate}, baseline {baseline}, reference {reference}"
        )
    if baseline == reference:
        raise InvalidInputError(
            f"expected a reference that differs from doing nothing, got {reference} for both: "
            "such a variant cannot be scored"
        )
    return min(1.0, max(0.0, (candidate - baseline) / (reference - baseline)))


def _auc(scores: Tensor, positive: Tensor) -> float:
    """Return the area under the ROC curve from ranks, ties sharing theirs (Mann & Whitney 1947)."""
    ours, others = int(positive.sum()), int((~positive).sum())
    if scores.shape != positive.shape:
        raise InvalidInputError(f"expected {len(positive)} scores, got {tuple(scores.shape)}")
    if not ours or not others:
        return math.nan
    _, inverse, counts = torch.unique(scores, return_inverse=True, return_counts=True)
    ends = counts.cumsum(0).double()
    rank = (ends - (counts.double() - 1) / 2)[inverse]
    return float((rank[positive].sum() - ours * (ours + 1) / 2) / (ours * others))
