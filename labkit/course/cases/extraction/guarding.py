"""A defence as settings, the service that they make, and what customers notice of it."""

from __future__ import annotations

import numbers
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from labkit.core.errors import InvalidInputError, UnknownNameError
from labkit.core.protocols import Classifier
from labkit.core.seeds import derive, make_generator
from labkit.course.cases.extraction.case import ExtractionCase
from labkit.course.cases.extraction.customers import Customer, judged_customers
from labkit.defenses.extraction import SIGNALS, GuardedService, PerturbedAnswers, QueryDetector, fit_detector
from labkit.defenses.privacy import LEVELS, ApiView
from labkit.metrics import Rate

__all__ = ["BARE", "DETECTORS", "LIMITS", "Guard", "Served", "guarded", "serve"]

DETECTORS = {
    "none": "nobody looks",
    **SIGNALS,
    "both": "the distances and the doubt, each for half of the false alarms",
}
"""What watches an account, each in words."""

LIMITS = (5, 1000)
SUSPECT_LIMIT = 30
"""Questions in a day of an account under suspicion, until somebody has looked at it."""
REVIEWED = 0.1
"""Share of the answers that the desk has the time to look at again."""


@dataclass(frozen=True, slots=True)
class Guard:
    """How a service is guarded.

    Attributes
    ----------
    level : str
        How much it says: a name out of ``labkit.defenses.privacy.LEVELS``.
    strength : float
        From 0 to 10: noise on what it says beside the class.
    rate_limit : int
        From 5 to 1000: questions of an account in a day.
    detector : str
        A name out of :data:`DETECTORS`.
    false_alarm_rate : float
        From 0.005 to 0.2: share of honest accounts that may be suspected.
    """

    level: str = "probabilities"
    strength: float = 0.0
    rate_limit: int = 1000
    detector: str = "none"
    false_alarm_rate: float = 0.01

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise UnknownNameError("output level", str(self.level), LEVELS)
        if self.detector not in DETECTORS:
            raise UnknownNameError("detector", str(self.detector), DETECTORS)
        for name, low, high in (
            ("strength", 0.0, 10.0),
            ("rate_limit", *LIMITS),
            ("false_alarm_rate", 0.005, 0.2),
        ):
            value = getattr(self, name)
            # The numbers of numpy are numbers, too; True is none.
            known = isinstance(value, numbers.Real) and not isinstance(value, bool)
            if not known or not low <= float(value) <= high:
                raise InvalidInputError(f"expected {name} from {low:g} to {high:g}, got {value!r}")
        if self.rate_limit != int(self.rate_limit):
            raise InvalidInputError(f"expected rate_limit as a whole number, got {self.rate_limit!r}")
        for name, kind in (("strength", float), ("rate_limit", int), ("false_alarm_rate", float)):
            object.__setattr__(self, name, kind(getattr(self, name)))

    @property
    def name(self) -> str:
        """The settings, in words."""
        noise = f", noise {self.strength:g}" if self.strength else ""
        watched = "" if self.detector == "none" else f", {self.detector} at {self.false_alarm_rate:.1%}"
        return f"answers {self.level}{noise}, limit {self.rate_limit}{watched}"

    def settings(self) -> dict[str, str | float | int]:
        """Return the settings by name."""
        return asdict(self)


BARE = Guard()
"""A service that says everything to everybody."""


@dataclass(frozen=True, slots=True)
class Served:
    """What a day of honest customers looks like.

    Attributes
    ----------
    right : Rate
        Share of their questions that end in a right answer: answered rightly, or corrected by
        the desk, which looks again at the least sure tenth of the answers.
    throttled : Rate
        Share of their questions that were refused.
    suspected : Rate
        Share of their accounts that a detector suspected.
    """

    right: Rate
    throttled: Rate
    suspected: Rate


def guarded(case: ExtractionCase, guard: Guard) -> GuardedService:
    """Return the reader of a case behind a guard; detectors are set up on last month's customers."""
    told: Classifier = PerturbedAnswers(case.reader, guard.strength, derive(case.seed, "secret"))
    return GuardedService(
        case.reader,
        ApiView(told, guard.level),
        rate_limit=guard.rate_limit,
        detectors=_detectors(case, guard),
        suspect_limit=SUSPECT_LIMIT,
    )


def serve(case: ExtractionCase, guard: Guard, customers: list[Customer] | None = None) -> Served:
    """Send a day of customers to the guarded reader; the judge's day unless others are given."""
    if customers is not None:
        return _served(case, guard, customers)
    key = (*_of(case), guard)
    if key not in _DAYS:
        if len(_DAYS) >= _REMEMBERED:
            _DAYS.clear()
        _DAYS[key] = _served(case, guard, judged_customers(case))
    return _DAYS[key]


def _served(case: ExtractionCase, guard: Guard, customers: list[Customer]) -> Served:
    service = guarded(case, guard)
    said, true, suspected = [], [], []
    for customer in customers:
        account = service.open()
        said.append(account.logits(customer.x))
        true.append(customer.y)
        suspected.append(account.suspected)
    answers, y = torch.cat(said), torch.cat(true)
    told = answers.isfinite().all(1)
    right = told & (answers.nan_to_num().argmax(1) == y)
    seen = _reviewed(answers, told, make_generator(derive(case.seed, "desk")))
    return Served(Rate.of(right | seen), Rate.of(~told), Rate.of(torch.tensor(suspected)))


def _detectors(case: ExtractionCase, guard: Guard) -> list[QueryDetector]:
    names = {"none": (), "both": tuple(SIGNALS)}.get(guard.detector, (guard.detector,))
    if not names:
        return []
    rate = guard.false_alarm_rate / len(names)
    return [_detector(case, name, rate) for name in names]


def _detector(case: ExtractionCase, signal: str, rate: float) -> QueryDetector:
    key = (*_of(case), signal, rate)
    if key not in _DETECTORS:
        if len(_DETECTORS) >= _REMEMBERED:
            _DETECTORS.clear()
        streams = [(each.x, case.reader.logits(each.x)) for each in case.customers]
        _DETECTORS[key] = fit_detector(signal, streams, false_alarm_rate=rate)
    return _DETECTORS[key]


def _of(case: ExtractionCase) -> tuple[object, ...]:
    """Return what names a variant where measurements are remembered."""
    return case.scenario.id, repr(sorted(case.scenario.settings.items())), case.seed


_DETECTORS: dict[tuple[object, ...], QueryDetector] = {}
_DAYS: dict[tuple[object, ...], Served] = {}
_REMEMBERED = 40


def _reviewed(answers: Tensor, told: Tensor, generator: torch.Generator) -> Tensor:
    """Return which answers the desk looks at again, ``(n,)`` bool; equally sure ones by lot."""
    # The hair that keeps a rounded answer in first place is not something the desk can see.
    sure = torch.where(told, (answers.exp().amax(1) * 1e3).round(), torch.inf)
    lots = torch.rand(len(sure), generator=generator).argsort()
    order = lots[sure[lots].argsort(stable=True)]
    chosen = torch.zeros(len(sure), dtype=torch.bool)
    chosen[order[: round(REVIEWED * int(told.sum()))]] = True
    return chosen
