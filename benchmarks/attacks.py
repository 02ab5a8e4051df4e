"""FGSM and PGD-40: ours against torchattacks, on the same victim, data, budget and process."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from labkit import data, engines
from labkit.attacks import evasion
from labkit.core import AdversarialExamples, Norm, ThreatModel
from labkit.core.machine import set_threads
from labkit.metrics import legal, robust_accuracy
from labkit.models import load_victim

TITLE = "time and strength on digits, epsilon 0.1 in L-infinity, one thread, median of interleaved repeats"
EPSILON = 0.1
REPEATS = 5
SAMPLES = 256
STEPS: dict[str, Any] = {"epsilon": EPSILON, "steps": 40, "step_size": EPSILON / 10}


def run() -> list[dict[str, Any]]:
    """Return a row for each victim, attack and library."""
    set_threads()
    digits = data.load("digits")
    x, y = digits.test.x[:SAMPLES], digits.test.y[:SAMPLES]
    theirs = engines.load("torchattacks")
    rows = []
    for victim in ("cnn", "resnet"):
        model = load_victim(victim, digits)
        for name, players in {
            "fgsm": {
                "labkit": partial(evasion.fgsm, epsilon=EPSILON),
                "torchattacks": theirs.attack("fgsm", epsilon=EPSILON),
            },
            "pgd-40": {
                "labkit": partial(evasion.pgd, **STEPS),
                "labkit, no early stop": partial(evasion.pgd, **STEPS, early_stop=False),
                "torchattacks": theirs.attack("pgd", **STEPS),
            },
        }.items():
            rows += _compared(victim, name, players, model, x, y)
    return rows


def _compared(
    victim: str, name: str, players: dict[str, Callable[..., AdversarialExamples]], model: Any, x: Any, y: Any
) -> list[dict[str, Any]]:
    seconds: dict[str, list[float]] = {player: [] for player in players}
    results: dict[str, AdversarialExamples] = {}
    for player, attack in players.items():
        results[player] = attack(model, x, y)  # the first run pays for what is lazy
    for _ in range(REPEATS):
        for player, attack in players.items():
            start = time.perf_counter()
            results[player] = attack(model, x, y)
            seconds[player].append(time.perf_counter() - start)
    threat = ThreatModel(Norm.LINF, EPSILON)
    base = statistics.median(seconds["torchattacks"])
    return [
        {
            "victim": victim,
            "attack": name,
            "library": player,
            "seconds": statistics.median(seconds[player]),
            "times faster": base / statistics.median(seconds[player]),
            "robust accuracy": robust_accuracy(model, results[player], threat).value,
            "all legal": "yes" if bool(legal(model, results[player], threat).all()) else "no",
        }
        for player in players
    ]
