"""The same studio for a system of one's own: draw it, ask the six questions, plan, see the gaps."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets as widgets

from labkit.core.errors import LabkitError
from labkit.course.panel_states import LARGEST_STATE
from labkit.governance import threatmodel as tm
from labkit.ui.controls import button, column, output, panel, row
from labkit.ui.html import callout, table
from labkit.ui.session import LabSession
from labkit.ui.threatmodel.common import (
    asset_table,
    downloads,
    files_of,
    flow_table,
    heading,
    model_with,
    parts_of,
    picture,
    threat_table,
)
from labkit.ui.threatmodel.own_editor import Editor, offer
from labkit.ui.threatmodel.own_plan import PlanSection
from labkit.ui.threatmodel.rating_form import RatingForm, scale
from labkit.ui.threatmodel.studio_panel import StridePicker

__all__ = ["OwnPanel", "own_system"]

_START = tm.SystemModel(
    name="My system",
    zones=(tm.Zone("outside", "Internet"), tm.Zone("inside", "Our network")),
    elements=(
        tm.Element("user", "User", "external", "outside"),
        tm.Element("service", "Service", "process", "inside"),
        tm.Element("data", "Data", "store", "inside"),
    ),
    flows=(tm.Flow("ask", "user", "service", "requests"), tm.Flow("read", "service", "data", "queries")),
)
_OWNERS = ("product owner", "engineering lead", "security lead", "data protection officer", "operations lead")


def own_system(lab: LabSession, state: Mapping[str, Any] | None = None) -> Any:
    """Return the studio for a system of one's own; nothing is planted and nothing is graded.

    Parameters
    ----------
    lab : LabSession
    state : mapping or None
        ``model``: JSON as the studio exports it.
    """
    prepared = lab.state("own_system") if state is None else state
    return lab.when_ready(lambda: OwnPanel(lab, prepared).view, "own_system")


class OwnPanel:
    """An editor by fields and buttons, so that a keyboard does everything a mouse does."""

    def __init__(self, lab: LabSession, state: Mapping[str, Any]) -> None:
        self.lab = lab
        self.memory = lab.remember("own_system", state)
        self.model, self.threats = _START, dict[tuple[str, str], tm.Threat]()
        self.unread, reason = str(state.get("unread", "")), ""
        self.said, self.diagram, self.flows = output(), output(), output()
        self.list, self.gaps, self.files, self.kept = output(), output(), output(), output()
        if isinstance(text := state.get("model"), str):
            try:
                self._take(tm.read_model(text))
            except LabkitError as error:
                # It is shown as it is, and stays until its owner says that it is not needed.
                self.unread, reason = text, str(error)
                self.memory.note(unread=text)
        self.editor = Editor(self.edit)
        self.picker = StridePicker(self.model, self.threats, self._noted)
        self.form = RatingForm(
            self.threats, _OWNERS, lambda id: self.model.title(id), self._noted, typed=True
        )
        self.plan = PlanSection(self.edit, str(state.get("outline", "") or self.model.plan.tree))
        self.plan.outline.observe(lambda change: self.memory.note(outline=change["new"]), "value")
        self.load = widgets.Textarea(
            value=self.unread,
            description="Load",
            placeholder="paste a threat-model.json here",
            continuous_update=False,
            layout={"width": "min(46em, 100%)"},
        )
        self.drop = button("Throw the old text away", self.forget, tip="The drawing that cannot be read")
        self.rescue = column(output(self._unread(reason)), self.drop) if self.unread else column()
        self.view = panel(
            self.rescue, self.diagram, self.flows, *self.editor.view, self.said,
            heading("Six questions for each part"), *self.picker.view,
            heading("Rate and own"), output(scale()), *self.form.view,
            self.list, *self.plan.view,
            heading("What is still missing"), self.gaps, self.files, self.kept,
            row(self.load, button("Load it", self.load_model, tip="Replace the drawing by what you pasted")),
        )  # fmt: skip
        self._redraw()

    @property
    def whole(self) -> tm.SystemModel:
        """The drawing with the threats that are noted."""
        return model_with(self.model, self.threats.values())

    def edit(self, change: Callable[[tm.SystemModel], tm.SystemModel]) -> str:
        """Make a change, or say why it cannot be made and return that; nothing is half done."""
        try:
            made = change(self.whole)
        except LabkitError as error:
            self.said.value = callout("bad", f"{error} Nothing was changed.", title="That did not work.")
            return str(error)
        self.said.value = ""
        self._take(made)
        self._redraw()
        return ""

    def load_model(self) -> None:
        """Replace the drawing by a file that the studio exported."""
        try:
            model = tm.read_model(self.load.value)
        except LabkitError as error:
            self.said.value = callout("bad", str(error), title="That cannot be read.")
            return
        self._take(model)
        self.plan.outline.value = model.plan.tree
        self.load.value = ""
        self.said.value = callout("good", f"{model.name} is loaded.")
        self._redraw()

    def forget(self) -> None:
        """Throw away the text of a drawing that could not be read."""
        if self.load.value == self.unread:
            self.load.value = ""
        self.unread = ""
        self.memory.note(unread="")
        self.rescue.children = ()

    def _unread(self, reason: str) -> str:
        words = (
            "Your last drawing is kept, but it cannot be read any more, so a new one is shown. Its text "
            f"stands in the field “Load” at the end of this panel, and can be taken away below. {reason}"
        )
        found = callout("bad", words, title="Nothing is lost.")
        return found + downloads({"kept-drawing.json": self.unread})

    def _take(self, model: tm.SystemModel) -> None:
        self.model = model_with(model, ())
        self.threats.clear()
        self.threats.update({threat.key: threat for threat in model.threats})

    # ------------------------------------------------------------ showing

    def _redraw(self) -> None:
        self.editor.refresh(self.model)
        self.picker.model = self.model
        offer(self.picker.part, parts_of(self.model))
        self.flows.value = flow_table(self.model) + asset_table(self.model)
        self.picker.show()  # which ends in _noted

    def _noted(self) -> None:
        whole = self.whole
        text = tm.write_model(whole)
        self.memory.note(model=text)
        marked = {str(self.picker.part.value)} if self.picker.part.value else set()
        self.diagram.value = picture(tm.draw(self.model, marked=marked), tm.describe(self.model), "auto")
        self.form.refresh()
        self.plan.refresh(whole)
        self.list.value = threat_table(whole, self.threats, f"Noted: {len(self.threats)}")
        rows = [(gap.where, gap.what) for gap in tm.gaps(whole)]
        self.gaps.value = (
            f'<div class="lk">{table(f"Not looked at yet: {len(rows)}", ("Where", "What"), rows)}</div>'
            if rows
            else callout(
                "good", "Every boundary and every process was looked at, and every high risk is owned."
            )
        )
        self._hand_over(whole, text)

    def _hand_over(self, whole: tm.SystemModel, text: str) -> None:
        """Offer the files, put them into the evidence, and say when a drawing is too large to be kept."""
        files = files_of(whole)
        if tree := whole.plan.attack_tree():
            files["attack-tree.svg"] = tm.draw_tree(tree, stopped=whole.plan.chosen)
        self.files.value = downloads(files)
        mine = whole != _START  # else nobody has drawn anything yet
        for name in ("threat-model.json", "diagram.svg", "risk-register.csv", "attack-tree.svg"):
            self.lab.attachments.pop(f"own-{name}", None)
            if mine and name in files:
                self.lab.attach(f"own-{name}", files[name])
        state = {"model": text, "unread": self.unread, "outline": self.plan.outline.value}
        too_large = len(json.dumps(state)) > LARGEST_STATE - 500
        words = "This drawing is too large to be kept here. Save threat-model.json, and load it next time."
        self.kept.value = callout("warn", words) if too_large else ""
