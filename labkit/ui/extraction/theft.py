"""Copy the reader: what a budget, a strategy and an output level are worth to a thief."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from labkit.attacks.extraction import STRATEGIES, StolenModel, imitate
from labkit.core import derive
from labkit.course.cases.extraction.case import ExtractionCase
from labkit.course.cases.extraction.thieves import held_scans
from labkit.defenses.privacy import LEVELS, ApiView
from labkit.metrics import Rate, fidelity
from labkit.ui.controls import button, choice, output, panel, row, slider
from labkit.ui.extraction.common import announced, share, within
from labkit.ui.extraction.evidence import keep_trials
from labkit.ui.html import Picture, callout, table
from labkit.ui.records import hand_in
from labkit.ui.session import LabSession
from labkit.ui.work import Job, Progress

__all__ = ["TheftPanel", "Trial", "theft_chart", "theft_panel"]

_HEAD = ("Copy", "Questions", "Fidelity, with 95 % interval")
_MARKS = {"random": "o", "margin": "s", "jacobian": "^", "mixing": "D"}


@dataclass(frozen=True, slots=True)
class Trial:
    """One copy: how it was made, and how faithful it is."""

    level: str
    strategy: str
    questions: int
    rate: Rate

    def cells(self) -> tuple[str, str, str]:
        """Return it as a line of a table."""
        return f"{self.strategy}, answers {self.level}", f"{self.questions}", share(self.rate)


def theft_panel(lab: LabSession, checkpoint: str = "steal", state: Mapping[str, Any] | None = None) -> Any:
    """Return the panel that copies the reader.

    Parameters
    ----------
    lab : LabSession
        A lab whose case is an ``ExtractionCase``.
    checkpoint : str
        The checkpoint that takes ``architecture`` and ``weights``.
    state : mapping or None
        Dials to start from: ``level`` (an output level), ``strategy``, ``questions``.
    """
    prepared = lab.state("theft_panel") if state is None else state
    return lab.when_ready(lambda: TheftPanel(lab, checkpoint, prepared).view, "theft_panel")


class TheftPanel:
    """The dials of a theft, and every copy on a chart of fidelity against questions."""

    def __init__(self, lab: LabSession, checkpoint: str, state: Mapping[str, Any]) -> None:
        self.lab, self.checkpoint = lab, checkpoint
        self.case: ExtractionCase = lab.case
        self.trials: list[Trial] = []
        self.level = choice(
            "The service says",
            [(words, level) for level, words in LEVELS.items()],
            within(list(LEVELS), state.get("level"), "probabilities"),
            "How much an answer tells",
        )
        self.strategy = choice(
            "Questions are",
            [(words, name) for name, words in STRATEGIES.items()],
            within(list(STRATEGIES), state.get("strategy"), "random"),
            "How the questions are chosen",
        )
        most = self.case.query_budget
        self.questions = slider(
            "Query budget", int(state.get("questions", 100)), 20, most, 10, "Questions in all"
        )
        self.go = button("Steal", self.run, tip="Ask, train a copy, and measure it")
        self.submit = button(
            "Steal at the meter and hand in", self.hand_in, primary=True, tip="Ask the service that is judged"
        )
        self.words, self.chart, self.feedback = output(self._before()), output(), output()
        self.job = Job(self.go, self.submit, label="Stealing")
        lab.remember("theft_panel", state, level=self.level, strategy=self.strategy, questions=self.questions)
        self.view = panel(
            self.level,
            self.strategy,
            self.questions,
            row(self.go, self.submit),
            self.job.view,
            self.words,
            self.chart,
            self.feedback,
        )
        if lab.demo is not None and lab.demo.panel == "theft_panel":
            self.run()

    def _before(self) -> str:
        return callout(
            "info",
            f"{len(self.case.pool)} scans without labels, {self.case.query_budget} questions. When the scans "
            "are used up, questions are made out of them.",
            title="What the thief has.",
        )

    def run(self) -> None:
        """Steal with the dials as they stand, and put the copy on the chart."""
        dials = self._dials()
        self.job.start(partial(self._steal, dials, False), lambda made: self._added(*made))

    def _dials(self) -> tuple[str, str, int]:
        return str(self.level.value), str(self.strategy.value), int(self.questions.value)

    def _steal(
        self, dials: tuple[str, str, int], metered: bool, progress: Progress
    ) -> tuple[StolenModel, Trial]:
        level, strategy, questions = dials
        case = self.case
        if metered and case.reader_account.left < questions:
            case.reader_account.settle(case.pool)  # asked before, stopped, and never handed in
        made = imitate(
            case.oracle() if metered else ApiView(case.reader, level),
            case.pool,
            query_budget=questions,
            strategy=strategy,
            seed=derive(case.seed, "theft panel"),
            progress=progress,
        )
        rate = fidelity(case.reader, made.model, held_scans(case))
        return made, Trial(level, strategy, made.queries, rate)

    def _added(self, made: StolenModel, trial: Trial) -> None:
        if trial not in self.trials:
            self.trials.append(trial)
        keep_trials(self.lab, "copies-tried", _HEAD, [each.cells() for each in self.trials])
        self.words.value = announced(
            f"The copy reads what the reader reads on {share(trial.rate)} of new scans, after "
            f"{trial.questions} questions ({len(made.x)} answered)."
        )
        self.chart.value = theft_chart(self.trials, target=self.lab.target(self.checkpoint)).markup()

    def hand_in(self) -> None:
        """Steal at the judge's meter with the dials as they stand, and hand the copy in."""
        dials = self._dials()
        if dials[0] != "probabilities":
            self.feedback.value = callout(
                "warn",
                f"The service of this scenario answers with {LEVELS['probabilities']}. Choose that level "
                "before you hand in.",
                title="Not what this service says.",
            )
            return

        def work(progress: Progress) -> tuple[StolenModel, Trial, str]:
            made, trial = self._steal(dials, True, progress)
            return made, trial, hand_in(self.lab, self.checkpoint, made.params, **made.parts()).markup

        def done(result: tuple[StolenModel, Trial, str]) -> None:
            self._added(*result[:2])
            self.feedback.value = result[2]

        self.job.start(work, done)


