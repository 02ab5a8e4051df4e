"""The judge's own attacks on a protection: what updates and answers still give away.

Whoever hands in a protection hands in settings; what they are worth is measured here, with
attacks of the judge's own, on records that the seed of the variant picks.  What it costs is
measured in :mod:`labkit.course.cases.inversion.prices`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar, cast

import torch
from torch import Tensor, nn

from labkit.attacks.inversion import match_gradients, search_class
from labkit.core.seeds import derive, make_generator
from labkit.course.cases.inversion.case import InversionCase
from labkit.course.cases.inversion.protections import Protection
from labkit.course.cases.inversion.records import class_means, one_of_each, private_records, public_prior
from labkit.data import Split
from labkit.defenses.privacy import client_update
from labkit.metrics import correlation, match_within_classes
from labkit.models import TorchClassifier

__all__ = [
    "RETURNS",
    "GradientLeak",
    "by_chance",
    "draw_batch",
    "gradient_leak",
    "head_of",
    "likeness",
    "of_scenario",
    "read_returning",
    "service_leak",
    "what_is_peculiar",
]

ROUNDS = 5
"""Batches that the judge attacks under each protection."""


RETURNS = 3
"""Updates that the judge sees of one record: training takes it up again in every epoch."""

RECORDS = 160
"""Records that come back on which a figure rests, unless the scenario sets ``judge_records``."""

Progress = Callable[[int, int, str], None]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class GradientLeak:
    """What the judge read out of updates, above what guessing pictures reads: two attacks.

    Attributes
    ----------
    matched : float
        By searching for the records of one update.
    returning : float
        By adding up updates that one record has in common.
    """

    matched: float
    returning: float

    @property
    def value(self) -> float:
        """The larger of the two, and 0 where neither is better than guessing."""
        return max(0.0, self.matched, self.returning)


_REACH = (-6.0, 6.0)
"""Where features lie, in standard deviations."""

_LEAKS: dict[tuple[object, ...], GradientLeak] = {}
_SERVICES: dict[tuple[object, ...], float] = {}
_REMEMBERED = 300


def likeness(case: InversionCase, x_hat: Tensor, y: Tensor) -> Tensor:
    """Return how like each reconstruction is to the average record of its class, ``(n,)``.

    A correlation over what goes beyond the average public input, which itself scores 0.
    """
    return correlation(x_hat, class_means(case)[y], known=case.prior.mean)


# ------------------------------------------------------------------ updates


def gradient_leak(
    case: InversionCase, protection: Protection, progress: Progress | None = None
) -> GradientLeak:
    """Return how much of single records the judge reads out of protected updates of the head.

    The judge is told the classes of the records and the settings.  What is typical of a class
    does not count: that much the finished model gives away to anybody.  So the figure is a
    correlation with what is peculiar to the record, less the one that pictures drawn from the
    prior reach when they are given out in the same way.
    """
    key = (*of_scenario(case), case.seed, protection)
    if key not in _LEAKS:
        few = min(len(case.class_names), protection.batch_size)
        records = int(case.scenario.settings.get("judge_records", RECORDS))
        again = min(records // 10, max(ROUNDS, -(-records // few)))
        jobs = [*((_search, n) for n in range(ROUNDS)), *((_add_up, n) for n in range(again))]
        found: dict[object, list[float]] = {_search: [], _add_up: []}
        for done, (attack, number) in enumerate(jobs):
            found[attack].append(attack(case, protection, number))
            if progress is not None:
                progress(done + 1, len(jobs), "attacking the updates")
        matched, returning = (sum(each) / len(each) for each in found.values())
        _remember(_LEAKS, key, GradientLeak(matched, returning))
    return _LEAKS[key]


def draw_batch(case: InversionCase, batch_size: int, number: int) -> Split:
    """Return one batch of a client's records, ordered by class."""
    train = private_records(case)
    generator = make_generator(derive(case.seed, "batch", number))
    taken = torch.randperm(len(train), generator=generator)[:batch_size]
    taken = taken[train.y[taken].argsort(stable=True)]
    return Split(train.x[taken], train.y[taken])


def what_is_peculiar(case: InversionCase, x_hat: Tensor, records: Split) -> tuple[Tensor, Tensor]:
    """Return the reconstructions in the order of the records, and how much of each they show, ``(n,)``."""
    known = class_means(case)[records.y]
    ordered = x_hat[match_within_classes(x_hat, records.x, records.y, known=known)]
    return ordered, correlation(ordered, records.x, known=known)


def by_chance(case: InversionCase, records: Split, seed: int, draws: int = 3) -> float:
    """Return how much of the records pictures show that are drawn from the prior, given out as well.

    Not less than 0: a guess that happens to be unlike a record makes no other picture more like it.
    """
    generator = make_generator(seed)
    found = 0.0
    for _ in range(draws):
        guess = case.public.decode(torch.randn(len(records), len(case.public), generator=generator))
        found += float(what_is_peculiar(case, guess, records)[1].mean()) / draws
    return max(0.0, found)


