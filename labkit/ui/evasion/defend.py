"""Harden the model and see what it costs: every trial stays on the chart, one is handed in."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from torch import Tensor

from labkit.attacks import evasion
from labkit.core import Classifier, DifferentiableClassifier, derive
from labkit.defenses import adversarial_training
from labkit.metrics import clean_accuracy, robust_accuracy
from labkit.ui import plots
from labkit.ui.controls import button, change_options, choice, output, panel, row, slider
from labkit.ui.evasion.aim import epsilon_range
from labkit.ui.html import Fragment
from labkit.ui.records import hand_in
from labkit.ui.session import LabSession
from labkit.ui.work import Job, Progress

__all__ = ["DefendPanel", "defend_panel"]


def defend_panel(
    lab: LabSession,
    checkpoints: tuple[str, str] = ("harden", "price"),
    state: Mapping[str, Any] | None = None,
) -> Any:
    """Return the panel for adversarial training.

    Parameters
    ----------
    lab : LabSession
        A lab whose case is an ``EvasionCase``.
    checkpoints : pair of str
        The checkpoints that take ``model``: robust accuracy first, clean accuracy second.
    state : mapping or None
        Dials to start from: ``epsilon``, ``steps``, ``epochs``.
    """
    prepared = lab.state("defend_panel") if state is None else state
    return lab.when_ready(lambda: DefendPanel(lab, checkpoints, prepared).view, "defend_panel")


class DefendPanel:
    """The dials of the training, the chart of the trials, and the choice of one."""

    def __init__(self, lab: LabSession, checkpoints: tuple[str, str], state: Mapping[str, Any]) -> None:
        self.lab, self.case, self.checkpoints = lab, lab.case, checkpoints
        self.trials: list[tuple[plots.Trial, Classifier, dict[str, Any]]] = []
        settings = self.case.scenario.settings
        steps, epochs = int(settings.get("training_steps", 5)), int(settings.get("training_epochs", 20))
        _, end, step = epsilon_range(self.case, self.case.threat.norm)
        start = float(state.get("epsilon", self.case.threat.epsilon / 3))
        tip = "Budget of the attack that the model meets while it learns"
        self.epsilon = slider("Training epsilon", start, 0.0, end, step, tip)
        self.steps = slider(
            "Attack steps", int(state.get("steps", 1)), 1, 2 * steps, 1, "Steps of that attack"
        )
        self.epochs = slider(
            "Epochs", int(state.get("epochs", max(2, epochs // 4))), 1, 2 * epochs, 1, "Rounds of training"
        )
        lab.remember("defend_panel", state, epsilon=self.epsilon, steps=self.steps, epochs=self.epochs)
        self.go = button(
            "Train a model", self.train, tip="Train with these dials; takes from seconds to minutes"
        )
        self.pick = choice("Model to hand in", [("the victim as it is", 0)], tip="One of your trials")
        self.submit = button("Hand in", self.hand_in, primary=True, tip="Have the chosen model measured")
        self.chart, self.feedback = output(), output()
        self.job = Job(self.go, self.submit, label="Training")
        self.view = panel(
            self.epsilon,
            self.steps,
            self.epochs,
            self.go,
            self.job.view,
            self.chart,
            row(self.pick, self.submit),
            self.feedback,
        )
        self.pick.observe(lambda _: self._draw(), "value")
        self.job.start(self._measure_bare, lambda _: self._draw())

    def train(self) -> None:
        """Train one more model with the dials as they stand."""
        dials = {
            "epsilon": float(self.epsilon.value),
            "steps": int(self.steps.value),
            "epochs": int(self.epochs.value),
        }
        self.job.start(partial(self._train, dials), lambda _: self._added())

    def _measure_bare(self, progress: Progress) -> None:
        self._keep("no hardening", self.case.victim, {"epochs": 0}, progress)

    def _train(self, dials: dict[str, Any], progress: Progress) -> None:
        case = self.case

        def attack(model: DifferentiableClassifier, x: Tensor, y: Tensor) -> Tensor:
            settings = {"epsilon": dials["epsilon"], "norm": case.threat.norm, "steps": dials["steps"]}
            return evasion.pgd(model, x, y, **settings).x_adv

        model = adversarial_training(
            case.network,
            case.train.x,
            case.train.y,
            attack=attack,
            epochs=dials["epochs"],
            seed=derive(case.seed, "harden"),
            progress=progress,
        )
        name = f"epsilon {dials['epsilon']:g}, steps {dials['steps']}, epochs {dials['epochs']}"
        self._keep(name, model, dials, progress)

    def _keep(self, name: str, model: Any, dials: dict[str, Any], progress: Progress) -> None:
        case = self.case
        adv = evasion.pgd(
            model,
            case.x,
            case.y,
            epsilon=case.threat.epsilon,
            norm=case.threat.norm,
            steps=40,
            seed=derive(case.seed, "defend panel"),
            progress=partial(_measuring, progress),
        )
        trial = plots.Trial(
            name, clean_accuracy(model, case.x, case.y), robust_accuracy(model, adv, case.threat)
        )
        self.trials.append((trial, model, dials))

    def _added(self) -> None:
        newest = len(self.trials) - 1
        options = [(f"{i + 1}: {trial.name}", i) for i, (trial, _, _) in enumerate(self.trials)]
        change_options(self.pick, options, newest)
        self._draw()

    def _draw(self) -> None:
        if not self.trials:
            return
        chosen = int(self.pick.value or 0)
        if chosen:
            self.lab.put("hardened", self.trials[chosen][1])
        robust, clean = (self.lab.target(name) for name in self.checkpoints)
        picture = plots.trade_off(
            [trial for trial, _, _ in self.trials], robust_target=robust, clean_target=clean, chosen=chosen
        )
        self.chart.value = picture.markup()

    def hand_in(self) -> None:
        """Have the chosen model checked for robust and for clean accuracy."""
        _, model, dials = self.trials[int(self.pick.value or 0)]

        def work(_: Progress) -> list[Fragment]:
            return [hand_in(self.lab, checkpoint, dials, model=model) for checkpoint in self.checkpoints]

        self.job.start(work, lambda cards: setattr(self.feedback, "value", "".join(c.markup for c in cards)))


def _measuring(progress: Progress, done: int, total: int, message: str = "") -> None:
    progress(done, total, "Measuring, PGD steps")
