"""Unmask the "secure" model: the vendor's claim, the estimates of one's own, one number to report."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from labkit.metrics import Rate
from labkit.ui.controls import button, column, number, output, panel, row, tick
from labkit.ui.evasion.common import say_rate
from labkit.ui.evasion.probes import PROBES, Probe, run_probe, survivors
from labkit.ui.html import callout, table
from labkit.ui.records import hand_in
from labkit.ui.session import LabSession
from labkit.ui.work import Job, Progress

__all__ = ["UnmaskPanel", "unmask_panel"]

_TOGETHER = "What survives BPDA and the substitute together"
_FIRST = "First run the substitute and BPDA, each by itself; then count the pictures that survive both."


def unmask_panel(lab: LabSession, checkpoint: str = "unmask", state: Mapping[str, Any] | None = None) -> Any:
    """Return the panel that puts the vendor's model to the test.

    Parameters
    ----------
    lab : LabSession
        A lab whose case is an ``EvasionCase``.
    checkpoint : str
        The checkpoint that takes ``reported_accuracy``, a share.
    state : mapping or None
        ``probes``: a list of keys of the tests that are ticked at the start.
    """
    prepared = lab.state("unmask_panel") if state is None else state
    return lab.when_ready(lambda: UnmaskPanel(lab, checkpoint, prepared).view, "unmask_panel")


class UnmaskPanel:
    """The claim, a list of tests to tick, their figures, and the report."""

    def __init__(self, lab: LabSession, checkpoint: str, state: Mapping[str, Any]) -> None:
        self.lab, self.case, self.checkpoint = lab, lab.case, checkpoint
        self.found: dict[str, tuple[str, Rate, str]] = {}
        ticked = state.get("probes", ["noise", "naive"])
        self.ticks = {p.key: tick(f"{p.title}: {p.tip.lower()}", p.key in ticked, p.tip) for p in PROBES}
        self.go = button(
            "Run the ticked tests", self.run, tip="Measure the secure model with each ticked test"
        )
        self.both = button("Count the survivors", self.count, tip=_TOGETHER)
        self.report = number(
            "Accuracy that is really left (0 to 1)", 0.0, 0.0, 1.0, 0.01, "A share: 12 % is 0.12"
        )
        lab.remember("unmask_panel", state, report=self.report, **self.ticks)
        self.submit = button("Hand in", self.hand_in, primary=True, tip="Report this figure")
        self.estimates, self.feedback = output(), output()
        self.job = Job(self.go, self.both, self.submit, label="Testing the secure model")
        self.claim = output(callout("info", "…", title="The vendor's report says:"))
        self.view = panel(
            self.claim,
            column(*self.ticks.values()),
            row(self.go, self.both),
            self.job.view,
            self.estimates,
            row(self.report, self.submit),
            self.feedback,
        )
        # The vendor measured with a model of their own, which has to be trained once.
        self.job.start(lambda _: self.case.vendor_claim, self._show_claim)

    def _show_claim(self, claim: float) -> None:
        words = (
            f"“Under PGD, our patented filter keeps {claim:.0%} of all pictures right, "
            f"at epsilon {self.case.threat.epsilon:g}.”"
        )
        self.claim.value = callout("info", words, title="The vendor's report says:")

    def run(self) -> None:
        """Run every ticked test that has not been run yet."""
        wanted = [p for p in PROBES if self.ticks[p.key].value and p.key not in self.found]
        if not wanted:
            self.estimates.value = self._table() + callout("info", "Tick a test that has not been run yet.")
            return
        self.job.start(partial(self._probe, wanted), lambda _: None)

    def _probe(self, wanted: list[Probe], progress: Progress) -> None:
        for probe in wanted:
            named = partial(_named, progress, probe.title)
            self._found(probe.key, probe.title, run_probe(self.case, probe, named), probe.lesson)

    def count(self) -> None:
        """Attack with both gradient attacks and count, picture by picture, what survives both."""
        self.job.start(self._count, lambda _: None)

    def _count(self, progress: Progress) -> None:
        if not {"bpda", "naive"} <= self.found.keys():  # it makes sense once one knows what is counted
            self.estimates.value = self._table() + callout("info", _FIRST)
            return
        lesson = "A picture counts only if no attack breaks it; the lowest of several averages is too high."
        self._found("together", _TOGETHER, survivors(self.case, progress), lesson)

    def _found(self, key: str, title: str, rate: Rate, lesson: str) -> None:
        self.found[key] = (title, rate, lesson)
        self.estimates.value = self._table()

    def _table(self) -> str:
        rows = [(title, say_rate(rate), lesson) for title, rate, lesson in self.found.values()]
        head = ("Test", "Accuracy left", "What it tells")
        return (
            f'<div class="lk" role="status">{table("Your own estimates", head, rows)}</div>' if rows else ""
        )

    def hand_in(self) -> None:
        """Report the figure."""
        tests = {title: rate.value for title, rate, _ in self.found.values()}
        reported = float(self.report.value)
        self.job.start(
            lambda _: hand_in(self.lab, self.checkpoint, {"tests": tests}, reported_accuracy=reported),
            lambda card: setattr(self.feedback, "value", card.markup),
        )


def _named(progress: Progress, title: str, done: int, total: int, message: str = "") -> None:
    progress(done, total, title)
