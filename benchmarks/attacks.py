"""Evasion in a classroom: ours against every engine that is installed, in one process.

Same victim, data, budget and threads; repeats are interleaved, so that a busy minute hits everybody
alike.  A row says how many times faster than the fastest peer a library is, and how much of the
accuracy is left: a fast attack that breaks less has won nothing.
"""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from torch import Tensor

from benchmarks.minimum_norm import rows_of
from labkit import data, engines
from labkit.attacks import evasion
from labkit.attacks.evasion._common import cross_entropy
from labkit.attacks.evasion.searching import Search
from labkit.core import (
    AdversarialExamples,
    DifferentiableClassifier,
    LabkitError,
    Norm,
    ThreatModel,
)
from labkit.core.machine import set_threads
from labkit.core.protocols import require_differentiable
from labkit.metrics import legal, robust_accuracy, robustness
from labkit.models import load_victim

__all__ = ["TITLE", "run"]

TITLE = "time and strength on digits, epsilon 0.1 in L-infinity, one thread, median of interleaved repeats"

Attack = Callable[[Any, Tensor, Tensor], AdversarialExamples]
Row = dict[str, Any]

EPSILON = 0.1
SAMPLES = 256
THREAT = ThreatModel(Norm.LINF, EPSILON)
_STEPS: dict[str, Any] = {"epsilon": EPSILON, "steps": 40, "step_size": EPSILON / 10}
_FAST: dict[str, Any] = {"epsilon": EPSILON, "step_decay": True, "precision": "auto"}


def _cascade(model: Any, x: Tensor, y: Tensor) -> AdversarialExamples:
    report = robustness(model, x, y, THREAT, sanity=False, epsilons=[EPSILON])
    return report.examples(x, y)


# What is compared: our players, the name of the attack in the engines, its settings, and repeats.
_CONTESTS: Mapping[str, tuple[Mapping[str, Attack], str, Mapping[str, Any], int]] = {
    "fgsm": ({"labkit": partial(evasion.fgsm, epsilon=EPSILON)}, "fgsm", {"epsilon": EPSILON}, 5),
    "pgd-40": (
        {
            "labkit": partial(evasion.pgd, steps=40, **_FAST),
            "labkit, 20 steps": partial(evasion.pgd, steps=20, **_FAST),
            "labkit, their step and precision": partial(evasion.pgd, **_STEPS),
        },
        *("pgd", _STEPS, 3),
    ),
    "cascade": ({"labkit": _cascade}, "autoattack", {"epsilon": EPSILON}, 1),
}


def run() -> list[Row]:
    """Return a row for each victim, attack and library."""
    set_threads()
    digits = data.load("digits")
    x, y = digits.test.x[:SAMPLES], digits.test.y[:SAMPLES]
    rows: list[Row] = []
    for victim in ("cnn", "resnet"):
        model = require_differentiable(load_victim(victim, digits), "a contest of gradient attacks")
        for contest, (ours, theirs, settings, repeats) in _CONTESTS.items():
            players = {**ours, **_peers(theirs, settings)}
            rows += _compared(victim, contest, players, set(ours), model, x, y, repeats)
        rows.append(_bound(victim, model, x, y))
    return rows + rows_of(("carlini_wagner", "deepfool"))


def _peers(attack: str, settings: Mapping[str, Any]) -> dict[str, Attack]:
    """Return the attack of every engine that is installed and has it."""
    found: dict[str, Attack] = {}
    for name in engines.available():
        try:
            engine = engines.load(name)
        except LabkitError:
            continue  # not installed here
        if attack in engine.ATTACKS:
            words = engine.ATTACKS[attack].words
            given = {word: value for word, value in settings.items() if word in words}
            found[name] = engine.attack(attack, **given)
    return found


def _compared(
    victim: str,
    contest: str,
    players: Mapping[str, Attack],
    ours: set[str],
    model: Any,
    x: Tensor,
    y: Tensor,
    repeats: int,
) -> list[Row]:
    wall: dict[str, list[float]] = {player: [] for player in players}
    processor: dict[str, list[float]] = {player: [] for player in players}
    results: dict[str, AdversarialExamples] = {}
    for attack in players.values():
        attack(model, x[:32], y[:32])  # pays for what is lazy
    for _ in range(repeats):
        for player, attack in players.items():
            began, spent = time.perf_counter(), time.process_time()
            results[player] = attack(model, x, y)
            wall[player].append(time.perf_counter() - began)
            processor[player].append(time.process_time() - spent)
    peers = [statistics.median(wall[player]) for player in players if player not in ours]
    fastest = min(peers, default=float("nan"))
    return [
        {
            "victim": victim,
            "attack": contest,
            "library": player,
            "seconds": statistics.median(wall[player]),
            "cpu s": statistics.median(processor[player]),
            "times the fastest peer": fastest / statistics.median(wall[player]),
            "robust accuracy": robust_accuracy(model, results[player], THREAT).value,
            "all legal": "yes" if bool(legal(model, results[player], THREAT).all()) else "no",
        }
        for player in players
    ]


def _bound(victim: str, model: DifferentiableClassifier, x: Tensor, y: Tensor) -> Row:
    """Return how long the bare forward and backward passes of our PGD-40 take, on what still stood."""
    standing = [len(x)]

    def note(_done: int, _total: int, message: str) -> None:
        if broken := re.search(r"(\d+) of (\d+) misread", message):
            standing.append(int(broken[2]) - int(broken[1]))

    attack: Callable[..., AdversarialExamples] = partial(evasion.pgd, steps=40, **_FAST)
    attack(model, x, y, progress=note)
    search = Search(model, "auto")
    ours, bare = [], []
    for _ in range(3):
        began = time.perf_counter()
        attack(model, x, y)
        ours.append(time.perf_counter() - began)
        began = time.perf_counter()
        for size in standing[:-1]:
            if size:
                search(x[:size], y[:size], None, cross_entropy)
        bare.append(time.perf_counter() - began)
    return {
        "victim": victim,
        "attack": "pgd-40",
        "library": "lower bound",
        "seconds": statistics.median(bare),
        "labkit, times the bound": statistics.median(ours) / statistics.median(bare),
    }
