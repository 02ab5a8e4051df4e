"""What the studio's architectures are made of, read from ``catalogue.toml`` and checked."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from labkit.core.errors import DeclarationError
from labkit.governance import standards
from labkit.governance.threatmodel.stride import CATEGORIES

__all__ = ["Catalogue", "Family", "Flaw", "catalogue", "mitigations", "techniques"]

_PATH = Path(__file__).with_name("catalogue.toml")


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of system: what its parts are called there."""

    id: str
    title: str
    system: str
    goal: str
    names: Mapping[str, str]
    words: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something that may be wrong with one part: how it reads when it is, and when it is not."""

    id: str
    at: str
    category: str
    title: str
    flawed: str
    sound: str
    technique: str
    mitigations: tuple[str, ...]
    controls: tuple[str, ...]
    likelihood: int
    impact: int
    step: str
    route: str
    effort: int
    success: float
    why: str
    also: tuple[str, ...] = ()

    @property
    def techniques(self) -> tuple[str, ...]:
        """The ATLAS techniques that name it; empty when none does."""
        return (self.technique, *self.also) if self.technique else ()


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything an architecture is made of."""

    families: Mapping[str, Family]
    zones: Mapping[str, str]
    roles: Mapping[str, Mapping[str, str]]
    flows: Mapping[str, Mapping[str, str]]
    assets: Mapping[str, Mapping[str, Any]]
    controls: Mapping[str, Mapping[str, Any]]
    flaws: tuple[Flaw, ...]


@lru_cache(maxsize=1)
def catalogue() -> Catalogue:
    """Return the catalogue.

    Raises
    ------
    DeclarationError
        When a flaw names what is not there, or an id that no bundled list has.
    """
    data = tomllib.loads(_PATH.read_text(encoding="utf-8"))
    families = {
        id: Family(
            id,
            about["title"],
            about["system"],
            about["goal"],
            about["names"],
            {"person": about["person"], "specialist": about["specialist"]},
        )
        for id, about in data["families"].items()
    }
    flaws = tuple(
        Flaw(**{**each, **{name: tuple(each.get(name, ())) for name in ("mitigations", "controls", "also")}})
        for each in data["flaw"]
    )
    made = Catalogue(
        families, data["zones"], data["roles"], data["flows"], data["assets"], data["controls"], flaws
    )
    for flaw in flaws:
        _check(flaw, made)
    return made


def _check(flaw: Flaw, known: Catalogue) -> None:
    for id in (*flaw.techniques, *flaw.mitigations):
        standards.lookup(id)
    problems = {
        "at": flaw.at in known.roles or flaw.at in known.flows,
        "category": flaw.category in CATEGORIES,
        "controls": bool(flaw.controls) and set(flaw.controls) <= set(known.controls),
        "likelihood and impact": {flaw.likelihood, flaw.impact} <= {1, 2, 3, 4, 5},
        "step": flaw.step in ("entry", "impact"),
    }
    for name, fine in problems.items():
        if not fine:
            raise DeclarationError(_PATH, None, f"the flaw {flaw.id!r} has no usable {name}")


def techniques() -> dict[str, str]:
    """Return the ATLAS techniques of the bundled release: id to title."""
    return _section("techniques")


def mitigations() -> dict[str, str]:
    """Return the ATLAS mitigations of the bundled release: id to title."""
    return _section("mitigations")


@lru_cache(maxsize=4)
def _section(section: str) -> dict[str, str]:
    entries = (standards.lookup(id) for id in sorted(standards.index()) if id.startswith("AML."))
    return {entry.id: entry.title for entry in entries if entry.section == section}
