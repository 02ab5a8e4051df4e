"""What a federation does for each of its clients, and how much each of them was heard."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from labkit.core.checks import finite
from labkit.core.errors import InvalidInputError
from labkit.core.protocols import Classifier
from labkit.metrics.accuracy import clean_accuracy
from labkit.metrics.rates import Rate

__all__ = ["ClientAccuracy", "client_accuracy", "fair_share"]


@dataclass(frozen=True, slots=True)
class ClientAccuracy:
    """Clean accuracy at every client.

    Attributes
    ----------
    each : tuple of Rate
    mean : float
        Every client counting alike.
    worst : int
        The client that is served worst.
    """

    each: tuple[Rate, ...]

    @property
    def mean(self) -> float:
        return sum(rate.value for rate in self.each) / len(self.each)

    @property
    def worst(self) -> int:
        return min(range(len(self.each)), key=lambda i: self.each[i].value)

    @property
    def gap(self) -> float:
        """How far the client that is served worst lies below the mean."""
        return self.mean - self.each[self.worst].value


def client_accuracy(model: Classifier, parts: Sequence[tuple[Tensor, Tensor]]) -> ClientAccuracy:
    """Measure a model at every client, on inputs that the client would see.

    Parameters
    ----------
    model : Classifier
    parts : sequence of (x, y)
        Test data of each client, one sample or more.

    References
    ----------
    Li, Sanjabi, Beirami & Smith, "Fair Resource Allocation in Federated Learning", ICLR 2020.
    https://arxiv.org/abs/1905.10497
    """
    if not parts or any(not len(x) for x, _ in parts):
        raise InvalidInputError("expected test data of one client or more, one sample or more each")
    return ClientAccuracy(tuple(clean_accuracy(model, x, y) for x, y in parts))


def fair_share(weights: Tensor, client: int) -> float:
    """Say how much a client was heard, next to what it would be if all were heard alike.

    Parameters
    ----------
    weights : Tensor of shape ``(rounds, clients)``
        How much of each round's update came from each client; a round in which nobody was heard
        does not count.
    client : int

    Returns
    -------
    float
        1 for an equal share, 0 for a client that never counted; NaN without a round that counts.
    """
    given = finite("weights", weights)
    if given.dim() != 2 or not 0 <= client < given.shape[1] or float(given.min()) < 0:
        raise InvalidInputError(
            f"expected weights of shape (rounds, clients), zero or more, and one of these clients; "
            f"got {tuple(given.shape)} and client {client}"
        )
    heard = given[given.sum(1) > 0]
    if not len(heard):
        return math.nan
    return float((heard[:, client] / heard.sum(1)).mean() * given.shape[1])
