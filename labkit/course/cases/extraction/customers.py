"""The customers of a service: how much each of them asks in a day, and about what."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from labkit.core.seeds import derive, make_generator
from labkit.course.cases.extraction.shares import scan, setting, share_out
from labkit.course.cases.variants import Variant
from labkit.data import Split

__all__ = ["Customer", "judged_customers", "known_customers"]

KNOWN, JUDGED = 800, 300
"""Accounts of last month, and accounts of the judge's day."""

_USUAL, _SPREAD, _MOST = 14.0, 0.5, 100
"""Questions of a customer in a day: the median, the spread of their logarithm, and the most."""


@dataclass(frozen=True, slots=True, eq=False)
class Customer:
    """One account for one day.

    Attributes
    ----------
    x : Tensor of shape ``(n, ...)``
        Scans, in the order in which they are sent.
    y : Tensor of shape ``(n,)``, int64
        What they are.
    """

    x: Tensor
    y: Tensor


def known_customers(variant: Variant) -> list[Customer]:
    """Return the accounts of last month, which the owner has on record."""
    return _drawn(variant, share_out(variant).customers, KNOWN, "known")


def judged_customers(variant: Variant) -> list[Customer]:
    """Return the accounts of the day on which a defence is judged.

    All scans are new, and half of them are of pictures that no customer has sent before.
    """
    shares = share_out(variant)
    known, held = shares.customers, shares.held
    n = min(len(known), len(held))
    mixed = Split(torch.cat([known.x[:n], held.x[:n]]), torch.cat([known.y[:n], held.y[:n]]))
    return _drawn(variant, mixed, JUDGED, "judged")


def _drawn(variant: Variant, pictures: Split, number: int, who: str) -> list[Customer]:
    generator = make_generator(derive(variant.seed, "customers", who))
    volumes = (math.log(_USUAL) + _SPREAD * torch.randn(number, generator=generator)).exp()
    noise = setting(variant.scenario, "scan_noise")
    found = []
    for i, volume in enumerate(volumes.tolist()):
        asked = torch.randint(len(pictures), (max(1, min(_MOST, round(volume))),), generator=generator)
        x = scan(pictures.x[asked], noise, derive(variant.seed, "scans", who, i))
        found.append(Customer(x, pictures.y[asked]))
    return found
