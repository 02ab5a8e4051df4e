"""Attack the clinics' readers: rehearse on one's own shadows, then hand in scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from labkit.attacks import membership
from labkit.attacks.membership import Shadows
from labkit.core import MembershipScores
from labkit.core.protocols import Classifier
from labkit.course.cases.membership.case import MembershipCase
from labkit.metrics import Roc, membership_roc
from labkit.ui.controls import button, choice, output, panel, row, slider
from labkit.ui.html import callout
from labkit.ui.membership.charts import roc_chart
from labkit.ui.records import hand_in
from labkit.ui.session import LabSession
from labkit.ui.work import Job, Progress

__all__ = ["ATTACKS", "AttackPanel", "attack_panel"]

_REHEARSED = 8
"""Shadows that play the victim in a rehearsal."""


@dataclass(frozen=True, slots=True)
class _Attack:
    """An attack as the panel offers it."""

    words: str
    run: Callable[..., MembershipScores]
    needs_shadows: bool = False


ATTACKS: Mapping[str, _Attack] = {
    "loss": _Attack("Loss", membership.loss_attack),
    "entropy": _Attack("Entropy", membership.entropy_attack),
    "modified_entropy": _Attack("Modified entropy", membership.modified_entropy_attack),
    "shadow": _Attack("Shadow classifier", membership.shadow_attack, needs_shadows=True),
    "lira_offline": _Attack("LiRA, offline", partial(membership.lira, online=False), needs_shadows=True),
    "lira": _Attack("LiRA, online", membership.lira, needs_shadows=True),
}
"""Attacks by name, in the order of what they know."""


def attack_panel(lab: LabSession, checkpoint: str = "attack", state: Mapping[str, Any] | None = None) -> Any:
    """Return the panel that infers who was in.

    Parameters
    ----------
    lab : LabSession
        A lab whose case is a ``MembershipCase``.
    checkpoint : str
        The checkpoint that takes ``scores``.
    state : mapping or None
        Dials to start from: ``attack`` (a name out of ``ATTACKS``), ``shadows``; ``run`` asks a
        live demo to rehearse at once.
    """
    prepared = lab.state("attack_panel") if state is None else state
    return lab.when_ready(lambda: AttackPanel(lab, checkpoint, prepared).view, "attack_panel")


class AttackPanel:
    """Which attack with how many shadows, its curve on own shadows, and the hand-in."""

    def __init__(self, lab: LabSession, checkpoint: str, state: Mapping[str, Any]) -> None:
        self.lab, self.checkpoint = lab, checkpoint
        self.case: MembershipCase = lab.case
        self.curves: dict[str, list[Roc]] = {}
        most = len(self.case.shadows)
        wanted = str(state.get("attack", "loss"))
        self.attack = choice(
            "Attack",
            [(each.words, name) for name, each in ATTACKS.items()],
            wanted if wanted in ATTACKS else "loss",
            "How members are told from others",
        )
        self.shadows = slider(
            "Shadows",
            int(state.get("shadows", 8)),
            4,
            most,
            2,
            "Models of your own, for attacks that need them",
        )
        self.go = button(
            "Rehearse", self.rehearse, tip="Attack your own shadows, of which you know who was in"
        )
        self.submit = button("Hand in", self.hand_in, primary=True, tip="Score the clinics' readers")
        self.picture, self.words, self.feedback = output(), output(), output()
        self.job = Job(self.go, self.submit, label="Attacking")
        lab.remember("attack_panel", state, attack=self.attack, shadows=self.shadows)
        self.view = panel(
            self.attack,
            self.shadows,
            row(self.go, self.submit),
            self.job.view,
            self.words,
            self.picture,
            self.feedback,
        )
        if lab.demo is not None and lab.demo.panel == "attack_panel" and state.get("run"):
            self.rehearse()

    def _name(self, attack: str, shadows: int) -> str:
        chosen = ATTACKS[attack]
        return f"{chosen.words}, {shadows} shadows" if chosen.needs_shadows else chosen.words

    def rehearse(self) -> None:
        """Attack some of the shadows with the others, and draw the curve."""
        attack, count = str(self.attack.value), int(self.shadows.value)

        def work(progress: Progress) -> list[Roc]:
            shadows = self.case.shadows
            curves = []
            for number in range(_REHEARSED):
                others = [i for i in range(len(shadows)) if i != number][:count]
                scores = self._scores(attack, shadows.models.member(number), shadows.part(others))
                curves.append(membership_roc(scores, shadows.members[number]))
                progress(number + 1, _REHEARSED, "attacking your own shadows")
            return curves

        self.job.start(work, partial(self._show, self._name(attack, count)))

    def _scores(self, attack: str, model: Classifier, shadows: Shadows) -> Tensor:
        chosen, extra = ATTACKS[attack], {}
        if chosen.needs_shadows:
            extra = {"shadows": shadows}
        return chosen.run(model, self.case.x, self.case.y, **extra).scores

    def _show(self, name: str, curves: list[Roc]) -> None:
        self.curves.pop(name, None)
        self.curves[name] = curves
        found = sum(curve.at(0.01) for curve in curves) / len(curves)
        area = sum(curve.auc for curve in curves) / len(curves)
        self.words.value = (
            '<div role="status">'
            + callout(
                "info",
                f"{found:.1%} of the members found at 1 % false alarms, area {area:.2f}; "
                f"the mean over {len(curves)} of your shadows.",
                title=f"{name}:",
            )
            + "</div>"
        )
        shown = dict(list(self.curves.items())[-4:])
        self.picture.value = roc_chart(
            shown, caption="Your own shadows as victims. The dashed line marks 1 % false alarms."
        ).markup()

    def hand_in(self) -> None:
        """Score every candidate for every clinic, and have the scores judged."""
        attack, count = str(self.attack.value), int(self.shadows.value)
        params: dict[str, Any] = {"attack": attack}
        if ATTACKS[attack].needs_shadows:
            params["shadows"] = count

        def work(progress: Progress) -> str:
            case, scores = self.case, []
            for number, model in enumerate(case.victims):
                scores.append(self._scores(attack, model, case.shadows.part(slice(count))))
                progress(number + 1, len(case.victims), "asking the clinics' readers")
            return hand_in(self.lab, self.checkpoint, params, scores=torch.stack(scores)).markup

        self.job.start(work, lambda markup: setattr(self.feedback, "value", markup))
