"""Draw a system of one's own by fields and buttons: zones, parts, flows, assets, and what is said of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import ipywidgets as widgets

from labkit.governance import threatmodel as tm
from labkit.governance.threatmodel import edits
from labkit.ui.controls import button, change_options, choice, row
from labkit.ui.threatmodel.common import heading, parts_of

__all__ = ["Edit", "Editor", "offer", "text"]

Edit = Callable[[Callable[[tm.SystemModel], tm.SystemModel]], str]
_KINDS = [("process", "process"), ("store", "store"), ("external entity", "external")]


class Editor:
    """The fields; ``edit(change)`` makes a change and returns why it could not be made, else nothing."""

    def __init__(self, edit: Edit) -> None:
        self._edit, self._model, self._filled = edit, tm.SystemModel("My system"), ""
        self._showing = False
        self.title = text("Name of the system", "")
        self.new_zone = text("New zone", "")
        self.name, self.kind, self.zone = text("New part", ""), _list("Kind", _KINDS), _list("Zone")
        self.source, self.target, self.data = _list("Flow from"), _list("Flow to"), text("Data", "")
        self.asset, self.at = text("New asset", ""), _list("Lies at")
        worth = [(f"{n}, {said}", n) for n, said in tm.IMPACT.items()]
        self.worth = _list("Losing it means", worth, 3, wide="38em")
        self.chosen = _list("Which one")
        self.its_name, self.its_kind, self.its_zone = (
            text("Its name or data", ""),
            _list("Its kind", _KINDS),
            _list("Its zone"),
        )
        self.its_notes = widgets.Textarea(
            description="Its notes",
            placeholder="how it is built, one sentence a line",
            continuous_update=False,
            style={"description_width": "9.5em"},
            layout={"width": "min(46em, 100%)"},
        )
        self.title.observe(lambda change: self._renamed(str(change["new"])), "value")
        self.chosen.observe(lambda _: self._fill(), "value")
        self.view = (
            heading("Draw it"),
            self.title,
            row(self.new_zone, button("Add zone", self.add_zone, tip="A new trust boundary")),
            row(self.name, self.kind, self.zone, button("Add part", self.add_part, tip="Draw it")),
            row(self.source, self.target, self.data, button("Connect", self.connect, tip="Draw the flow")),
            row(self.asset, self.worth, self.at, button("Add asset", self.add_asset, tip="Worth protecting")),
            heading("Change what is there"),
            self.chosen,
            row(self.its_name, self.its_kind, self.its_zone),
            self.its_notes,
            row(
                button("Change it", self.change, tip="Take over name, kind, zone and notes"),
                button("Remove it", self.remove, tip="Take it out, with what hangs on it"),
            ),
        )

    # ------------------------------------------------------------ edits

    def add_zone(self) -> None:
        """Add a trust boundary."""
        self._add(self.new_zone, lambda m: edits.add_zone(m, self.new_zone.value))

    def add_part(self) -> None:
        """Add an element in the chosen zone."""
        kind, zone = str(self.kind.value), str(self.zone.value)
        self._add(self.name, lambda m: edits.add_element(m, self.name.value, kind, zone))

    def connect(self) -> None:
        """Add a flow between the chosen ends."""
        ends = str(self.source.value), str(self.target.value)
        self._add(self.data, lambda m: edits.add_flow(m, *ends, self.data.value))

    def add_asset(self) -> None:
        """Add something worth protecting."""
        at, worth = str(self.at.value), int(self.worth.value)
        self._add(self.asset, lambda m: edits.add_asset(m, self.asset.value, at, worth))

    def change(self) -> None:
        """Give what is chosen the name, kind, zone and notes in the fields."""
        id = str(self.chosen.value)
        about: dict[str, Any] = {"name": self.its_name.value}
        if not self.its_kind.disabled:
            about |= {"kind": self.its_kind.value, "zone": self.its_zone.value}
        if not self.its_notes.disabled:
            about["notes"] = self.its_notes.value.splitlines()
        self._edit(lambda m: edits.change(m, id, **about))

    def remove(self) -> None:
        """Take what is chosen out, with what hangs on it."""
        id = str(self.chosen.value)
        self._edit(lambda m: edits.remove(m, id))

    def _add(self, field: Any, change: Callable[[tm.SystemModel], tm.SystemModel]) -> None:
        if not self._edit(change):
            field.value = ""

    def _renamed(self, name: str) -> None:
        if not self._showing:
            self._edit(lambda m: replace(m, name=name.strip()))

    # ------------------------------------------------------------ showing

    def refresh(self, model: tm.SystemModel) -> None:
        """Offer what is there now."""
        self._model = model
        self._showing = True
        self.title.value = model.name
        self._showing = False
        zones = [(zone.name, zone.id) for zone in model.zones]
        parts = [(element.name, element.id) for element in model.elements]
        everything = [
            *parts_of(model),
            *((f"zone: {name}", id) for name, id in zones),
            *((f"asset: {asset.name}", asset.id) for asset in model.assets),
        ]
        for widget, options in (
            (self.zone, zones),
            (self.its_zone, zones),
            (self.source, parts),
            (self.target, parts),
            (self.at, parts_of(model)),
            (self.chosen, everything),
        ):
            offer(widget, options)
        self._fill()

    def _fill(self) -> None:
        """Show what is chosen as it is, unless somebody is just changing it."""
        found = self._found()
        if repr(found) == self._filled:
            return
        self._filled = repr(found)
        is_element = isinstance(found, tm.Element)
        self.its_kind.disabled = self.its_zone.disabled = not is_element
        self.its_notes.disabled = not isinstance(found, tm.Element | tm.Flow)
        self.its_name.value = found.data if isinstance(found, tm.Flow) else getattr(found, "name", "")
        self.its_notes.value = "" if self.its_notes.disabled else "\n".join(getattr(found, "notes", ()))
        if isinstance(found, tm.Element):
            self.its_kind.value, self.its_zone.value = found.kind, found.zone

    def _found(self) -> tm.Zone | tm.Element | tm.Flow | tm.Asset | None:
        model = self._model
        everything: tuple[tm.Zone | tm.Element | tm.Flow | tm.Asset, ...] = (
            *model.elements,
            *model.flows,
            *model.zones,
            *model.assets,
        )
        return next((each for each in everything if each.id == self.chosen.value), None)


def text(label: str, value: str) -> Any:
    """Return a field for one line."""
    return widgets.Text(
        value=value,
        description=label,
        continuous_update=False,
        style={"description_width": "initial"},
        layout={"width": "min(22em, 100%)"},
    )


def offer(widget: Any, options: list[tuple[str, str]]) -> None:
    """Give a list other options, and keep what is picked where it is still there."""
    values = [value for _, value in options]
    kept = widget.value if widget.value in values else (values or [""])[0]
    if [tuple(each) for each in widget.options] != (options or [("", "")]):
        change_options(widget, options or [("", "")], kept)


def _list(
    label: str, options: Sequence[tuple[str, Any]] = (("", ""),), value: Any = None, *, wide: str = "22em"
) -> Any:
    """Return a drop-down list that leaves room for others beside it."""
    made = choice(label, list(options), value)
    made.style.description_width = "initial"
    made.layout.width = f"min({wide}, 100%)"
    return made
