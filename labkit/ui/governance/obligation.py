"""What falls on a system: a timeline and a table, by jurisdiction, force and confidence."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from labkit.course.governing import GovernanceCase
from labkit.governance.obligations import (
    FORCES,
    JURISDICTIONS,
    TIERS,
    Duty,
    changes_ahead,
    classify,
    duties_of,
)
from labkit.governance.obligations.declarations import fact_gaps
from labkit.ui.controls import change_options, choice, output, panel
from labkit.ui.governance.common import confidence_badge, csv_text, say_day
from labkit.ui.governance.timeline import timeline
from labkit.ui.html import callout, card, details, escape, table
from labkit.ui.session import LabSession

__all__ = ["ObligationPanel", "obligation_map", "obligation_panel"]

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


def obligation_panel(lab: LabSession, state: Mapping[str, Any] | None = None) -> Any:
    """Return the map of obligations of a system.

    Parameters
    ----------
    lab : LabSession
        A lab whose case is a ``GovernanceCase``.
    state : mapping or None
        Dials to start from: ``system`` (an id), ``place``, ``forces``.
    """
    prepared = lab.state("obligation_panel") if state is None else state
    return lab.when_ready(lambda: ObligationPanel(lab, prepared).view, "obligation_panel")


class ObligationPanel:
    """Which system, where, how binding; then the days and the duties."""

    def __init__(self, lab: LabSession, state: Mapping[str, Any]) -> None:
        self.lab = lab
        self.case: GovernanceCase = lab.case
        self.systems = {each.id: each for each in self.case.systems}
        wanted = state.get("system")
        names = self._systems()
        known = [name for _, name in names]
        self.system = choice("System", names, wanted if wanted in known else known[0])
        places = [("all three", "all"), *((JURISDICTIONS[each], each) for each in self.case.jurisdictions)]
        self.place = choice("Jurisdiction", places, state.get("place", "all"))
        forces = [("everything", "all"), *((words, name) for name, words in FORCES.items())]
        self.forces = choice("Force", forces, state.get("forces", "all"), tip="Law, contract or advice")
        self.shown = output()
        lab.remember("obligation_panel", state, system=self.system, place=self.place, forces=self.forces)
        for dial in (self.system, self.place, self.forces):
            dial.observe(lambda _: self.refresh(), "value")
        self.view = panel(self.system, self.place, self.forces, self.shown)
        self.all_shown = len(names) > 1
        lab.on_change(self._more_systems)
        lab.attach("obligation-map.json", obligation_map(self.case))
        lab.attach("obligation-map.csv", csv_text(_COLUMNS, map(_line, self.case.duties)))
        self.refresh()

    def refresh(self) -> None:
        """Draw what falls on the system with the dials as they stand."""
        system, case = self.systems[self.system.value], self.case
        places = case.jurisdictions if self.place.value == "all" else (self.place.value,)
        found = [
            duty
            for duty in duties_of(system, jurisdictions=places)
            if self.forces.value in ("all", duty.obligation.force)
        ]
        classified = classify(system)
        head = (
            f"{len(found)} obligations fall on it here: {TIERS[classified.tier]}, "
            f"{' and '.join(classified.roles)}."
        )
        gaps = "".join(callout("warn", fact_gaps()[place], title=JURISDICTIONS[place]) for place in places)
        body = (
            f"<p>{escape(head)}</p>"
            + timeline(system.title, found, case.today, case.release_day)
            + _table(found, case.today)
            + details("What the bundled facts do not hold", gaps)
            + details("Days ahead, for any system", _ahead(case.today))
        )
        self.shown.value = card(f"What falls on: {system.title}", body, level=3)

    def _systems(self) -> list[tuple[str, str]]:
        """Return the system to be released; the others come once they are classified."""
        flagship = self.case.flagship
        found = [(f"{flagship.system.title}, to be released", flagship.id)]
        if "classify" in self.lab.session.progress().passed:
            found += [(each.title, each.id) for each in self.case.systems if each.id != flagship.id]
        return found

    def _more_systems(self) -> None:
        names = self._systems()
        if len(names) > 1 and not self.all_shown:
            self.all_shown = True
            change_options(self.system, names, self.system.value)


def obligation_map(case: GovernanceCase) -> str:
    """Return the obligations of the system that is to be released, as JSON."""
    rows = [dict(zip(_COLUMNS, _line(duty), strict=True)) for duty in case.duties]
    about = {
        "system": case.flagship.system.title,
        "today": str(case.today),
        "release": str(case.release_day),
        "jurisdictions": list(case.jurisdictions),
        "not in the tables": {place: fact_gaps()[place] for place in case.jurisdictions},
        "obligations": rows,
    }
    return json.dumps(about, indent=1, ensure_ascii=False)


def _line(duty: Duty) -> tuple[str, ...]:
    each = duty.obligation
    day = str(duty.applies_from) if duty.applies_from else "in force"
    return (
        each.id,
        each.jurisdiction,
        each.title,
        f"{day} (unsettled: {each.unsettled})" if each.unsettled else day,
        each.force,
        each.standard,
        each.source,
        each.as_of,
        each.confidence,
    )


def _table(found: Sequence[Duty], today: date) -> str:
    rows = []
    for duty in found:
        each = duty.obligation
        day = say_day(duty.applies_from) + ("" if duty.in_force(today) else ", ahead")
        rows.append(
            (
                each.title,
                JURISDICTIONS[each.jurisdiction],
                day + (f". Unsettled: {each.unsettled}" if each.unsettled else ""),
                FORCES[each.force],
                f"{each.text} {each.note}".strip(),
                each.standard,
                confidence_badge(each.confidence),
            )
        )
    head = ("Obligation", "Where", "From", "Force", "What it asks", "Read in", "Confidence")
    return table("Obligations, those in force longest first", head, rows)


def _ahead(today: date) -> str:
    rows = [
        (
            say_day(change.day),
            f"{change.days_left} days",
            "; ".join(change.titles) or ", ".join(change.entries),
        )
        for change in changes_ahead(today)
    ]
    return table(f"Counted from {say_day(today)}", ("Day", "In", "What changes"), rows)
