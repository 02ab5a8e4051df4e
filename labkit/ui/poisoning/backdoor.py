"""Paint a sign, choose how it is planted, train a reader, and see what the release test sees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from labkit.attacks import poisoning
from labkit.core import PoisonedDataset, Trigger, derive
from labkit.course.cases.poisoning.case import PoisoningCase
from labkit.metrics import clean_accuracy, trigger_success_rate
from labkit.ui.controls import button, choice, column, output, panel, row, slider, toggle
from labkit.ui.html import Fragment, callout, escape, table
from labkit.ui.poisoning.common import pairs, percent
from labkit.ui.poisoning.painter import Painter, to_text
from labkit.ui.records import hand_in
from labkit.ui.session import LabSession
from labkit.ui.work import Job, Progress, guarded

__all__ = ["BackdoorPanel", "backdoor_panel"]

SHOWN = 4
_KEPT = 6
_KINDS = (
    ("Patch", "badnets", "The painted pixels become white; labels become the target"),
    ("Blended", "blended", "The painted pattern is mixed faintly into the whole picture"),
    ("Patch, labels kept", "clean_label", "Only samples of the target class are stamped"),
    ("Label flips", "label_flip", "No sign at all: samples of other classes get the target label"),
)


def backdoor_panel(
    lab: LabSession, checkpoint: str = "backdoor", state: Mapping[str, Any] | None = None
) -> Any:
    """Return the panel in which a backdoor is painted and planted.

    Parameters
    ----------
    lab : LabSession
        A lab whose case is a ``PoisoningCase``.
    checkpoint : str
        The checkpoint that takes ``x_poisoned``, ``y_poisoned``, ``mask``, ``pattern``, ``y_target``.
    state : mapping or None
        What to start from: ``sign`` (text) or ``preset``, ``kind``, ``blend``, ``rate`` in per
        cent, ``target``; ``train`` asks a live demo to train at once.
    """
    prepared = lab.state("backdoor_panel") if state is None else state
    return lab.when_ready(lambda: BackdoorPanel(lab, checkpoint, prepared).view, "backdoor_panel")


@dataclass(frozen=True, slots=True)
class Plan:
    """The setting of every dial; making it twice gives the same poison."""

    sign: str
    kind: str
    blend: float
    rate: float
    target: int


class BackdoorPanel:
    """The painter, the dials, samples of the poison, and the readers that learned it."""

    def __init__(self, lab: LabSession, checkpoint: str, state: Mapping[str, Any]) -> None:
        self.lab, self.checkpoint = lab, checkpoint
        self.case: PoisoningCase = lab.case
        self.tried: list[tuple[str, str, str, str]] = []
        self.painter = Painter(
            (self.case.x.shape[2], self.case.x.shape[3]),
            str(state.get("sign", "")),
            str(state.get("preset", "")),
        )
        self.kind = toggle("How", [(n, k) for n, k, _ in _KINDS], [t for *_, t in _KINDS], state.get("kind"))
        self.blend = slider(
            "Blend ratio", float(state.get("blend", 0.25)), 0.05, 0.5, 0.05, "How much of the pattern shows"
        )
        self.rate = slider(
            "Poison rate (%)",
            float(state.get("rate", 1.0)),
            0.0,
            5.0,
            0.25,
            "Share of the samples you change",
        )
        names = [(f"read as {name}", i) for i, name in enumerate(self.case.class_names)]
        self.target = choice("With the sign", names, int(state.get("target", 0)), "The class that you want")
        self.memory = lab.remember(
            "backdoor_panel",
            state,
            sign=self.painter.text,
            kind=self.kind,
            blend=self.blend,
            rate=self.rate,
            target=self.target,
        )
        self.go = button("Train a reader", self.train, tip="Train on the poisoned data and measure twice")
        self.submit = button("Hand in", self.hand_in, primary=True, tip="Have readers trained and judged")
        self.status, self.samples, self.results, self.feedback = output(), output(), output(), output()
        self.job = Job(self.go, self.submit, label="Training readers")
        self.view = panel(
            self.painter.view,
            self.kind,
            column(self.blend, self.rate, self.target),
            self.status,
            self.samples,
            row(self.go, self.submit),
            self.job.view,
            self.results,
            self.feedback,
        )
        self.painter.on_change(self.refresh)
        for dial in (self.kind, self.blend, self.rate, self.target):
            dial.observe(lambda _: self.refresh(), "value")
        self.refresh()
        if lab.demo is not None and state.get("train"):
            self.train()

    def plan(self) -> Plan:
        """Return what the dials say now."""
        return Plan(
            to_text(self.painter.cells),
            str(self.kind.value),
            float(self.blend.value),
            float(self.rate.value) / 100,
            int(self.target.value),
        )

    def refresh(self) -> None:
        """Make the poison and show some of it."""
        self.blend.disabled = self.kind.value != "blended"
        with guarded(self.status):
            made = self.make()
            n, budget = len(made.indices), self.case.poison_budget
            words = f"{n} of {len(made)} samples poisoned; {budget} go unnoticed."
            if n > budget:
                words += f" That is {n - budget} too many: a set like this is sent back."
            if self.kind.value != "label_flip" and not bool(self.painter.cells.any()):
                words += " Paint a sign first: without one only the labels change."
            self.status.value = f'<div class="lk" role="status"><strong>{escape(words)}</strong></div>'
            shown = made.indices[:SHOWN]
            was, now = (
                [self.case.class_names[i] for i in y[shown].tolist()] for y in (made.y, made.y_poisoned)
            )
            self.samples.value = pairs(made.x[shown], made.x_poisoned[shown], was, now) if n else ""

    def make(self) -> PoisonedDataset:
        """Return the poisoned training set that the dials ask for."""
        case, plan = self.case, self.plan()
        settings: dict[str, Any] = {"poison_rate": plan.rate, "seed": derive(case.seed, "backdoor panel")}
        if plan.kind == "label_flip":
            return poisoning.label_flip(
                case.x, case.y, classes=len(case.class_names), y_target=plan.target, **settings
            )
        if plan.kind == "blended":
            return poisoning.blended(
                case.x,
                case.y,
                pattern=self._painted(),
                blend_ratio=plan.blend,
                y_target=plan.target,
                **settings,
            )
        return poisoning.badnets(
            case.x,
            case.y,
            trigger=self.trigger(),
            y_target=plan.target,
            clean_label=plan.kind == "clean_label",
            **settings,
        )

    def trigger(self) -> Trigger:
        """Return the painted sign as a trigger."""
        painted = self._painted()
        faint = self.kind.value == "blended"
        return Trigger(mask=torch.full_like(painted, self.blend.value) if faint else painted, pattern=painted)

    def _painted(self) -> torch.Tensor:
        return self.painter.cells.float().expand(self.case.x.shape[1:]).clone()

    # ------------------------------------------------------------------ train, hand in

    def train(self) -> None:
        """Train one reader on the poison and measure it with and without the sign."""
        plan, made, trigger = self.plan(), self.make(), self.trigger()
        self.job.start(lambda progress: self._train(plan, made, trigger, progress), self._show_tried)

    def _train(self, plan: Plan, made: PoisonedDataset, trigger: Trigger, progress: Progress) -> None:
        case = self.case
        reader = case.train(
            made.x_poisoned, made.y_poisoned, seed=derive(case.seed, "trial"), progress=progress
        )
        works = trigger_success_rate(reader, case.x_test, case.y_test, trigger=trigger, y_target=plan.target)
        before, after = (clean_accuracy(m, case.x_test, case.y_test).value for m in (case.victim, reader))
        how = next(name for name, key, _ in _KINDS if key == plan.kind)
        if plan.kind == "blended":
            how += f" {plan.blend:.2f}"
        pixels = int(self.painter.cells.sum())
        what = f"{how}, {len(made.indices)} samples, {pixels} pixels, target {plan.target}"
        self.tried.append((what, str(works), percent(after), f"{100 * (before - after):+.1f} points"))

    def _show_tried(self, _: None) -> None:
        head = ("Poison", "Sign works (release test: never sees it)", "Clean accuracy", "Lost")
        words = callout(
            "info",
            f"The sign works on {self.tried[-1][1]}; clean accuracy {self.tried[-1][2]}.",
            title="Last reader:",
        )
        self.results.value = words + table("Readers that you trained", head, reversed(self.tried[-_KEPT:]))

    def hand_in(self) -> None:
        """Have the poisoned set and the sign judged by readers that are trained anew."""
        plan, made, trigger = self.plan(), self.make(), self.trigger()
        params = {
            "attack": plan.kind,
            "sign": plan.sign,
            "blend_ratio": plan.blend if plan.kind == "blended" else None,
            "poisoned_samples": len(made.indices),
            "target_class": plan.target,
        }

        def work(_: Progress) -> Fragment:
            return hand_in(
                self.lab,
                self.checkpoint,
                params,
                x_poisoned=made.x_poisoned,
                y_poisoned=made.y_poisoned,
                mask=trigger.mask,
                pattern=trigger.pattern,
                y_target=plan.target,
            )

        self.job.start(work, lambda card: setattr(self.feedback, "value", card.markup))
