"""What the panels of the robustness lab share: networks on the shelf, attacks on issued inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from labkit.core import derive
from labkit.course.cases.robustness.case import RobustnessCase
from labkit.course.cases.robustness.judging import standing_after
from labkit.data import Split
from labkit.metrics import Rate
from labkit.models import TorchClassifier
from labkit.ui.session import LabSession

__all__ = [
    "HARDENED",
    "SMOOTHED",
    "Network",
    "networks_of",
    "own_seed",
    "share_network",
    "standing",
]

HARDENED, SMOOTHED = "hardened network", "smoothed network"
"""What was handed in last, on the shelf."""

_NETWORKS = "networks"


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """A network that somebody trained, and how.

    Attributes
    ----------
    name : str
        The method and its dials, in words.
    model : TorchClassifier
    dials : dict
        The same as data, for the evidence.
    """

    name: str
    model: TorchClassifier
    dials: dict[str, Any]


def networks_of(lab: LabSession) -> list[Network]:
    """Return the networks there are: the reader in use first, then what was trained, oldest first."""
    case: RobustnessCase = lab.case
    return [Network("the reader in use", case.victim, {"method": "none"}), *lab.shelf.get(_NETWORKS, ())]


def share_network(lab: LabSession, network: Network) -> None:
    """Put a network on the shelf, where every panel sees it."""
    lab.put(_NETWORKS, (*lab.shelf.get(_NETWORKS, ()), network))


def standing(case: RobustnessCase, model: TorchClassifier, steps: int = 40, count: int | None = None) -> Rate:
    """Return what PGD with both losses leaves on issued inputs."""
    inputs = Split(case.x[:count], case.y[:count])
    return Rate.of(standing_after(case, model, inputs, steps))


def own_seed(case: RobustnessCase, *labels: str | int) -> int:
    """Return a seed for what a participant does, which the judge does not use."""
    return derive(case.seed, "own", *labels)


def accuracy(model: TorchClassifier, x: torch.Tensor, y: torch.Tensor) -> float:
    """Return the share that is read correctly."""
    return float((model.logits(x).argmax(1) == y).float().mean())
