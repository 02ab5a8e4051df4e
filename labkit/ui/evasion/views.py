"""Panels to look with: decision landscape, robustness curve, confusion before and under attack."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from labkit.attacks import evasion
from labkit.core import AdversarialExamples, Classifier, DifferentiableClassifier, derive
from labkit.metrics import Curve, confusion, robustness_curve
from labkit.ui import plots
from labkit.ui.controls import button, change_options, choice, output, panel, row, slider
from labkit.ui.evasion.aim import epsilon_range
from labkit.ui.evasion.common import models_of, sample_labels, with_gradient
from labkit.ui.html import Picture
from labkit.ui.session import LabSession
from labkit.ui.work import Job, Progress

__all__ = [
    "ConfusionPanel",
    "CurvePanel",
    "LandscapePanel",
    "confusion_panel",
    "curve_panel",
    "landscape_panel",
]


def landscape_panel(lab: LabSession, state: Mapping[str, Any] | None = None) -> Any:
    """Return a slice through the input space around one picture of the participant's batch.

    Parameters
    ----------
    lab : LabSession
        A lab whose case is an ``EvasionCase``.
    state : mapping or None
        ``sample`` (number in the batch) and ``reach`` to start from.
    """
    prepared = lab.state("landscape_panel") if state is None else state
    return lab.when_ready(lambda: LandscapePanel(lab, prepared).view, "landscape_panel")


def curve_panel(lab: LabSession, state: Mapping[str, Any] | None = None) -> Any:
    """Return robust accuracy over epsilon, for the victim and for the hardened model."""
    return lab.when_ready(
        lambda: CurvePanel(lab, lab.state("curve_panel") if state is None else state).view, "curve_panel"
    )


def confusion_panel(lab: LabSession, state: Mapping[str, Any] | None = None) -> Any:
    """Return who is taken for whom, before and under PGD."""
    return lab.when_ready(
        lambda: ConfusionPanel(lab, lab.state("confusion_panel") if state is None else state).view,
        "confusion_panel",
    )


class LandscapePanel:
    """One picture, one slice."""

    def __init__(self, lab: LabSession, state: Mapping[str, Any]) -> None:
        self.case = lab.case
        budget = self.case.threat.epsilon
        self.sample = choice("Picture", sample_labels(self.case), int(state.get("sample", 0)))
        self.reach = slider(
            "Reach",
            float(state.get("reach", 2 * budget)),
            budget,
            6 * budget,
            budget / 2,
            "From the middle to the rim",
        )
        self.picture = output()
        self.job = Job(label="Evaluating the slice")
        lab.remember("landscape_panel", state, sample=self.sample, reach=self.reach)
        for dial in (self.sample, self.reach):
            dial.observe(lambda _: self.refresh(), "value")
        self.view = panel(self.sample, self.reach, self.job.view, self.picture)
        self.refresh()

    def refresh(self) -> None:
        """Evaluate the slice again and draw it."""
        work = partial(self._evaluate, int(self.sample.value), float(self.reach.value))
        self.job.start(work, lambda made: setattr(self.picture, "value", made.markup()), latest=True)

    def _evaluate(self, sample: int, reach: float, _: Progress) -> Picture:
        case, one = self.case, slice(sample, sample + 1)
        seed = derive(case.seed, "landscape", sample)
        x, y = case.x[one], case.y[one]
        steps, logits = plots.slice_through(case.victim, x, y, reach=reach, seed=seed, norm=case.threat.norm)
        return plots.landscape(steps, logits, int(y), case.class_names, budget=case.threat.epsilon)


class CurvePanel:
    """Robust accuracy over epsilon: a curve says more than a point that somebody chose."""

    def __init__(self, lab: LabSession, state: Mapping[str, Any]) -> None:
        self.lab, self.case = lab, lab.case
        attacks = [("FGSM", "fgsm"), ("PGD", "pgd")]
        self.attack = choice("Attack", attacks, state.get("attack", "pgd"), "The attack at every epsilon")
        self.steps = slider("Steps", int(state.get("steps", 10)), 1, 40, 1, "Steps of PGD")
        lab.remember("curve_panel", state, attack=self.attack, steps=self.steps)
        self.go = button("Measure the curve", self.measure, tip="Attack your batch at eight budgets")
        self.picture = output()
        self.job = Job(self.go, label="Measuring the curve")
        self.view = panel(row(self.attack, self.steps), self.go, self.job.view, self.picture)

    def measure(self) -> None:
        """Measure one curve for each model that has a gradient, and draw them."""
        self.job.start(self._measure, lambda made: setattr(self.picture, "value", made.markup()))

    def _measure(self, progress: Progress) -> Picture:
        case, kind = self.case, str(self.attack.value)
        extra = {} if kind == "fgsm" else {"steps": int(self.steps.value), "seed": derive(case.seed, "curve")}
        epsilons = [case.threat.epsilon * part / 4 for part in range(8)]
        curves: dict[str, Curve] = {}
        for name, model in models_of(self.lab).items():
            if isinstance(model, DifferentiableClassifier):
                curves[name] = robustness_curve(
                    model,
                    case.x,
                    case.y,
                    attack=partial(evasion.ATTACKS[kind], **extra),
                    epsilons=epsilons,
                    norm=case.threat.norm,
                    progress=partial(_named, progress, name),
                )
        return plots.robustness_curve(curves, budget=case.threat.epsilon)


class ConfusionPanel:
    """Which classes get mixed up, and which of them only under attack."""

    def __init__(self, lab: LabSession, state: Mapping[str, Any]) -> None:
        self.lab, self.case = lab, lab.case
        _, end, step = epsilon_range(self.case, self.case.threat.norm)
        start = float(state.get("epsilon", self.case.threat.epsilon))
        self.epsilon = slider("Epsilon", start, 0.0, end, step, "Budget of the attack")
        self.model = choice("Model", list(models_of(lab)), "victim", "Whose mistakes are shown")
        self.picture = output()
        self.job = Job(label="Attacking your batch")
        self.view = panel(self.model, self.epsilon, self.job.view, self.picture)
        lab.remember("confusion_panel", state, epsilon=self.epsilon)
        for dial in (self.model, self.epsilon):
            dial.observe(lambda _: self.refresh(), "value")
        lab.on_change(self._models_changed)
        self.refresh()

    def _models_changed(self) -> None:
        known = list(models_of(self.lab))
        if list(self.model.options) != known:
            change_options(self.model, known, self.model.value)

    def refresh(self) -> None:
        """Attack the batch again and draw both matrices."""
        work = partial(self._measure, str(self.model.value), float(self.epsilon.value))
        self.job.start(work, lambda made: setattr(self.picture, "value", made.markup()), latest=True)

    def _measure(self, name: str, epsilon: float, progress: Progress) -> Picture:
        case, model = self.case, models_of(self.lab)[name]
        adv = _attack(model, self, epsilon, progress)
        before = confusion(model, case.x, case.y)
        after = confusion(model, adv.x_adv, case.y)
        return plots.confusion(before, after, case.class_names)


def _attack(
    model: Classifier, view: ConfusionPanel, epsilon: float, progress: Progress
) -> AdversarialExamples:
    case = view.case
    target = with_gradient(model)
    settings = {
        "epsilon": epsilon,
        "norm": case.threat.norm,
        "steps": 20,
        "seed": derive(case.seed, "confusion"),
    }
    return evasion.pgd(target, case.x, case.y, progress=progress, **settings)


def _named(progress: Progress, name: str, done: int, total: int, message: str = "") -> None:
    progress(done, total, f"Curve of the {name}")
