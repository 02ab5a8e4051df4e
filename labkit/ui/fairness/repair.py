"""Repair a desk whose delivery was poisoned: look where the poison sits, choose, measure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labkit.course.cases.fairness.case import FairnessCase
from labkit.course.cases.fairness.decisions import accuracy, gaps
from labkit.course.cases.fairness.recipes import open_desk
from labkit.metrics import equalised_odds
from labkit.ui.controls import button, output, panel, row
from labkit.ui.fairness.common import beside, gap_chart, percent, points, said_gap
from labkit.ui.fairness.dials import RecipeDials, named
from labkit.ui.html import Fragment, table
from labkit.ui.records import hand_in
from labkit.ui.session import LabSession
from labkit.ui.work import Job, Progress

__all__ = ["RepairPanel", "repair_panel"]

_KEPT = 8


def repair_panel(lab: LabSession, checkpoint: str = "repair", state: Mapping[str, Any] | None = None) -> Any:
    """Return the panel in which a repair is chosen.

    Parameters
    ----------
    lab : LabSession
        A lab whose case is a ``FairnessCase``.
    checkpoint : str
        The checkpoint that takes ``recipe``.
    state : mapping or None
        A recipe to start from: ``method``, ``by``, ``target``, ``labels``.
    """
    prepared = lab.state("repair_panel") if state is None else state
    return lab.when_ready(lambda: RepairPanel(lab, checkpoint, prepared).view, "repair_panel")


class RepairPanel:
    """The dials of a repair, what it does to every measure, and the hand-in."""

    def __init__(self, lab: LabSession, checkpoint: str, state: Mapping[str, Any]) -> None:
        self.lab, self.checkpoint = lab, checkpoint
        self.case: FairnessCase = lab.case
        self.tried: list[tuple[str, ...]] = []
        self.dials = RecipeDials(state)
        self.memory = lab.remember("repair_panel", state, **self.dials.dials)
        self.look = button(
            "Look into the delivery",
            self.examine,
            tip="Hold the outcomes against what the checked sample leads to expect",
        )
        self.go = button("Try this repair", self.measure, tip="Train with it and measure every gap")
        self.submit = button("Hand in", self.hand_in, primary=True, tip="Have this recipe judged")
        self.places, self.picture, self.results, self.feedback = output(), output(), output(), output()
        self.job = Job(self.look, self.go, self.submit, label="Training")
        self.view = panel(
            self.look,
            self.places,
            self.dials.view,
            row(self.go, self.submit),
            self.job.view,
            self.picture,
            self.results,
            self.feedback,
        )
        if lab.demo is not None and lab.demo.panel == "repair_panel":
            self.measure()

    def examine(self) -> None:
        """Show how far the outcomes of each part lie beside what is expected."""

        def work(_: Progress) -> str:
            found = beside(self.case.delivery, self.case.checked)
            rows = [
                (
                    f"{by} {number}",
                    n,
                    percent(said),
                    percent(expected),
                    f"{points(said - expected)} (±{100 * reach:.1f})",
                )
                for (by, number), (n, said, expected, reach) in found.items()
            ]
            head = ("Part", "People", "Repaid, says the file", "Expected", "Beside it, in points")
            return f'<div role="status">{table("The delivery, part by part", head, rows)}</div>'

        self.job.start(work, lambda markup: setattr(self.places, "value", markup))

    def measure(self) -> None:
        """Train with the recipe that the dials say, and show every gap on the checked sample."""
        self.job.start(self._measure, lambda _: None, latest=True)

    def _measure(self, _: Progress) -> None:
        case, recipe = self.case, self.dials.recipe()
        desks = [open_desk(each, case.delivery, case.checked) for each in ({"method": "none"}, recipe)]
        plain, mended = (desk.decide(case.checked) for desk in desks)
        before, after = gaps(plain, case.checked), gaps(mended, case.checked)
        rate = accuracy(mended, case.checked)
        odds = equalised_odds(mended, case.checked.y, case.checked.group)
        title = (
            f"{named(recipe)}. Approvals lie {100 * abs(after['demographic_parity'].value):.1f} points "
            f"apart, error rates {100 * odds.value:.1f}; accuracy {rate.value:.1%}"
        )
        self.picture.value = f'<div role="status">{gap_chart(after, title=title, before=before)}</div>'
        clean = accuracy(case.train(case.y).decide(case.checked), case.checked).value
        line = (
            named(recipe),
            said_gap(after["demographic_parity"]),
            f"{100 * odds.value:.1f} ({100 * odds.low:.1f} to {100 * odds.high:.1f})",
            percent(rate.value),
            f"{100 * (clean - rate.value):.1f}",
        )
        self.tried.append(line)
        head = (
            "Repair",
            "Approvals apart, in points",
            "Error rates apart",
            "Accuracy",
            "Points below a clean model",
        )
        self.results.value = table(
            "Repairs tried, on the checked sample", head, reversed(self.tried[-_KEPT:])
        )

    def hand_in(self) -> None:
        """Have the recipe judged on deliveries to come."""
        recipe = self.dials.recipe()

        def work(_: Progress) -> Fragment:
            return hand_in(self.lab, self.checkpoint, {"recipe": recipe}, recipe=recipe)

        self.job.start(work, lambda card: setattr(self.feedback, "value", card.markup))
