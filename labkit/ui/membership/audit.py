"""Audit claimed budgets: practise on trainings of one's own, then guess the judge's coins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch

from labkit.course.cases.membership.audits import SCORES, canary_scores, guess, judge_audit, practice_bound
from labkit.course.cases.membership.case import MembershipCase
from labkit.metrics import EpsilonBound
from labkit.ui.controls import button, output, panel, row, slider, toggle
from labkit.ui.html import Fragment, badge, callout, table
from labkit.ui.records import hand_in
from labkit.ui.session import LabSession
from labkit.ui.work import Job, Progress

__all__ = ["AuditPanel", "audit_panel"]

_KEPT = 8
_TIPS = (
    "By the answer alone",
    "By the answer, less what is halfway for your own trainings with and without the canary",
)


def audit_panel(lab: LabSession, checkpoint: str = "audit", state: Mapping[str, Any] | None = None) -> Any:
    """Return the panel that holds claims against canaries.

    Parameters
    ----------
    lab : LabSession
        A lab whose case is a ``MembershipCase``.
    checkpoint : str
        The checkpoint that takes ``guesses``.
    state : mapping or None
        Dials to start from: ``how`` (a name out of ``SCORES``), ``guesses``; ``run`` asks a live
        demo to practise at once.
    """
    prepared = lab.state("audit_panel") if state is None else state
    return lab.when_ready(lambda: AuditPanel(lab, checkpoint, prepared).view, "audit_panel")


class AuditPanel:
    """How canaries are scored, how many are guessed about, what that proves in practice, the hand-in."""

    def __init__(self, lab: LabSession, checkpoint: str, state: Mapping[str, Any]) -> None:
        self.lab, self.checkpoint = lab, checkpoint
        self.case: MembershipCase = lab.case
        self.lines: list[tuple[str, ...]] = []
        wanted = str(state.get("how", SCORES[0]))
        self.how = toggle(
            "Score by", [(each, each) for each in SCORES], _TIPS, wanted if wanted in SCORES else SCORES[0]
        )
        most = self.case.canaries
        self.guesses = slider(
            "Guesses", int(state.get("guesses", most)), 0, most, 10, "Half at either end; the rest abstain"
        )
        self.go = button(
            "Practise", self.practise, tip="Guess the coins of trainings of your own, without noise"
        )
        self.submit = button(
            "Hand in", self.hand_in, primary=True, tip="Have your guesses held against the coins"
        )
        self.words, self.findings, self.feedback = output(), output(), output()
        self.job = Job(self.go, self.submit, label="Guessing")
        lab.remember("audit_panel", state, how=self.how, guesses=self.guesses)
        claims = ", ".join(vendor.name for vendor in self.case.vendors)
        claim = self.case.vendors[0]
        self.view = panel(
            output(
                callout(
                    "info",
                    f"{claims} each claim epsilon {claim.privacy_epsilon:g} at delta "
                    f"{claim.privacy_delta:g}. "
                    f"{most} canaries, a coin for each.",
                )
            ),
            self.how,
            self.guesses,
            row(self.go, self.submit),
            self.job.view,
            self.words,
            self.findings,
            self.feedback,
        )
        if lab.demo is not None and lab.demo.panel == "audit_panel" and state.get("run"):
            self.practise()

    def practise(self) -> None:
        """Say what such guesses prove about trainings without noise, whose coins are known."""
        how, count = str(self.how.value), int(self.guesses.value)
        self.job.start(lambda _: practice_bound(self.case, count, how), partial(self._show, how, count))

    def _show(self, how: str, count: int, bounds: list[EpsilonBound]) -> None:
        values = sorted(bound.value for bound in bounds)
        middle = values[len(values) // 2]
        claim = self.case.vendors[0].privacy_epsilon
        above = sum(value > claim for value in values)
        self.lines.append(
            (
                f"{how}, {count} guesses",
                f"{middle:.2f}",
                f"{values[0]:.2f} to {values[-1]:.2f}",
                f"{above} of {len(values)}",
            )
        )
        head = ("Guesses", "Bound, in the middle", "From, to", f"Would refute epsilon {claim:g}")
        self.words.value = (
            '<div role="status">'
            + callout(
                "info",
                f"a bound of {middle:.2f} in the middle; {above} of {len(values)} trainings without noise "
                "would be found out.",
                title=f"{how}, {count} guesses:",
            )
            + "</div>"
            + table("Practice on trainings without noise, newest first", head, reversed(self.lines[-_KEPT:]))
        )

    def hand_in(self) -> None:
        """Guess about the canaries of all four vendors, and have the guesses held against the coins."""
        how, count, case = str(self.how.value), int(self.guesses.value), self.case

        def work(_: Progress) -> tuple[str, str]:
            said = torch.stack([guess(canary_scores(case, i, how), count) for i in range(len(case.vendors))])
            card = hand_in(self.lab, self.checkpoint, {"scored": how, "guesses": count}, guesses=said)
            rows = [
                (
                    found.name,
                    f"{found.privacy_epsilon:g}",
                    f"{found.right} of {found.guesses}",
                    f"at least {found.bound.value:.2f}",
                    "refuted" if found.refuted else "stands",
                )
                for found in judge_audit(case, said)
            ]
            return _findings(rows), card.markup

        self.job.start(work, self._judged)

    def _judged(self, done: tuple[str, str]) -> None:
        self.findings.value, self.feedback.value = done


def _findings(rows: Sequence[tuple[str, ...]]) -> str:
    """Return what the coins say: a word, and not only a colour, for each verdict."""
    head = ("Vendor", "Claimed epsilon", "Right guesses", "True epsilon", "The claim")
    shown = [
        (*cells, Fragment(badge("bad" if verdict == "refuted" else "open", verdict), verdict))
        for *cells, verdict in rows
    ]
    return table("What your guesses prove, at 95 % confidence", head, shown)
