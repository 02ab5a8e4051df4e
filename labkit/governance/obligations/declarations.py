"""Read the declared duties: what, for whom, from when, and who says so.

Source, edition and confidence are not repeated in ``obligations.toml``: each duty names the
entry of the bundled tables that it was read from, and they come from there.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from labkit.core.errors import DeclarationError, LabkitError
from labkit.governance import standards
from labkit.governance.obligations.classifying import facts
from labkit.governance.obligations.words import EVERYWHERE, FORCES, JURISDICTIONS, ROLES, TIERS

__all__ = ["Obligation", "Transition", "fact_gaps", "obligations", "read_obligations", "transitions"]

_FILE = Path(__file__).with_name("obligations.toml")
_IN_FORCE = "in force"
_KEYS = {
    "id",
    "jurisdiction",
    "title",
    "text",
    "standard",
    "from",
    "from_by",
    "force",
    "roles",
    "tiers",
    "when",
    "any_of",
    "unless",
    "unsettled",
    "note",
}


@dataclass(frozen=True, slots=True)
class Obligation:
    """One duty.

    Attributes
    ----------
    id, jurisdiction, title, text : str
    standard : str
        Qualified id of the entry that it was read from.
    article, source, confidence, as_of : str
        Of that entry; ``as_of`` is the day the fact was read, ``YYYY-MM-DD``.
    applies_from : date or None
        First day; None where the table gives no day and it is in force on ``as_of``.
    applies_from_by : mapping of str to date
        Another first day for a tier, or for a system with a fact.
    force : str
        Key of ``FORCES``: law, contract or voluntary.
    roles, tiers : tuple of str
        Whom and what it is for; empty for any.
    when, any_of, unless : frozenset of str
        Facts that must all hold, of which at least one must, and of which none may; empty for none.
    unsettled : str
        Why the day is not certain; empty where it is.
    note : str
    """

    id: str
    jurisdiction: str
    title: str
    text: str
    standard: str
    article: str
    source: str
    confidence: str
    as_of: str
    applies_from: date | None
    applies_from_by: Mapping[str, date] = field(default_factory=dict, hash=False)
    force: str = "law"
    roles: tuple[str, ...] = ()
    tiers: tuple[str, ...] = ()
    when: frozenset[str] = frozenset()
    any_of: frozenset[str] = frozenset()
    unless: frozenset[str] = frozenset()
    unsettled: str = ""
    note: str = ""

    @property
    def binding(self) -> bool:
        """Whether it must be met, by law or by contract."""
        return self.force != "voluntary"

    @property
    def ban(self) -> bool:
        """Whether it forbids the system itself, so that nothing one does can fulfil it."""
        return self.tiers == ("prohibited",)

    @property
    def settled(self) -> bool:
        """Whether fact and day are certain enough to be asked for in a check."""
        return not self.unsettled and self.confidence in ("primary", "secondary")


@dataclass(frozen=True, slots=True)
class Transition:
    """When duties reach a system that was there before them and whose design stays as it is.

    Attributes
    ----------
    id, text : str
    standard, source, confidence, as_of : str
        Of the entry that it was read from.
    by : date
        The day by which they are to be met.
    when : frozenset of str
        Facts that must all hold for the system.
    roles : tuple of str
        Whose duties it is about.
    """

    id: str
    text: str
    standard: str
    source: str
    confidence: str
    as_of: str
    by: date
    when: frozenset[str]
    roles: tuple[str, ...]


@lru_cache(maxsize=1)
def transitions() -> tuple[Transition, ...]:
    """Return what is declared about older systems; what none of it names stays out of later duties."""
    return tuple(
        Transition(
            raw["id"],
            raw["text"],
            raw["standard"],
            (entry := standards.lookup(raw["standard"])).source,
            entry.confidence,
            entry.as_of,
            date.fromisoformat(raw["by"]),
            frozenset(raw["when"]),
            tuple(raw["roles"]),
        )
        for raw in tomllib.loads(_FILE.read_text(encoding="utf-8"))["transition"]
    )


@lru_cache(maxsize=1)
def obligations() -> tuple[Obligation, ...]:
    """Return every declared duty, in the order of the file."""
    return read_obligations(_FILE)


@lru_cache(maxsize=1)
def fact_gaps() -> Mapping[str, str]:
    """Return what the tables do not hold, by jurisdiction."""
    raw = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return MappingProxyType({gap["jurisdiction"]: gap["text"] for gap in raw["gap"]})


def read_obligations(path: Path) -> tuple[Obligation, ...]:
    """Return the duties that a file declares.

    Raises
    ------
    DeclarationError
        When an id is used twice, or a duty names an unknown entry, role, tier, fact,
        jurisdiction or key, or a day that is none.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))["obligation"]
    except (OSError, KeyError, tomllib.TOMLDecodeError) as error:
        raise DeclarationError(path, None, f"expected [[obligation]] tables, got {error!r}") from error
    found: dict[str, Obligation] = {}
    for raw in tables:
        name = str(raw.get("id", "?"))
        try:
            obligation = _obligation(raw)
        except (LabkitError, KeyError, TypeError, ValueError) as error:
            raise DeclarationError(path, None, f"obligation {name!r}: {error}") from error
        for each in _by_place(obligation):
            if each.id in found:
                raise DeclarationError(path, None, f"the obligation {each.id!r} is declared twice")
            found[each.id] = each
    return tuple(found.values())


