"""Turn outcomes so that a model refuses a group which it cannot see."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from labkit.attacks.poisoning import group_label_flip
from labkit.attacks.poisoning.group_flip import CHOICES
from labkit.core.seeds import derive
from labkit.course.cases.fairness.applicants import Applicants, draw
from labkit.course.cases.fairness.case import FairnessCase, town_of
from labkit.course.cases.fairness.decisions import accuracy
from labkit.course.cases.fairness.recipes import Desk
from labkit.metrics import demographic_parity
from labkit.models import fit_logistic
from labkit.ui.controls import button, choice, output, panel, row, slider, toggle
from labkit.ui.fairness.common import gap_chart, percent, said_gap
from labkit.ui.html import Fragment, escape, table
from labkit.ui.records import hand_in
from labkit.ui.session import LabSession
from labkit.ui.work import Job, Progress

__all__ = ["SkewPanel", "skew_panel"]

_WHO = (("anybody", "anybody"), ("district 0", "district 0"), ("district 1", "district 1"))
_DIRECTIONS = (("repaid to not repaid", "down"), ("not repaid to repaid", "up"))
_CHOOSE = {"random": "at random", "boundary": "near the boundary", "influence": "by influence"}
_KEPT = 8


def skew_panel(lab: LabSession, checkpoint: str = "skew", state: Mapping[str, Any] | None = None) -> Any:
    """Return the panel in which outcomes are turned.

    Parameters
    ----------
    lab : LabSession
        A lab whose case is a ``FairnessCase``.
    checkpoint : str
        The checkpoint that takes ``y_poisoned``.
    state : mapping or None
        Dials to start from: ``by`` (anybody, district 0, district 1), ``direction`` (down, up),
        ``rate`` in per cent, ``choose``, ``strength`` of the proxy.
    """
    prepared = lab.state("skew_panel") if state is None else state
    return lab.when_ready(lambda: SkewPanel(lab, checkpoint, prepared).view, "skew_panel")


class SkewPanel:
    """Whose outcomes, which way, how many; the gap that this makes, here and in other towns."""

    def __init__(self, lab: LabSession, checkpoint: str, state: Mapping[str, Any]) -> None:
        self.lab, self.checkpoint = lab, checkpoint
        self.case: FairnessCase = lab.case
        self.tried: list[tuple[str, ...]] = []
        self.own = float(self.case.setting("proxy_strength"))
        self.by = choice("People of", _WHO, state.get("by"), "Whose outcomes you turn")
        self.direction = toggle(
            "Turn", _DIRECTIONS, ["Say that they did not pay", "Say that they did"], state.get("direction")
        )
        self.rate = slider(
            "Poison rate (%)", float(state.get("rate", 5.0)), 0.0, 15.0, 0.5, "Share of all outcomes"
        )
        self.choose = choice(
            "Choose",
            [(words, name) for name, words in _CHOOSE.items()],
            state.get("choose", "random"),
            "Which of these people: " + "; ".join(f"{name}, {words}" for name, words in CHOICES.items()),
        )
        self.strength = slider(
            "Proxy strength",
            float(state.get("strength", self.own)),
            0.0,
            1.0,
            0.1,
            "Share of group 1 in district 1, less that of group 0",
        )
        self.memory = lab.remember(
            "skew_panel",
            state,
            by=self.by,
            direction=self.direction,
            rate=self.rate,
            choose=self.choose,
            strength=self.strength,
        )
        self.go = button("Train a model", self.train, tip="Train on the turned outcomes and measure the gap")
        self.submit = button("Hand in", self.hand_in, primary=True, tip="Have your own file judged")
        self.status, self.picture, self.results, self.feedback = output(), output(), output(), output()
        self.job = Job(self.go, self.submit, label="Training")
        self.view = panel(
            self.by,
            self.direction,
            self.rate,
            self.choose,
            self.strength,
            self.status,
            row(self.go, self.submit),
            self.job.view,
            self.picture,
            self.results,
            self.feedback,
        )
        for dial in (self.by, self.direction, self.rate, self.choose, self.strength):
            dial.observe(lambda _: self._count(), "value")
        self._count()
        if lab.demo is not None and lab.demo.panel == "skew_panel":
            self.train()

    def _count(self) -> None:
        count = int(float(self.rate.value) / 100 * len(self.case.x) + 1e-9)
        over = count - self.case.poison_budget
        words = f"{count} of {len(self.case.x)} outcomes turned; {self.case.poison_budget} go unnoticed."
        if over > 0:
            words += f" That is {over} too many: a file like this is sent back."
        if abs(float(self.strength.value) - self.own) > 0.01:
            words += (
                f" You look at another town, where the district says {self.strength.value:.1f} about the "
                f"group; in your own it is {self.own:.1f}. Handed in is your own file."
            )
        self.status.value = f'<div class="lk" role="status">{escape(words)}</div>'

    def _turned(self, people: Applicants) -> Tensor:
        """Return the outcomes of a file after the attack that the dials say."""
        who = str(self.by.value)
        group = torch.zeros_like(people.y) if who == "anybody" else people.district
        member = 0 if who == "anybody" else int(who[-1])
        source = 1 if self.direction.value == "down" else 0
        made = group_label_flip(
            people.x,
            people.y,
            group=group,
            member=member,
            poison_rate=float(self.rate.value) / 100,
            y_source=source,
            y_target=1 - source,
            choose=str(self.choose.value),
            seed=derive(self.case.seed, "skew panel"),
        )
        return made.y_poisoned

    def train(self) -> None:
        """Train before and after, here or in another town, and show the gap."""
        self.job.start(self._train, lambda _: None, latest=True)

    def _train(self, _: Progress) -> None:
        file, checked = self._town()
        plain, turned = (Desk(fit_logistic(file.x, y)) for y in (file.y, self._turned(file)))
        before, after = plain.decide(checked), turned.decide(checked)
        gaps = [{"demographic_parity": demographic_parity(said, checked.group)} for said in (before, after)]
        rates = [accuracy(said, checked).value for said in (before, after)]
        gap = gaps[1]["demographic_parity"]
        words = (
            f"Approvals lie {100 * abs(gap.value):.1f} points apart; accuracy {rates[1]:.1%}, "
            f"{100 * (rates[0] - rates[1]):.1f} points less than before"
        )
        title = f"On {len(checked)} people whose group is known. {words}"
        self.picture.value = f'<div role="status">{gap_chart(gaps[1], title=title, before=gaps[0])}</div>'
        self.tried.append(
            (
                f"{self.rate.value:g} % of {self.by.value}, {self.direction.label}, {self.choose.label}",
                f"{self.strength.value:.1f}",
                said_gap(gap),
                percent(rates[1]),
                f"{100 * (rates[0] - rates[1]):.1f}",
            )
        )
        head = ("Attack", "Proxy strength", "Gap in points (95 % interval)", "Accuracy", "Points lost")
        self.results.value = table("Attacks tried", head, reversed(self.tried[-_KEPT:]))

    def _town(self) -> tuple[Applicants, Applicants]:
        """Return a file and a checked sample: one's own, or of a town with another proxy strength."""
        case, strength = self.case, float(self.strength.value)
        if abs(strength - self.own) < 0.01:
            return Applicants(case.x, case.y, torch.zeros_like(case.y)), case.checked
        town = town_of(case, strength)
        return (
            draw(len(case.x), town, case.seed, "elsewhere"),
            draw(len(case.checked), town, case.seed, "elsewhere", "checked"),
        )

    def hand_in(self) -> None:
        """Have the outcomes of one's own file judged."""

        def work(_: Progress) -> Fragment:
            case = self.case
            y = self._turned(Applicants(case.x, case.y, torch.zeros_like(case.y)))
            params = {
                "people": str(self.by.value),
                "direction": str(self.direction.value),
                "poison_rate": float(self.rate.value) / 100,
                "choose": str(self.choose.value),
            }
            return hand_in(self.lab, self.checkpoint, params, y_poisoned=y)

        self.job.start(work, lambda card: setattr(self.feedback, "value", card.markup))
