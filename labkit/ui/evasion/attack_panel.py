"""The evasion range: turn the dials, see what the victim reads, hand the pictures in."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from labkit.core import AdversarialExamples, DifferentiableClassifier, Norm, ThreatModel, predict
from labkit.metrics import attack_success_rate, robust_accuracy
from labkit.ui import strips
from labkit.ui.controls import button, choice, column, output, panel, row, slider, toggle
from labkit.ui.evasion.aim import ACCESS, LIVE_QUERIES, Aim, copy_victim, epsilon_range
from labkit.ui.evasion.common import names, say_rate
from labkit.ui.html import callout, escape
from labkit.ui.records import hand_in
from labkit.ui.session import LabSession
from labkit.ui.work import Job, Progress, guarded

__all__ = ["AttackRange", "attack_range"]

SHOWN = 8


def attack_range(
    lab: LabSession, checkpoint: str = "white-box", state: Mapping[str, Any] | None = None
) -> Any:
    """Return the evasion range.

    Parameters
    ----------
    lab : LabSession
        A lab whose case is an ``EvasionCase``.
    checkpoint : str
        The checkpoint that takes ``x_adv`` of shape ``(n, ...)``.
    state : mapping or None
        Dials to start from: ``access``, ``attack``, ``epsilon``, ``norm``, ``steps``,
        ``target``, ``page``; None takes the prepared state of the live demo, if any.
    """
    prepared = lab.state("attack_range") if state is None else state
    return lab.when_ready(lambda: AttackRange(lab, checkpoint, prepared).view, "attack_range")


class AttackRange:
    """The dials, the strip, and what the whole batch does."""

    def __init__(self, lab: LabSession, checkpoint: str, state: Mapping[str, Any]) -> None:
        self.lab, self.case, self.checkpoint = lab, lab.case, checkpoint
        self.surrogate: DifferentiableClassifier | None = None
        self.asked = 0
        self.page = int(state.get("page", 0))
        self.measured: tuple[Aim, AdversarialExamples] | None = None
        self._make_dials(state)
        self._make_places()
        self.memory = lab.remember(
            "attack_range",
            state,
            access=self.access,
            attack=self.attack,
            norm=self.norm,
            epsilon=self.epsilon,
            steps=self.steps,
            target=self.target,
        )
        for dial in (self.epsilon, self.steps, self.target, self.attack):
            dial.observe(self._dial_moved, "value")
        self.access.observe(self._access_changed, "value")
        self.norm.observe(self._norm_changed, "value")
        self._enable()
        self.refresh()

    # ------------------------------------------------------------------ the parts

    def _make_dials(self, state: Mapping[str, Any]) -> None:
        attack = str(state.get("attack", "pgd")).lower().replace(" ", "_").replace("-", "_")
        access = str(state.get("access", _access_of(attack)))
        norm = Norm(state.get("norm", self.case.threat.norm))
        _, end, step = epsilon_range(self.case, norm)
        start = float(state.get("epsilon", self.case.threat.epsilon / 3))
        self.access = toggle(
            "You see", [(a.title, key) for key, a in ACCESS.items()], [a.tip for a in ACCESS.values()], access
        )
        self.attack = choice("Attack", [*ACCESS[access].attacks.items()], tip="How the change is found")
        if attack in ACCESS[access].attacks.values():
            self.attack.value = attack
        self.epsilon = slider("Epsilon", start, 0.0, end, step, "How far every value of a picture may move")
        self.norm = choice(
            "Norm", [("L-infinity: each value", "linf"), ("L2: all together", "l2")], norm.value
        )
        self.steps = slider("Steps", int(state.get("steps", 10)), 1, 100, 1, "How often PGD looks again")
        classes = [(f"be read as {name}", i) for i, name in enumerate(self.case.class_names)]
        self.target = choice("Goal", [("be misread as anything", -1), *classes], int(state.get("target", -1)))

    def _make_places(self) -> None:
        n = len(self.case.x)
        self.status, self.strip, self.rates, self.feedback = output(), output(), output(), output()
        self.more = button("Other pictures", self.next_page, tip="Show the next eight pictures of your batch")
        self.measure = button(
            f"Measure on all {n}", self.measure_all, tip="Attack every picture of your batch"
        )
        self.submit = button("Hand in", self.hand_in, primary=True, tip="Have the whole batch measured")
        self.live = Job(label="Attacking the pictures shown")
        self.job = Job(self.measure, self.submit, label=f"Attacking all {n} pictures")
        self.view = panel(
            self.access,
            column(self.attack, self.epsilon, self.norm, self.steps, self.target),
            self.live.view,
            self.status,
            self.strip,
            row(self.more, self.measure, self.submit),
            self.job.view,
            self.rates,
            self.feedback,
        )

    # ------------------------------------------------------------------ reactions

    def aim(self) -> Aim:
        """Return what the dials say now."""
        target = None if self.target.value < 0 else int(self.target.value)
        return Aim(
            self.access.value,
            self.attack.value,
            float(self.epsilon.value),
            Norm(self.norm.value),
            int(self.steps.value),
            target,
        )

    def _dial_moved(self, _: object) -> None:
        self._enable()
        self.refresh()

    def _access_changed(self, _: object) -> None:
        # Setting the options picks the first of them and draws anew if that is another attack.
        self.attack.options = list(ACCESS[self.access.value].attacks.items())
        self._enable()
        self.refresh()

    def _norm_changed(self, _: object) -> None:
        budget, end, step = epsilon_range(self.case, Norm(self.norm.value))
        with self.epsilon.hold_trait_notifications():
            self.epsilon.max, self.epsilon.step, self.epsilon.value = end, step, budget

    def _enable(self) -> None:
        self.steps.disabled = self.attack.value != "pgd"
        self.target.disabled = self.attack.value in ("random_noise", "hop_skip_jump")

    def next_page(self) -> None:
        """Show the next eight pictures."""
        self.page += 1
        self.memory.note(page=self.page)
        self.refresh()

    def refresh(self) -> None:
        """Attack the pictures that are shown, and show what became of them."""
        aim, start = self.aim(), self.page * SHOWN % len(self.case.x)
        shown = slice(start, start + SHOWN)
        self.live.start(partial(self._attack, aim, shown), partial(self._show, aim, shown), latest=True)

    def _attack(self, aim: Aim, shown: slice, progress: Progress) -> AdversarialExamples:
        if aim.access == "transfer" and self.surrogate is None:
            self.surrogate, asked = copy_victim(self.case, progress)
            self.asked += asked
        x, y = self.case.x[shown], self.case.y[shown]
        adv = aim.run(self.case, x, y, surrogate=self.surrogate, progress=progress)
        if adv.queries is not None:
            self.asked += int(adv.queries.sum())
        return adv

    def _show(self, aim: Aim, shown: slice, adv: AdversarialExamples) -> None:
        before, after = predict(self.case.victim, adv.x), predict(self.case.victim, adv.x_adv)
        right, still = before == adv.y, after == adv.y
        flipped, before_all = int((right & ~still).sum()), int(right.sum())
        words = f"{flipped} of {before_all} pictures that were read correctly are misread now."
        if aim.target is not None:
            hits = int((after == aim.target).sum())
            words += f" {hits} of {len(adv)} are read as {self.case.class_names[aim.target]}."
        words += f" {self._counter(aim)}"
        label = partial(names, self.case)
        largest = float(adv.delta.abs().max())
        self.strip.value = strips.strip(
            adv.x, adv.x_adv, label(before), label(after), label(adv.y)
        ) + strips.legend(largest)
        self.status.value = f'<div class="lk" role="status"><strong>{escape(words)}</strong></div>'

    def _counter(self, aim: Aim) -> str:
        if aim.access == "white-box":
            return "No questions asked: you hold the weights."
        each = (
            f", up to {LIVE_QUERIES} for each picture" if aim.access != "transfer" else " to train the copy"
        )
        return f"Questions asked so far: {self.asked}{each}."

    # ------------------------------------------------------------------ the whole batch

    def measure_all(self) -> None:
        """Attack the whole batch and say what that achieved."""
        self.job.start(partial(self._attack_all, self.aim()), lambda _: None)

    def hand_in(self) -> None:
        """Attack the whole batch, unless that was just done, and have it checked."""
        aim = self.aim()

        def work(progress: Progress) -> Any:
            adv = self._attack_all(aim, progress)
            return hand_in(self.lab, self.checkpoint, aim.params(), x_adv=adv.x_adv)

        self.job.start(work, lambda card: setattr(self.feedback, "value", card.markup))

    def _attack_all(self, aim: Aim, progress: Progress) -> AdversarialExamples:
        if self.measured is None or self.measured[0] != aim:
            adv = self._attack(aim, slice(None), progress)
            self.measured = (aim, adv)
            self._show_rates(aim, adv)
        return self.measured[1]

    def _show_rates(self, aim: Aim, adv: AdversarialExamples) -> None:
        threat = ThreatModel(aim.norm, aim.epsilon)
        with guarded(self.rates):
            success = attack_success_rate(self.case.victim, adv, threat)
            robust = robust_accuracy(self.case.victim, adv, threat)
            words = f"Attack success rate {say_rate(success)}; robust accuracy {say_rate(robust)}."
            allowed = self.case.threat
            if aim.norm is not allowed.norm or aim.epsilon > allowed.epsilon:
                words += f" The check allows epsilon {allowed.epsilon:g} in {allowed.norm.value}."
            self.rates.value = callout("info", words, title=f"All {len(adv)} pictures.")


def _access_of(attack: str) -> str:
    return next((key for key, access in ACCESS.items() if attack in access.attacks.values()), "white-box")