def _by_place(obligation: Obligation) -> tuple[Obligation, ...]:
    """Return an obligation of every place once for each, with the place before its id."""
    if obligation.jurisdiction != EVERYWHERE:
        return (obligation,)
    return tuple(
        replace(obligation, id=f"{place.lower()}-{obligation.id}", jurisdiction=place)
        for place in JURISDICTIONS
    )


def _obligation(raw: Mapping[str, Any]) -> Obligation:
    if unknown := sorted(raw.keys() - _KEYS):
        raise ValueError(f"unknown keys {', '.join(unknown)}; known: {', '.join(sorted(_KEYS))}")
    entry = standards.lookup(raw["standard"])
    first = raw["from"]
    obligation = Obligation(
        id=raw["id"],
        jurisdiction=raw["jurisdiction"],
        title=raw["title"],
        text=raw["text"],
        standard=raw["standard"],
        article=entry.id,
        source=entry.source,
        confidence=entry.confidence,
        as_of=entry.as_of,
        applies_from=None if first == _IN_FORCE else date.fromisoformat(first),
        applies_from_by=MappingProxyType(
            {key: date.fromisoformat(day) for key, day in raw.get("from_by", {}).items()}
        ),
        force=raw.get("force", "law"),
        roles=tuple(raw.get("roles", ())),
        tiers=tuple(raw.get("tiers", ())),
        when=frozenset(raw.get("when", ())),
        any_of=frozenset(raw.get("any_of", ())),
        unless=frozenset(raw.get("unless", ())),
        unsettled=raw.get("unsettled", ""),
        note=raw.get("note", ""),
    )
    _check_words(obligation)
    return obligation


def _check_words(obligation: Obligation) -> None:
    for kind, used, known in (
        ("jurisdiction", {obligation.jurisdiction}, (*JURISDICTIONS, EVERYWHERE)),
        ("force", {obligation.force}, FORCES),
        ("role", set(obligation.roles), ROLES),
        ("tier", set(obligation.tiers), TIERS),
        ("fact", set(obligation.when | obligation.any_of | obligation.unless), facts()),
        ("tier or fact", set(obligation.applies_from_by), {**TIERS, **facts()}),
    ):
        if unknown := sorted(used - set(known)):
            raise ValueError(f"unknown {kind} {', '.join(unknown)}; known: {', '.join(known)}")
