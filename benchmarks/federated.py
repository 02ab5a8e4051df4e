"""What it buys to train all clients of a federation at once, beside a plain loop over them.

The loop trains one client after the other with torch's layers and the same batches, so both do
the same work; the table says how far the results lie apart.  Runs take turns, and medians are
compared, so the ratio holds where the seconds do not.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from labkit import data
from labkit.core.machine import threads
from labkit.core.seeds import derive, make_generator
from labkit.models import build
from labkit.models.federated import Clients, fedavg, federated_rounds, share_evenly, weights_of
from labkit.models.federated.local import batches

__all__ = ["TITLE", "run"]

TITLE = "a federation trained all clients at once, and client after client"

Row = dict[str, Any]
_SETTINGS: dict[str, Any] = {"epochs": 2, "lr": 0.3, "batch_size": 32}


def run(rounds: int = 30, repeats: int = 3) -> list[Row]:
    """Train federations of 5, 10 and 20 clients on digits, both ways, on one thread.

    Parameters
    ----------
    rounds : int
    repeats : int
        Turns of each way; the median counts.

    Returns
    -------
    list of dict
        ``clients``, ``rounds``, ``at_once_s``, ``loop_s``, ``times_faster``, and ``apart``: the
        largest difference between the weights of both, next to the largest weight.
    """
    dataset = data.load("digits")
    module = build("mlp", tuple(dataset.train.x.shape[1:]), len(dataset.card.classes), seed=0)
    rows: list[Row] = []
    for count in (5, 10, 20):
        shares = share_evenly(dataset.train.y, clients=count, seed=0)
        clients = Clients.of([(dataset.train.x[share], dataset.train.y[share]) for share in shares])
        taken: dict[str, list[float]] = {"at_once_s": [], "loop_s": []}
        ends: dict[str, Tensor] = {}
        with threads():
            for _ in range(repeats):
                for name, work in (("at_once_s", _at_once), ("loop_s", _loop)):
                    start = time.perf_counter()
                    ends[name] = work(module, clients, rounds)
                    taken[name].append(time.perf_counter() - start)
        medians = {name: statistics.median(times) for name, times in taken.items()}
        apart = float((ends["at_once_s"] - ends["loop_s"]).abs().max() / ends["loop_s"].abs().max())
        rows.append(
            {
                "clients": count,
                "rounds": rounds,
                **medians,
                "times_faster": medians["loop_s"] / medians["at_once_s"],
                "apart": apart,
            }
        )
    return rows


def _at_once(module: nn.Module, clients: Clients, rounds: int) -> Tensor:
    *_, last = federated_rounds(module, clients, rounds=rounds, seed=0, **_SETTINGS)
    return last.weights


def _loop(module: nn.Module, clients: Clients, rounds: int) -> Tensor:
    """Train as one would write it first: for every round, for every client, for every batch."""
    start = weights_of(module)
    weights = start
    for number in range(rounds):
        generator = make_generator(derive(0, "round", number))
        order = list(batches(clients.sizes, _SETTINGS["epochs"], _SETTINGS["batch_size"], generator))
        updates = [_one(module, weights, clients, client, order) for client in range(len(clients))]
        weights = weights + fedavg(torch.stack(updates), sizes=clients.sizes).update
    _put(module, start)
    return weights


def _one(
    module: nn.Module, weights: Tensor, clients: Clients, client: int, order: list[tuple[Tensor, Tensor]]
) -> Tensor:
    _put(module, weights)
    parameters = list(module.parameters())
    for chosen, present in order:
        mine = chosen[client][present[client]]
        if len(mine):
            loss = functional.cross_entropy(module(clients.x[client, mine]), clients.y[client, mine])
            slopes = torch.autograd.grad(loss, parameters)
            with torch.no_grad():
                for weight, slope in zip(parameters, slopes, strict=True):
                    weight.sub_(slope, alpha=_SETTINGS["lr"])
    return weights_of(module) - weights


@torch.no_grad()
def _put(module: nn.Module, weights: Tensor) -> None:
    parameters = list(module.parameters())
    for weight, part in zip(
        parameters, torch.split(weights, [each.numel() for each in parameters]), strict=True
    ):
        weight.copy_(part.view_as(weight))
