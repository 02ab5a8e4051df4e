"""Three players of the evasion range: one who knows how, one who does nothing, one who is lazy.

Their runs, recorded in ``reference.json``, are what the thresholds in ``lab.toml`` rest on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from labkit.attacks import evasion
from labkit.core import derive, predict
from labkit.course.cases.evasion import EvasionCase
from labkit.defenses import adversarial_training
from labkit.metrics import clean_accuracy
from labkit.models import TorchClassifier

Handed = Iterator[tuple[str, dict[str, Any]]]


def reference(case: EvasionCase) -> Handed:
    """Play the lab as the solution notebook does."""
    budget = {"epsilon": case.threat.epsilon, "norm": case.threat.norm}
    seed = derive(case.seed, "reference bot")
    yield (
        "white-box",
        {"x_adv": evasion.pgd(case.victim, case.x, case.y, steps=40, seed=seed, **budget).x_adv},
    )

    x, y = case.x[case.chosen], case.y[case.chosen]
    asked = evasion.square(case.oracle(), x, y, query_budget=case.query_budget, seed=seed, **budget)
    yield "black-box", {"x_adv": asked.x_adv, "queries": asked.queries}

    stands = predict(case.secure, case.x) == case.y
    through = evasion.bpda(case.secure)
    for target, loss in ((through, "cross_entropy"), (through, "margin"), (case.victim, "cross_entropy")):
        adv = evasion.pgd(target, case.x, case.y, steps=40, restarts=2, loss=loss, seed=seed, **budget)
        stands &= predict(case.secure, adv.x_adv) == case.y
    yield "unmask", {"reported_accuracy": float(stands.float().mean())}

    model = hardened(case)
    yield "harden", {"model": model}
    yield "price", {"model": model}


def nothing(case: EvasionCase) -> Handed:
    """Hand in what was issued, and believe what was claimed."""
    yield "white-box", {"x_adv": case.x}
    yield (
        "black-box",
        {"x_adv": case.x[case.chosen], "queries": torch.zeros(len(case.chosen), dtype=torch.int64)},
    )
    yield "unmask", {"reported_accuracy": case.vendor_claim}
    yield "harden", {"model": case.victim}
    yield "price", {"model": case.victim}


def lazy(case: EvasionCase) -> Handed:
    """Do the first thing that comes to mind: noise, one question, the clean figure, a few steps."""
    budget = {"epsilon": case.threat.epsilon, "norm": case.threat.norm}
    seed = derive(case.seed, "lazy bot")
    noisy = evasion.random_noise(case.victim, case.x, case.y, seed=seed, **budget).x_adv
    yield "white-box", {"x_adv": noisy}
    yield (
        "black-box",
        {"x_adv": noisy[case.chosen], "queries": torch.ones(len(case.chosen), dtype=torch.int64)},
    )
    yield "unmask", {"reported_accuracy": clean_accuracy(case.secure, case.x, case.y).value}
    yield "harden", {"model": case.secure}
    yield "price", {"model": case.secure}


def hardened(case: EvasionCase) -> TorchClassifier:
    """Train the reference model of a scenario once; the variants differ in what it is judged on."""
    scenario = case.scenario
    if scenario.id not in _HARDENED:
        settings = scenario.settings

        def attack(model: TorchClassifier, x: Tensor, y: Tensor) -> Tensor:
            budget = {"epsilon": case.threat.epsilon, "norm": case.threat.norm}
            return evasion.pgd(model, x, y, steps=settings["training_steps"], **budget).x_adv

        _HARDENED[scenario.id] = adversarial_training(
            case.network, case.train.x, case.train.y, attack=attack, epochs=settings["training_epochs"]
        )
    return _HARDENED[scenario.id]


_HARDENED: dict[str, TorchClassifier] = {}
