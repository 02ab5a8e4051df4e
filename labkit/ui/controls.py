"""Widgets with a label, a tooltip and a width that fits: one short function for each kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as widgets

from labkit.ui.html import Fragment

__all__ = [
    "button",
    "change_options",
    "choice",
    "column",
    "live",
    "number",
    "output",
    "panel",
    "radio",
    "row",
    "slider",
    "tick",
    "toggle",
]

_STYLE = {"description_width": "9.5em"}
_WIDE = "min(32em, 100%)"


def slider(label: str, value: float, low: float, high: float, step: float, tip: str = "") -> Any:
    """Return a slider that reports when it is let go, not while it moves.

    Whole numbers give a slider of whole numbers.
    """
    whole = all(isinstance(v, int) for v in (value, low, high, step))
    kind = widgets.IntSlider if whole else widgets.FloatSlider
    places = 0 if whole else max(2, len(f"{step:g}".partition(".")[2]))
    return kind(
        value=min(max(value, low), high),
        min=low,
        max=high,
        step=step,
        description=label,
        tooltip=tip or label,
        continuous_update=False,
        readout_format="d" if whole else f".{places}f",
        style=_STYLE,
        layout={"width": _WIDE},
    )


def choice(label: str, options: Sequence[Any], value: Any = None, tip: str = "") -> Any:
    """Return a drop-down list; options are values or ``(text, value)`` pairs."""
    kwargs = {} if value is None else {"value": value}
    return widgets.Dropdown(
        options=list(options),
        description=label,
        tooltip=tip or label,
        style=_STYLE,
        layout={"width": _WIDE},
        **kwargs,
    )


def change_options(widget: Any, options: Sequence[Any], value: Any) -> None:
    """Give a list other options and pick one of them."""
    # ipywidgets falls back to the first option when the options change, so the value comes second.
    widget.options = list(options)
    widget.value = value


def radio(label: str, options: Sequence[tuple[str, Any]], value: Any = None) -> Any:
    """Return options of which one can be picked; none is picked at the start unless ``value`` says so."""
    return widgets.RadioButtons(
        options=list(options),
        value=value,
        description=label,
        style={"description_width": "initial"},
        layout={"width": "100%"},
    )


def toggle(label: str, options: Sequence[tuple[str, Any]], tips: Sequence[str], value: Any = None) -> Any:
    """Return a row of buttons of which exactly one is down."""
    kwargs = {} if value is None else {"value": value}
    return widgets.ToggleButtons(
        options=list(options), tooltips=list(tips), description=label, style=_STYLE, **kwargs
    )


def tick(label: str, value: bool = False, tip: str = "") -> Any:
    """Return a check box."""
    return widgets.Checkbox(
        value=value, description=label, tooltip=tip or label, indent=False, layout={"width": "auto"}
    )


def number(label: str, value: float, low: float, high: float, step: float, tip: str = "") -> Any:
    """Return a field for one number; what is typed outside the range is moved to its edge."""
    return widgets.BoundedFloatText(
        value=value,
        min=low,
        max=high,
        step=step,
        description=label,
        tooltip=tip or label,
        style={"description_width": "initial"},
        layout={"width": "min(22em, 100%)"},
    )


def button(label: str, act: Callable[[], object], *, primary: bool = False, tip: str = "") -> Any:
    """Return a button that calls ``act`` without arguments."""
    made = widgets.Button(
        description=label,
        tooltip=tip or label,
        button_style="primary" if primary else "",
        layout={"width": "auto", "min_width": "7em", "align_self": "flex-start"},
    )
    made.on_click(lambda _: act())
    return made


def output(markup: str | Fragment = "") -> Any:
    """Return a place for HTML."""
    return widgets.HTML(
        markup.markup if isinstance(markup, Fragment) else markup, layout={"width": "calc(100% - 4px)"}
    )


def live() -> Any:
    """Return a place for HTML that is read out by a screen reader whenever it changes (``assistive.js``)."""
    place = output()
    place.add_class("lk-live")
    return place


def row(*children: Any) -> Any:
    """Lay widgets out side by side, wrapping where the page is narrow."""
    box = widgets.HBox(list(children))
    box.add_class("lk-row")
    return box


def column(*children: Any) -> Any:
    """Lay widgets out one below the other."""
    box = widgets.VBox(list(children), layout={"overflow": "visible"})
    box.add_class("lk")
    return box


def panel(*children: Any) -> Any:
    """Return a framed column: one thing to work with."""
    box = column(*children)
    box.add_class("lk-panel")
    return box
