"""Secure aggregation: what a server can still do, and what it can still see."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import count
from types import MappingProxyType
from typing import Any, NamedTuple

import torch
from torch import Tensor

from labkit.attacks.inversion import invert_linear
from labkit.core.checks import whole
from labkit.core.errors import InvalidInputError, UnknownNameError
from labkit.core.seeds import derive
from labkit.course.cases.federated.case import FederatedCase, Federation
from labkit.course.cases.federated.running import Run, run
from labkit.defenses.aggregation import FixedPoint, clipped_mean, grouped, masked_updates
from labkit.defenses.privacy import client_update
from labkit.models import TorchClassifier
from labkit.models.federated.rounds import Aggregation, Aggregator

__all__ = ["CLAIMS", "Claim", "check_group", "check_works", "in_groups", "seen_by_server", "try_claim"]

Progress = Callable[[int, int, str], None]

_PROMISED = 1.0
"""Length that clinics promise, or prove, to keep to."""

_RING = FixedPoint(bits=32, fraction_bits=16)


class Claim(NamedTuple):
    """What somebody says still holds liars off when nobody sees a single update."""

    title: str
    attack: Mapping[str, Any]
    server: Mapping[str, Any]
    wrap: Callable[[Aggregator, Federation], Aggregator]


def in_groups(rule: Aggregator, federation: Federation, group_size: int) -> Aggregator:
    """Return a rule that sees masked sums of groups only; groups are drawn anew every round."""
    rounds = count()

    def judge(updates: Tensor) -> Aggregation:
        seed = derive(federation.seed, "groups", next(rounds))
        return grouped(updates, group_size=group_size, aggregate=rule, numbers=_RING, seed=seed)

    return judge


def _on_what_arrives(rule: Aggregator, federation: Federation) -> Aggregator:
    """Return a rule that is given each masked update as if it were one."""

    def judge(updates: Tensor) -> Aggregation:
        arrived = masked_updates(updates, numbers=_RING, seed=federation.seed)
        return rule(_RING.decode(arrived))

    return judge


def _promised(rule: Aggregator, federation: Federation) -> Aggregator:
    """Return a rule to which honest clinics send clipped updates, and liars what they like."""

    def judge(updates: Tensor) -> Aggregation:
        lengths = updates.norm(dim=1, keepdim=True).clamp_min(1e-12)
        kept = torch.where(
            federation.malicious[:, None], updates, updates * (_PROMISED / lengths).clamp_max(1.0)
        )
        return in_groups(rule, federation, len(updates))(kept)

    return judge


def _proven(rule: Aggregator, federation: Federation) -> Aggregator:
    """Return a rule to which nobody can send what is longer than the proven length."""
    return lambda updates: clipped_mean(updates, clip=_PROMISED)


_FLIP: Mapping[str, Any] = {"attack": "sign_flip", "scale": 5.0}
_MEAN: Mapping[str, Any] = {"aggregator": "mean"}
_MEDIAN: Mapping[str, Any] = {"aggregator": "median"}

CLAIMS: Mapping[str, Claim] = MappingProxyType(
    {
        "krum_on_arrival": Claim(
            "multi-Krum on the updates as they arrive",
            _FLIP,
            {"aggregator": "multi_krum", "tolerated": 2, "kept": 8},
            _on_what_arrives,
        ),
        "asked_to_clip": Claim("clinics are asked to clip their own updates", _FLIP, _MEAN, _promised),
        "proven_length": Claim(
            "clinics prove, without showing it, that their update is short", _FLIP, _MEAN, _proven
        ),
        "noise_on_sum": Claim(
            "the server adds noise to the sum",
            _FLIP,
            _MEAN,
            lambda rule, federation: _noisy(in_groups(rule, federation, len(federation)), federation),
        ),
        "pairs": Claim(
            "sums of groups of two, and the median of the five",
            _FLIP,
            _MEDIAN,
            lambda rule, federation: in_groups(rule, federation, 2),
        ),
        "fives": Claim(
            "sums of groups of five, and the median of the two",
            _FLIP,
            _MEDIAN,
            lambda rule, federation: in_groups(rule, federation, 5),
        ),
    }
)
"""Six claims, each of which :func:`try_claim` can test."""


def _noisy(rule: Aggregator, federation: Federation) -> Aggregator:
    generator = torch.Generator().manual_seed(derive(federation.seed, "noise on the sum"))

    def judge(updates: Tensor) -> Aggregation:
        made = rule(updates)
        drawn = torch.randn(made.update.shape, generator=generator)
        return Aggregation(made.update + 0.003 * drawn, made.weights)

    return judge


def try_claim(
    case: FederatedCase,
    federation: Federation,
    name: str,
    *,
    rounds: int | None = None,
    progress: Progress | None = None,
) -> Run:
    """Run a federation with liars under what a claim says, so that the accuracy decides.

    Parameters
    ----------
    case : FederatedCase
    federation : Federation
    name : str
        A key of :data:`CLAIMS`.
    rounds : int, optional
        That of the scenario without it.
    progress : function, optional
    """
    if name not in CLAIMS:
        raise UnknownNameError("claim", name, CLAIMS)
    claim = CLAIMS[name]
    return run(
        case,
        federation,
        claim.attack,
        claim.server,
        rounds=rounds,
        alarm=False,
        wrap=lambda rule: claim.wrap(rule, federation),
        progress=progress,
    )


def check_works(works: Sequence[str]) -> list[str]:
    """Return the names of the claims that somebody says hold, each once, in the order of the table."""
    if isinstance(works, str) or not isinstance(works, list | tuple):
        raise InvalidInputError(
            f"expected works as a list of claims, some of {', '.join(CLAIMS)}; got {works!r}"
        )
    for name in works:
        if not isinstance(name, str) or name not in CLAIMS:
            raise UnknownNameError("claim", str(name), CLAIMS)
    return [name for name in CLAIMS if name in works]


def check_group(group_size: Any, clients: int) -> int:
    """Return a size of groups, from 1 to the number of clients."""
    size = whole("group_size", group_size)
    if size > clients:
        raise InvalidInputError(f"expected group_size from 1 to {clients}, got {size}")
    return size


def seen_by_server(case: FederatedCase, federation: Federation) -> dict[str, Tensor]:
    """Return what a curious server reads out of the first step of a clinic, without and with masks.

    Every clinic takes one step on one record; the server divides the gradient of the weights by
    that of the bias, as in the lab on gradient inversion.

    Returns
    -------
    dict of str to Tensor of shape ``(1, c, h, w)``
        ``record``: what went in.  ``plain``, ``masked``, ``summed``: what is read out of one
        update, of one update under its mask, and of the sum of all.
    """
    model = TorchClassifier(federation.module, tuple(case.x.shape[1:]), len(case.class_names))
    sent = []
    for number in range(len(federation)):
        x, y = federation.clients.data(number)
        sent.append(client_update(federation.module, x[:1], y[:1]).gradients)
    rows = torch.stack([torch.cat([part.flatten() for part in each.values()]) for each in sent])
    arrived = masked_updates(rows, numbers=_RING, seed=federation.seed)
    views = {
        "plain": rows[0],
        "masked": _RING.decode(arrived[0]),
        "summed": _RING.decode(arrived.sum(0)) / len(rows),
    }
    seen = {"record": federation.clients.data(0)[0][:1]}
    for name, row in views.items():
        parts = torch.split(row, [part.numel() for part in sent[0].values()])
        gradients = {k: p.view_as(v) for (k, v), p in zip(sent[0].items(), parts, strict=True)}
        seen[name] = invert_linear(model, gradients).x_hat[:1].clamp(0, 1)
    return seen
