"""What only the judge of an inversion lab knows: the records, their averages, who is in the line-up.

Nothing of this is part of what is issued (:class:`labkit.course.cases.inversion.case.InversionCase`).
It is drawn anew from the seed of the variant wherever something is judged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from labkit import data
from labkit.attacks.inversion import Prior, fit_prior
from labkit.core.protocols import Classifier
from labkit.core.seeds import derive, make_generator
from labkit.course.cases.variants import Variant
from labkit.course.lab import Scenario
from labkit.data import Dataset, Split
from labkit.models import load_victim

__all__ = [
    "COMPANY",
    "LINE_UP",
    "LineUp",
    "class_means",
    "held_out",
    "intercepted_batch",
    "intercepted_record",
    "line_up",
    "one_of_each",
    "private_records",
    "public_prior",
    "public_records",
    "recogniser_of",
]

Progress = Callable[[int, int, str], None]

COMPANY = 4
"""Records behind the second intercepted update."""

LINE_UP = 8
"""Portraits in a line-up; chance picks the right one once in so many."""


@dataclass(frozen=True, slots=True, eq=False)
class LineUp:
    """Portraits of which one shows whom a reconstruction is meant to show.

    Attributes
    ----------
    x : Tensor of shape ``(8, ...)``
        Pictures that nobody trained on.
    y : Tensor of shape ``(8,)``, int64
        Whom they show.
    right : int
        The place of the one, from 0.
    """

    x: Tensor
    y: Tensor
    right: int


def private_records(variant: Variant) -> Split:
    """Return what the victim, and the clients of the federation, were trained on."""
    return data.load(variant.scenario.dataset).train


def class_means(variant: Variant) -> Tensor:
    """Return the average private record of each class: what a reconstruction is compared with."""
    return _means(variant.scenario.dataset)


def intercepted_record(variant: Variant) -> Split:
    """Return the one private record behind the first intercepted update."""
    train = private_records(variant)
    one = torch.randint(len(train), (1,), generator=make_generator(derive(variant.seed, "record")))
    return Split(train.x[one], train.y[one])


def intercepted_batch(variant: Variant) -> Split:
    """Return the private records behind the second intercepted update, each of another class."""
    train = private_records(variant)
    order = torch.randperm(len(train), generator=make_generator(derive(variant.seed, "company")))
    chosen = one_of_each(train.y, order)[:COMPANY]
    chosen = chosen[train.y[chosen].argsort()]
    return Split(train.x[chosen], train.y[chosen])


def one_of_each(y: Tensor, order: Tensor) -> Tensor:
    """Return the first position of every class in ``order``."""
    seen: dict[int, int] = {}
    for position in order.tolist():
        seen.setdefault(int(y[position]), position)
    return torch.tensor(list(seen.values()), dtype=torch.int64)


def public_records(scenario: Scenario) -> tuple[Tensor, Tensor | None]:
    """Return public inputs, and their classes where they have any in common with the victim."""
    name = str(scenario.settings.get("public", ""))
    if name:
        return data.load(name).train.x, None
    test = data.load(scenario.dataset).test
    return test.x[::2], test.y[::2]


def public_prior(scenario: Scenario, *, without: Tensor | None = None) -> Prior:
    """Return what public inputs look like, where some classes may have to stay out of it.

    An average that holds the targets, next to one that does not, points at them.
    """
    open_x, open_y = public_records(scenario)
    components = int(scenario.settings.get("features", 40))
    if open_y is None or without is None:
        name = str(scenario.settings.get("public", ""))
        return _prior_of_all(scenario.dataset, name, components)
    return fit_prior(open_x[~torch.isin(open_y, without)], components)


@lru_cache(maxsize=4)
def _prior_of_all(dataset_name: str, public_name: str, components: int) -> Prior:
    open_x = data.load(public_name).train.x if public_name else data.load(dataset_name).test.x[::2]
    return fit_prior(open_x, components)


def held_out(variant: Variant) -> Split:
    """Return inputs that utility is measured on: neither private nor public."""
    test = data.load(variant.scenario.dataset).test
    whole = bool(variant.scenario.settings.get("public", ""))
    return test if whole else Split(test.x[1::2], test.y[1::2])


def recogniser_of(variant: Variant, progress: Progress | None = None) -> Classifier:
    """Return somebody else's model: another architecture, trained on pictures that the victim never saw."""
    dataset = data.load(variant.scenario.dataset)
    swapped = Dataset(dataset.card, train=dataset.test, test=dataset.train)
    return load_victim("logistic", swapped, seed=1, progress=progress)


def line_up(variant: Variant, y: int) -> LineUp:
    """Return the line-up for one target: eight pictures of eight classes, in an order of their own."""
    pictures = held_out(variant)
    generator = make_generator(derive(variant.seed, "line-up", y))
    order = torch.randperm(len(pictures), generator=generator)
    one_each = one_of_each(pictures.y, order)
    own = one_each[pictures.y[one_each] == y]
    others = one_each[pictures.y[one_each] != y][: LINE_UP - 1]
    shown = torch.cat([own, others])
    shown = shown[torch.randperm(len(shown), generator=generator)]
    whom = pictures.y[shown]
    return LineUp(pictures.x[shown], whom, int((whom == y).nonzero()[0, 0]))


@lru_cache(maxsize=4)
def _means(dataset_name: str) -> Tensor:
    train = data.load(dataset_name).train
    classes = len(data.load(dataset_name).card.classes)
    return torch.stack([train.x[train.y == label].mean(0) for label in range(classes)])
