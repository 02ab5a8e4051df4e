"""A heat map of gaps: themes of the crosswalk against what the statement has in place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labkit.governance.controls import LEVELS, LISTS, Gap, Line, gaps
from labkit.ui.controls import output, panel, tick
from labkit.ui.html import Fragment, badge, bullets, callout, table
from labkit.ui.session import LabSession

__all__ = ["GapPanel", "gap_panel"]

_BADGES = {"covered": "good", "partly": "warn", "open": "bad", "outside": "open"}
_SHOWN = ("eu_ai_act", "nist_ai_rmf", "iso_27001")


def gap_panel(lab: LabSession, state: Mapping[str, Any] | None = None) -> Any:
    """Return the heat map of gaps behind the participant's statement of applicability.

    Parameters
    ----------
    lab : LabSession
        A lab whose case is a ``GovernanceCase``.
    state : mapping or None
        ``everything``: whether themes outside the statement are shown as well.
    """
    prepared = lab.state("gap_panel") if state is None else state
    return lab.when_ready(lambda: GapPanel(lab, prepared).view, "gap_panel")


class GapPanel:
    """A table whose cells carry a sign, a word and a colour."""

    def __init__(self, lab: LabSession, state: Mapping[str, Any]) -> None:
        self.lab = lab
        self.everything = tick(
            "Show themes that the statement does not touch", bool(state.get("everything", False))
        )
        lab.remember("gap_panel", state, everything=self.everything)
        self.shown = output()
        self.everything.observe(lambda _: self.refresh(), "value")
        lab.on_change(self.refresh)
        self.view = panel(self.everything, self.shown)
        self.refresh()

    def refresh(self) -> None:
        """Draw the map for the statement as it stands."""
        lines: dict[str, Line] = self.lab.shelf.get("statement", {})
        scope = {name for name, line in lines.items() if line.applicable}
        if not scope:
            self.shown.value = callout("info", "Decide on some controls above; the map follows them.")
            return
        done = {name for name in scope if lines[name].status == "in place" and lines[name].evidence}
        found = gaps(scope, done, scope - done)
        rows = [_row(each) for each in found if self.everything.value or each.level != "outside"]
        head = ("Theme", "State", "In place", *(f"Would help with, {LISTS[key][1]}" for key in _SHOWN))
        counts = {level: sum(each.level == level for each in found) for level in LEVELS}
        words = ", ".join(f"{count} {level}" for level, count in counts.items())
        legend = bullets(f"{level}: {meaning}" for level, meaning in LEVELS.items())
        self.shown.value = f'<div class="lk">{table(f"Gaps by theme: {words}", head, rows)}{legend}</div>'


def _row(gap: Gap) -> tuple[object, ...]:
    state = Fragment(badge(_BADGES[gap.level], gap.level))
    bar = f"{gap.done} of {gap.total}" + (f", {gap.planned} planned" if gap.planned else "")
    others = [", ".join(gap.elsewhere[key]) or "none" for key in _SHOWN]
    return (gap.title, state, bar if gap.total else "–", *others)
