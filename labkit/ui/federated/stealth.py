"""Tune a quiet attack against multi-Krum: what it does, and whether it is believed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from labkit.course.cases.federated.case import FederatedCase
from labkit.course.cases.federated.running import Run, run
from labkit.course.cases.federated.sieges import GUARD
from labkit.ui.controls import button, output, panel, row
from labkit.ui.federated.common import judge, shown, status
from labkit.ui.federated.dials import AttackDials, named_attack
from labkit.ui.html import table
from labkit.ui.session import LabSession
from labkit.ui.work import Job, Progress

__all__ = ["StealthPanel", "stealth_panel"]

_LIARS, _KEPT = 3, 8
_HEAD = ("They send", "Heard (equal is 1)", "Lie out (usual is 1)", "Accuracy")


def stealth_panel(
    lab: LabSession, checkpoint: str = "stealth", state: Mapping[str, Any] | None = None
) -> Any:
    """Return the panel in which an attack is tuned until it is believed.

    Parameters
    ----------
    lab : LabSession
        A lab whose case is a ``FederatedCase``.
    checkpoint : str
        The checkpoint that takes the ``recipe`` of an attack.
    state : mapping or None
        Dials to start from: ``attack``, ``strength``, ``listens``.
    """
    prepared = lab.state("stealth_panel") if state is None else state
    return lab.when_ready(lambda: StealthPanel(lab, checkpoint, prepared).view, "stealth_panel")


class StealthPanel:
    """The dials of an attack, and every strength that was tried beside what came of it."""

    def __init__(self, lab: LabSession, checkpoint: str, state: Mapping[str, Any]) -> None:
        self.lab, self.checkpoint = lab, checkpoint
        self.case: FederatedCase = lab.case
        self.tried: list[tuple[str, ...]] = []
        self.attack = AttackDials({"attack": "a_little_is_enough", "strength": 1.0, **state})
        self.memory = lab.remember("stealth_panel", state, **self.attack.dials)
        self.go = button("Try it", self.train, tip="Run twelve rounds against multi-Krum")
        self.submit = button(
            "Hand in the attack", self.hand_in, primary=True, tip="Other clinics, the same rule"
        )
        self.results, self.feedback = output(), output()
        self.job = Job(self.go, self.submit, label="Training together")
        self.view = panel(
            self.attack.view,
            row(self.go, self.submit),
            self.job.view,
            self.results,
            self.feedback,
        )
        if lab.demo is not None and lab.demo.panel == "stealth_panel":
            self.train()

    def train(self) -> None:
        """Run a skewed federation with three liars against multi-Krum."""
        self.job.start(partial(self._train, self.attack.recipe()), self._show)

    def _train(self, attack: Mapping[str, Any], progress: Progress) -> tuple[Run, str]:
        federation = self.case.federation("skewed", malicious=_LIARS)
        made = run(self.case, federation, attack, GUARD, watch=True, progress=progress)
        out = float(made.far[:, federation.malicious].mean())
        self.tried.append(
            (
                named_attack(made.attack),
                f"{made.share_of_malicious:.2f}",
                f"{out:.1f}",
                f"{made.accuracy[-1]:.1%}",
            )
        )
        return made, shown(self.case, made, "Accuracy under multi-Krum")

    def _show(self, made: tuple[Run, str]) -> None:
        result, pictures = made
        believed = result.share_of_malicious
        words = (
            f"Your three clinics were heard at {believed:.2f} of an equal share, and the model reads "
            f"{result.accuracy[-1]:.1%} of the forms."
        )
        self.results.value = (
            status(words, title="Believed:" if believed > 0.5 else "Mostly left out:")
            + pictures
            + table("Attacks that you tried against multi-Krum", _HEAD, reversed(self.tried[-_KEPT:]))
        )

    def hand_in(self) -> None:
        """Have the attack judged on other clinics under the same rule."""
        judge(self.job, self.feedback, self.lab, self.checkpoint, recipe=self.attack.recipe())
