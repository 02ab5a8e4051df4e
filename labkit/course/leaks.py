"""The judge's own attacks on a protection, and what the protection costs.

Whoever hands in a protection hands in settings; what they are worth is measured here, with
attacks of the judge's own.  What does not depend on the participant is measured once in a
process and remembered.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from labkit.attacks.inversion import invert_linear, match_gradients, search_class
from labkit.core.errors import InvalidInputError
from labkit.core.protocols import predict
from labkit.core.seeds import derive, make_generator
from labkit.course.inversion import InversionCase
from labkit.data import Split
from labkit.defenses.privacy import client_update, private_training
from labkit.metrics import Rate, correlation

__all__ = [
    "Protection",
    "caught_in_review",
    "draw_batch",
    "gradient_leak",
    "likeness",
    "service_leak",
    "utility",
]

ROUNDS = 5
"""Batches that the judge attacks under each protection."""

REVIEWED = 0.1
"""Share of the answers that somebody at a desk has the time to look at again."""

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class Protection:
    """How a client of the federation protects the updates that it sends.

    Attributes
    ----------
    clip : float
        From 0.01 to 100: the longest gradient that one record may add.
    noise_multiplier : float
        From 0 to 10: standard deviation of the noise on the sum, in units of ``clip``.
    batch_size : int
        From 1 to 256 records an update.
    """

    clip: float
    noise_multiplier: float
    batch_size: int

    def __post_init__(self) -> None:
        for name, low, high in (
            ("clip", 0.01, 100.0),
            ("noise_multiplier", 0.0, 10.0),
            ("batch_size", 1, 256),
        ):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
                raise InvalidInputError(f"expected {name} from {low:g} to {high:g}, got {value!r}")
        if self.batch_size != int(self.batch_size):
            raise InvalidInputError(f"expected batch_size as a whole number, got {self.batch_size!r}")
        for name, kind in (("clip", float), ("noise_multiplier", float), ("batch_size", int)):
            object.__setattr__(self, name, kind(getattr(self, name)))


def likeness(case: InversionCase, x_hat: Tensor, y: Tensor) -> Tensor:
    """Return how like each reconstruction is to the average record of its class, ``(n,)``.

    A correlation over what goes beyond the average public input, which itself scores 0.
    """
    return correlation(x_hat, case.means[y], known=case.prior.mean)


# ------------------------------------------------------------------ updates


_LEAKS: dict[tuple[object, ...], float] = {}
_UTILITIES: dict[tuple[object, ...], Rate] = {}
_SERVICES: dict[tuple[object, ...], float] = {}
_REMEMBERED = 200


def gradient_leak(case: InversionCase, protection: Protection, progress: Progress | None = None) -> float:
    """Return how much of single records the judge reads out of protected updates of the head.

    The judge is told the classes of the records, tries the analytic and the optimised attack
    on several batches, and keeps the better of the two.  What is typical of a class does not
    count: that much the finished model gives away to anybody.  So the figure is a correlation
    with what is peculiar to the record.
    """
    key = (*_of_scenario(case), case.seed, protection)
    if key not in _LEAKS:
        totals = torch.zeros(2)
        for number in range(ROUNDS):
            totals += torch.tensor(_attack_round(case, protection, number))
            if progress is not None:
                progress(number + 1, ROUNDS, "attacking the updates")
        if len(_LEAKS) >= _REMEMBERED:
            _LEAKS.clear()
        _LEAKS[key] = float(totals.max() / ROUNDS)
    return _LEAKS[key]


def draw_batch(case: InversionCase, size: int, number: int) -> Split:
    """Return one batch of a client's records, ordered by class."""
    generator = make_generator(derive(case.seed, "batch", number))
    taken = torch.randperm(len(case.train), generator=generator)[:size]
    taken = taken[case.train.y[taken].argsort(stable=True)]
    return Split(case.train.x[taken], case.train.y[taken])


def _attack_round(case: InversionCase, protection: Protection, number: int) -> list[float]:
    """Return what the analytic and the optimised attack make of one update."""
    batch, seed = draw_batch(case, protection.batch_size, number), derive(case.seed, "judge", number)
    sent = client_update(
        case.head.module,
        batch.x,
        batch.y,
        clip=protection.clip,
        noise_multiplier=protection.noise_multiplier,
        seed=seed,
    ).gradients
    read = invert_linear(case.head, sent, prior=case.public).x_hat.expand_as(batch.x)
    matched = match_gradients(
        case.head,
        sent,
        y=batch.y,
        batch_size=len(batch),
        prior=case.public,
        prior_strength=0.0005,
        smoothness=0.0,
        steps=60,
        step_size=0.1,
        seed=seed,
    ).x_hat
    known = case.means[batch.y]
    return [float(correlation(made, batch.x, known=known).mean()) for made in (read, matched)]


def utility(case: InversionCase, protection: Protection | None, progress: Progress | None = None) -> Rate:
    """Return the accuracy of a head that is trained on nothing but updates so protected.

    None stands for updates that are not protected at all.
    """
    key = (*_of_scenario(case), protection)
    if key not in _UTILITIES:
        model = private_training(
            case.head.module,
            case.train.x,
            case.train.y,
            clip=protection.clip if protection else None,
            noise_multiplier=protection.noise_multiplier if protection else 0.0,
            batch_size=protection.batch_size if protection else 32,
            epochs=int(case.scenario.settings.get("epochs", 20)),
            lr=0.01,
            seed=0,
            progress=progress,
        )
        _UTILITIES[key] = Rate.of(predict(model, case.held_out.x) == case.held_out.y)
    return _UTILITIES[key]


# ------------------------------------------------------------------ answers


def service_leak(case: InversionCase, level: str) -> float:
    """Return how like the judge's reconstructions are when the service answers at ``level``.

    The judge asks a few questions about every class, as one customer might in a day.
    """
    questions = int(case.scenario.settings.get("judge_questions", 30))
    key = (*_of_scenario(case), level, questions)
    if key not in _SERVICES:
        made = search_class(
            case.service(level),
            torch.arange(len(case.class_names)),
            prior=case.public.first(min(40, len(case.public))),
            query_budget=questions,
            population=max(4, questions // 2),
            seed=derive(0, "service"),
        )
        found = correlation(made.x_hat, case.means, known=case.public.mean)
        _SERVICES[key] = float(found.mean())
    return _SERVICES[key]


def caught_in_review(case: InversionCase, level: str) -> float:
    """Return the share of the victim's mistakes that a desk finds which reviews the least sure tenth.

    An answer that is only a label is as sure as any other, so the desk has to draw lots.
    """
    answers = case.service(level).answers(case.held_out.x)
    # The hair that keeps a rounded answer in first place is not something the desk can see.
    sure = (answers.max(1).values * 1e3).round()
    wrong = answers.argmax(1) != case.held_out.y
    if not bool(wrong.any()):
        return 1.0
    room, caught = REVIEWED * len(sure), 0.0
    for value in torch.unique(sure, sorted=True):
        tied = sure == value
        share = min(1.0, room / int(tied.sum()))
        caught += share * float(wrong[tied].sum())
        room -= share * int(tied.sum())
        if room <= 1e-9:
            break
    return caught / int(wrong.sum())


def _of_scenario(case: InversionCase) -> tuple[str, str, str]:
    return case.scenario.dataset, case.scenario.victim, repr(sorted(case.scenario.settings.items()))
