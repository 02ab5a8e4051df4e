"""Which legal facts are old, and what changes on days ahead: for a person and for a nightly job."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from labkit.core.errors import InvalidInputError
from labkit.governance import standards
from labkit.governance.obligations.declarations import obligations
from labkit.governance.obligations.mapping import milestones

__all__ = ["STALE_AFTER_DAYS", "Change", "Stale", "changes_ahead", "stale_facts"]

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")

STALE_AFTER_DAYS = 180
"""A legal fact that nobody has looked at for longer is to be read again."""


@dataclass(frozen=True, slots=True)
class Stale:
    """Facts of one list that were read on the same day, too long ago.

    Attributes
    ----------
    standard, title : str
    as_of : date
    age_days : int
    facts : tuple of str
        Ids of the entries.
    """

    standard: str
    title: str
    as_of: date
    age_days: int
    facts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """A day ahead, and what begins on it.

    Attributes
    ----------
    day : date
    days_left : int
    titles : tuple of str
        Milestones of the timeline.
    begins : tuple of str
        Ids of the obligations that apply from that day, for some system at least.
    entries : tuple of str
        Qualified ids of the entries of the tables that name the day, those that are named by it
        included.
    """

    day: date
    days_left: int
    titles: tuple[str, ...]
    begins: tuple[str, ...]
    entries: tuple[str, ...]


def stale_facts(today: date, days: int = STALE_AFTER_DAYS) -> tuple[Stale, ...]:
    """Return the facts that are older than ``days`` on ``today``, by list and day of reading.

    Raises
    ------
    InvalidInputError
        When ``days`` is negative.
    """
    if days < 0:
        raise InvalidInputError(f"expected a number of days from 0 on, got {days}")
    found: dict[tuple[str, str], list[str]] = {}
    for name in _qualified():
        owner, _, plain = name.partition("/")
        found.setdefault((owner, standards.lookup(name).as_of), []).append(plain)
    titles = {each.id: each.title for each in standards.standards()}
    for name, as_of, ids in _declarations():
        titles[name] = "declared beside the code, out of the lists above"
        found.setdefault((name, as_of), []).extend(ids)
    old = []
    for (owner, as_of), ids in sorted(found.items()):
        age = (today - date.fromisoformat(as_of)).days
        if age > days:
            old.append(Stale(owner, titles[owner], date.fromisoformat(as_of), age, tuple(sorted(ids))))
    return tuple(old)


def changes_ahead(today: date) -> tuple[Change, ...]:
    """Return the days after ``today`` on which the law changes, the nearest first."""
    titles: dict[date, list[str]] = {}
    begins: dict[date, list[str]] = {}
    entries: dict[date, list[str]] = {}
    for milestone in milestones():
        titles.setdefault(milestone.day, []).append(milestone.title)
    for obligation in obligations():
        for day in {obligation.applies_from, *obligation.applies_from_by.values()}:
            if day is not None:
                begins.setdefault(day, []).append(obligation.id)
    for name in _qualified():
        entry = standards.lookup(name)
        # A milestone has no other day than its name.
        own = [entry.id] if _DAY.fullmatch(entry.id) else []
        for text in {*own, *_DAY.findall(entry.applies_from)}:
            entries.setdefault(date.fromisoformat(text), []).append(name)
    return tuple(
        Change(day, (day - today).days, *(tuple(found.get(day, ())) for found in (titles, begins, entries)))
        for day in sorted(titles.keys() | begins.keys() | entries.keys())
        if day > today
    )


def _declarations() -> Iterator[tuple[str, str, list[str]]]:
    """Yield every declaration beside the code that is dated: its name, its day, the ids in it."""
    for path in sorted(Path(__file__).parent.parent.glob("*/*.toml")):
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        if "as_of" in raw:
            tables = [each for each in raw.values() if isinstance(each, list)]
            ids = [str(row.get("id", path.stem)) for table in tables for row in table]
            yield f"{path.parent.name}/{path.name}", raw["as_of"], ids


def _qualified() -> list[str]:
    """Return the ids of all entries, each with its standard in front and once."""
    return sorted({name for names in standards.index().values() for name in names})
