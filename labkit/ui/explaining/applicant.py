"""One file: change a value and see what is decided; the other group; the nearest way to a loan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from labkit.core.protocols import predict
from labkit.course.cases.explaining.case import ExplainingCase
from labkit.course.cases.explaining.deciders import ACCEPT, GROUP
from labkit.data import load
from labkit.explain import counterfactual
from labkit.ui.controls import button, choice, number, output, panel, row
from labkit.ui.explaining.common import decision, in_words, units
from labkit.ui.html import Fragment, callout, table
from labkit.ui.session import LabSession

__all__ = ["ApplicantPanel", "applicant_panel"]

MOVABLE = ("savings", "debts", "late_payments", "amount")
"""What an applicant can do something about; nobody changes their age for a loan."""


def applicant_panel(lab: LabSession, state: Mapping[str, Any] | None = None) -> Any:
    """Return the editor of one file.

    Parameters
    ----------
    lab : LabSession
        A lab whose case is an ``ExplainingCase``.
    state : mapping or None
        Where to start: ``file`` (0 to 999).
    """
    prepared = lab.state("applicant_panel") if state is None else state
    return lab.when_ready(lambda: ApplicantPanel(lab, prepared).view, "applicant_panel")


class ApplicantPanel:
    """A file as it was filed, and as it was changed, with the decision on both."""

    def __init__(self, lab: LabSession, state: Mapping[str, Any]) -> None:
        self.lab = lab
        self.case: ExplainingCase = lab.case
        features = load("loans").card.features
        self.low = [float(each.low) for each in features]
        self.high = [float(each.high) for each in features]
        last = len(self.case.files) - 1
        self.file = number("File", float(state.get("file", 0)), 0, last, 1, f"Number of a file, 0 to {last}")
        names = [(name, i) for i, name in enumerate(self.case.features)]
        self.column = choice("Change", names, 6, "Which column of the file")
        self.value = number("to", 0.0, min(self.low), max(self.high), 1, "In the unit of the column")
        self.set = button("Change it", self.change, tip="Change this column and decide again")
        self.flip = button("The other group", self.other_group, tip="Change the group and nothing else")
        self.near = button("Nearest way to a loan", self.nearest, tip="The fewest changes that get a loan")
        self.back = button("As it was filed", self.reset, tip="Undo all changes")
        self.find = button(
            "Next file that the group decides", self.search, tip="Look for a witness from this file on"
        )
        self.words, self.shown = output(), output()
        self.now: Tensor = self.case.files.x[0].clone()
        self.memory = lab.remember("applicant_panel", state, file=self.file)
        self.file.observe(lambda _: self.reset(), "value")
        self.view = panel(
            self.file,
            row(self.column, self.value, self.set),
            row(self.flip, self.near, self.back, self.find),
            self.words,
            self.shown,
        )
        self.reset()
        if lab.demo is not None and lab.demo.panel == "applicant_panel":
            self.search()
            self.other_group()

    @property
    def filed(self) -> Tensor:
        """The file as it came in, ``(10,)``."""
        return self.case.files.x[int(self.file.value)]

    def reset(self) -> None:
        """Show the file as it was filed."""
        self.now = self.filed.clone()
        self._draw("")

    def change(self) -> None:
        """Change one column, in its unit."""
        i = int(self.column.value)
        low, high = self.low[i], self.high[i]
        wanted = float(self.value.value)
        kept = min(max(wanted, low), high)
        self.now = self.now.clone()
        self.now[i] = (kept - low) / (high - low)
        moved = "" if kept == wanted else f" The column goes from {low:g} to {high:g}, so it is {kept:g} now."
        self._draw(f"{self.case.features[i]} was changed.{moved}")

    def other_group(self) -> None:
        """Change the group and nothing else."""
        self.now = self.now.clone()
        self.now[GROUP] = 1 - self.now[GROUP]
        self._draw("The group was changed, and nothing else.")

    def nearest(self) -> None:
        """Search the fewest changes that get a loan, of what an applicant can do something about."""
        columns = [self.case.features.index(name) for name in MOVABLE]
        found = counterfactual(
            self.case.product, self.filed[None], ACCEPT, pool=self.case.published, movable=columns
        )
        if not bool(found.found[0]):
            words = f"No change of {', '.join(MOVABLE)} that anybody in the public sample has gets a loan."
            self.now = self.filed.clone()
            self._draw(words)
            return
        self.now = found.x_hat[0]
        count = int(found.changed[0].sum())
        self._draw("It is accepted as it is." if not count else f"{count} changed value(s) get a loan.")

    def search(self) -> None:
        """Go to the next file whose decision changes with the group alone."""
        case = self.case
        differ = predict(case.product, case.files.x) != predict(case.product, case.files.twins())
        start = int(self.file.value) + 1
        order = torch.arange(len(differ)).roll(-start)
        hits = order[differ[order]]
        if not len(hits):
            self.words.value = callout("info", "The group alone decides about none of these files.")
            return
        self.file.value = float(hits[0])
        self._draw(f"File {int(hits[0])}: press The other group, and look at the decision.")

    def _draw(self, words: str) -> None:
        product, filed, now = self.case.product, self.filed, self.now
        changed = filed != now
        rows: list[tuple[str | Fragment, ...]] = [
            (name, unit, before, after if bool(moved) else "as filed")
            for name, unit, before, after, moved in zip(
                self.case.features, units(), in_words(filed), in_words(now), changed, strict=True
            )
        ]
        rows.append(("decision", "", Fragment(decision(product, filed)), Fragment(decision(product, now))))
        title = f"File {int(self.file.value)}, decided by the provider's product"
        self.shown.value = (
            f'<div class="lk">{table(title, ("Column", "Unit", "As filed", "Changed"), rows)}</div>'
        )
        both = predict(product, torch.stack([filed, now])).tolist()
        verdict = "The decision is the same." if both[0] == both[1] else "The decision is another one."
        self.words.value = callout("info", f"{words} {verdict}".strip()) if words else ""
