"""The causal structure behind the loan applications: who depends on whom, and how.

Every value is a function of its parents and of noise of its own, so that a question such as
"what if this applicant belonged to the other group" has an exact answer: the same noise, one
value set, everything downstream computed anew (Pearl, Causality, 2nd ed. 2009, chapter 7).

The group is the protected attribute.  It has no arrow to ``repaid``: whatever a model learns
from the group, or from the district that stands in for it, is learned from the way to the
outcome through income and savings, or is unfair.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labkit.core.errors import InvalidInputError

__all__ = ["FEATURES", "GRAPH", "OUTCOME", "PROTECTED", "Town", "descendants", "evaluate"]

Values = NDArray[np.floating[Any]]

PROTECTED = "group"
OUTCOME = "repaid"

GRAPH: dict[str, tuple[str, ...]] = {
    "group": (),
    "age": (),
    "district": ("group",),
    "education": ("age",),
    "income": ("group", "age", "education"),
    "employment": ("age",),
    "savings": ("income", "age"),
    "debts": ("income",),
    "late_payments": ("debts", "income"),
    "amount": ("income",),
    "repaid": ("income", "savings", "debts", "late_payments", "amount", "employment"),
}
"""Each value and its parents, in an order in which they can be computed."""

FEATURES = tuple(name for name in GRAPH if name != OUTCOME)
"""What an application says, in the order of the columns."""


@dataclass(frozen=True, slots=True)
class Town:
    """How strongly the group shows in a town; as it stands, the town of the bundled data set.

    Attributes
    ----------
    income_gap : float
        How much lower the logarithm of the income lies in group 1; negative where it is higher.
        A true difference between the groups, and the only one on the way to ``repaid``.
    district_shares : pair of float
        Share of group 0 and of group 1 that lives in district 1.  The further apart the two,
        the better the district stands in for the group.
    """

    income_gap: float = 0.08
    district_shares: tuple[float, float] = (0.2, 0.75)

    def __post_init__(self) -> None:
        if not math.isfinite(self.income_gap):
            raise InvalidInputError(f"expected income_gap as a finite number, got {self.income_gap!r}")
        if len(self.district_shares) != 2 or not all(0 <= share <= 1 for share in self.district_shares):
            raise InvalidInputError(
                f"expected district_shares as two shares from 0 to 1, got {self.district_shares!r}"
            )


def _logistic(values: Values) -> Values:
    return 1 / (1 + np.exp(-values))


# One line a value; `noise` is uniform on (0, 1) where a share is drawn, standard normal elsewhere.
_EQUATIONS: dict[str, Callable[[Mapping[str, Values], Values], Values]] = {
    "group": lambda v, u: (u < 0.4) * 1.0,
    "age": lambda v, e: np.clip(42 + 13 * e, 18, 80),
    "education": lambda v, e: np.clip(13 + 0.02 * (v["age"] - 42) + 2.5 * e, 8, 20),
    "employment": lambda v, e: np.clip(0.3 * (v["age"] - 18) + 4 * e, 0, 40),
    "savings": lambda v, e: np.clip(v["income"] * np.exp(0.4 + 0.015 * (v["age"] - 42) + 0.8 * e), 0, 60000),
    "debts": lambda v, e: np.clip(v["income"] * np.exp(-0.2 + 0.7 * e), 0, 30000),
    "late_payments": lambda v, e: np.clip(np.floor(0.8 + 0.9 * v["debts"] / v["income"] + 1.2 * e), 0, 12),
    "amount": lambda v, e: np.clip(v["income"] * np.exp(1.1 + 0.5 * e), 500, 50000),
    "repaid": lambda v, u: (u < _logistic(_ease(v))) * 1.0,
}


def _equations(town: Town) -> dict[str, Callable[[Mapping[str, Values], Values], Values]]:
    """Return every equation, those included that differ from town to town."""
    lives = town.district_shares
    return _EQUATIONS | {
        "district": lambda v, u: (u < np.where(v["group"] == 1, lives[1], lives[0])) * 1.0,
        "income": lambda v, e: np.clip(
            np.exp(
                7.6
                - town.income_gap * v["group"]
                + 0.05 * (v["education"] - 13)
                + 0.006 * (v["age"] - 42)
                + 0.35 * e
            ),
            600,
            12000,
        ),
    }


UNIFORM = frozenset({"group", "district", "repaid"})
"""Values that are drawn as a share; the noise of the others is standard normal."""

_ROUNDING = {"age": 0, "education": 0, "income": 0, "employment": 0, "savings": 0, "debts": 0, "amount": 0}


def _ease(v: Mapping[str, Values]) -> Values:
    """How easy it is to pay the loan back, in log-odds."""
    burden = (v["amount"] / 36 + v["debts"] / 24) / v["income"]
    return np.asarray(
        1.1
        - 9.0 * burden
        - 0.85 * (v["late_payments"] - 2)
        + 0.35 * np.log1p(v["savings"] / 1000)
        + 0.9 * np.log(v["income"] / 2000)
        + 0.04 * (v["employment"] - 7)
    )


def evaluate(
    noise: Mapping[str, Values], do: Mapping[str, float], town: Town | None = None
) -> dict[str, Values]:
    """Compute every value from its noise; what stands in ``do`` is set instead.

    Parameters
    ----------
    noise : mapping of str to array of shape ``(n,)``
        One array for each name of :data:`GRAPH`.
    do : mapping of str to float
        Interventions.
    town : Town, optional
        How strongly the group shows; by default as in the bundled data set.
    """
    equations = _equations(town or Town())
    values: dict[str, Any] = {}
    for name in GRAPH:
        if name in do:
            values[name] = np.full_like(noise[name], float(do[name]))
            continue
        made = equations[name](values, noise[name])
        values[name] = np.round(made, _ROUNDING[name]) if name in _ROUNDING else made
    return values


def descendants(name: str) -> set[str]:
    """Return everything that depends on ``name``, directly or not."""
    found: set[str] = set()
    for child, parents in GRAPH.items():
        if name in parents or found & set(parents):
            found.add(child)
    return found
