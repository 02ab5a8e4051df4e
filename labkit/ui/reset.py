"""A button that starts a lab anew, and asks before it does so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.ui.controls import button, output, panel
from labkit.ui.html import callout
from labkit.ui.work import guarded

if TYPE_CHECKING:
    from labkit.ui.session import LabSession

__all__ = ["ResetButton"]


class ResetButton:
    """Start anew, after a second question; the log keeps what came before."""

    def __init__(self, lab: LabSession) -> None:
        self.lab = lab
        self.ask = button("Start this lab anew", self._ask, tip="Asks once more before it does so")
        self.sure = button("Yes, start anew", self._reset, tip="Attempts, hints and answers no longer count")
        self.no = button("No, keep everything", self._keep, tip="Nothing changes")
        self.place = output()
        self.view = panel(self.ask, self.sure, self.no, self.place)
        self._offer(False)

    def _offer(self, sure: bool) -> None:
        self.ask.disabled = sure
        for each in (self.sure, self.no):
            each.layout.display = "" if sure else "none"

    def _ask(self) -> None:
        self._offer(True)
        self.place.value = callout(
            "warn", "Attempts, hints and answers of this lab will no longer count. Sure?"
        )

    def _keep(self) -> None:
        self._offer(False)
        self.place.value = callout("info", "Nothing was changed.")

    def _reset(self) -> None:
        self._offer(False)
        with guarded(self.place):
            self.lab.session.reset()
            self.lab.changed()
            self.place.value = callout("good", "Started anew. Reload the page to clear the panels as well.")
