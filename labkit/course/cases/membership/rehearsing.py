"""Models of one's own, of which one knows who was in: what makes members stand out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from labkit import data
from labkit.attacks.membership import Shadows, draw_members, leave_one_out
from labkit.core.errors import InvalidInputError
from labkit.core.seeds import derive, make_generator
from labkit.course.cases.membership.records import held_out, private_records
from labkit.course.cases.variants import Variant
from labkit.metrics import OverSplits, Rate, membership_auc, over_splits, tpr_at_fpr
from labkit.models.ensembles import train_ensemble

__all__ = ["MODELS", "Rehearsed", "rehearse"]

MODELS = 12
"""Models that are trained side by side; each plays the victim once."""

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What a way of training gives away, measured on models of one's own.

    Attributes
    ----------
    seen, unseen : float
        Accuracy on the forms that a model was trained on, and on forms that nobody was.
    loss, ratio : tuple of (OverSplits, OverSplits)
        Members found at 1 % false alarms, and area, by loss and by likelihood ratio.
    members, others : Tensor
        Log-odds of the recorded class under the first model, for those who were in and for those
        who were not.
    """

    seen: float
    unseen: float
    loss: tuple[OverSplits, OverSplits]
    ratio: tuple[OverSplits, OverSplits]
    members: Tensor
    others: Tensor


def rehearse(
    variant: Variant, *, records: int, epochs: int, wrong_labels: float, progress: Progress | None = None
) -> Rehearsed:
    """Train twelve models on forms of one's own and attack each with the other eleven.

    Parameters
    ----------
    variant : a case, or whatever has a scenario and a seed
    records : int
        Forms that each model is trained on; as many others stay out.
    epochs : int
    wrong_labels : float
        Share of the forms whose label was keyed wrong.
    progress : function, optional
    """
    everything = private_records(variant.scenario)
    if not 10 <= records <= len(everything) // 2:
        raise InvalidInputError(f"expected records from 10 to {len(everything) // 2}, got {records}")
    classes = len(data.load(variant.scenario.dataset).card.classes)
    generator = make_generator(derive(variant.seed, "rehearsal"))
    drawn = torch.randperm(len(everything), generator=generator)[: 2 * records]
    x, y = everything.x[drawn], everything.y[drawn].clone()
    wrong = torch.rand(len(y), generator=generator) < wrong_labels
    y[wrong] = (y[wrong] + torch.randint(1, classes, (int(wrong.sum()),), generator=generator)) % classes
    members = draw_members(len(x), MODELS, records, seed=generator)
    models = train_ensemble(
        x,
        y,
        members,
        classes=classes,
        epochs=epochs,
        seed=derive(variant.seed, "rehearsal"),
        progress=progress,
    )
    shadows = Shadows(models, members, x, y)
    confidence, ratio = shadows.confidence(), leave_one_out(shadows)
    fits = (models.logits(x).argmax(2) == y) & members
    test = held_out(variant.scenario)
    right = Rate.of((models.logits(test.x).argmax(2) == test.y).flatten())
    return Rehearsed(
        seen=float(fits.sum() / members.sum()),
        unseen=right.value,
        loss=(over_splits(tpr_at_fpr, confidence, members), over_splits(membership_auc, confidence, members)),
        ratio=(over_splits(tpr_at_fpr, ratio, members), over_splits(membership_auc, ratio, members)),
        members=confidence[0][members[0]],
        others=confidence[0][~members[0]],
    )
