"""Four trainings of a contractor: their own curve, and what an attack of many steps leaves along the way."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from labkit.attacks.evasion import fgsm
from labkit.course.cases.robustness.case import RobustnessCase
from labkit.course.cases.robustness.runs import Run
from labkit.ui.controls import button, choice, number, output, panel, row, slider
from labkit.ui.html import callout, table
from labkit.ui.records import hand_in
from labkit.ui.robustness.charts import over_epochs
from labkit.ui.robustness.common import accuracy, standing
from labkit.ui.session import LabSession
from labkit.ui.work import Job, Progress

__all__ = ["CollapsePanel", "collapse_panel"]

_OPEN = "open"


def collapse_panel(
    lab: LabSession, checkpoint: str = "collapse", state: Mapping[str, Any] | None = None
) -> Any:
    """Return the panel that examines the contractor's networks.

    Parameters
    ----------
    lab : LabSession
        A lab whose case is a ``RobustnessCase``.
    checkpoint : str
        The one that takes ``verdicts`` and ``reported``.
    state : mapping or None
        Dials to start from: ``run``, ``steps``.
    """
    prepared = lab.state("collapse_panel") if state is None else state
    return lab.when_ready(lambda: CollapsePanel(lab, checkpoint, prepared).view, "collapse_panel")


class CollapsePanel:
    """What to attack and how, the curves, and a verdict with a figure for each network."""

    def __init__(self, lab: LabSession, checkpoint: str, state: Mapping[str, Any]) -> None:
        self.lab, self.checkpoint = lab, checkpoint
        self.case: RobustnessCase = lab.case
        self.found: dict[str, tuple[float, float]] = {}
        names = [run.name for run in self.case.runs]
        chosen = str(state.get("run", names[0]))
        self.run = choice(
            "Network",
            [(f"network {name}", name) for name in names],
            chosen if chosen in names else names[0],
            "Which of the four to attack",
        )
        self.steps = slider(
            "Attack steps",
            int(state.get("steps", 1)),
            1,
            60,
            1,
            "Steps of PGD, at the budget of the scenario",
        )
        self.go = button(
            "Attack along the epochs", self.attack, tip="Attack this network as it was after each epoch"
        )
        self.overview, self.chart, self.feedback = output(), output(), output()
        self.verdicts = [
            choice(
                f"Verdict on {name}",
                [("choose", _OPEN), ("sound", "sound"), ("collapsed", "collapsed")],
                _OPEN,
                f"Is network {name} sound?",
            )
            for name in names
        ]
        self.figures = [
            number(f"Accuracy of {name} under PGD (0 to 1)", 0.0, 0.0, 1.0, 0.01, "A share: 60 % is 0.6")
            for name in names
        ]
        self.submit = button("Hand in", self.hand_in, primary=True, tip="Hand in four verdicts and figures")
        kept = {f"verdict_{name}": each for name, each in zip(names, self.verdicts, strict=True)}
        kept |= {f"figure_{name}": each for name, each in zip(names, self.figures, strict=True)}
        lab.remember("collapse_panel", state, run=self.run, steps=self.steps, **kept)
        self.job = Job(self.go, self.submit, label="Attacking")
        pairs = zip(self.verdicts, self.figures, strict=True)
        self.view = panel(
            self.overview,
            self.run,
            self.steps,
            self.go,
            self.job.view,
            self.chart,
            *(row(verdict, figure) for verdict, figure in pairs),
            self.submit,
            self.feedback,
        )
        self._show()
        if lab.demo is not None and lab.demo.panel == "collapse_panel":
            self.attack()

    def attack(self) -> None:
        """Measure the chosen network after each epoch that was kept, under one step and under many."""
        run = next(each for each in self.case.runs if each.name == self.run.value)
        self.job.start(partial(self._attack, run, int(self.steps.value)), self._attacked)

    def _attack(self, run: Run, steps: int, progress: Progress) -> tuple[Run, int, list[float], list[float]]:
        case = self.case
        one, many = [], []
        for done, model in enumerate(run.models, start=1):
            x_adv = fgsm(model, case.x, case.y, epsilon=case.threat.epsilon).x_adv
            one.append(accuracy(model, x_adv, case.y))
            many.append(standing(case, model, steps).value)
            progress(done, len(run.models), f"attacking network {run.name}")
        return run, steps, one, many

    def _attacked(self, made: tuple[Run, int, list[float], list[float]]) -> None:
        run, steps, one, many = made
        self.found[run.name] = one[-1], many[-1]
        curves = {
            "contractor's, one step": run.claimed,
            "yours, one step": one,
            f"yours, PGD {steps}": many,
        }
        self.chart.value = over_epochs(f"Network {run.name}", run.epochs, curves).markup()
        self._show()

    def _show(self) -> None:
        rows = []
        for run in self.case.runs:
            one, many = self.found.get(run.name, (None, None))
            rows.append((f"network {run.name}", f"{run.claimed[-1]:.0%}", _say(one), _say(many)))
        head = (
            "Delivered",
            "Contractor: accuracy under one step",
            "One step, your inputs",
            "Your last attack",
        )
        self.overview.value = f'<div class="lk">{table("What was delivered", head, rows)}</div>'

    def hand_in(self) -> None:
        """Hand in four verdicts and four figures."""
        verdicts = [str(each.value) for each in self.verdicts]
        if _OPEN in verdicts:
            missing = [run.name for run, word in zip(self.case.runs, verdicts, strict=True) if word == _OPEN]
            self.feedback.value = callout("warn", f"Say something about network {', '.join(missing)} first.")
            return
        reported = [float(each.value) for each in self.figures]
        params = {"attack_steps": int(self.steps.value)}

        def work(_: Progress) -> str:
            return hand_in(self.lab, self.checkpoint, params, verdicts=verdicts, reported=reported).markup

        self.job.start(work, lambda markup: setattr(self.feedback, "value", markup))


def _say(value: float | None) -> str:
    return "not attacked yet" if value is None else f"{value:.0%}"
