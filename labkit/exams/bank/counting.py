"""How many items there are of each domain, kind and level, and whether forms can be drawn from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from labkit.exams.bank.collection import Bank
from labkit.exams.bank.enemies import crowding
from labkit.exams.bank.item import GROUPS, KINDS, LEVELS, BankItem

__all__ = ["Coverage", "coverage"]

TIMES = 5
"""A domain should have so many times the items that one form takes from it."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """Counts of the items that may be drawn.

    Attributes
    ----------
    items : int
    domains, kinds, groups, levels, status : Mapping of str to int
        ``status`` counts every item of the bank, the others only those reviewed.
    table : Mapping of str to Mapping of str to int
        By domain, then by kind, level and group.
    anchors : Mapping of str to tuple of str
        Ids by domain.
    shortfalls : tuple of str
        What a blueprint asks for and the bank cannot give, or not without enemies, in words.
    """

    items: int
    domains: Mapping[str, int]
    kinds: Mapping[str, int]
    groups: Mapping[str, int]
    levels: Mapping[str, int]
    status: Mapping[str, int]
    table: Mapping[str, Mapping[str, int]]
    anchors: Mapping[str, tuple[str, ...]]
    shortfalls: tuple[str, ...]

    def plain(self) -> dict[str, Any]:
        """Return everything as JSON can hold it."""
        return {
            "items": self.items,
            "domains": dict(self.domains),
            "kinds": dict(self.kinds),
            "groups": dict(self.groups),
            "levels": dict(self.levels),
            "status": dict(self.status),
            "table": {domain: dict(row) for domain, row in self.table.items()},
            "anchors": {domain: list(ids) for domain, ids in self.anchors.items()},
            "shortfalls": list(self.shortfalls),
        }


def coverage(
    bank: Bank, domains: Mapping[str, int], kinds: Mapping[str, int] | None = None, times: int = TIMES
) -> Coverage:
    """Count the items of a bank beside what one form takes.

    Parameters
    ----------
    bank : Bank
    domains : Mapping of str to int
        Items of each domain in one form, as the blueprint says.
    kinds : Mapping of str to int, optional
        Items of each group (``choice``, ``pairs_and_orders``, ``scenario``) in one form.
    times : int
        How many times of that the bank should hold, so that forms differ.
    """
    live = bank.live()
    by_domain = Counter(item.domain for item in live)
    by_group = Counter(item.group for item in live)
    short = [_short(f"domain {name}", by_domain[name], taken, times) for name, taken in domains.items()]
    short += [_short(f"group {name}", by_group[name], taken, times) for name, taken in (kinds or {}).items()]
    short.append(crowding(live, bank.enemies, domains, kinds) if kinds else "")
    return Coverage(
        items=len(live),
        domains={name: by_domain[name] for name in domains},
        kinds=_ordered(Counter(item.kind for item in live), KINDS),
        groups=_ordered(by_group, tuple(dict.fromkeys(GROUPS.values()))),
        levels=_ordered(Counter(item.level for item in live), LEVELS),
        status=dict(Counter(item.status for item in bank)),
        table={name: _row([item for item in live if item.domain == name]) for name in domains},
        anchors={
            name: tuple(item.id for item in live if item.anchor and item.domain == name) for name in domains
        },
        shortfalls=tuple(said for said in short if said),
    )


def _row(items: list[BankItem]) -> dict[str, int]:
    # A scenario is a kind and a group: the groups are put over the kinds and not added.
    counts = Counter(item.kind for item in items) + Counter(item.level for item in items)
    counts |= Counter(item.group for item in items)
    return _ordered(counts, (*dict.fromkeys((*KINDS, *GROUPS.values())), *LEVELS))


def _ordered(counts: Counter[str], names: tuple[str, ...]) -> dict[str, int]:
    return {name: counts[name] for name in names}


def _short(what: str, there: int, taken: int, times: int) -> str:
    if there >= taken * times:
        return ""
    return f"{what}: {there} reviewed items, expected at least {taken * times} ({times} times {taken})"
