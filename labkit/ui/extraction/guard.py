"""Guard the reader: every trial stays on the chart with what thieves get and what customers pay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from labkit.course.cases.extraction.case import ExtractionCase
from labkit.course.cases.extraction.guarding import BARE, DETECTORS, Guard, Served, serve
from labkit.course.cases.extraction.thieves import Theft, strongest
from labkit.defenses.privacy import LEVELS
from labkit.ui.controls import button, change_options, choice, output, panel, row, slider
from labkit.ui.extraction.common import announced, share, within
from labkit.ui.extraction.evidence import keep_guard, keep_trials
from labkit.ui.html import Picture, callout, details, table
from labkit.ui.records import hand_in
from labkit.ui.session import LabSession
from labkit.ui.work import Job, Progress

__all__ = ["GuardPanel", "Trial", "guard_chart", "guard_panel"]

THROTTLED = 0.01
_RATES = (0.005, 0.01, 0.02, 0.05, 0.1)
_HEAD = (
    "Guard",
    "Best thief",
    "Answered",
    "Refused to customers",
    "Customers suspected",
    "Right answers lost",
)


@dataclass(frozen=True, slots=True)
class Trial:
    """One guard, what the thieves got, and what the customers had of it."""

    guard: Guard
    thefts: tuple[Theft, ...]
    served: Served
    plain: Served

    @property
    def best(self) -> Theft:
        """The thief with the highest fidelity."""
        return max(self.thefts, key=lambda each: each.fidelity.value)

    @property
    def lost(self) -> float:
        """Share of the right answers that customers lose."""
        return max(0.0, 1 - self.served.right.value / self.plain.right.value)

    def cells(self) -> tuple[str, ...]:
        """Return it as a line of a table under ``_HEAD``."""
        return (
            self.guard.name,
            share(self.best.fidelity),
            f"{self.best.answered}",
            f"{self.served.throttled.value:.2%}",
            f"{self.served.suspected.value:.1%}",
            f"{self.lost:.1%}",
        )


def guard_panel(
    lab: LabSession,
    checkpoints: tuple[str, str] = ("shield", "price"),
    state: Mapping[str, Any] | None = None,
) -> Any:
    """Return the panel that weighs guards.

    Parameters
    ----------
    lab : LabSession
        A lab whose case is an ``ExtractionCase``.
    checkpoints : two of str
        Those that take the settings of a guard: what thieves get, and what it costs.
    state : mapping or None
        Dials to start from: ``level``, ``strength``, ``rate_limit``, ``detector``, ``false_alarm_rate``.
    """
    prepared = lab.state("guard_panel") if state is None else state
    return lab.when_ready(lambda: GuardPanel(lab, checkpoints, prepared).view, "guard_panel")


class GuardPanel:
    """The dials of a guard, the chart of the trials, and the choice of one."""

    def __init__(self, lab: LabSession, checkpoints: tuple[str, str], state: Mapping[str, Any]) -> None:
        self.lab, self.checkpoints = lab, checkpoints
        self.case: ExtractionCase = lab.case
        self.trials: list[Trial] = []
        self.level = choice(
            "Answers",
            [(words, level) for level, words in LEVELS.items()],
            within(list(LEVELS), state.get("level"), "probabilities"),
            "How much an answer tells",
        )
        self.strength = slider(
            "Noise",
            float(state.get("strength", 0.0)),
            0.0,
            4.0,
            0.5,
            "Disturbs what is said beside the class",
        )
        self.limit = slider(
            "Rate limit", int(state.get("rate_limit", 200)), 10, 300, 10, "Questions of an account in a day"
        )
        self.detector = choice(
            "Detector",
            [(words, name) for name, words in DETECTORS.items()],
            within(list(DETECTORS), state.get("detector"), "none"),
            "What watches an account",
        )
        self.alarms = choice(
            "False alarms",
            [(f"{each:.1%} of the customers", each) for each in _RATES],
            within(_RATES, state.get("false_alarm_rate"), 0.01),
            "Share of honest accounts that the detector may suspect",
        )
        self.go = button("Try this guard", self.measure, tip="Five thieves and a day of customers")
        self.pick = choice("To hand in", [("try a guard first", -1)], tip="One of your trials")
        self.submit = button("Hand in", self.hand_in, primary=True, tip="Have the chosen guard judged")
        self.words, self.chart, self.feedback = output(), output(), output()
        self.job = Job(self.go, self.submit, label="Trying")
        lab.remember(
            "guard_panel",
            state,
            level=self.level,
            strength=self.strength,
            rate_limit=self.limit,
            detector=self.detector,
            false_alarm_rate=self.alarms,
        )
        self.pick.observe(lambda _: self._draw(), "value")
        self.view = panel(
            self.level,
            self.strength,
            self.limit,
            self.detector,
            self.alarms,
            self.go,
            self.job.view,
            self.words,
            self.chart,
            row(self.pick, self.submit),
            self.feedback,
        )
        if lab.demo is not None and lab.demo.panel == "guard_panel":
            self.measure()

    def chosen(self) -> Guard:
        """Return the guard that the dials say."""
        return Guard(
            str(self.level.value),
            float(self.strength.value),
            int(self.limit.value),
            str(self.detector.value),
            float(self.alarms.value),
        )

    def measure(self) -> None:
        """Let the thieves and the customers loose on the guard that the dials say."""
        self.job.start(partial(self._measure, self.chosen()), self._added)

    def _measure(self, guard: Guard, progress: Progress) -> Trial:
        _, thefts = strongest(self.case, guard, progress)
        return Trial(guard, thefts, serve(self.case, guard), serve(self.case, BARE))

    def _added(self, trial: Trial) -> None:
        self.trials = [each for each in self.trials if each.guard != trial.guard] + [trial]
        options = [(f"{i + 1}: {each.guard.name}", i) for i, each in enumerate(self.trials)]
        change_options(self.pick, options, len(self.trials) - 1)
        keep_trials(self.lab, "guards-tried", _HEAD, [each.cells() for each in self.trials])
        best = trial.best
        self.words.value = announced(
            f"The best thief ({best.thief}) was answered {best.answered} times and reaches "
            f"{share(best.fidelity)}. Customers were refused {trial.served.throttled.value:.2%} of their "
            f"questions and lose {trial.lost:.1%} of their right answers."
        )
        self._draw()

    def _draw(self) -> None:
        if not self.trials:
            return
        stolen_at, lost_at = (self.lab.target(name) for name in self.checkpoints)
        number = int(self.pick.value if self.pick.value is not None else -1)
        picture = guard_chart(self.trials, stolen_target=stolen_at, lost_target=lost_at, chosen=number)
        shown = self.trials[number if 0 <= number < len(self.trials) else -1]
        rows = [(each.thief, f"{each.answered}", share(each.fidelity)) for each in shown.thefts]
        thieves = table(f"Thieves against {shown.guard.name}", ("Thief", "Answered", "Fidelity"), rows)
        self.chart.value = picture.markup() + f'<div class="lk">{details("Every thief", thieves)}</div>'

    def hand_in(self) -> None:
        """Have the chosen guard judged at both checkpoints."""
        number = int(self.pick.value)
        if number < 0:
            self.feedback.value = callout("warn", "Try a guard first, then choose it here.")
            return
        settings = self.trials[number].guard.settings()

        def work(_: Progress) -> str:
            cards = [hand_in(self.lab, name, settings, **settings) for name in self.checkpoints]
            keep_guard(self.lab, settings)
            return "".join(card.markup for card in cards)

        self.job.start(work, lambda markup: setattr(self.feedback, "value", markup))


def guard_chart(
    trials: list[Trial], *, stolen_target: float, lost_target: float, chosen: int = -1
) -> Picture:
    """Draw what the best thief gets against what customers lose, one point for each guard."""
    from labkit.ui.plots.base import ACCENT, GOOD, INK, SECOND, new_figure, percent_axis, to_picture

    figure, (ax,) = new_figure(6.4, 3.8)
    ax.axvline(stolen_target, color=INK, linewidth=1, linestyle="--")
    ax.axhline(lost_target, color=INK, linewidth=1, linestyle="--")
    ax.fill_between([0.0, stolen_target], -0.005, lost_target, color=GOOD, alpha=0.12, linewidth=0)
    left = min(0.72, *(trial.best.fidelity.low - 0.02 for trial in trials))
    ax.text(left + 0.004, lost_target - 0.003, "both targets met", fontsize=9, color=INK, va="top")
    for i, trial in enumerate(trials):
        rate, served = trial.best.fidelity, trial.served.throttled.value <= THROTTLED
        ax.errorbar(
            rate.value,
            trial.lost,
            xerr=[[rate.value - rate.low], [rate.high - rate.value]],
            fmt="o" if served else "s",
            color=ACCENT if served else SECOND,
            markersize=10 if i == chosen else 7,
            markeredgecolor=INK if i == chosen else ACCENT if served else SECOND,
            linewidth=1,
        )
        ax.annotate(f"{i + 1}", (rate.value, trial.lost), (7, 5), textcoords="offset points", fontsize=10)
    ax.set_xlim(left, 1.0)
    ax.set_ylim(-0.005, max(0.06, *(trial.lost * 1.15 for trial in trials)))
    ax.set_xlabel("fidelity of the best thief")
    ax.set_ylabel("right answers lost")
    percent_axis(ax.xaxis)
    percent_axis(ax.yaxis)
    rows = [(f"{i + 1}: {name}", *others) for i, (name, *others) in enumerate(t.cells() for t in trials)]
    alt = f"Right answers lost against the fidelity of the best thief; targets {stolen_target:.0%} and " + (
        f"{lost_target:.1%}. "
        + "; ".join(
            f"{name}: thief {stolen}, refused {refused}, lost {lost}"
            for name, stolen, _, refused, _, lost in rows
        )
    )
    caption = "Left is safer, down is cheaper. A square: over 1 % of customers' questions refused."
    return to_picture(figure, alt, caption=caption, numbers=table("Guards", _HEAD, rows))
