"""A heat map of gaps: themes of the crosswalk by lists, seen through the statement that was written."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from labkit.governance.controls import (
    HEAT,
    LEVELS,
    LISTS,
    Cell,
    Gap,
    Line,
    find_theme,
    gaps,
    heat_map,
    themes,
    themes_of,
    title_of,
)
from labkit.ui.controls import choice, output, panel, tick
from labkit.ui.governance.common import csv_text
from labkit.ui.html import Fragment, badge, bullets, callout, card, escape, table
from labkit.ui.session import LabSession

__all__ = ["GapPanel", "gap_panel", "heat_table"]

_BADGES = {"covered": "good", "partly": "warn", "open": "bad", "outside": "open"}
_COUNT = {"done": "what is in place", "coming": "what is in place or planned"}


def gap_panel(lab: LabSession, state: Mapping[str, Any] | None = None) -> Any:
    """Return the heat map of gaps behind the participant's statement of applicability.

    Parameters
    ----------
    lab : LabSession
        A lab whose case is a ``GovernanceCase``.
    state : mapping or None
        ``everything``: whether themes outside the statement are shown as well; ``counts``:
        ``done`` or ``coming``; ``theme`` and ``list`` of the cell that is explained.
    """
    prepared = lab.state("gap_panel") if state is None else state
    return lab.when_ready(lambda: GapPanel(lab, prepared).view, "gap_panel")


class GapPanel:
    """A matrix whose cells carry a number, a pattern and a colour, and the words behind one cell."""

    def __init__(self, lab: LabSession, state: Mapping[str, Any]) -> None:
        self.lab = lab
        self.everything = tick(
            "Show themes that the statement does not touch", bool(state.get("everything", False))
        )
        counts = [(words, name) for name, words in _COUNT.items()]
        self.counts = choice("Count", counts, _known(state.get("counts"), counts))
        rows = [(each.title, each.id) for each in themes()]
        self.theme = choice("Theme of a cell", rows, _known(state.get("theme"), rows), tip="Row to explain")
        columns = [(name, key) for key, (_, name) in LISTS.items()]
        self.list = choice("List of a cell", columns, _known(state.get("list"), columns), tip="Its column")
        dials = (self.everything, self.counts, self.theme, self.list)
        lab.remember(
            "gap_panel",
            state,
            everything=self.everything,
            counts=self.counts,
            theme=self.theme,
            list=self.list,
        )
        self.shown, self.cell = output(), output()
        for dial in dials:
            dial.observe(lambda _: self.refresh(), "value")
        lab.on_change(self.refresh)
        self.view = panel(self.everything, self.counts, self.shown, self.theme, self.list, self.cell)
        self.refresh()

    def refresh(self) -> None:
        """Draw the map for the statement as it stands."""
        lines: dict[str, Line] = self.lab.shelf.get("statement", {})
        scope = {name for name, line in lines.items() if line.applicable}
        if not scope:
            self.shown.value = callout("info", "Decide on some controls above; the map follows them.")
            self.cell.value = ""
            return
        done = {name for name in scope if lines[name].status == "in place" and lines[name].evidence}
        chosen = done if self.counts.value == "done" else scope
        found = gaps(scope, done, scope - done)
        cells = heat_map(chosen)
        shown = [each for each in found if self.everything.value or each.level != "outside"]
        counts = {level: sum(each.level == level for each in found) for level in LEVELS}
        words = ", ".join(f"{count} {level}" for level, count in counts.items())
        caption = (
            f"Gaps by theme: {words}. Share of the entries of each list that the chosen controls help with"
        )
        self.shown.value = f'<div class="lk">{heat_table(caption, shown, cells)}{_legend()}</div>'
        self.cell.value = _explain(cells[(self.theme.value, self.list.value)], scope, done)
        self.lab.attach("gap-heat-map.csv", _csv(found, cells))


def heat_table(caption: str, found: Sequence[Gap], cells: Mapping[tuple[str, str], Cell]) -> str:
    """Return the matrix: a row for each theme, a column for each list, and all themes at the end."""
    rows = [(_theme(each), *(_warm(cells[(each.theme, source)]) for source in LISTS)) for each in found]
    whole = ("All themes of the crosswalk", *(_warm(_total(source, cells)) for source in LISTS))
    return table(caption, ("Theme", *(name for _, name in LISTS.values())), [*rows, whole])


def _theme(gap: Gap) -> Fragment:
    return Fragment(f"{escape(gap.title)}<br>{badge(_BADGES[gap.level], gap.level)}", gap.title)


def _total(source: str, cells: Mapping[tuple[str, str], Cell]) -> Cell:
    """Return a whole column as one cell; an entry that stands under several themes counts once."""
    column = [cell for cell in cells.values() if cell.source == source]
    helped = dict.fromkeys(entry for cell in column for entry in cell.helped)
    left = dict.fromkeys(entry for cell in column for entry in cell.left)
    return Cell("", source, tuple(helped), tuple(left))


def _warm(cell: Cell) -> Fragment:
    words = f"{len(cell.helped)} of {cell.total}" if cell.total else "–"
    share = f'<span class="lk-muted"> {cell.share:.0%}</span>' if cell.total else ""
    bar = f'<span class="lk-heat lk-heat-{cell.step}" aria-hidden="true"></span>'
    return Fragment(f'{bar}<span class="lk-nowrap">{words}</span>{share}', words)


def _legend() -> str:
    signs = "".join(
        f'<li><span class="lk-heat lk-heat-{step}" aria-hidden="true"></span> {escape(meaning)}</li>'
        for step, meaning in HEAT.items()
    )
    states = bullets(f"{level}: {meaning}" for level, meaning in LEVELS.items())
    note = (
        "An entry of ISO/IEC 42001 counts when the control itself is chosen; one of another list when every "
        "theme that it stands for has a chosen control. It is helped by that, and never proven to be met."
    )
    return f'<ul class="lk-heat-legend">{signs}</ul>{states}<p class="lk-muted">{escape(note)}</p>'


def _explain(cell: Cell, scope: Collection[str], done: Collection[str]) -> str:
    """Say in words what stands behind a cell."""
    theme = find_theme(cell.theme)
    head = f"{theme.title}, {LISTS[cell.source][1]}: {len(cell.helped)} of {cell.total} entries"
    lines = [f"Helped: {_entry(cell, each)}" for each in cell.helped]
    lines += [f"Not helped: {_entry(cell, each)}{_besides(cell, each)}" for each in cell.left]
    ours = [
        f"{each} {title_of('iso_42001', each)}: "
        + ("in place" if each in done else "planned" if each in scope else "not in the statement")
        for each in theme.references["iso_42001"]
    ]
    body = bullets(lines or ["This list has no entry for the theme."])
    return card(head, f"{body}<p>Controls of ISO/IEC 42001 for this theme:</p>{bullets(ours)}", level=3)


def _entry(cell: Cell, entry: str) -> str:
    return f"{entry} {title_of(cell.source, entry)}"


def _besides(cell: Cell, entry: str) -> str:
    others = [each.title for each in themes_of(cell.source, entry) if each.id != cell.theme]
    return f" (stands for {', '.join(others)} as well)" if others and cell.source != "iso_42001" else ""


def _csv(found: Sequence[Gap], cells: Mapping[tuple[str, str], Cell]) -> str:
    def share(cell: Cell) -> str:
        return f"{len(cell.helped)} of {cell.total}" if cell.total else "none"

    rows = [(each.title, each.level, *(share(cells[(each.theme, key)]) for key in LISTS)) for each in found]
    return csv_text(("theme", "statement", *(name for _, name in LISTS.values())), rows)


def _known(value: Any, options: Sequence[tuple[str, str]]) -> str:
    """Return the value where it is an option, else the first option."""
    return str(value) if value in {each for _, each in options} else options[0][1]
