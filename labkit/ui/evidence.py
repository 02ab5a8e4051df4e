"""The evidence of a lab: what was measured and how, and the pack that it goes into."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.ui import overview
from labkit.ui.controls import button, output, panel
from labkit.ui.html import callout
from labkit.ui.work import Job, on_dashboard

if TYPE_CHECKING:
    from labkit.ui.session import LabSession

__all__ = ["EvidencePanel"]


class EvidencePanel:
    """A summary that grows with every check, and a button that seals it into the pack."""

    def __init__(self, lab: LabSession) -> None:
        self.lab = lab
        self.summary, self.place = output(), output()
        self.add = button(
            "Add to my evidence pack", self.keep, primary=True, tip="Write it as JSON and as a printable page"
        )
        self.job = Job(self.add, label="Writing the evidence pack")
        self.view = panel(self.summary, self.add, self.job.view, self.place)
        lab.on_change(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show what there is by now."""
        self.summary.value = overview.evidence(self.lab.session)

    def keep(self) -> None:
        """Write the evidence of this lab into the pack."""
        facts = {"parameters": self.lab.notes}
        # Text goes in as bytes, so that a file keeps the ending of its name.
        files = {
            name: content.encode() if isinstance(content, str) else content
            for name, content in self.lab.attachments.items()
        }
        self.job.start(
            lambda _: self.lab.session.add_evidence(data=facts, artifacts=files or None), self._kept
        )

    def _kept(self, folder: object) -> None:
        link = '<p class="lk"><a href="../evidence" target="_blank">Open the pack, to read or print</a></p>'
        words = f"Kept in {folder}, as JSON and as a page that can be printed."
        self.place.value = callout("good", words) + (link if on_dashboard() else "")
        self.lab.changed()
