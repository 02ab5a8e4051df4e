"""``labkit standards --lint``: which legal facts have grown old, and what changes on days ahead."""

from __future__ import annotations

import json
from datetime import date

from labkit.core.tables import format_table
from labkit.governance import standards
from labkit.governance.obligations import Change, Stale, changes_ahead, stale_facts

__all__ = ["lint"]


def lint(today: date, days: int, *, as_json: bool = False) -> int:
    """Print stale facts and changes ahead.

    Parameters
    ----------
    today : date
        The day to judge by.
    days : int
        A fact that was read longer ago is stale.
    as_json : bool
        Print JSON for scripts.

    Returns
    -------
    int
        1 where anything is stale, else 0: a nightly job fails when somebody has to read again.
    """
    stale, ahead = stale_facts(today, days), changes_ahead(today)
    if as_json:
        print(json.dumps(_as_json(today, days, stale, ahead), indent=1, ensure_ascii=False))
    else:
        _print(today, days, stale, ahead)
    return 1 if stale else 0


def _print(today: date, days: int, stale: tuple[Stale, ...], ahead: tuple[Change, ...]) -> None:
    if stale:
        facts = sum(len(each.facts) for each in stale)
        print(f"warning: {facts} facts are older than {days} days on {today}; read them again:\n")
        rows = [[each.standard, each.as_of, each.age_days, len(each.facts), each.title] for each in stale]
        print(format_table(["list", "read on", "days old", "facts", "title"], rows))
    else:
        print(f"no fact is older than {days} days on {today}")
    print(f"\nwhat changes after {today}:\n")
    rows = [
        [
            each.day,
            each.days_left,
            len(each.begins),
            "; ".join(each.titles) or "; ".join(map(_named, each.entries)),
        ]
        for each in ahead
    ]
    print(format_table(["day", "in days", "duties", "what"], rows))


def _named(entry: str) -> str:
    return f"{standards.lookup(entry).title} ({entry})"


def _as_json(
    today: date, days: int, stale: tuple[Stale, ...], ahead: tuple[Change, ...]
) -> dict[str, object]:
    return {
        "on": str(today),
        "days": days,
        "stale": [
            {
                "standard": each.standard,
                "title": each.title,
                "as_of": str(each.as_of),
                "age_days": each.age_days,
                "facts": list(each.facts),
            }
            for each in stale
        ],
        "ahead": [
            {
                "day": str(each.day),
                "days_left": each.days_left,
                "titles": list(each.titles),
                "begins": list(each.begins),
                "entries": list(each.entries),
            }
            for each in ahead
        ],
    }
