"""Poison with every label right: move samples until their features are those of a document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from labkit.attacks import poisoning
from labkit.core import PoisonedDataset
from labkit.course.cases.poisoning.case import PoisoningCase
from labkit.metrics import clean_accuracy
from labkit.models import TorchClassifier, features, penultimate
from labkit.ui.controls import button, choice, column, output, panel, row, slider
from labkit.ui.html import Fragment, badge, escape, table
from labkit.ui.poisoning.common import gallery, pairs, percent
from labkit.ui.records import hand_in
from labkit.ui.session import LabSession
from labkit.ui.work import Job, Progress

__all__ = ["CollisionPanel", "collision_panel"]

SHOWN = 4


def collision_panel(
    lab: LabSession, checkpoint: str = "clean-label", state: Mapping[str, Any] | None = None
) -> Any:
    """Return the panel for the clean-label attack.

    Parameters
    ----------
    lab : LabSession
        A lab whose case is a ``PoisoningCase``.
    checkpoint : str
        The checkpoint that takes ``x_poisoned``.
    state : mapping or None
        Dials to start from: ``base`` (a class), ``epsilon``, ``rate`` in per cent, ``steps``.
    """
    prepared = lab.state("collision_panel") if state is None else state
    return lab.when_ready(lambda: CollisionPanel(lab, checkpoint, prepared).view, "collision_panel")


class CollisionPanel:
    """The document, the dials, samples of the poison, and what the nightly update makes of it."""

    def __init__(self, lab: LabSession, checkpoint: str, state: Mapping[str, Any]) -> None:
        self.lab, self.checkpoint = lab, checkpoint
        self.case: PoisoningCase = lab.case
        self.made: PoisonedDataset | None = None
        document, names = self.case.document, self.case.class_names
        self.wanted, self.is_now = names[document.wanted], names[document.y]
        self.base = choice(
            "Poison samples",
            [(f"labelled {name}", i) for i, name in enumerate(names)],
            int(state.get("base", document.y)),
            "Their labels stay as they are",
        )
        limit = float(self.case.setting("collision_epsilon"))
        self.epsilon = slider(
            "Epsilon", float(state.get("epsilon", 0.1)), 0.0, 2 * limit, 0.05, "How far every pixel may move"
        )
        self.rate = slider(
            "Poison rate (%)",
            float(state.get("rate", 0.5)),
            0.25,
            5.0,
            0.25,
            "Share of all samples that move",
        )
        self.steps = slider("Steps", int(state.get("steps", 20)), 1, 150, 1, "Steps of the descent")
        self.memory = lab.remember(
            "collision_panel", state, base=self.base, epsilon=self.epsilon, rate=self.rate, steps=self.steps
        )
        self.go = button(
            "Make the poison", self.refresh, tip="Collide the features, then run the nightly update"
        )
        self.submit = button("Hand in", self.hand_in, primary=True, tip="Have the poisoned data judged")
        self.samples, self.results, self.feedback = output(), output(), output()
        self.job = Job(self.submit, label="Colliding features")
        what = (
            f"Your document is a {self.is_now}, and is read as one. You want it read as {self.wanted}. "
            f"Limits: {self.case.poison_budget} samples, {limit:g} for every pixel."
        )
        shown = gallery(document.x, [self.is_now], [f"wanted: {self.wanted}"], what="document")
        self.view = panel(
            output(f'<div class="lk"><strong>{escape(what)}</strong></div>{shown}'),
            column(self.base, self.epsilon, self.rate, self.steps),
            row(self.go, self.submit),
            self.job.view,
            self.samples,
            self.results,
            self.feedback,
        )
        for dial in (self.base, self.epsilon, self.rate, self.steps):
            dial.observe(self._dial_moved, "value")
        if lab.demo is not None and lab.demo.panel == "collision_panel":
            self.base.value = document.wanted
            self.refresh()

    def _dial_moved(self, _: object) -> None:
        # Until the first poison was asked for, nothing is computed.
        if self.made is not None:
            self.refresh()

    def make(self, progress: Progress | None = None) -> PoisonedDataset:
        """Return the poisoned training set that the dials ask for."""
        case = self.case
        return poisoning.feature_collision(
            case.x,
            case.y,
            features=penultimate(case.victim),
            x_target=case.document.x,
            y_target=int(self.base.value),
            poison_rate=float(self.rate.value) / 100,
            epsilon=float(self.epsilon.value),
            steps=int(self.steps.value),
            progress=progress,
        )

    def refresh(self) -> None:
        """Make the poison, update a reader on it, and show both."""
        self.job.start(self._work, lambda _: None, latest=True)

    def _work(self, progress: Progress) -> None:
        made = self.make(progress)
        updated = self.case.train_last_layer(made.x_poisoned, made.y_poisoned)
        self.made = made
        self._show(made, updated)

    def _show(self, made: PoisonedDataset, updated: TorchClassifier) -> None:
        case = self.case
        shown = made.indices[:SHOWN]
        names = [case.class_names[i] for i in made.y[shown].tolist()]
        self.samples.value = pairs(made.x[shown], made.x_poisoned[shown], names, names)
        chance = updated.logits(case.document.x).softmax(1)[0]
        read = int(chance.argmax())
        then, now = (_distance(case, x[made.indices]) for x in (made.x, made.x_poisoned))
        rows = [
            ("Samples changed", f"{len(made.indices)} of {len(made)} ({case.poison_budget} go unnoticed)"),
            ("Largest change of a pixel", f"{float((made.x_poisoned - made.x).abs().max()):.2f}"),
            ("Mean distance to the document in feature space", f"{then:.1f} before, {now:.1f} after"),
            (f"Probability of {self.wanted} for your document", percent(float(chance[case.document.wanted]))),
            (
                "Clean accuracy after the update",
                percent(clean_accuracy(updated, case.x_test, case.y_test).value),
            ),
        ]
        good = read == case.document.wanted
        verdict = badge("good" if good else "open", f"your document is read as {case.class_names[read]}")
        facts = table("After the nightly update", ("What", "Measured"), rows)
        self.results.value = f'<div class="lk" role="status">{verdict}</div>{facts}'

    def hand_in(self) -> None:
        """Have the poisoned data judged."""

        def work(progress: Progress) -> Fragment:
            params = {
                "attack": "feature_collision",
                "base_class": int(self.base.value),
                "epsilon": float(self.epsilon.value),
                "poison_rate_percent": float(self.rate.value),
                "steps": int(self.steps.value),
            }
            made = self.make(progress)
            return hand_in(self.lab, self.checkpoint, params, x_poisoned=made.x_poisoned)

        self.job.start(work, lambda card: setattr(self.feedback, "value", card.markup))


def _distance(case: PoisoningCase, x: torch.Tensor) -> float:
    if not len(x):
        return float("nan")
    return float(torch.cdist(features(case.victim, x), features(case.victim, case.document.x)).mean())
