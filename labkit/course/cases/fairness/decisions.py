"""The record of a decision: which measure is held, which are given up, and what each comes to."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from labkit.core.errors import InvalidInputError, UnknownNameError
from labkit.course.cases.fairness.applicants import Applicants
from labkit.course.cases.fairness.recipes import Desk, check_recipe
from labkit.defenses.fairness import TARGETS
from labkit.metrics import Gap, Rate, demographic_parity, equal_opportunity, equalised_odds, predictive_parity

__all__ = ["REASONS", "REFUSAL", "accuracy", "check_record", "describe", "gaps"]

REASONS: Mapping[str, str] = MappingProxyType(
    {
        "demographic_parity": "loans themselves are to reach both groups alike, whatever came before",
        "equal_opportunity": "whoever would repay is to have the same chance of a loan in either group",
        "predictive_equality": "nobody is to be lent what they cannot repay more often in one group",
        "predictive_parity": "a yes is to mean the same risk, so that nobody is lent to on easier terms",
        "nothing": "one standard is to hold for everybody, and unequal circumstances are to change elsewhere",
    }
)
"""What speaks for holding each measure, or for repairing nothing, in a sentence one can be held to."""

REFUSAL = "nothing"
"""What is held by a desk that is not repaired: a decision like any other, if it is written down."""


def gaps(decisions: Any, people: Applicants) -> dict[str, Gap]:
    """Return every gap between the groups, by the name of its measure.

    Parameters
    ----------
    decisions : Tensor of shape ``(n,)``, bool
    people : Applicants
    """
    return {
        "demographic_parity": demographic_parity(decisions, people.group),
        "equal_opportunity": equal_opportunity(decisions, people.y, people.group),
        "predictive_equality": equalised_odds(
            decisions, people.y, people.group, resamples=100
        ).false_positive,
        "predictive_parity": predictive_parity(decisions, people.y, people.group),
    }


def accuracy(decisions: Any, people: Applicants) -> Rate:
    """Return the share of decisions that the outcome bears out."""
    return Rate.of(decisions == (people.y == 1))


def check_record(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record of a decision, whole and checked.

    Parameters
    ----------
    record : mapping
        ``recipe``; ``holds``, a measure or ``"nothing"``; ``gives_up``, a list of measures; ``gaps``, a
        number for each measure; ``cost``, the accuracy lost, a share; ``reason``, a name out of
        ``REASONS``.  Measures are the names out of ``TARGETS``.

    Raises
    ------
    InvalidInputError, UnknownNameError
        When something is missing, unknown, or no number.
    """
    wanted = ("recipe", "holds", "gives_up", "gaps", "cost", "reason")
    if not isinstance(record, Mapping) or set(record) != set(wanted):
        got = sorted(record) if isinstance(record, Mapping) else type(record).__name__
        raise InvalidInputError(f"expected a record with {', '.join(wanted)}; got {got}")
    given_up = record["gives_up"]
    if isinstance(given_up, str) or not isinstance(given_up, list | tuple | set | frozenset):
        raise InvalidInputError(f"expected gives_up as a list of measures, got {given_up!r}")
    for names, known in (((record["holds"], record["reason"]), REASONS), (given_up, TARGETS)):
        for name in names:
            if not isinstance(name, str) or name not in known:
                raise UnknownNameError("measure", str(name), known)
    stated = record["gaps"]
    if not isinstance(stated, Mapping) or set(stated) != set(TARGETS):
        raise InvalidInputError(f"expected gaps for {', '.join(TARGETS)}; got {stated!r}")
    return {
        "recipe": check_recipe(record["recipe"]),
        "holds": record["holds"],
        "gives_up": sorted(set(given_up)),
        "gaps": {name: _share(name, stated[name]) for name in TARGETS},
        "cost": _share("cost", record["cost"]),
        "reason": record["reason"],
    }


def describe(desk: Desk, people: Applicants) -> dict[str, float]:
    """Return what a record has to state about a desk: every gap, as numbers."""
    return {name: gap.value for name, gap in gaps(desk.decide(people), people).items()}


def _share(name: str, value: Any) -> float:
    try:
        number = math.nan if isinstance(value, str | bool) else float(value)
    except (TypeError, ValueError, RuntimeError):
        number = math.nan
    if not -1 <= number <= 1:
        raise InvalidInputError(f"expected {name} as a number from -1 to 1, got {value!r}")
    return number
