"""Which framework fits an organisation: a declared table of points, each with its reason.

A framework is chosen; a law is not.  :func:`rank` therefore never ranks a law, and
:func:`duties` says which laws and contracts apply whatever is chosen.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from labkit.core.errors import UnknownNameError
from labkit.governance import standards

__all__ = [
    "CONTEXT_FACTS",
    "Context",
    "Fit",
    "Framework",
    "Reason",
    "duties",
    "factors",
    "frameworks",
    "rank",
]

_FILE = Path(__file__).with_name("frameworks.toml")

CONTEXT_FACTS: Mapping[str, str] = {
    "serves-eu": "places AI on the EU market, or uses it there",
    "personal-data": "processes personal data",
    "us-health-data": "holds electronic health data of US patients, as a covered entity or for one",
    "card-data": "stores, processes or transmits payment card data",
}
"""Facts about an organisation that bring duties, in words."""


@dataclass(frozen=True, slots=True)
class Framework:
    """Something that an organisation may choose to follow, or must.

    Attributes
    ----------
    id, title, text : str
    kind : str
        ``certifiable``, ``voluntary``, ``law`` or ``contract``.
    standard : str
        Id of its bundled table; empty where there is none.
    confidence : str
        ``background`` where no table was read: shown so, and never the key of a check.
    """

    id: str
    title: str
    text: str
    kind: str
    standard: str
    confidence: str

    @property
    def chosen(self) -> bool:
        """Whether it can be chosen at all."""
        return self.kind in ("certifiable", "voluntary")


@dataclass(frozen=True, slots=True)
class Context:
    """An organisation: a value for each factor, and facts that bring duties.

    Attributes
    ----------
    values : mapping of str to str
        Factor to value, in the vocabulary of :func:`factors`.
    facts : frozenset of str
        Keys of ``CONTEXT_FACTS``.
    """

    values: Mapping[str, str] = field(hash=False)
    facts: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Reason:
    """What one factor adds to the fit of a framework, or takes from it."""

    factor: str
    points: int
    why: str


@dataclass(frozen=True, slots=True)
class Fit:
    """How well a framework fits a context."""

    framework: Framework
    points: int
    reasons: tuple[Reason, ...]

    @property
    def decisive(self) -> tuple[str, ...]:
        """The factors that speak for it with two points or more."""
        return tuple(reason.factor for reason in self.reasons if reason.points >= 2)


def rank(context: Context) -> tuple[Fit, ...]:
    """Return every framework that can be chosen, the best fit first.

    Raises
    ------
    UnknownNameError
        When the context names an unknown factor or value.
    """
    for factor, value in context.values.items():
        if factor not in factors():
            raise UnknownNameError("factor", factor, factors())
        if value not in factors()[factor]["values"]:
            raise UnknownNameError(f"value of the factor {factor}", value, factors()[factor]["values"])
    fits = [_fit(each, context) for each in frameworks() if each.chosen]
    return tuple(sorted(fits, key=lambda fit: -fit.points))


def duties(context: Context) -> tuple[Framework, ...]:
    """Return the laws and contracts that apply to a context, whatever is chosen."""
    wanted = {raw["id"]: set(raw["needs"]) for raw in _raw()["framework"] if "needs" in raw}
    return tuple(
        each for each in frameworks() if not each.chosen and wanted.get(each.id, {""}) <= context.facts
    )


@lru_cache(maxsize=1)
def frameworks() -> tuple[Framework, ...]:
    """Return every framework and every duty that the table knows."""
    known = {each.id: each for each in standards.standards()}
    found = []
    for raw in _raw()["framework"]:
        standard = raw.get("standard", "")
        if standard and standard not in known:
            raise UnknownNameError("bundled standard", standard, known)
        found.append(
            Framework(
                raw["id"],
                raw["title"],
                raw["text"],
                raw["kind"],
                standard,
                "secondary" if standard else "background",
            )
        )
    return tuple(found)


@lru_cache(maxsize=1)
def factors() -> Mapping[str, Mapping[str, Any]]:
    """Return the factors: for each its question, and its values with their words."""
    return MappingProxyType(_raw()["factor"])


def _fit(framework: Framework, context: Context) -> Fit:
    reasons = tuple(
        Reason(raw["factor"], raw["points"], raw["why"])
        for raw in _raw()["fit"]
        if raw["framework"] == framework.id and context.values.get(raw["factor"]) == raw["value"]
    )
    return Fit(framework, sum(reason.points for reason in reasons), reasons)


@lru_cache(maxsize=1)
def _raw() -> dict[str, Any]:
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))
