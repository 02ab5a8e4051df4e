"""Extraction: what the answers of a service are worth to somebody who wants the model behind it.

Every attack returns what it got and how, and claims nothing about success.
"""

from collections.abc import Callable
from typing import Any

from labkit.attacks.extraction.equations import probe_inputs, solve_linear, solve_logistic
from labkit.attacks.extraction.imitation import STRATEGIES, imitate
from labkit.attacks.extraction.stolen import RecoveredParameters, StolenModel

__all__ = [
    "ATTACKS",
    "STRATEGIES",
    "RecoveredParameters",
    "StolenModel",
    "imitate",
    "probe_inputs",
    "solve_linear",
    "solve_logistic",
]

ATTACKS: dict[str, Callable[..., Any]] = {
    "imitate": imitate,
    "solve_linear": solve_linear,
    "solve_logistic": solve_logistic,
}
"""Attacks on a model behind a service, by name."""
