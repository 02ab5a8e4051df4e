"""The statement of applicability: a decision on every control, and evidence for what applies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from labkit.course.cases.governing.case import GovernanceCase
from labkit.governance.controls import Line, annex_a, reasons
from labkit.ui.controls import button, output, panel
from labkit.ui.governance.common import csv_text
from labkit.ui.governance.rows import Field, Row, RowForm
from labkit.ui.html import Fragment, badge, card, escape, table
from labkit.ui.records import hand_in
from labkit.ui.session import LabSession

__all__ = ["ApplicabilityPanel", "applicability_panel", "lines_of"]

_APPLIES = [("yes", "yes"), ("no", "no")]
_STATES = [("in place", "in place"), ("planned", "planned")]
_DAYS = [("31 January 2027", "2027-01-31"), ("31 March 2027", "2027-03-31"), ("30 June 2027", "2027-06-30")]
_COLUMNS = ("control", "title", "applicable", "reason", "status", "evidence", "due")


def applicability_panel(
    lab: LabSession, checkpoint: str = "statement", state: Mapping[str, Any] | None = None
) -> Any:
    """Return the editor of the statement of applicability.

    Parameters
    ----------
    lab : LabSession
        A lab whose case is a ``GovernanceCase``.
    checkpoint : str
        The checkpoint that takes ``statement``.
    state : mapping or None
        ``answers`` to start from.
    """
    prepared = lab.state("applicability_panel") if state is None else state
    return lab.when_ready(lambda: ApplicabilityPanel(lab, checkpoint, prepared).view, "applicability_panel")


class ApplicabilityPanel:
    """A row for each control; what is asked depends on what was answered before it."""

    def __init__(self, lab: LabSession, checkpoint: str, state: Mapping[str, Any]) -> None:
        self.lab, self.checkpoint = lab, checkpoint
        self.case: GovernanceCase = lab.case
        self.memory = lab.remember("applicability_panel", state)
        self.titles = {each.id: each for each in annex_a()}
        evidence = [(each.title, each.id) for each in self.case.register]
        self.form = RowForm(
            caption="Your statement of applicability",
            word="Control",
            rows=[
                Row(name, f"{name} {self.titles[name].title}", self._detail(name))
                for name in self.case.controls
            ],
            fields=[
                Field("applies", "Applies", _APPLIES, "Does this control apply to the system?"),
                Field("reason", "Reason to leave it out", _texts(), when=lambda a: a["applies"] == "no"),
                Field("status", "How far", _STATES, when=lambda a: a["applies"] == "yes"),
                Field("evidence", "Evidence", evidence, when=lambda a: _in_place(a)),
                Field("due", "Planned for", _DAYS, when=lambda a: _planned(a)),
            ],
            changed=self._changed,
            kept=state.get("answers", {}),
        )
        self.register, self.feedback = output(), output()
        self.submit = button("Hand in", self.hand_in, primary=True, tip="Look for orphans in the statement")
        self.view = panel(output(self._system()), self.register, self.form.view, self.submit, self.feedback)
        self._changed()

    def hand_in(self) -> None:
        """Have the statement read for orphans."""
        lines = lines_of(self.form.answers)
        given = {name: _plain(line) for name, line in lines.items()}
        self.feedback.value = hand_in(self.lab, self.checkpoint, given, statement=lines).markup

    def _changed(self) -> None:
        self.memory.note(answers=self.form.answers)
        lines = lines_of(self.form.answers)
        used = {name for line in lines.values() for name in line.evidence}
        rows = [
            (
                each.title,
                Fragment(badge("good", "used") if each.id in used else badge("open", "not used yet")),
            )
            for each in self.case.register
        ]
        self.register.value = (
            f'<div class="lk">{table("The evidence that there is", ("Document", "State"), rows)}</div>'
        )
        self._attach(lines)
        self.lab.put("statement", lines)

    def _attach(self, lines: Mapping[str, Line]) -> None:
        rows = [
            (
                name,
                self.titles[name].title,
                "yes" if line.applicable else "no",
                reasons().get(line.reason, ""),
                line.status,
                "; ".join(line.evidence),
                line.due,
            )
            for name, line in lines.items()
        ]
        about = {
            "system": self.case.flagship.system.title,
            "controls": list(self.case.controls),
            "lines": [dict(zip(_COLUMNS, each, strict=True)) for each in rows],
        }
        self.lab.attach("statement-of-applicability.json", json.dumps(about, indent=1, ensure_ascii=False))
        self.lab.attach("statement-of-applicability.csv", csv_text(_COLUMNS, rows))

    def _system(self) -> str:
        system = self.case.flagship.system
        return card(f"The system: {system.title}", f"<p>{escape(system.text)}</p>", level=3)

    def _detail(self, name: str) -> str:
        control = self.titles[name]
        return card(f"{name} {control.title}", f"<p>{escape(control.summary)}</p>", level=3)


def lines_of(answers: Mapping[str, Mapping[str, str]]) -> dict[str, Line]:
    """Return the lines of a statement from the answers of the form; undecided rows give none."""
    lines = {}
    for name, each in answers.items():
        if each["applies"] == "no":
            lines[name] = Line(False, reason=each["reason"])
        elif each["applies"] == "yes":
            shown = (each["evidence"],) if _in_place(each) and each["evidence"] else ()
            due = each["due"] if _planned(each) else ""
            lines[name] = Line(True, status=each["status"], evidence=shown, due=due)
    return lines


def _in_place(answers: Mapping[str, str]) -> bool:
    return answers["applies"] == "yes" and answers["status"] == "in place"


def _planned(answers: Mapping[str, str]) -> bool:
    return answers["applies"] == "yes" and answers["status"] == "planned"


def _texts() -> list[tuple[str, str]]:
    return [(text, name) for name, text in reasons().items()]


def _plain(line: Line) -> dict[str, Any]:
    return {
        "applicable": line.applicable,
        "reason": line.reason,
        "status": line.status,
        "evidence": list(line.evidence),
        "due": line.due,
    }
