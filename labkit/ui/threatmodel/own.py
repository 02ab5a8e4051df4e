"""The same studio for a system of one's own: draw it, ask the six questions, see the gaps."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import ipywidgets as widgets

from labkit.core.errors import LabkitError
from labkit.governance import threatmodel as tm
from labkit.ui.controls import button, change_options, choice, output, panel, row
from labkit.ui.html import callout, table
from labkit.ui.session import LabSession
from labkit.ui.threatmodel.common import (
    downloads,
    files_of,
    flow_table,
    model_with,
    parts_of,
    picture,
    threat_table,
)
from labkit.ui.threatmodel.register_panel import RatingForm
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
        self.model = _read(state.get("model")) or _START
        self.threats = {threat.key: threat for threat in self.model.threats}
        self.model = model_with(self.model, ())
        self.said, self.diagram, self.flows = output(), output(), output()
        self.list, self.gaps, self.files = output(), output(), output()
        self._make_editor()
        self._make_questions()
        self.load = widgets.Textarea(
            description="Load",
            placeholder="paste a threat-model.json here",
            layout={"width": "min(46em, 100%)"},
        )
        self.view = panel(
            self.diagram, self.flows, *self.editor, self.said,
            output('<div class="lk"><h3>Six questions for each part</h3></div>'), *self.picker.view,
            output('<div class="lk"><h3>Rate and own</h3></div>'), *self.form.view,
            self.list, self.gaps, self.files,
            row(self.load, button("Load it", self.load_model, tip="Replace the drawing by what you pasted")),
        )  # fmt: skip
        self._redraw()

    def _make_editor(self) -> None:
        self.title = _text("Name of the system", self.model.name)
        self.name = _text("New part", "")
        self.kind = choice(
            "Kind", [("process", "process"), ("store", "store"), ("external entity", "external")]
        )
        self.zone = choice("Zone", [("", "")])
        self.new_zone = _text("New zone", "")
        self.source, self.target = choice("Flow from", [("", "")]), choice("Flow to", [("", "")])
        self.data = _text("Data", "")
        self.chosen = choice("Part to change", [("", "")])
        self.new_name = _text("New name", "")
        self.title.observe(
            lambda _: self._edit(lambda m: replace(m, name=self.title.value or "My system")), "value"
        )
        self.editor = (
            self.title,
            row(self.new_zone, button("Add zone", self.add_zone, tip="A new trust boundary")),
            row(self.name, self.kind, self.zone, button("Add part", self.add_part, tip="Draw it")),
            row(self.source, self.target, self.data, button("Connect", self.connect, tip="Draw the flow")),
            row(
                self.chosen,
                self.new_name,
                button("Rename", self.rename, tip="Give the chosen part the new name"),
                button("Remove", self.remove, tip="Take the chosen part and its flows out"),
            ),
        )

    def _make_questions(self) -> None:
        self.picker = StridePicker(self.model, self.threats, self._noted)
        self.form = RatingForm(self.threats, _OWNERS, lambda id: self.model.title(id), self._noted)

    # ------------------------------------------------------------ edits

    def add_zone(self) -> None:
        """Add a trust boundary."""
        name = self.new_zone.value.strip()
        if self._edit(lambda m: replace(m, zones=(*m.zones, tm.Zone(_id(name, m), name)))):
            self.new_zone.value = ""

    def add_part(self) -> None:
        """Add an element in the chosen zone."""
        name, zone = self.name.value.strip(), str(self.zone.value)
        if self._edit(
            lambda m: replace(
                m, elements=(*m.elements, tm.Element(_id(name, m), name, self.kind.value, zone))
            )
        ):
            self.name.value = ""

    def connect(self) -> None:
        """Add a flow between the chosen ends."""
        data = self.data.value.strip() or "data"
        source, target = str(self.source.value), str(self.target.value)
        if self._edit(
            lambda m: replace(
                m, flows=(*m.flows, tm.Flow(_id(f"flow {source} {target}", m), source, target, data))
            )
        ):
            self.data.value = ""

    def rename(self) -> None:
        """Give the chosen part another name."""
        id, name = str(self.chosen.value), self.new_name.value.strip()
        if self._edit(lambda m: _renamed(m, id, name)):
            self.new_name.value = ""

    def remove(self) -> None:
        """Take the chosen part out, with the flows and threats that hang on it."""
        id = str(self.chosen.value)
        gone = {id, *(flow.id for flow in self.model.flows if id in (flow.source, flow.target))}
        if self._edit(
            lambda m: replace(
                m,
                elements=tuple(each for each in m.elements if each.id not in gone),
                flows=tuple(each for each in m.flows if each.id not in gone),
            )
        ):
            for key in [key for key in self.threats if key[0] in gone]:
                del self.threats[key]
            self._redraw()

    def load_model(self) -> None:
        """Replace the drawing by a file that the studio exported."""
        try:
            model = tm.read_model(self.load.value)
        except LabkitError as error:
            self.said.value = callout("bad", str(error), title="That cannot be read.")
            return
        self.threats.clear()
        self.threats.update({threat.key: threat for threat in model.threats})
        self.model = model_with(model, ())
        self.load.value = ""
        self.said.value = callout("good", f"{model.name} is loaded.")
        self._redraw()

    def _edit(self, change: Any) -> bool:
        """Make a change, or say why it cannot be made; nothing is half done."""
        try:
            self.model = change(self.model)
        except LabkitError as error:
            self.said.value = callout("bad", str(error), title="That did not work.")
            return False
        self.said.value = ""
        self._redraw()
        return True

    # ------------------------------------------------------------ showing

    def _redraw(self) -> None:
        zones = [(zone.name, zone.id) for zone in self.model.zones]
        parts = [(element.name, element.id) for element in self.model.elements]
        for widget, options in (
            (self.zone, zones),
            (self.source, parts),
            (self.target, parts),
            (self.chosen, parts_of(self.model)),
            (self.picker.part, parts_of(self.model)),
        ):
            _offer(widget, options)
        self.picker.model = self.model
        self.flows.value = flow_table(self.model)
        self.picker.show()
        self._noted()

    def _noted(self) -> None:
        whole = model_with(self.model, self.threats.values())
        self.memory.note(model=tm.write_model(whole))
        marked = {str(self.picker.part.value)} if self.picker.part.value else set()
        self.diagram.value = picture(tm.draw(self.model, marked=marked), tm.describe(self.model))
        self.form.refresh()
        self.list.value = threat_table(whole, self.threats, f"Noted: {len(self.threats)}")
        missing = tm.gaps(whole)
        rows = [(gap.where, gap.what) for gap in missing]
        self.gaps.value = (
            f'<div class="lk">{table(f"Not looked at yet: {len(rows)}", ("Where", "What"), rows)}</div>'
            if rows
            else callout(
                "good", "Every boundary and every process was looked at, and every high risk is owned."
            )
        )
        self.files.value = downloads(files_of(whole))


def _read(text: Any) -> tm.SystemModel | None:
    try:
        return tm.read_model(text) if isinstance(text, str) else None
    except (LabkitError, json.JSONDecodeError):
        return None


def _renamed(model: tm.SystemModel, id: str, name: str) -> tm.SystemModel:
    return replace(
        model,
        elements=tuple(replace(each, name=name) if each.id == id else each for each in model.elements),
        flows=tuple(replace(each, data=name) if each.id == id else each for each in model.flows),
    )


def _id(name: str, model: tm.SystemModel) -> str:
    taken = (
        {each.id for each in model.zones}
        | {each.id for each in model.elements}
        | {each.id for each in model.flows}
    )
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:30] or "part"
    number = 2
    found = plain
    while found in taken:
        found, number = f"{plain}-{number}", number + 1
    return found


def _text(label: str, value: str) -> Any:
    return widgets.Text(
        value=value,
        description=label,
        continuous_update=False,
        style={"description_width": "initial"},
        layout={"width": "min(22em, 100%)"},
    )


def _offer(widget: Any, options: list[tuple[str, str]]) -> None:
    kept = (
        widget.value
        if widget.value in {value for _, value in options}
        else (options[0][1] if options else "")
    )
    if [tuple(each) for each in widget.options] != options:
        change_options(widget, options or [("", "")], kept)
