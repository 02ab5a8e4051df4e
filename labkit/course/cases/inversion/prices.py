"""What protection costs: accuracy of the trained model, and mistakes that the desk no longer finds."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from labkit.core.protocols import predict
from labkit.core.seeds import derive, make_generator
from labkit.course.cases.inversion.case import InversionCase
from labkit.course.cases.inversion.leaks import head_of, of_scenario
from labkit.course.cases.inversion.protections import Protection
from labkit.course.cases.inversion.records import held_out, private_records
from labkit.defenses.privacy import private_training
from labkit.metrics import Rate, utility_retention

__all__ = ["DESK_FLOOR", "caught_in_review", "desk_retention", "utility"]

REVIEWED = 0.1
"""Share of the answers that somebody at a desk has the time to look at again."""

POOR_LIGHT = 0.25
"""Noise on the pictures that the desk gets to see: at the door it is darker than in the test."""

DESK_FLOOR = 0.6
"""Share of its work that the desk must keep: with less, it has the full answers switched on again."""

DAYS = 5
"""How often the same people come to the door, each time in other light."""

Progress = Callable[[int, int, str], None]

_UTILITIES: dict[tuple[object, ...], Rate] = {}
_REMEMBERED = 300


def utility(case: InversionCase, protection: Protection | None, progress: Progress | None = None) -> Rate:
    """Return the accuracy of a head that is trained on nothing but updates so protected.

    The federation takes a number of updates that does not depend on their size.  None stands
    for updates that are not protected at all.  Where there are few pictures to measure on, the
    scenario asks for several ``trainings``, whose mean depends less on their luck.
    """
    key = (*of_scenario(case), case.seed, protection)
    if key not in _UTILITIES:
        if len(_UTILITIES) >= _REMEMBERED:
            _UTILITIES.clear()
        times = int(case.scenario.settings.get("trainings", 1))
        rates = [_trained(case, protection, turn, progress) for turn in range(times)]
        # They share their pictures, so the interval is that of one.
        value, low, high = (
            sum(getattr(rate, name) for rate in rates) / times for name in ("value", "low", "high")
        )
        _UTILITIES[key] = Rate(value, low, high, rates[0].n)
    return _UTILITIES[key]


def _trained(
    case: InversionCase, protection: Protection | None, turn: int, progress: Progress | None
) -> Rate:
    train, held = private_records(case), held_out(case)
    size = protection.batch_size if protection else 32
    rounds = int(case.scenario.settings.get("rounds", 600))
    # The features are public and never change, so they are computed once.
    features, layer = head_of(case)
    model = private_training(
        layer,
        features(train.x),
        train.y,
        clip=protection.clip if protection else None,
        noise_multiplier=protection.noise_multiplier if protection else 0.0,
        batch_size=size,
        epochs=max(1, round(rounds * size / len(train))),
        lr=0.01,
        seed=derive(case.seed, "utility", turn) if turn else derive(case.seed, "utility"),
        progress=progress,
    )
    return Rate.of(predict(model, features(held.x)) == held.y)


def caught_in_review(case: InversionCase, level: str) -> Rate:
    """Return the share of the victim's mistakes that a desk finds which reviews the least sure tenth.

    The pictures come from the door, where the light is poor.  Answers that are equally sure,
    as all are that are only a label, are drawn by lot.
    """
    held = held_out(case)
    generator = make_generator(derive(case.seed, "desk"))
    x, y = torch.cat([held.x] * DAYS), held.y.repeat(DAYS)
    x = (x + POOR_LIGHT * torch.randn(x.shape, generator=generator)).clamp(*case.victim.bounds)
    answers = case.service(level).answers(x)
    return Rate.of(_reviewed(answers, generator)[answers.argmax(1) != y])


def desk_retention(case: InversionCase, level: str) -> float:
    """Return how much of the desk's work is left at ``level``, next to full answers."""
    return utility_retention(caught_in_review(case, level), caught_in_review(case, "probabilities"))


def _reviewed(answers: Tensor, generator: torch.Generator) -> Tensor:
    """Return which answers the desk looks at again, ``(n,)`` bool."""
    # The hair that keeps a rounded answer in first place is not something the desk can see.
    sure = (answers.amax(1) * 1e3).round()
    lots = torch.rand(len(sure), generator=generator)
    order = torch.argsort(lots)[torch.argsort(sure[torch.argsort(lots)], stable=True)]
    chosen = torch.zeros(len(sure), dtype=torch.bool)
    chosen[order[: round(REVIEWED * len(sure))]] = True
    return chosen
