"""What comes against a server: the attacks that a rule is judged by, and what it keeps of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from labkit.course.cases.federated.case import FederatedCase
from labkit.course.cases.federated.running import Run, run
from labkit.metrics import clean_accuracy

__all__ = [
    "GUARD",
    "LEAST_KEPT",
    "MEAN",
    "NOTHING",
    "SIEGE",
    "WEEKDAYS",
    "besiege",
    "minority_accuracy",
    "serve",
]

Progress = Callable[[int, int, str], None]
Recipe = Mapping[str, Any]

NOTHING: Recipe = {"attack": "none"}
MEAN: Recipe = {"aggregator": "mean"}

GUARD: Recipe = {"aggregator": "multi_krum", "tolerated": 3, "kept": 7}
"""The rule that a stealthy attack has to get past."""

SIEGE: Mapping[str, Recipe] = {
    "flip": {"attack": "sign_flip", "scale": 4.0},
    "stealth": {"attack": "a_little_is_enough", "z": 1.5, "listens": True},
    "backdoor": {"attack": "model_replacement", "boost": 10 / 3},
}
"""What three of ten clinics do while a defense is judged."""

WEEKDAYS: Mapping[str, Recipe] = {
    "ordinary": NOTHING,
    "flip": {"attack": "sign_flip", "scale": 5.0},
    "backdoor": {"attack": "model_replacement", "boost": 5.0},
}
"""What two of ten clinics do while it is measured who is heard; on an ordinary day, nothing."""

LEAST_KEPT = 0.85
"""Accuracy from which a rule counts as one that withstands."""


def besiege(
    case: FederatedCase, server: Recipe, *, seed: int, progress: Progress | None = None
) -> dict[str, Run]:
    """Run ten alike clinics, three of them malicious, under each attack of :data:`SIEGE`."""
    federation = case.federation("alike", malicious=3, seed=seed)
    return {
        name: run(case, federation, attack, server, progress=_part(progress, i, len(SIEGE)))
        for i, (name, attack) in enumerate(SIEGE.items())
    }


def serve(
    case: FederatedCase, server: Recipe, *, seed: int, progress: Progress | None = None
) -> dict[str, Run]:
    """Run ten clinics, one with another scanner and two malicious, on each day of :data:`WEEKDAYS`."""
    rounds = int(case.setting("minority_rounds"))
    runs = {}
    for i, (name, attack) in enumerate(WEEKDAYS.items()):
        liars = 0 if attack == NOTHING else 2
        federation = case.federation("minority", malicious=liars, seed=seed)
        runs[name] = run(
            case, federation, attack, server, rounds=rounds, progress=_part(progress, i, len(WEEKDAYS))
        )
    return runs


def minority_accuracy(case: FederatedCase, made: Run) -> float:
    """Return the accuracy on pictures as the minority clinic takes them."""
    return clean_accuracy(made.model, case.as_minority(case.x_test), case.y_test).value


def _part(progress: Progress | None, number: int, parts: int) -> Progress | None:
    if progress is None:
        return None
    return lambda done, total, message: progress(
        number * total + done, parts * total, f"training {number + 1} of {parts}, {message}"
    )
