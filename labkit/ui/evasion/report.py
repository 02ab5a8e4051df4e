"""Measure a model and report its accuracy: the first thing that one does with any model."""

from __future__ import annotations

from typing import Any

from labkit.core import predict
from labkit.metrics import clean_accuracy
from labkit.ui import strips
from labkit.ui.controls import button, number, output, panel, row
from labkit.ui.evasion.common import names
from labkit.ui.html import callout
from labkit.ui.records import hand_in
from labkit.ui.session import LabSession
from labkit.ui.work import Job

__all__ = ["ReportPanel", "report_panel"]

_SHOWN = 8


def report_panel(lab: LabSession, checkpoint: str = "baseline") -> Any:
    """Return a panel that measures the victim and takes a reported accuracy, a share."""
    return lab.when_ready(lambda: ReportPanel(lab, checkpoint).view, "report_panel")


class ReportPanel:
    """Eight pictures with what is read in them, the accuracy of the batch, and a report."""

    def __init__(self, lab: LabSession, checkpoint: str) -> None:
        self.lab, self.case, self.checkpoint = lab, lab.case, checkpoint
        self.go = button("Measure the victim", self.measure, tip="Let the victim read your whole batch")
        self.report = number("Its clean accuracy (0 to 1)", 0.0, 0.0, 1.0, 0.01, "A share: 95 % is 0.95")
        lab.remember("report_panel", report=self.report)
        self.submit = button("Hand in", self.hand_in, primary=True, tip="Report this figure")
        self.found, self.feedback = output(), output()
        self.job = Job(self.submit, label="Measuring")
        shown = slice(0, _SHOWN)
        read = predict(self.case.victim, self.case.x[shown])
        strip = strips.plain(self.case.x[shown], names(self.case, read), names(self.case, self.case.y[shown]))
        self.view = panel(
            output(strip), self.go, self.found, row(self.report, self.submit), self.job.view, self.feedback
        )

    def measure(self) -> None:
        """Say what share of the batch the victim reads correctly."""
        rate = clean_accuracy(self.case.victim, self.case.x, self.case.y)
        words = (
            f"The victim reads {round(rate.value * rate.n)} of your {rate.n} inputs correctly, a share of "
            f"{rate.value:.2f} (95 % interval {rate.low:.2f} to {rate.high:.2f})."
        )
        self.found.value = callout("info", words)

    def hand_in(self) -> None:
        """Report the figure."""
        reported = float(self.report.value)
        self.job.start(
            lambda _: hand_in(self.lab, self.checkpoint, {}, reported_accuracy=reported),
            lambda card: setattr(self.feedback, "value", card.markup),
        )
