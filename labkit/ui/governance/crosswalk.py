"""The crosswalk: a matrix to filter, and ten controls to map with evidence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labkit.course.cases.governing.case import GovernanceCase, Pairing
from labkit.governance import standards
from labkit.governance.controls import LISTS, annex_a, documents, themes, title_of
from labkit.ui.controls import button, choice, output, panel
from labkit.ui.governance.common import confidence_badge
from labkit.ui.governance.rows import Field, Row, RowForm
from labkit.ui.html import card, escape, table
from labkit.ui.records import hand_in
from labkit.ui.session import LabSession

__all__ = ["CrosswalkPanel", "crosswalk_panel"]


def crosswalk_panel(
    lab: LabSession, checkpoint: str = "crosswalk", state: Mapping[str, Any] | None = None
) -> Any:
    """Return the crosswalk matrix with the form for ten controls.

    Parameters
    ----------
    lab : LabSession
        A lab whose case is a ``GovernanceCase``.
    checkpoint : str
        The checkpoint that takes ``crosswalk``.
    state : mapping or None
        ``theme`` and ``list`` of the matrix to start from.
    """
    prepared = lab.state("crosswalk_panel") if state is None else state
    return lab.when_ready(lambda: CrosswalkPanel(lab, checkpoint, prepared).view, "crosswalk_panel")


class CrosswalkPanel:
    """A form of ten rows above the matrix that helps with it."""

    def __init__(self, lab: LabSession, checkpoint: str, state: Mapping[str, Any]) -> None:
        self.lab, self.checkpoint = lab, checkpoint
        self.case: GovernanceCase = lab.case
        self.titles = {each.id: f"{each.id} {each.title}" for each in annex_a()}
        self.shelf = {each.id: each.title for each in documents()}
        by_id = {each.id: each for each in self.case.pairings}
        everything = [("all themes", "all"), *((each.title, each.id) for each in themes())]
        self.theme = choice("Theme", everything, state.get("theme", "all"), tip="Rows of the matrix")
        lists = [("all lists", "all"), *((name, key) for key, (_, name) in LISTS.items())]
        self.list = choice("List", lists, state.get("list", "all"), tip="Columns of the matrix")
        self.memory = lab.remember("crosswalk_panel", state, theme=self.theme, list=self.list)
        self.form = RowForm(
            caption="Your crosswalk to ISO/IEC 42001",
            word="Control",
            rows=[Row(each.id, _name(each), _detail(each)) for each in self.case.pairings],
            fields=[
                Field(
                    "control", "Counterpart", lambda name: [(self.titles[o], o) for o in by_id[name].options]
                ),
                Field(
                    "evidence", "Evidence", lambda name: [(self.shelf[o], o) for o in by_id[name].evidence]
                ),
            ],
            changed=lambda: self.memory.note(answers=self.form.answers),
            kept=state.get("answers", {}),
        )
        self.submit = button("Hand in", self.hand_in, primary=True, tip="Have the ten rows checked")
        self.matrix, self.feedback = output(), output()
        for dial in (self.theme, self.list):
            dial.observe(lambda _: self.refresh(), "value")
        self.view = panel(self.form.view, self.submit, self.feedback, self.theme, self.list, self.matrix)
        self.refresh()

    def refresh(self) -> None:
        """Draw the matrix for the picked theme and list."""
        names = [key for key in LISTS if self.list.value in ("all", key)]
        rows = [
            (each.title, *(self._cell(key, each.references[key]) for key in names))
            for each in themes()
            if self.theme.value in ("all", each.id)
        ]
        head = ("Theme", *(LISTS[key][1] for key in names))
        note = (
            "An entry means that it helps with the theme, not that it equals another entry. The mapping is "
            "editorial judgement over published ids: "
        )
        self.matrix.value = (
            f'<div class="lk">{table("Controls that help with the same theme", head, rows)}'
            f'<p class="lk-muted">{escape(note)}{confidence_badge("background").markup}</p></div>'
        )

    def hand_in(self) -> None:
        """Have counterpart and evidence of every row checked."""
        given = {name: (each["control"], each["evidence"]) for name, each in self.form.answers.items()}
        self.feedback.value = hand_in(self.lab, self.checkpoint, given, crosswalk=given).markup

    def _cell(self, key: str, ids: tuple[str, ...]) -> str:
        if not ids:
            return "none"
        # A single column has room for titles as well.
        return ", ".join(f"{each} {title_of(key, each)}" if self.list.value == key else each for each in ids)


def _name(pairing: Pairing) -> str:
    return f"{LISTS[pairing.source][1]}, {pairing.control}"


def _detail(pairing: Pairing) -> str:
    entry = standards.lookup(f"{LISTS[pairing.source][0]}/{pairing.control}")
    body = f"<p><strong>{escape(entry.title)}.</strong> {escape(entry.summary)}</p>"
    return card(_name(pairing), body, level=3)
