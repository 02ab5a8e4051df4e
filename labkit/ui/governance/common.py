"""What the panels of the governance lab share."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import date

from labkit.core.tables import for_spreadsheet
from labkit.governance.obligations import System
from labkit.ui.html import Fragment, badge, bullets

__all__ = ["confidence_badge", "contracts_list", "csv_text", "say_day"]

_KINDS = {"primary": "good", "secondary": "info", "background": "warn", "disputed": "bad"}


def confidence_badge(confidence: str) -> Fragment:
    """Return how far a fact is to be trusted, as a sign and a word."""
    return Fragment(badge(_KINDS.get(confidence, "warn"), confidence), confidence)


def say_day(day: date | None) -> str:
    """Return a day in words; None is what holds already."""
    return f"{day.day} {day:%B %Y}" if day else "in force"


def contracts_list(system: System) -> str:
    """Return what contracts bind the release of a system to, as HTML."""
    none = "<p>No contract makes anything binding that the law does not.</p>"
    head = "<p>What contracts bind it to:</p>"
    return head + bullets(system.contracts) if system.contracts else none


def csv_text(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table as CSV that a spreadsheet opens and does not take for formulas."""
    place = io.StringIO()
    writer = csv.writer(place, lineterminator="\n")
    writer.writerow(head)
    for line in rows:
        writer.writerow([for_spreadsheet(str(cell)) for cell in line])
    return place.getvalue()
