"""Who holds which pictures of an extraction lab; nobody holds what somebody else is to judge.

Nothing of what the judge or the suspects hold is part of what is issued
(:class:`labkit.course.cases.extraction.case.ExtractionCase`).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from labkit import data
from labkit.core.errors import InvalidInputError
from labkit.core.seeds import derive, make_generator
from labkit.course.cases.variants import Variant
from labkit.course.lab import Scenario
from labkit.data import Split

__all__ = ["SETTINGS", "Shares", "archive", "scan", "setting", "share_out"]

SETTINGS = {
    "training_size": 250,
    "pool_size": 50,
    "customer_size": 700,
    "archive_size": 300,
    "public_size": 500,
    "second_size": 250,
    "market_size": 350,
    "scan_noise": 0.2,
    "epochs": 20,
    "lr": 0.008,
}
"""What a scenario may set, and what holds otherwise."""


class Shares(NamedTuple):
    """The pictures of the first half: clean, with their classes."""

    training: Split
    """What the service was trained on."""
    pool: Split
    """What the thief has, without its classes."""
    customers: Split
    """What the known customers send."""
    held: Split
    """What the judge's customers send, and what fidelity is measured on."""


class Archive(NamedTuple):
    """The pictures of the dispute; the same for every variant of a scenario."""

    own: Split
    """What the owner's model was trained on."""
    public: Split
    """What the owner collected since, with classes."""
    second: Split
    """What the owner bought elsewhere, with classes."""
    market: Split
    """What thieves and rivals have."""
    held: Split
    """What nobody trained on."""


def setting(scenario: Scenario, name: str) -> float:
    """Return a setting of the scenario, such as ``scan_noise``."""
    return float(scenario.settings.get(name, SETTINGS[name]))


def share_out(variant: Variant) -> Shares:
    """Deal out the pictures of the service and its customers."""
    sizes = [int(setting(variant.scenario, f"{who}_size")) for who in ("training", "pool", "customer")]
    return Shares(*_dealt(variant.scenario, sizes, derive(variant.seed, "shares", variant.scenario.id)))


def archive(scenario: Scenario) -> Archive:
    """Deal out the pictures of the dispute."""
    sizes = [int(setting(scenario, f"{who}_size")) for who in ("archive", "public", "second", "market")]
    return Archive(*_dealt(scenario, sizes, derive(0, "archive", scenario.id)))


def scan(x: Tensor, strength: float, seed: int) -> Tensor:
    """Return pictures as they come out of the scanner at the desk, with its noise."""
    grain = torch.randn(x.shape, generator=make_generator(seed))
    return (x + strength * grain).clamp(0.0, 1.0)


def _dealt(scenario: Scenario, sizes: list[int], seed: int) -> list[Split]:
    dataset = data.load(scenario.dataset)
    x = torch.cat([dataset.train.x, dataset.test.x])
    y = torch.cat([dataset.train.y, dataset.test.y])
    if sum(sizes) + 200 > len(x):
        raise InvalidInputError(
            f"expected sizes that leave 200 of {len(x)} pictures of {dataset.card.name!r}, got {sizes}"
        )
    order = torch.randperm(len(x), generator=make_generator(seed))
    parts = order.tensor_split(torch.tensor(sizes).cumsum(0))
    return [Split(x[part], y[part]) for part in parts]
