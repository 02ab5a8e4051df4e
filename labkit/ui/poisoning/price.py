"""The price of a screening: what each recipe throws away where nothing is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labkit.core import derive
from labkit.course.cases.poisoning.case import PoisoningCase
from labkit.course.cases.poisoning.deliveries import Delivery
from labkit.course.cases.poisoning.screening import screen
from labkit.metrics import clean_accuracy
from labkit.ui.controls import button, output, panel, row
from labkit.ui.html import Fragment, callout, table
from labkit.ui.poisoning.common import percent
from labkit.ui.poisoning.tools import Tools, named
from labkit.ui.records import hand_in
from labkit.ui.session import LabSession
from labkit.ui.work import Job, Progress

__all__ = ["PricePanel", "price_panel"]

_KEPT = 8


def price_panel(lab: LabSession, checkpoint: str = "price", state: Mapping[str, Any] | None = None) -> Any:
    """Return the panel that says what a recipe costs on routine deliveries.

    Parameters
    ----------
    lab : LabSession
        A lab whose case is a ``PoisoningCase``.
    checkpoint : str
        The checkpoint that takes ``recipe``.
    state : mapping or None
        Dials to start from, those of ``screening_panel``.
    """
    prepared = lab.state("price_panel") if state is None else state
    return lab.when_ready(lambda: PricePanel(lab, checkpoint, prepared).view, "price_panel")


class PricePanel:
    """The dials of a recipe, what it costs, and the hand-in."""

    def __init__(self, lab: LabSession, checkpoint: str, state: Mapping[str, Any]) -> None:
        self.lab, self.checkpoint = lab, checkpoint
        self.case: PoisoningCase = lab.case
        self.tried: list[tuple[str, ...]] = []
        self.tools = Tools(state, noted=True)
        self.memory = lab.remember("price_panel", state, **self.tools.dials)
        self.take = button(
            "Take the recipe of the cleaning", self.copy, tip="Set the dials as you handed them in above"
        )
        self.go = button("Measure the price", self.measure, tip="Screen three deliveries with nothing wrong")
        self.submit = button("Hand in", self.hand_in, primary=True, tip="Have this recipe judged")
        self.results, self.feedback = output(), output()
        self.job = Job(self.go, self.submit, label="Measuring the price")
        self.view = panel(
            self.tools.view,
            row(self.take, self.go, self.submit),
            self.job.view,
            self.results,
            self.feedback,
        )

    def copy(self) -> None:
        """Set the dials as the last cleaning was handed in."""
        recipe = self.lab.shelf.get("recipe")
        if recipe is None:
            self.results.value = callout("info", "Nothing was handed in for the cleaning yet on this page.")
            return
        self.tools.put(recipe)
        self.results.value = callout("info", "The dials are set as in the cleaning that you handed in.")

    def measure(self) -> None:
        """Screen the routine deliveries, train on what stays of the first, and say what it cost."""
        self.job.start(self._measure, self._show)

    def _measure(self, progress: Progress) -> tuple[str, ...]:
        case, recipe = self.case, self.tools.recipe()
        lost, hardest = [], ""
        for i, each in enumerate(case.routine):
            progress(i, len(case.routine) + 1, "screening a routine delivery")
            found = screen(case, each, recipe)
            lost.append(float(found.remove.float().mean()))
            hardest = hardest or _hardest_hit(case, each, found.remove)
        first = screen(case, case.routine[0], recipe).keep
        rates = [self._accuracy(case.routine[0], keep) for keep in (slice(None), first)]
        mean = sum(lost) / len(lost)
        return (
            named(recipe),
            f"{percent(mean)} ({mean * len(case.routine[0]):.0f} samples), at most {percent(max(lost))}",
            hardest,
            f"{rates[0]:.1%} with all, {rates[1]:.1%} with what stays",
        )

    def _accuracy(self, delivery: Delivery, keep: Any) -> float:
        case = self.case
        reader = case.train_with(delivery.x[keep], delivery.y[keep], seed=derive(case.seed, "trial"))
        return clean_accuracy(reader, case.x_test, case.y_test).value

    def _show(self, line: tuple[str, ...]) -> None:
        self.tried.append(line)
        head = ("Recipe", "Good samples lost each time", "Hit hardest", "Clean accuracy")
        self.results.value = (
            '<div class="lk" role="status">'
            + table("Price on deliveries with nothing wrong", head, reversed(self.tried[-_KEPT:]))
            + "</div>"
        )

    def hand_in(self) -> None:
        """Have the recipe judged: on the poisoned delivery, and on the routine ones."""
        recipe = self.tools.recipe()

        def work(_: Progress) -> Fragment:
            return hand_in(self.lab, self.checkpoint, {"recipe": recipe}, recipe=recipe)

        self.job.start(work, lambda card: setattr(self.feedback, "value", card.markup))


def _hardest_hit(case: PoisoningCase, delivery: Delivery, remove: Any) -> str:
    """Name the class that loses the largest share of its samples."""
    if not bool(remove.any()):
        return "nobody"
    shares = [float(remove[delivery.y == i].float().mean()) for i in range(len(case.class_names))]
    worst = max(range(len(shares)), key=shares.__getitem__)
    return f"class {case.class_names[worst]}, {shares[worst]:.1%} of it"
