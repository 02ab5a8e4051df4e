"""Train for release: the budget is live, the judge trains and attacks, every trial stays on the chart."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from labkit.core import InvalidInputError
from labkit.course.cases.membership.case import MembershipCase
from labkit.course.cases.membership.deployments import BUDGET, Deployed, Deployment, deploy
from labkit.ui.controls import button, change_options, choice, output, panel, row, slider
from labkit.ui.html import callout, escape
from labkit.ui.membership.charts import Tried, budget_chart
from labkit.ui.membership.evidence import keep_trials
from labkit.ui.records import hand_in
from labkit.ui.session import LabSession
from labkit.ui.work import Job, Progress, guarded

__all__ = ["DeployPanel", "deploy_panel"]

_CLIPS = (0.1, 0.3, 1.0, 3.0, 10.0, 100.0)
_RATES = (0.05, 0.1, 0.2, 0.5, 1.0)
_EPOCHS = (5, 10, 20, 30, 60, 100)
_HEAD = ("Deployment", "Epsilon", "Members found at 1 % false alarms", "Accuracy")


def deploy_panel(
    lab: LabSession,
    checkpoints: tuple[str, str] = ("deploy", "price"),
    state: Mapping[str, Any] | None = None,
) -> Any:
    """Return the panel that trains a reader for release.

    Parameters
    ----------
    lab : LabSession
        A lab whose case is a ``MembershipCase``.
    checkpoints : two of str
        Those that take the settings of a deployment: what leaks, and what it is good for.
    state : mapping or None
        Dials to start from: ``records``, ``clip``, ``noise``, ``rate``, ``epochs``; ``run`` asks a
        live demo to train at once.
    """
    prepared = lab.state("deploy_panel") if state is None else state
    return lab.when_ready(lambda: DeployPanel(lab, checkpoints, prepared).view, "deploy_panel")


class DeployPanel:
    """Five dials with their budget, the trials on a chart, and the choice of one."""

    def __init__(self, lab: LabSession, checkpoints: tuple[str, str], state: Mapping[str, Any]) -> None:
        self.lab, self.checkpoints = lab, checkpoints
        self.case: MembershipCase = lab.case
        self.trials: list[tuple[Deployment, Tried]] = []
        self.records = slider(
            "Forms", int(state.get("records", 300)), 100, 1100, 100, "Forms to train on; each needs consent"
        )
        self.clip = choice(
            "Clip C",
            [("100, next to none" if each == _CLIPS[-1] else f"{each:g}", each) for each in _CLIPS],
            _near(_CLIPS, float(state.get("clip", _CLIPS[-1]))),
            "Longest gradient that one form may add",
        )
        self.noise = slider(
            "Noise multiplier",
            float(state.get("noise", 0.0)),
            0.0,
            10.0,
            0.1,
            "Noise on the sum, in units of C",
        )
        self.rate = choice(
            "Sample rate",
            [(f"{each:g}", each) for each in _RATES],
            _near(_RATES, float(state.get("rate", 0.2))),
            "Probability with which each form takes part in a step",
        )
        self.epochs = choice(
            "Epochs",
            _EPOCHS,
            int(_near(_EPOCHS, float(state.get("epochs", 30)))),
            "How often each form is taken up on average",
        )
        self.budget = output()
        self.go = button(
            "Train and attack", self.measure, tip="The judge trains sixteen models and attacks each"
        )
        self.pick = choice("To hand in", [("train one first", -1)], tip="One of your trials")
        self.submit = button("Hand in", self.hand_in, primary=True, tip="Have the chosen deployment judged")
        self.chart, self.feedback = output(), output()
        self.job = Job(self.go, self.submit, label="Training")
        dials = {
            "records": self.records,
            "clip": self.clip,
            "noise": self.noise,
            "rate": self.rate,
            "epochs": self.epochs,
        }
        lab.remember("deploy_panel", state, **dials)
        for dial in dials.values():
            dial.observe(lambda _: self.account(), "value")
        self.account()
        self.pick.observe(lambda _: self._draw(), "value")
        self.view = panel(
            *dials.values(),
            self.budget,
            row(self.go),
            self.job.view,
            self.chart,
            row(self.pick, self.submit),
            self.feedback,
        )
        if lab.demo is not None and lab.demo.panel == "deploy_panel" and state.get("run"):
            self.measure()

    def chosen(self) -> Deployment:
        """Return what the dials say now."""
        return Deployment(
            records=int(self.records.value),
            clip=float(self.clip.value),
            noise_multiplier=round(float(self.noise.value), 2),
            sample_rate=float(self.rate.value),
            epochs=int(self.epochs.value),
        )

    def account(self) -> None:
        """Show the budget that the dials buy; nothing is trained for it."""
        with guarded(self.budget):
            try:
                chosen = self.chosen()
            except InvalidInputError as error:
                self.budget.value = callout("warn", str(error))
                return
            self.budget.value = _in_words(chosen, self.case.privacy_delta)

    def measure(self) -> None:
        """Have the judge train with the dials, attack, and add the trial to the chart."""
        with guarded(self.feedback):
            chosen = self.chosen()

            def work(progress: Progress) -> tuple[Deployment, Deployed]:
                return chosen, deploy(self.case, chosen, progress)

            self.job.start(work, self._added)

    def _added(self, done: tuple[Deployment, Deployed]) -> None:
        made, measured = done
        spent = made.spent(self.case.privacy_delta)
        tried = (made, Tried(made.name, spent, measured.tpr, measured.accuracy))
        if tried in self.trials:
            self.trials.remove(tried)
        self.trials.append(tried)
        options = [(f"{i + 1}: {each.name}", i) for i, (each, _) in enumerate(self.trials)]
        change_options(self.pick, options, len(self.trials) - 1)
        keep_trials(self.lab, _HEAD, [(each.name, *each.cells()) for _, each in self.trials])
        self._draw()

    def _draw(self) -> None:
        if not self.trials:
            return
        number = int(self.pick.value if self.pick.value is not None else -1)
        last = self.trials[number][1]
        words = (
            f"epsilon {last.budget}, members found {last.found.value:.1%}, "
            f"accuracy {last.accuracy.value:.1%}."
        )
        self.chart.value = (
            '<div role="status">'
            + callout("info", words, title=f"Trial {number % len(self.trials) + 1}:")
            + "</div>"
            + budget_chart(
                [each for _, each in self.trials],
                budget=BUDGET,
                accuracy=self.lab.target(self.checkpoints[1]),
                chosen=number,
            ).markup()
        )

    def hand_in(self) -> None:
        """Have the chosen deployment judged at both checkpoints."""
        number = int(self.pick.value)
        if number < 0:
            self.feedback.value = callout("warn", "Train a reader first, then choose it here.")
            return
        settings = self.trials[number][0].settings()
        self.lab.put("deployment", settings)

        def work(_: Progress) -> str:
            return "".join(hand_in(self.lab, name, settings, **settings).markup for name in self.checkpoints)

        self.job.start(work, lambda markup: setattr(self.feedback, "value", markup))


def _in_words(chosen: Deployment, privacy_delta: float) -> str:
    spent = chosen.spent(privacy_delta)
    if math.isinf(spent):
        words = "no bound: without noise no budget holds"
    else:
        words = f"epsilon {spent:.2f} at delta {privacy_delta:g}"
        words += ", within 4" if spent <= BUDGET else ", more than the 4 that are signed"
    line = f"Budget: {words}. {chosen.steps} steps, {chosen.records * chosen.sample_rate:.0f} forms in each."
    return f'<div class="lk" role="status"><strong>{escape(line)}</strong></div>'


def _near(options: tuple[float, ...] | tuple[int, ...], value: float) -> float:
    return min(options, key=lambda option: abs(option - value))
