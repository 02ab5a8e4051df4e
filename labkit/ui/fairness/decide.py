"""Decide which measure to hold where nobody cheated, and write down what that gives up and costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from labkit.course.cases.fairness.applicants import Applicants
from labkit.course.cases.fairness.case import FairnessCase
from labkit.course.cases.fairness.decisions import REASONS, REFUSAL, accuracy, gaps
from labkit.course.cases.fairness.recipes import open_desk
from labkit.defenses.fairness import TARGETS
from labkit.metrics import Gap, false_positive_rate_at
from labkit.ui.controls import button, choice, column, output, panel, radio, row, tick
from labkit.ui.fairness.common import gap_chart, percent
from labkit.ui.fairness.dials import RecipeDials, named
from labkit.ui.html import callout, table
from labkit.ui.records import hand_in
from labkit.ui.session import LabSession
from labkit.ui.work import Job, Progress

__all__ = ["DecidePanel", "decide_panel"]

_KEPT = 8
_ORDER = ("predictive_parity", "equal_opportunity", "demographic_parity", "predictive_equality", REFUSAL)


@dataclass(frozen=True, slots=True)
class Measured:
    """A recipe, and what it comes to on the survey."""

    recipe: dict[str, str]
    gaps: dict[str, Gap]
    cost: float


def decide_panel(lab: LabSession, checkpoint: str = "decide", state: Mapping[str, Any] | None = None) -> Any:
    """Return the panel in which a measure is chosen and the decision recorded.

    Parameters
    ----------
    lab : LabSession
        A lab whose case is a ``FairnessCase``.
    checkpoint : str
        The checkpoint that takes ``record``.
    state : mapping or None
        Dials to start from: those of a recipe, ``holds``, ``reason``, and ``gives_up_`` with the name
        of each measure.
    """
    prepared = lab.state("decide_panel") if state is None else state
    return lab.when_ready(lambda: DecidePanel(lab, checkpoint, prepared).view, "decide_panel")


class DecidePanel:
    """A recipe and its four gaps, why they exclude each other, and the record."""

    def __init__(self, lab: LabSession, checkpoint: str, state: Mapping[str, Any]) -> None:
        self.lab, self.checkpoint = lab, checkpoint
        self.case: FairnessCase = lab.case
        self.last: Measured | None = None
        self.tried: list[tuple[str, ...]] = []
        self.dials = RecipeDials(state)
        self.holds = choice(
            "The desk holds",
            [*((name.replace("_", " "), name) for name in TARGETS), ("nothing: no repair", REFUSAL)],
            state.get("holds"),
            "The measure that you undertake to hold",
        )
        self.gives_up = {
            name: tick(
                f"Gives up {name.replace('_', ' ')}",
                bool(state.get(f"gives_up_{name}", False)),
                "Its gap is wider than six points",
            )
            for name in TARGETS
        }
        self.reason = radio("Because", [(REASONS[name], name) for name in _ORDER], state.get("reason"))
        ticks = {f"gives_up_{name}": each for name, each in self.gives_up.items()}
        self.memory = lab.remember(
            "decide_panel", state, **self.dials.dials, holds=self.holds, reason=self.reason, **ticks
        )
        self.go = button(
            "Measure this desk", self.measure, tip="Train in the other town, measure on the survey"
        )
        self.submit = button(
            "Sign and hand in", self.hand_in, primary=True, tip="Have every statement checked"
        )
        self.picture, self.card, self.results, self.feedback = output(), output(), output(), output()
        self.job = Job(self.go, self.submit, label="Measuring")
        self.view = panel(
            self.dials.view,
            self.go,
            self.job.view,
            self.picture,
            self.card,
            self.results,
            self.holds,
            column(*self.gives_up.values()),
            self.reason,
            row(self.submit),
            self.feedback,
        )
        if lab.demo is not None and lab.demo.panel == "decide_panel":
            self.measure()

    def measure(self) -> None:
        """Train with the recipe in the other town and measure every gap on the survey."""
        self.job.start(self._measure, lambda _: None, latest=True)

    def _measure(self, _: Progress) -> Measured:
        case, recipe = self.case, self.dials.recipe()
        plain, desk = (
            open_desk(each, case.portfolio, case.survey).decide(case.survey)
            for each in ({"method": "none"}, recipe)
        )
        before, after = gaps(plain, case.survey), gaps(desk, case.survey)
        cost = accuracy(plain, case.survey).value - accuracy(desk, case.survey).value
        self.last = Measured(recipe, after, cost)
        title = f"{named(recipe)}, on {len(case.survey)} people. Accuracy lost: {100 * cost:.1f} points"
        self.picture.value = f'<div role="status">{gap_chart(after, title=title, before=before)}</div>'
        self.card.value = _impossibility(case.survey, after)
        self.tried.append(
            (named(recipe), *(f"{100 * after[name].value:+.1f}" for name in TARGETS), f"{100 * cost:.1f}")
        )
        head = ("Desk", *(name.replace("_", " ") for name in TARGETS), "Accuracy lost")
        self.results.value = table(
            "Desks measured on the survey, gaps in points", head, reversed(self.tried[-_KEPT:])
        )
        return self.last

    def hand_in(self) -> None:
        """Have the record judged, once something was measured and a reason given."""
        if self.reason.value is None:
            self.feedback.value = callout(
                "warn", "Choose a reason first: why is this measure the one to hold?"
            )
            return
        recipe, reason, holds = self.dials.recipe(), str(self.reason.value), str(self.holds.value)
        gives_up = [name for name, each in self.gives_up.items() if each.value]

        def work(_: Progress) -> str:
            last = self.last  # by now; it may have been measured while this waited for its turn
            if last is None or last.recipe != recipe:
                return callout("warn", "Measure this desk first: the record states its figures.")
            record = {
                "recipe": recipe,
                "holds": holds,
                "gives_up": gives_up,
                "gaps": {name: gap.value for name, gap in last.gaps.items()},
                "cost": last.cost,
                "reason": reason,
            }
            self._keep(record)
            return hand_in(self.lab, self.checkpoint, {}, record=record).markup

        self.job.start(work, lambda markup: setattr(self.feedback, "value", markup))

    def _keep(self, record: Mapping[str, Any]) -> None:
        """Put the record into the evidence pack, as a page that a person can read."""
        lines = [f"- {name.replace('_', ' ')}: gap {gap:+.3f}" for name, gap in record["gaps"].items()]
        given_up = ", ".join(name.replace("_", " ") for name in record["gives_up"]) or "nothing"
        text = (
            "# Decision record on fairness\n\n"
            f"Desk: {named(record['recipe'])}.\n\n"
            f"Held: {record['holds'].replace('_', ' ')}, because {REASONS[record['reason']]}.\n\n"
            f"Given up: {given_up}.\n\n"
            f"Accuracy lost: {record['cost']:.3f}.\n\n"
            "Measured on the survey, group 0 less group 1:\n\n" + "\n".join(lines) + "\n\n"
            "No measure makes a decision fair. This one says what was decided.\n"
        )
        self.lab.attach("fairness-decision-record.md", text)


def _impossibility(people: Applicants, found: Mapping[str, Gap]) -> str:
    """Say with the figures at hand why the measures exclude each other."""
    base = [float((people.y[people.group == member]).double().mean()) for member in (0, 1)]
    right, precise = found["equal_opportunity"].of_0, found["predictive_parity"].of_0
    words = f"Of group 0, {percent(base[0])} repay, of group 1 {percent(base[1])}. "
    if precise > 0:
        would = [false_positive_rate_at(each, precision=precise, true_positive_rate=right) for each in base]
        words += (
            f"If both groups had the precision and the true positive rate of group 0, of those who would "
            f"not repay {percent(would[0])} of group 0 would get a loan and {_capped(would[1])} of group 1. "
            "That is arithmetic: with such base rates equal opportunity, predictive equality and predictive "
            "parity cannot all hold."
        )
    return f'<div class="lk">{callout("info", words, title="Why not all at once?")}</div>'


def _capped(share: float) -> str:
    return percent(share) if share <= 1 else "more than all"
