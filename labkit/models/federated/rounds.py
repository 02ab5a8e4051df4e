"""Rounds of federated learning: send the model out, collect updates, add them up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from labkit.core.checks import floats, tensor, whole
from labkit.core.errors import InvalidInputError
from labkit.core.seeds import derive, make_generator
from labkit.models.federated.clients import Clients
from labkit.models.federated.local import local_updates, weights_of

__all__ = ["Aggregation", "Aggregator", "Attack", "Known", "Round", "fedavg", "federated_rounds"]


@dataclass(frozen=True, slots=True, eq=False)
class Aggregation:
    """What a server made of the updates of one round.

    Attributes
    ----------
    update : Tensor of shape ``(d,)``
        What the model moves by.
    weights : Tensor of shape ``(clients,)``
        How much of the update comes from each client, zero or more; they add up to 1 unless
        the server makes the whole shorter.  Where a rule decides entry by entry, the share of
        the entries that it took from a client.
    """

    update: Tensor
    weights: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """What malicious clients can know in one round, beside their own updates.

    Attributes
    ----------
    number : int
        Of the round, from 0.
    clients : int
        How many clients there are, malicious ones included.
    weights : Tensor of shape ``(d,)``
        The model that the server sent out.
    previous : Tensor of shape ``(d,)``
        How the model moved in the round before; zeros in the first one.
    honest : Tensor of shape ``(n, d)``
        What the honest clients send.  Only an attacker who listens in knows it.
    generator : torch.Generator
        For attacks that draw.
    """

    number: int
    clients: int
    weights: Tensor
    previous: Tensor
    honest: Tensor
    generator: torch.Generator


Attack = Callable[[Tensor, Known], Tensor]
"""``attack(own, known)``: from the updates that malicious clients trained, ``(b, d)``, to what they send."""

Aggregator = Callable[[Tensor], Aggregation]
"""``aggregate(updates)``: from the updates of all clients, ``(n, d)``, to what the server makes of them."""


@dataclass(frozen=True, slots=True, eq=False)
class Round:
    """One round, after it.

    Attributes
    ----------
    number : int
        From 0.
    sent : Tensor of shape ``(clients, d)``
        What every client sent.
    aggregation : Aggregation
    weights : Tensor of shape ``(d,)``
        The model afterwards.
    """

    number: int
    sent: Tensor
    aggregation: Aggregation
    weights: Tensor


def fedavg(updates: Tensor, *, sizes: Tensor | None = None) -> Aggregation:
    """Return the mean of the updates, weighted by how many samples each client says it has.

    Parameters
    ----------
    updates : Tensor of shape ``(clients, d)``
    sizes : Tensor of shape ``(clients,)``, optional
        All clients count alike without it.

    References
    ----------
    McMahan, Moore, Ramage, Hampson & Agüera y Arcas, "Communication-Efficient Learning of Deep
    Networks from Decentralized Data", AISTATS 2017.  https://arxiv.org/abs/1602.05629
    """
    given = floats("updates", updates, axes=2)
    counts = torch.ones(len(given)) if sizes is None else sizes.to(given.dtype)
    if counts.shape != given.shape[:1] or not float(counts.min()) > 0:
        raise InvalidInputError(
            f"expected sizes above zero of shape ({len(given)},), got shape {tuple(counts.shape)}"
        )
    shares = counts / counts.sum()
    return Aggregation(shares @ given, shares)


def federated_rounds(
    module: nn.Module,
    clients: Clients,
    *,
    rounds: int,
    aggregate: Aggregator | None = None,
    attack: Attack | None = None,
    malicious: Tensor | None = None,
    epochs: int = 1,
    lr: float = 0.1,
    batch_size: int = 32,
    seed: int = 0,
) -> Iterator[Round]:
    """Train a module among clients, one round for each step of the iterator.

    Parameters
    ----------
    module : nn.Module
        Where training starts; left as it was.
    clients : Clients
        Malicious clients hold data, too: poisoned, if the attack is one on data.
    rounds : int
    aggregate : function, optional
        ``aggregate(updates) -> Aggregation``; FedAvg, weighted by the sizes, without it.
    attack : function, optional
        ``attack(own, known) -> sent``: what malicious clients send for what they trained.
    malicious : Tensor of shape ``(clients,)`` bool, optional
        Which clients follow the attack; none without it.
    epochs, lr, batch_size
        Local training, see :func:`local_updates`.
    seed : int
        Decides the order of the samples in every round, and what the attack draws.

    Yields
    ------
    Round
        A client whose update is not finite counts as one that sent zeros: no server adds NaN up.
    """
    whole("rounds", rounds)
    marked = torch.zeros(len(clients), dtype=torch.bool) if malicious is None else malicious
    if tensor("malicious", marked).dtype != torch.bool or marked.shape != (len(clients),):
        raise InvalidInputError(
            f"expected malicious as True and False of shape ({len(clients)},), "
            f"got {marked.dtype} of {tuple(marked.shape)}"
        )
    combine = aggregate or partial(fedavg, sizes=clients.sizes)
    weights = weights_of(module)
    previous = torch.zeros_like(weights)
    draws = make_generator(derive(seed, "attack"))
    for number in range(rounds):
        sent = _finite(
            local_updates(
                module,
                weights,
                clients,
                epochs=epochs,
                lr=lr,
                batch_size=batch_size,
                seed=derive(seed, "round", number),
            )
        )
        if attack is not None and bool(marked.any()):
            known = Known(number, len(clients), weights, previous, sent[~marked], draws)
            sent[marked] = _finite(_of_attack(attack, sent[marked], known))
        aggregation = combine(sent)
        previous = aggregation.update
        weights = weights + previous
        yield Round(number, sent, aggregation, weights)


def _of_attack(attack: Attack, own: Tensor, known: Known) -> Tensor:
    made = attack(own.clone(), known)
    if tensor("what an attack sends", made).shape != own.shape:
        raise InvalidInputError(
            f"expected the attack to return updates of shape {tuple(own.shape)}, got {tuple(made.shape)}"
        )
    return made.detach().to(own.dtype)


def _finite(updates: Tensor) -> Tensor:
    # The length overflows before any sum over clients does.
    usable = torch.isfinite(updates.norm(dim=1, keepdim=True))
    return torch.where(usable, updates, torch.zeros_like(updates))
