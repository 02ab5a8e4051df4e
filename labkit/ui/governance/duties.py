"""Duties as a table, as JSON and as CSV."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date

from labkit.course.cases.governing.case import GovernanceCase
from labkit.governance.obligations import FORCES, JURISDICTIONS, Duty, System, changes_ahead
from labkit.governance.obligations.declarations import fact_gaps
from labkit.ui.governance.common import confidence_badge, csv_text, say_day
from labkit.ui.html import Fragment, badge, table

__all__ = ["ahead_table", "duty_table", "map_as_csv", "map_as_json"]

_COLUMNS = (
    "id",
    "jurisdiction",
    "title",
    "applies_from",
    "force",
    "article",
    "source",
    "as_of",
    "confidence",
)


def map_as_json(
    case: GovernanceCase,
    system: System | None = None,
    duties: Sequence[Duty] = (),
    today: date | None = None,
) -> str:
    """Return the obligations of a system as JSON; by default of the one that is to be released."""
    shown = system or case.flagship.system
    found = duties if system else case.duties
    about = {
        "system": shown.title,
        "facts": sorted(shown.facts),
        "contracts": [str(each) for each in shown.contracts],
        "today": str(today or case.today),
        "release": None if system else str(case.release_day),
        "jurisdictions": list(case.jurisdictions),
        "not in the tables": {place: fact_gaps()[place] for place in case.jurisdictions},
        "obligations": [dict(zip(_COLUMNS, _line(duty), strict=True)) for duty in found],
    }
    return json.dumps(about, indent=1, ensure_ascii=False)


def map_as_csv(case: GovernanceCase) -> str:
    """Return the obligations of the system that is to be released, for a spreadsheet."""
    return csv_text(_COLUMNS, map(_line, case.duties))


def duty_table(found: Sequence[Duty], today: date, of_case: bool = True) -> str:
    """Return duties with the day on which each begins, and whether it holds today.

    ``of_case`` says that today is the day on which the case plays, and not that of the calendar.
    """
    rows = []
    for duty in found:
        each = duty.obligation
        begins = say_day(duty.applies_from) if duty.applies_from else "before the tables begin"
        rows.append(
            (
                each.title,
                JURISDICTIONS[each.jurisdiction],
                begins + (f". Unsettled: {each.unsettled}" if each.unsettled else ""),
                _today(duty, today),
                FORCES[duty.force],
                f"{each.text} {each.note}".strip(),
                each.standard,
                confidence_badge(each.confidence),
            )
        )
    head = ("Obligation", "Where", "From", "Today", "Force", "What it asks", "Read in", "Confidence")
    day = f"today is {say_day(today)}{' in this case' if of_case else ''}"
    return table(f"Obligations, those in force longest first; {day}", head, rows)


def ahead_table(today: date) -> str:
    """Return the days on which anything changes, for any system."""
    rows = [
        (
            say_day(change.day),
            f"{change.days_left} days",
            "; ".join(change.titles) or ", ".join(change.entries),
        )
        for change in changes_ahead(today)
    ]
    return table(f"Counted from {say_day(today)}", ("Day", "In", "What changes"), rows)


def _today(duty: Duty, today: date) -> Fragment:
    if duty.obligation.unsettled:
        return Fragment(badge("warn", "uncertain"), "uncertain")
    if duty.applies_from is None or duty.in_force(today):
        return Fragment(badge("good", "holds"), "holds")
    words = f"in {(duty.applies_from - today).days} days"
    return Fragment(badge("open", words), words)


def _line(duty: Duty) -> tuple[str, ...]:
    each = duty.obligation
    day = str(duty.applies_from) if duty.applies_from else "in force"
    return (
        each.id,
        each.jurisdiction,
        each.title,
        f"{day} (unsettled: {each.unsettled})" if each.unsettled else day,
        duty.force,
        each.standard,
        each.source,
        each.as_of,
        each.confidence,
    )
