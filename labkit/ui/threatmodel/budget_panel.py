"""Controls under a budget: what each helps against, and the risk that is left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labkit.governance import threatmodel as tm
from labkit.ui.controls import button, output, panel, row, tick
from labkit.ui.html import badge, details, escape, table
from labkit.ui.records import hand_in
from labkit.ui.session import LabSession
from labkit.ui.threatmodel.gate import gated

__all__ = ["BudgetPanel", "budget"]


def budget(
    lab: LabSession,
    checkpoints: tuple[str, str] = ("controls", "price"),
    state: Mapping[str, Any] | None = None,
) -> Any:
    """Return the panel in which points are spent; it opens when ``find`` was handed in once.

    Parameters
    ----------
    lab : LabSession
        A lab whose case is a ``ThreatCase``.
    checkpoints : pair of str
        The checkpoints that take ``chosen``: residual risk first, money second.
    state : mapping or None
        ``chosen`` controls to start from.
    """
    prepared = lab.state("budget") if state is None else state
    return lab.when_ready(
        lambda: gated(lab, "find", lambda: BudgetPanel(lab, checkpoints, prepared).view), "budget"
    )


class BudgetPanel:
    """A box to tick for each control, a meter, and the risks before and after."""

    def __init__(self, lab: LabSession, checkpoints: tuple[str, str], state: Mapping[str, Any]) -> None:
        self.lab, self.checkpoints, self.case = lab, checkpoints, lab.case
        self.memory = lab.remember("budget", state)
        chosen = state.get("chosen", ())
        self.boxes = {
            control.id: tick(f"{control.title} ({control.cost} points)", control.id in chosen)
            for control in self.case.controls
        }
        self.meter, self.risks, self.feedback = output(), output(), output()
        residual, price = checkpoints
        self.submit = button("Hand in", lambda: self.hand_in(residual), primary=True, tip="Is it enough?")
        self.lean = button("Hand in as the cheapest", lambda: self.hand_in(price), tip="Is it too much?")
        self.view = panel(
            output(self._helps()), *self.boxes.values(), self.meter, row(self.submit, self.lean),
            self.risks, self.feedback,
        )  # fmt: skip
        for box in self.boxes.values():
            box.observe(lambda _: self._draw(), "value")
        self._draw()

    @property
    def chosen(self) -> list[str]:
        """Ids of the controls that are ticked."""
        return [id for id, box in self.boxes.items() if box.value]

    def hand_in(self, checkpoint: str) -> None:
        """Have the choice measured."""
        chosen = self.chosen
        self.feedback.value = hand_in(self.lab, checkpoint, {"chosen": chosen}, chosen=chosen).markup

    def _draw(self) -> None:
        self.memory.note(chosen=self.chosen)
        made = self.case.architecture
        cost = sum(control.cost for control in made.controls if control.id in self.chosen)
        before = tm.residual(made.risks, made.controls, ())
        left = tm.residual(made.risks, made.controls, self.chosen)
        money = badge("bad", "over the budget") if cost > made.budget else badge("good", "within the budget")
        enough = (
            badge("good", "within the appetite")
            if left <= made.appetite
            else badge("warn", "above the appetite")
        )
        self.meter.value = (
            f'<div class="lk" role="status"><p>{cost} of {made.budget} points spent {money}. '
            f"Risk {before:.0f} → <strong>{left:.1f}</strong>, appetite {made.appetite:g} {enough}</p></div>"
        )
        titles = {flaw.id: flaw.title for flaw in made.planted}
        rows = []
        for risk in sorted(made.risks, key=lambda each: -each.score):
            now = tm.residual([risk], made.controls, self.chosen)
            rows.append(
                (titles[risk.id], f"{risk.score} {tm.level(risk.score)}", f"{now:.1f} {tm.level(now)}")
            )
        compared = table("Risks before and after", ("Risk", "Before", "After"), rows)
        self.risks.value = f'<div class="lk">{compared}</div>'

    def _helps(self) -> str:
        titles = {flaw.id: flaw.title for flaw in self.case.architecture.planted}
        items = ""
        for control in self.case.controls:
            helped = "; ".join(titles[id] for id in control.against) or "nothing in this system"
            items += f"<li>{escape(control.title)}: {escape(helped)}</li>"
        return f'<div class="lk">{details("What each control helps against here", f"<ul>{items}</ul>")}</div>'