def _search(case: InversionCase, protection: Protection, number: int) -> float:
    """Search for all records of one update at once, among the features that the head is trained on."""
    batch, seed = draw_batch(case, protection.batch_size, number), derive(case.seed, "judge", number)
    z = match_gradients(
        TorchClassifier(head_of(case)[1], (len(case.public),), len(case.class_names), bounds=_REACH),
        _sent(case, batch, protection, seed),
        y=batch.y,
        batch_size=len(batch),
        smoothness=0.0,
        steps=60,
        step_size=0.1,
        seed=seed,
    ).x_hat
    found = case.public.decode(z)
    shown = float(what_is_peculiar(case, found, batch)[1].mean())
    return shown - by_chance(case, batch, derive(seed, "chance"))


def _add_up(case: InversionCase, protection: Protection, number: int) -> float:
    """Add up the updates in which some records come back, each time in other company."""
    train, seed = private_records(case), derive(case.seed, "returning", number)
    generator = make_generator(seed)
    order = torch.randperm(len(train), generator=generator)
    back = one_of_each(train.y, order)[: protection.batch_size]
    others = order[~torch.isin(order, back)]
    updates = []
    for turn in range(RETURNS):
        company = others[torch.randperm(len(others), generator=generator)]
        taken = torch.cat([back, company[: protection.batch_size - len(back)]])
        batch = Split(train.x[taken], train.y[taken])
        updates.append((_sent(case, batch, protection, derive(seed, turn)), batch.y))
    record = Split(train.x[back], train.y[back])
    x_hat = read_returning(case, updates, record.y)
    shown = correlation(x_hat, record.x, known=class_means(case)[record.y]).mean()
    return float(shown) - by_chance(case, record, derive(seed, "chance"))


def read_returning(case: InversionCase, updates: list[tuple[dict[str, Tensor], Tensor]], y: Tensor) -> Tensor:
    """Return what updates of the head have in common, beyond what their classes make likely, ``(n, ...)``.

    Parameters
    ----------
    case : InversionCase
    updates : list of (gradients, classes)
        What was sent each time, for the layer that is trained, and the classes of the records behind it.
    y : Tensor of shape ``(n,)``, int64
        Classes of the records that came back, one of a class.

    Notes
    -----
    A row of the head's gradient adds up the features of the records of its class.  From each row
    the judge takes what average records of the same classes would have sent, in the size that
    fits best.  What stays is what is peculiar, and only that of the returning record adds up.
    """
    means = class_means(case)
    features, layer = head_of(case)
    typical = features(means)
    left = torch.zeros(len(means), len(case.public))
    for sent, classes in updates:
        rows = sent["weight"]
        usual = client_update(layer, typical[classes], classes).gradients["weight"]
        fits = (rows * usual).sum(1) / (usual**2).sum(1).clamp_min(1e-9)
        left += rows - fits[:, None] * usual
    away = (left[y] * case.public.scales) @ case.public.components
    return means[y] - away.view(-1, *means.shape[1:])


def head_of(case: InversionCase) -> tuple[nn.Module, nn.Module]:
    """Return the two parts of the head: public features, which never change, and what is trained."""
    features, layer = cast(nn.Sequential, case.head.module)
    return features, layer


def _sent(case: InversionCase, batch: Split, protection: Protection, seed: int) -> dict[str, Tensor]:
    features, layer = head_of(case)
    return client_update(
        layer,
        features(batch.x),
        batch.y,
        clip=protection.clip,
        noise_multiplier=protection.noise_multiplier,
        seed=seed,
    ).gradients


# ------------------------------------------------------------------ answers


def service_leak(case: InversionCase, level: str) -> float:
    """Return how like the judge's reconstructions are when the service answers at ``level``.

    The judge asks a few questions about every class, as one customer might in a day, and does
    so several times over, because a short search depends on its luck.
    """
    questions = int(case.scenario.settings.get("judge_questions", 30))
    key = (*of_scenario(case), case.seed, level, questions)
    if key not in _SERVICES:
        # Somebody who asks about every class has a prior of all public pictures.
        known, means = public_prior(case.scenario), class_means(case)
        prior = known.first(min(40, len(known)))
        turns = int(case.scenario.settings.get("judge_turns", 6))
        found = 0.0
        for turn in range(turns):
            made = search_class(
                case.service(level),
                torch.arange(len(means)),
                prior=prior,
                query_budget=questions,
                population=max(4, questions // 2),
                seed=derive(case.seed, "service", turn),
            )
            found += float(correlation(made.x_hat, means, known=prior.mean).mean()) / turns
        _remember(_SERVICES, key, found)
    return _SERVICES[key]


# ------------------------------------------------------------------ what they share


def of_scenario(case: InversionCase) -> tuple[str, str, str]:
    """Return what names a scenario where measurements are remembered."""
    return case.scenario.dataset, case.scenario.victim, repr(sorted(case.scenario.settings.items()))


def _remember(table: dict[tuple[object, ...], T], key: tuple[object, ...], value: T) -> None:
    """Keep a measurement, and no more than so many of them."""
    if len(table) >= _REMEMBERED:
        table.clear()
    table[key] = value
