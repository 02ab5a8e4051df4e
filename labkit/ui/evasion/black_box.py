"""Fool it by asking: ten pictures, a budget of questions for each, a table that fills up."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from labkit.attacks import evasion
from labkit.core import derive, predict
from labkit.ui import strips
from labkit.ui.controls import button, choice, output, panel, row, slider
from labkit.ui.evasion.aim import epsilon_range
from labkit.ui.evasion.common import names
from labkit.ui.html import Fragment, badge, escape, table
from labkit.ui.records import hand_in
from labkit.ui.session import LabSession
from labkit.ui.work import Job, Progress

__all__ = ["BlackBoxRange", "black_box_range"]

_STRATEGIES = [
    ("Square: sees the scores", "square"),
    ("HopSkipJump: sees the label", "hop_skip_jump"),
    ("Random noise: one question", "random_noise"),
]


def black_box_range(
    lab: LabSession, checkpoint: str = "black-box", state: Mapping[str, Any] | None = None
) -> Any:
    """Return the black-box range.

    Parameters
    ----------
    lab : LabSession
        A lab whose case is an ``EvasionCase``.
    checkpoint : str
        The checkpoint that takes ``x_adv`` of shape ``(10, ...)`` and ``queries`` of shape ``(10,)``.
    state : mapping or None
        Dials to start from: ``strategy``, ``epsilon``, ``query_budget``.
    """
    prepared = lab.state("black_box_range") if state is None else state
    return lab.when_ready(lambda: BlackBoxRange(lab, checkpoint, prepared).view, "black_box_range")


class BlackBoxRange:
    """The dials, the table of the chosen pictures, and their strip."""

    def __init__(self, lab: LabSession, checkpoint: str, state: Mapping[str, Any]) -> None:
        self.lab, self.case, self.checkpoint = lab, lab.case, checkpoint
        case = self.case
        self.x, self.y = case.x[case.chosen], case.y[case.chosen]
        _, end, step = epsilon_range(case, case.threat.norm)
        budget = case.query_budget
        self.strategy = choice("Strategy", _STRATEGIES, state.get("strategy"))
        self.epsilon = slider(
            "Epsilon",
            float(state.get("epsilon", case.threat.epsilon / 2)),
            0.0,
            end,
            step,
            "Size of the change",
        )
        self.budget = slider(
            "Questions each",
            int(state.get("query_budget", min(50, budget))),
            10,
            2 * budget,
            10,
            f"Most questions for one picture; the check allows {budget}",
        )
        lab.remember(
            "black_box_range", state, strategy=self.strategy, epsilon=self.epsilon, query_budget=self.budget
        )
        self.go = button("Start asking", self.attack, tip="Attack the ten pictures, one after the other")
        self.submit = button("Hand in", self.hand_in, primary=True, tip="Have the ten pictures measured")
        self.counter, self.strip, self.feedback = output(), output(), output()
        self.job = Job(self.go, self.submit, label="Asking about the pictures")
        self.view = panel(
            self.strategy,
            self.epsilon,
            self.budget,
            row(self.go, self.submit),
            self.job.view,
            self.counter,
            self.strip,
            self.feedback,
        )
        self.x_adv = self.x.clone()
        self.queries = torch.zeros(len(self.x), dtype=torch.int64)
        self._show(0)
        read = names(case, predict(case.victim, self.x))
        self.strip.value = strips.plain(self.x, read, names(case, self.y))

    def attack(self) -> None:
        """Attack the pictures one by one; the table follows."""
        self.job.start(self._ask, lambda _: self._show(len(self.x)))

    def _ask(self, progress: Progress) -> None:
        self.x_adv, self.queries = self.x.clone(), torch.zeros(len(self.x), dtype=torch.int64)
        for i in range(len(self.x)):
            progress(i, len(self.x), "Pictures done")
            one = slice(i, i + 1)
            self.x_adv[one], self.queries[one] = self._ask_about(self.x[one], self.y[one])
            self._show(i + 1)

    def _ask_about(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        settings: dict[str, Any] = {
            "epsilon": float(self.epsilon.value),
            "norm": self.case.threat.norm,
            "seed": derive(self.case.seed, "black-box panel"),
        }
        if self.strategy.value == "random_noise":
            return evasion.random_noise(self.case.victim, x, y, **settings).x_adv, torch.ones(
                1, dtype=torch.int64
            )
        settings["query_budget"] = int(self.budget.value)
        adv = evasion.ATTACKS[self.strategy.value](self.case.victim, x, y, **settings)
        queries = torch.zeros(1, dtype=torch.int64) if adv.queries is None else adv.queries
        return adv.x_adv, queries

    def _show(self, done: int) -> None:
        now = predict(self.case.victim, self.x_adv)
        flipped = now != self.y
        rows = [
            (i + 1, real, read, int(asked), Fragment(self._status(bool(flip), int(asked), i < done)))
            for i, (real, read, asked, flip) in enumerate(
                zip(names(self.case, self.y), names(self.case, now), self.queries, flipped, strict=True)
            )
        ]
        words = (
            f"{int(flipped.sum())} of {len(self.x)} flipped, {int(self.queries.sum())} questions asked; "
            f"the check allows {self.case.query_budget} for each picture, and epsilon "
            f"{self.case.threat.epsilon:g}."
        )
        self.counter.value = (
            f'<div class="lk"><strong role="status">{escape(words)}</strong>'
            + table("The ten pictures", ("Picture", "Is a", "Read as", "Questions", "Status"), rows)
            + "</div>"
        )
        if done == len(self.x):
            label = partial(names, self.case)
            before = predict(self.case.victim, self.x)
            largest = float((self.x_adv - self.x).abs().max())
            self.strip.value = strips.strip(self.x, self.x_adv, label(before), label(now), label(self.y))
            self.strip.value += strips.legend(largest)

    def _status(self, flipped: bool, asked: int, done: bool) -> str:
        if asked == 0 or not done:
            return badge("open", "not asked yet")
        if flipped and asked > self.case.query_budget:
            return badge("warn", "flipped, over budget")
        return badge("good", "flipped") if flipped else badge("info", "still read correctly")

    def hand_in(self) -> None:
        """Have the pictures and the counts checked."""
        params = {
            "attack": self.strategy.value,
            "epsilon": float(self.epsilon.value),
            "query_budget": int(self.budget.value),
        }
        self.job.start(
            lambda _: hand_in(self.lab, self.checkpoint, params, x_adv=self.x_adv, queries=self.queries),
            lambda card: setattr(self.feedback, "value", card.markup),
        )