def theft_chart(trials: list[Trial], *, target: float) -> Picture:
    """Draw fidelity against questions, one point for each copy, with the target."""
    from labkit.ui.plots.base import ACCENT, INK, SECOND, new_figure, percent_axis, to_picture

    figure, (ax,) = new_figure(6.4, 3.4)
    ax.axhline(target, color=INK, linewidth=1, linestyle="--")
    ax.text(20, target + 0.004, "target", fontsize=9, color=INK)
    for i, trial in enumerate(trials):
        rate = trial.rate
        full = trial.level == "probabilities"
        ax.errorbar(
            trial.questions,
            rate.value,
            yerr=[[rate.value - rate.low], [rate.high - rate.value]],
            fmt=_MARKS[trial.strategy],
            color=ACCENT if full else SECOND,
            markerfacecolor=ACCENT if full else "none",
        )
        ax.annotate(
            f"{i + 1}", (trial.questions, rate.value), (7, 4), textcoords="offset points", fontsize=10
        )
    ax.set_xlim(0, 530)
    ax.set_ylim(min(0.5, *(trial.rate.low - 0.03 for trial in trials)), 1.0)
    ax.set_xlabel("questions")
    ax.set_ylabel("fidelity")
    percent_axis(ax.yaxis)
    rows = [(f"{i + 1}: {name}", *others) for i, (name, *others) in enumerate(t.cells() for t in trials)]
    alt = f"Fidelity against questions; the target is {target:.0%}. " + "; ".join(
        f"{name}: {asked} questions, {rate}" for name, asked, rate in rows
    )
    caption = (
        "Circle: natural; square: unsure; triangle: gradient steps; diamond: blended. Filled: full "
        "probabilities; hollow: less."
    )
    return to_picture(figure, alt, caption=caption, numbers=table("Copies", _HEAD, rows))
