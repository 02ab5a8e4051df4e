"""A service that knows its accounts: a limit for each, and an eye on what each asks."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from labkit.core.checks import whole
from labkit.core.protocols import Classifier
from labkit.defenses.extraction.detection import QueryDetector, query_signal
from labkit.models.wrapped import WrappedClassifier

__all__ = ["Account", "GuardedService"]


class GuardedService:
    """A service whose accounts are limited and watched.

    Parameters
    ----------
    model : Classifier
        What the detectors look at: the model in full.
    answers : Classifier, optional
        What is said, such as an ``ApiView`` of the model; the model itself unless given.
    rate_limit : int, optional
        Questions that an account may ask in a day; None for no limit.
    detectors : sequence of QueryDetector
        Any of them puts an account under suspicion.
    suspect_limit : int
        Questions in a day that an account under suspicion may ask, until somebody has looked at it.
        0 blocks it at the alarm; more spares customers who are suspected wrongly and ask
        little.
    """

    def __init__(
        self,
        model: Classifier,
        answers: Classifier | None = None,
        *,
        rate_limit: int | None = None,
        detectors: Sequence[QueryDetector] = (),
        suspect_limit: int = 0,
    ) -> None:
        self.model = model
        self.answers = model if answers is None else answers
        self.rate_limit = None if rate_limit is None else whole("rate_limit", rate_limit)
        self.detectors = tuple(detectors)
        self.suspect_limit = whole("suspect_limit", suspect_limit, at_least=0)

    def open(self) -> Account:
        """Open an account for one day."""
        return Account(self)


class Account(WrappedClassifier):
    """One account of a guarded service, for one day: a classifier that may refuse.

    A refused question is answered with a row of NaN.
    """

    def __init__(self, service: GuardedService) -> None:
        self._service = service
        shape = tuple(service.model.input_shape)
        self._x = torch.zeros(0, *shape)
        self._logits = torch.zeros(0, service.model.classes)
        self._asked = self._refused = 0
        self._suspected = False
        self._limit = math.inf if service.rate_limit is None else service.rate_limit

    @property
    def _behind(self) -> Classifier:
        return self._service.model

    @property
    def asked(self) -> int:
        """Questions so far, refused ones included."""
        return self._asked

    @property
    def refused(self) -> int:
        """Questions that were not answered."""
        return self._refused

    @property
    def suspected(self) -> bool:
        """Whether a detector has gone off."""
        return self._suspected

    def logits(self, x: Tensor) -> Tensor:
        """Return the answers, shape ``(n, classes)``; a row of NaN where the service refuses."""
        service, before = self._service, len(self._x)
        answers = torch.full((len(x), self.classes), torch.nan)
        room = int(min(len(x), max(0, self._limit - before)))
        if room:
            self._x = torch.cat([self._x, x[:room].detach()])
            self._logits = torch.cat([self._logits, service.model.logits(x[:room]).float()])
            room = self._watched(room, before)
        if room:
            answers[:room] = service.answers.logits(x[:room]).float()
        self._asked += len(x)
        self._refused += len(x) - room
        return answers

    def _watched(self, room: int, before: int) -> int:
        """Return how many of the newest questions are answered, once the detectors have seen them."""
        if self._suspected:
            return room
        found = [
            each.alarm(query_signal(each.signal, self._x, self._logits)) for each in self._service.detectors
        ]
        alarm = min((place for place in found if place >= 0), default=-1)
        if alarm < 0:
            return room
        # The question that sets the alarm off is still answered.
        self._suspected = True
        self._limit = min(self._limit, max(alarm, self._service.suspect_limit))
        kept = int(max(0, min(room, self._limit - before)))
        self._x, self._logits = self._x[: before + kept], self._logits[: before + kept]
        return kept
