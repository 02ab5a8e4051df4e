"""What the extraction lab adds to the evidence pack beside the records: trials of a guard, and the keys."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from labkit.defenses.ownership import KeySet
from labkit.ui.session import LabSession

__all__ = ["keep_guard", "keep_keys", "keep_trials"]


def keep_guard(lab: LabSession, settings: Mapping[str, Any]) -> None:
    """Keep a guard with what was last measured of it, as JSON, for the evidence pack.

    Parameters
    ----------
    lab : LabSession
    settings : mapping
        ``level``, ``rate_limit``, ``detector``, ``false_alarm_rate``, and ``strength`` where there is any.
    """
    measured = {}
    for checkpoint in ("shield", "price"):
        tried = lab.session.attempts(checkpoint)
        if tried:
            measured[checkpoint] = {
                "measured": tried[-1].measured,
                "target": str(lab.lab.find_checkpoint(checkpoint).target),
                "passed": tried[-1].passed,
            }
    about = {"guard": dict(settings), "measured": measured}
    lab.attach("guard.json", json.dumps(about, indent=1, ensure_ascii=False))


def keep_keys(lab: LabSession, keys: KeySet) -> None:
    """Keep how keys were made, for the evidence pack; the keys themselves are in the record."""
    about = {"method": keys.method, "keys": len(keys), "chance": keys.chance, **keys.params}
    lab.attach("keys.json", json.dumps(about, indent=1, ensure_ascii=False))


def keep_trials(lab: LabSession, name: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Keep a table of what was tried, as CSV, for the evidence pack."""
    place = io.StringIO()
    writer = csv.writer(place, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    lab.attach(f"{name}.csv", place.getvalue())
