"""The dial of overfitting: what makes members stand out, on models of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labkit.course.cases.membership.case import MembershipCase
from labkit.course.cases.membership.rehearsing import MODELS, Rehearsed, rehearse
from labkit.ui.controls import button, choice, output, panel, row, slider
from labkit.ui.html import callout, table
from labkit.ui.membership.charts import heaps
from labkit.ui.session import LabSession
from labkit.ui.work import Job, Progress

__all__ = ["OverfitPanel", "overfit_panel"]

_WRONG = (0.0, 0.05, 0.1, 0.2, 0.4)
_EPOCHS = (5, 10, 20, 50, 100, 200)
_KEPT = 8
_HEAD = ("Training", "Accuracy seen / other", "Gap", "Loss: found, area", "LiRA: found, area")


def overfit_panel(lab: LabSession, state: Mapping[str, Any] | None = None) -> Any:
    """Return the panel that overfits on purpose.

    Parameters
    ----------
    lab : LabSession
        A lab whose case is a ``MembershipCase``.
    state : mapping or None
        Dials to start from: ``records``, ``epochs``, ``wrong`` (a share); ``run`` asks a live
        demo to train at once.
    """
    prepared = lab.state("overfit_panel") if state is None else state
    return lab.when_ready(lambda: OverfitPanel(lab, prepared).view, "overfit_panel")


class OverfitPanel:
    """Three dials, a line for each training, and the answers of one model in two heaps."""

    def __init__(self, lab: LabSession, state: Mapping[str, Any]) -> None:
        self.lab = lab
        self.case: MembershipCase = lab.case
        self.lines: list[tuple[str, ...]] = []
        self.records = slider(
            "Forms", int(state.get("records", 300)), 50, 700, 50, "Forms that each model is trained on"
        )
        self.epochs = choice(
            "Epochs", _EPOCHS, _known(_EPOCHS, state.get("epochs"), 20), "Passes over the forms"
        )
        self.wrong = choice(
            "Labels keyed wrong",
            [(f"{share:.0%}", share) for share in _WRONG],
            _known(_WRONG, state.get("wrong"), 0.0),
            "Share of the forms with another label than the true one",
        )
        self.go = button(
            "Train and attack", self.run, tip=f"Train {MODELS} models of your own and attack each"
        )
        self.words, self.picture = output(), output()
        self.job = Job(self.go, label="Training")
        lab.remember("overfit_panel", state, records=self.records, epochs=self.epochs, wrong=self.wrong)
        self.view = panel(
            self.records, self.epochs, self.wrong, row(self.go), self.job.view, self.words, self.picture
        )
        if lab.demo is not None and lab.demo.panel == "overfit_panel" and state.get("run"):
            self.run()

    def run(self) -> None:
        """Train with these dials, and measure what two attacks find."""
        records, epochs, wrong = int(self.records.value), int(self.epochs.value), float(self.wrong.value)
        name = f"{records} forms, {epochs} epochs, {wrong:.0%} wrong labels"

        def work(progress: Progress) -> tuple[str, Rehearsed]:
            return name, rehearse(
                self.case, records=records, epochs=epochs, wrong_labels=wrong, progress=progress
            )

        self.job.start(work, self._show)

    def _show(self, done: tuple[str, Rehearsed]) -> None:
        name, made = done
        gap = made.seen - made.unseen
        self.lines.append(
            (
                name,
                f"{made.seen:.1%} / {made.unseen:.1%}",
                f"{100 * gap:.1f} points",
                f"{made.loss[0].value:.1%}, {made.loss[1].value:.2f}",
                f"{made.ratio[0].value:.1%}, {made.ratio[1].value:.2f}",
            )
        )
        summary = (
            f"gap {100 * gap:.1f} points; at 1 % false alarms the loss finds {made.loss[0].value:.1%} of the "
            f"members, the likelihood ratio {made.ratio[0].value:.1%}."
        )
        self.words.value = (
            '<div role="status">'
            + callout("info", summary, title=f"{name}:")
            + "</div>"
            + table("What you trained, newest first", _HEAD, reversed(self.lines[-_KEPT:]))
        )
        self.picture.value = heaps(made.members, made.others).markup()


def _known(options: tuple[Any, ...], value: Any, usual: Any) -> Any:
    """Return a value that a list offers."""
    return value if value in options else usual
