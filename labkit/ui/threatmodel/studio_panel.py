"""The studio: a diagram, the notes of each part, and six questions to tick."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labkit.governance import threatmodel as tm
from labkit.ui.controls import button, choice, output, panel, row, tick
from labkit.ui.records import hand_in
from labkit.ui.session import LabSession
from labkit.ui.threatmodel.common import (
    asset_table,
    flow_table,
    part_notes,
    parts_of,
    picture,
    threat_table,
    threats_of,
)
from labkit.ui.threatmodel.explained import findings

__all__ = ["StridePicker", "StudioPanel", "studio"]


def studio(lab: LabSession, checkpoint: str = "find", state: Mapping[str, Any] | None = None) -> Any:
    """Return the studio for the system of the case.

    Parameters
    ----------
    lab : LabSession
        A lab whose case is a ``ThreatCase``.
    checkpoint : str
        The checkpoint that takes ``threats``.
    state : mapping or None
        ``part`` to show first, and ``threats`` that are noted, as pairs.
    """
    prepared = lab.state("studio") if state is None else state
    return lab.when_ready(lambda: StudioPanel(lab, checkpoint, prepared).view, "studio")


class StridePicker:
    """A list of parts and the six questions; ``changed()`` is called when a threat comes or goes."""

    def __init__(
        self, model: tm.SystemModel, threats: dict[tuple[str, str], tm.Threat], changed: Any
    ) -> None:
        self.model, self.threats, self._changed = model, threats, changed
        self.part = choice("Part", parts_of(model), tip="Elements first, then the flows by number")
        self.notes = output()
        self.ticks = {
            letter: tick(f"{each.name}: {each.question}", tip=each.question)
            for letter, each in tm.CATEGORIES.items()
        }
        self._showing = False
        self.part.observe(lambda _: self.show(), "value")
        for letter, box in self.ticks.items():
            box.observe(lambda change, letter=letter: self._ticked(letter, bool(change["new"])), "value")
        self.view = (self.part, self.notes, *self.ticks.values())

    def show(self) -> None:
        """Show the notes of the chosen part, and which letters it can have."""
        if not self.part.value:
            self._empty()
            return
        id = str(self.part.value)
        fits = {each.letter for each in tm.applicable(self.model.find(id))}
        self._showing = True
        for letter, box in self.ticks.items():
            box.value = (id, letter) in self.threats
            # What is noted already can be taken out again, whatever has become of the part.
            box.disabled = letter not in fits and not box.value
        self._showing = False
        # Last, so that whoever has read the notes finds the boxes as they are.
        self.notes.value = part_notes(self.model, id)
        self._changed()

    def _empty(self) -> None:
        self._showing = True
        for box in self.ticks.values():
            box.value, box.disabled = False, True
        self._showing = False
        self.notes.value = '<div class="lk"><p class="lk-muted">There is no part yet.</p></div>'
        self._changed()

    def _ticked(self, letter: str, noted: bool) -> None:
        if self._showing:
            return
        key = (str(self.part.value), letter)
        if noted:
            self.threats.setdefault(key, tm.Threat(*key))
        else:
            self.threats.pop(key, None)
        self._changed()


class StudioPanel:
    """The diagram of Meridian Care's system, and what the participant finds in it."""

    def __init__(self, lab: LabSession, checkpoint: str, state: Mapping[str, Any]) -> None:
        self.lab, self.checkpoint, self.case = lab, checkpoint, lab.case
        self.memory = lab.remember("studio", state)
        self.threats = threats_of(lab)
        self._restore(state.get("threats", []))
        self.diagram, self.list, self.feedback = output(), output(), output()
        self.picker = StridePicker(self.case.model, self.threats, self._changed)
        ids = [id for _, id in parts_of(self.case.model)]
        if state.get("part") in ids:
            self.picker.part.value = state["part"]
        self.submit = button(
            "Hand in", self.hand_in, primary=True, tip="Hold your list against what is wrong"
        )
        self.following = button("Next part", self.go_on, tip="Show the next element or flow")
        self.view = panel(
            self.diagram,
            output(flow_table(self.case.model) + asset_table(self.case.model)),
            *self.picker.view,
            row(self.following, self.submit),
            self.list,
            self.feedback,
        )
        self.picker.show()

    def go_on(self) -> None:
        """Show the next part, after the last one the first."""
        ids = [id for _, id in self.picker.part.options]
        self.picker.part.value = ids[(ids.index(self.picker.part.value) + 1) % len(ids)]

    def hand_in(self) -> None:
        """Have the list measured, and say for every entry why it is a threat or none."""
        pairs = list(self.threats)
        card = hand_in(self.lab, self.checkpoint, {"threats": [list(pair) for pair in pairs]}, threats=pairs)
        self.feedback.value = card.markup + findings(self.lab, pairs, self.checkpoint).markup

    def _changed(self) -> None:
        id = str(self.picker.part.value)
        self.memory.note(part=id, threats=[list(key) for key in self.threats])
        model = self.case.model
        self.diagram.value = picture(tm.draw(model, marked={id}), tm.describe(model))
        self.list.value = threat_table(model, self.threats, f"Noted so far: {len(self.threats)}")
        self.lab.put("noted", frozenset(self.threats))

    def _restore(self, pairs: Any) -> None:
        known = set(tm.every_pair(self.case.model))
        for pair in pairs if isinstance(pairs, list) else []:
            if isinstance(pair, list) and tuple(pair) in known:
                where, what = pair
                self.threats.setdefault((where, what), tm.Threat(where, what))
