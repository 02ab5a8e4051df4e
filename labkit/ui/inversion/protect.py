"""Protect updates and answers: every trial stays on the chart with its leak and its price."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from labkit.course.cases.inversion.case import InversionCase
from labkit.course.cases.inversion.leaks import gradient_leak, service_leak
from labkit.course.cases.inversion.prices import DESK_FLOOR, caught_in_review, desk_retention, utility
from labkit.course.cases.inversion.protections import MOST_COMPANY, Protection
from labkit.defenses.privacy import LEVELS
from labkit.metrics import Rate, utility_retention
from labkit.ui.controls import button, change_options, choice, output, panel, row, slider
from labkit.ui.html import Picture, callout, table
from labkit.ui.inversion.common import clip_dial, nearest
from labkit.ui.inversion.evidence import keep_protection, keep_trials
from labkit.ui.records import hand_in
from labkit.ui.session import LabSession
from labkit.ui.work import Job, Progress

__all__ = ["ProtectPanel", "Trial", "price_chart", "protect_panel"]

_BATCHES = (1, 2, 4, 8, 16, 32, 64, MOST_COMPANY)
_HEAD = (
    "Protection",
    "Leak of updates",
    "Leak of answers",
    "Accuracy",
    "Right answers kept",
    "Mistakes found in review",
)


@dataclass(frozen=True, slots=True)
class Trial:
    """One protection, what it leaks, and what it costs."""

    protection: Protection
    level: str
    leak: float
    told: float
    accuracy: Rate
    caught: Rate
    desk: float

    @property
    def name(self) -> str:
        """The settings, in words."""
        return f"{self.protection.name}, answers {self.level}"

    def cells(self, plain: Rate) -> tuple[str, ...]:
        """Return what was measured, for a table under ``_HEAD``."""
        rate = self.accuracy
        return (
            f"{self.leak:.2f}",
            f"{self.told:.2f}",
            f"{rate.value:.1%} ({rate.low:.0%} to {rate.high:.0%})",
            f"{utility_retention(rate, plain):.1%}",
            f"{self.caught.value:.0%} ({self.desk:.0%} of the desk's work)",
        )


def protect_panel(
    lab: LabSession,
    checkpoints: tuple[str, str, str] = ("shield", "service", "price"),
    state: Mapping[str, Any] | None = None,
) -> Any:
    """Return the panel that weighs protections.

    Parameters
    ----------
    lab : LabSession
        A lab whose case is an ``InversionCase``.
    checkpoints : three of str
        Those that take ``clip``, ``noise`` and ``batch_size``; ``level``; and all four.
    state : mapping or None
        Dials to start from: ``clip``, ``noise``, ``batch_size``, ``level``.
    """
    prepared = lab.state("protect_panel") if state is None else state
    return lab.when_ready(lambda: ProtectPanel(lab, checkpoints, prepared).view, "protect_panel")


class ProtectPanel:
    """The dials of a protection, the chart of the trials, and the choice of one."""

    def __init__(self, lab: LabSession, checkpoints: tuple[str, str, str], state: Mapping[str, Any]) -> None:
        self.lab, self.checkpoints = lab, checkpoints
        self.case: InversionCase = lab.case
        self.trials: list[Trial] = []
        self.plain: Rate | None = None
        self.clip = clip_dial(state)
        self.noise = slider(
            "Noise multiplier",
            float(state.get("noise", 0.0)),
            0.0,
            2.0,
            0.05,
            "Noise on the sum, in units of C",
        )
        self.batch = choice(
            "Batch size",
            [(f"{each}", each) for each in _BATCHES],
            int(nearest(_BATCHES, float(state.get("batch_size", 4)))),
            "Records in one update",
        )
        self.level = choice(
            "Answers",
            [(words, level) for level, words in LEVELS.items()],
            str(state.get("level", "probabilities")),
            "How much the service says",
        )
        self.go = button("Measure this protection", self.measure, tip="Attack it, and train a model with it")
        self.pick = choice("To hand in", [("measure a protection first", -1)], tip="One of your trials")
        self.submit = button("Hand in", self.hand_in, primary=True, tip="Have the chosen protection judged")
        self.chart, self.feedback = output(), output()
        self.job = Job(self.go, self.submit, label="Measuring")
        lab.remember(
            "protect_panel",
            state,
            clip=self.clip,
            noise=self.noise,
            batch_size=self.batch,
            level=self.level,
        )
        self.pick.observe(lambda _: self._draw(), "value")
        self.view = panel(
            self.clip,
            self.noise,
            self.batch,
            self.level,
            self.go,
            self.job.view,
            self.chart,
            row(self.pick, self.submit),
            self.feedback,
        )
        if lab.demo is not None and lab.demo.panel == "protect_panel":
            self.measure()

    def measure(self) -> None:
        """Attack the protection that the dials say, train with it, and add it to the chart."""
        chosen = Protection(float(self.clip.value), float(self.noise.value), int(self.batch.value))
        self.job.start(partial(self._measure, chosen, str(self.level.value)), self._added)

    def _measure(self, chosen: Protection, level: str, progress: Progress) -> Trial:
        self.plain = utility(self.case, None, progress)
        return Trial(
            protection=chosen,
            level=level,
            leak=gradient_leak(self.case, chosen, progress).value,
            told=service_leak(self.case, level),
            accuracy=utility(self.case, chosen, progress),
            caught=caught_in_review(self.case, level),
            desk=desk_retention(self.case, level),
        )

    def _added(self, trial: Trial) -> None:
        if trial in self.trials:
            self.trials.remove(trial)
        self.trials.append(trial)
        options = [(f"{i + 1}: {each.name}", i) for i, each in enumerate(self.trials)]
        change_options(self.pick, options, len(self.trials) - 1)
        if self.plain is not None:
            keep_trials(self.lab, _HEAD, [(each.name, *each.cells(self.plain)) for each in self.trials])
        self._draw()

    def _draw(self) -> None:
        if not self.trials or self.plain is None:
            return
        leak_at, told_at, lost_at = (self.lab.target(name) for name in self.checkpoints)
        chosen = int(self.pick.value if self.pick.value is not None else -1)
        self.chart.value = price_chart(
            self.trials,
            self.plain,
            leak_target=leak_at,
            told_target=told_at,
            lost_target=lost_at,
            chosen=chosen,
        ).markup()

    def hand_in(self) -> None:
        """Have the chosen protection judged at all three checkpoints."""
        number = int(self.pick.value)
        if number < 0:
            self.feedback.value = callout("warn", "Measure a protection first, then choose it here.")
            return
        trial = self.trials[number]
        settings = {
            "clip": trial.protection.clip,
            "noise_multiplier": trial.protection.noise_multiplier,
            "batch_size": trial.protection.batch_size,
        }
        shield, service, price = self.checkpoints

        def work(_: Progress) -> str:
            both = {**settings, "level": trial.level}
            cards = [
                hand_in(self.lab, shield, settings, **settings),
                hand_in(self.lab, service, {"level": trial.level}, level=trial.level),
                hand_in(self.lab, price, both, **both),
            ]
            keep_protection(self.lab, settings, trial.level)
            return "".join(card.markup for card in cards)

        self.job.start(work, lambda markup: setattr(self.feedback, "value", markup))


def price_chart(
    trials: list[Trial],
    plain: Rate,
    *,
    leak_target: float,
    told_target: float,
    lost_target: float,
    chosen: int = -1,
) -> Picture:
    """Draw accuracy against the leak of the updates, one point for each protection, with both targets."""
    from labkit.ui.plots.base import ACCENT, GOOD, INK, SECOND, new_figure, percent_axis, to_picture

    figure, (ax,) = new_figure(6.4, 4.0)
    floor = plain.value * (1 - lost_target)
    ax.axvline(leak_target, color=INK, linewidth=1, linestyle="--")
    ax.axhline(floor, color=INK, linewidth=1, linestyle="--")
    ax.axhline(plain.value, color=SECOND, linewidth=1, linestyle=":")
    ax.text(0.99, plain.value + 0.006, "no protection", ha="right", fontsize=9, color=SECOND)
    low = min([floor, *(trial.accuracy.low for trial in trials)]) - 0.04
    ax.fill_between([-0.1, leak_target], floor, 1.0, color=GOOD, alpha=0.12, linewidth=0)
    ax.text(-0.08, 0.998, "both targets met", fontsize=9, color=INK, va="top")
    for i, trial in enumerate(trials):
        rate, meets = trial.accuracy, trial.told <= told_target and trial.desk >= DESK_FLOOR
        ax.errorbar(
            trial.leak,
            rate.value,
            yerr=[[rate.value - rate.low], [rate.high - rate.value]],
            fmt="o" if meets else "s",
            color=ACCENT if meets else SECOND,
            markersize=10 if i == chosen else 7,
            markeredgecolor=INK if i == chosen else ACCENT if meets else SECOND,
            linewidth=1,
        )
        ax.annotate(str(i + 1), (trial.leak, rate.value), (8, 5), textcoords="offset points", fontsize=10)
    ax.set_xlim(-0.1, 1.02)
    ax.set_ylim(max(0.0, low), 1.002)
    ax.set_xlabel("leak of the updates (correlation with what is peculiar to a record)")
    ax.set_ylabel("accuracy")
    percent_axis(ax.yaxis)
    rows = [(f"{i + 1}: {trial.name}", *trial.cells(plain)) for i, trial in enumerate(trials)]
    alt = f"Accuracy against the leak of the updates; without protection {plain.value:.1%}. " + "; ".join(
        f"{name}: updates leak {leak}, answers leak {told}, accuracy {rate}, mistakes found {caught}"
        for name, leak, told, rate, _, caught in rows
    )
    numbers = table("Protections, with 95 % interval of the accuracy", _HEAD, rows)
    caption = (
        "Left is more private, up is more useful. A circle: the answers are protected as well, and the desk "
        "can work; a square: not."
    )
    return to_picture(figure, alt, caption=caption, numbers=numbers)
