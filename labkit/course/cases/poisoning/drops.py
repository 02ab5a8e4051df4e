"""The blind round: four drops of labelled data without a note, one to three of them poisoned.

No sample of a drop is known from elsewhere: whoever looks for it among clean data, or in
another drop, finds nothing.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from labkit.attacks import poisoning
from labkit.core.poisoning import PoisonedDataset
from labkit.core.protocols import predict
from labkit.core.seeds import derive, make_generator
from labkit.course.cases.poisoning.deliveries import corner_trigger, scan
from labkit.models import TorchClassifier, penultimate

__all__ = ["DROPS", "KINDS", "hidden_in_drops", "worth_misreading"]

DROPS = 4
KINDS = ("badnets", "blended", "label_flip", "feature_collision")
"""How a drop may be poisoned; no two drops of a round in the same way."""

_EPSILON = 0.25
_WORKED = 0.95
"""Share of the poison that the victim takes for the document's class, at which a collision has worked."""
_FAR = 6.0
"""Least margin of the logits of a document that is worth a collision: typical for its own class."""

_CLASSES, _DOCUMENTS = 4, 4


def hidden_in_drops(
    x: Tensor,
    y: Tensor,
    *,
    victim: TorchClassifier,
    documents: tuple[Tensor, Tensor],
    poison_rate: float,
    seed: int,
) -> list[PoisonedDataset]:
    """Return four drops; how many are poisoned (one to three), which, and how is drawn by ``seed``.

    Parameters
    ----------
    x, y : Tensor of shape ``(n, channels, height, width)`` and ``(n,)``
        Clean samples, a quarter of them for each drop.
    victim : TorchClassifier
        The reader that a collision of features is aimed at.
    documents : pair of Tensor
        Inputs and their classes, among which a collision chooses the one to be misread.
    poison_rate : float
        Share of each poisoned drop.
    seed : int
    """
    generator = make_generator(derive(seed, "drops"))
    count = 1 + int(torch.randint(DROPS - 1, (), generator=generator))
    poisoned = torch.randperm(DROPS, generator=generator)[:count].tolist()
    kinds = torch.randperm(len(KINDS), generator=generator).tolist()
    parts = torch.randperm(len(x), generator=generator).tensor_split(DROPS)
    drops = []
    for number, part in enumerate(parts):
        clean = scan(x[part], derive(seed, "scan", number)), y[part]
        own = derive(seed, "drop", number)
        if number not in poisoned:
            drops.append(_untouched(*clean))
        elif (kind := KINDS[kinds[poisoned.index(number)]]) == "feature_collision":
            drops.append(_collide(*clean, victim, documents, poison_rate, own))
        else:
            drops.append(_relabel(kind, *clean, victim.classes, poison_rate, own))
    return drops


def worth_misreading(
    victim: TorchClassifier, x: Tensor, y: Tensor, wanted: int, *, least: float = 2.0
) -> Tensor:
    """Return positions of inputs that are read right, nearest to being read as ``wanted`` first.

    Parameters
    ----------
    victim : TorchClassifier
    x, y : Tensor of shape ``(n, ...)`` and ``(n,)``
    wanted : int
        Inputs of this class do not count.
    least : float
        Inputs whose logits lie closer to each other than this are misread soon anyway.
    """
    logits = victim.logits(x)
    margin = logits.max(1).values - logits[:, wanted]
    fit = ((predict(victim, x) == y) & (y != wanted) & (margin > least)).nonzero().flatten()
    return fit[margin[fit].argsort(stable=True)]


def _untouched(x: Tensor, y: Tensor) -> PoisonedDataset:
    nobody = torch.zeros(0, dtype=torch.int64)
    return PoisonedDataset(x=x, y=y, x_poisoned=x, y_poisoned=y, indices=nobody, attack="none")


def _relabel(kind: str, x: Tensor, y: Tensor, classes: int, poison_rate: float, seed: int) -> PoisonedDataset:
    generator = make_generator(derive(seed, "kind"))
    y_target = int(torch.randint(classes, (), generator=generator))
    settings: dict[str, Any] = {"poison_rate": poison_rate, "y_target": y_target, "seed": seed}
    if kind == "label_flip":
        return poisoning.label_flip(x, y, classes=classes, **settings)
    if kind == "badnets":
        return poisoning.badnets(x, y, trigger=corner_trigger(tuple(x.shape[1:]), generator), **settings)
    pattern = (torch.rand(x.shape[1:], generator=generator) > 0.5).float()
    return poisoning.blended(x, y, pattern=pattern, blend_ratio=0.25, **settings)


def _collide(
    x: Tensor,
    y: Tensor,
    victim: TorchClassifier,
    documents: tuple[Tensor, Tensor],
    poison_rate: float,
    seed: int,
) -> PoisonedDataset:
    """Poison a frequent class of a drop without touching a label, so that the victim is taken in.

    Who poisons tries it out, on one document after the other, and sends what worked.
    """
    counts = torch.bincount(y, minlength=victim.classes)
    tried = []
    for wanted in counts.argsort(descending=True, stable=True)[:_CLASSES].tolist():
        near = worth_misreading(victim, *documents, wanted, least=_FAR)[:_DOCUMENTS]
        order = torch.randperm(len(near), generator=make_generator(seed))
        for document in near[order].tolist():
            made = poisoning.feature_collision(
                x,
                y,
                features=penultimate(victim),
                x_target=documents[0][document : document + 1],
                y_target=wanted,
                poison_rate=min(poison_rate, int(counts[wanted]) / len(y)),
                epsilon=_EPSILON,
            )
            taken_in = predict(victim, made.x_poisoned[made.indices]) == documents[1][document]
            tried.append((float(taken_in.float().mean()), made))
            if tried[-1][0] >= _WORKED:
                return made
    return max(tried, key=lambda each: each[0])[1]
