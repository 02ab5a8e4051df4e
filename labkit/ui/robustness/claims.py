"""Eight claims beside the certificates that they are made of: which follow, and why the others do not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labkit.core import Norm
from labkit.course.cases.robustness.case import RobustnessCase
from labkit.defenses.certification import REASONS
from labkit.metrics import abstention_rate
from labkit.ui.controls import button, choice, column, number, output, panel, row
from labkit.ui.html import callout, escape, table
from labkit.ui.records import hand_in
from labkit.ui.session import LabSession
from labkit.ui.work import Job, Progress

__all__ = ["ClaimsPanel", "claims_panel"]

_OPEN = "open"
_NAMES = {"smoothing": "certificate S (smoothing)", "intervals": "certificate I (intervals)"}


def claims_panel(lab: LabSession, checkpoint: str = "claims", state: Mapping[str, Any] | None = None) -> Any:
    """Return the panel that judges a vendor's claims.

    Parameters
    ----------
    lab : LabSession
        A lab whose case is a ``RobustnessCase``.
    checkpoint : str
        The one that takes ``reasons``.
    state : mapping or None
        Dials to start from: ``shown``, ``radius``.
    """
    prepared = lab.state("claims_panel") if state is None else state
    return lab.when_ready(lambda: ClaimsPanel(lab, checkpoint, prepared).view, "claims_panel")


class ClaimsPanel:
    """The heads of both certificates, a place to look shares up, and a list for each claim."""

    def __init__(self, lab: LabSession, checkpoint: str, state: Mapping[str, Any]) -> None:
        self.lab, self.checkpoint = lab, checkpoint
        self.case: RobustnessCase = lab.case
        shown = str(state.get("shown", "smoothing"))
        self.shown = choice(
            "Look up in",
            [(words, name) for name, words in _NAMES.items()],
            shown if shown in _NAMES else "smoothing",
            "Which certificate",
        )
        self.radius = number(
            "Radius, in its own norm", float(state.get("radius", 0.0)), 0.0, 10.0, 0.01, "In the units of x"
        )
        self.looked_up, self.feedback = output(), output()
        self.answers = [
            choice(
                f"Claim {each.number}",
                [
                    ("choose", _OPEN),
                    *(
                        (("follows: " if key == "holds" else "no: ") + words, key)
                        for key, words in REASONS.items()
                    ),
                ],
                _OPEN,
                f"Does claim {each.number} follow?",
            )
            for each in self.case.claims
        ]
        for answer in self.answers:  # the reasons are sentences
            answer.layout.width = "min(52em, 100%)"
        kept = {f"claim_{i + 1}": each for i, each in enumerate(self.answers)}
        lab.remember("claims_panel", state, shown=self.shown, radius=self.radius, **kept)
        self.submit = button("Hand in", self.hand_in, primary=True, tip="Have your eight answers judged")
        self.job = Job(self.submit, label="Judging")
        claims = [column(output(self._claim(i)), answer) for i, answer in enumerate(self.answers)]
        self.view = panel(
            output(self._heads()),
            row(self.shown, self.radius),
            self.looked_up,
            *claims,
            self.submit,
            self.job.view,
            self.feedback,
        )
        for dial in (self.shown, self.radius):
            dial.observe(lambda _: self.look_up(), "value")
        self.look_up()

    def look_up(self) -> None:
        """Say what share is certified at the radius, among all inputs and among those that were decided."""
        made, epsilon = self.case.certificates[str(self.shown.value)], float(self.radius.value)
        hits = int(made.holds(self.case.y, epsilon).sum())
        decided = int((~made.abstained).sum())
        norm = "L2" if made.norm is Norm.L2 else "every pixel"
        words = (
            f"Within {epsilon:g} ({norm}): {hits} inputs are certified and right. That is "
            f"{hits / len(made):.1%} of all {len(made)}, and {hits / max(1, decided):.1%} of the {decided} "
            "that were decided."
        )
        self.looked_up.value = callout("info", words)

    def _heads(self) -> str:
        rows = []
        for name, made in self.case.certificates.items():
            rows.append(
                (
                    _NAMES[name],
                    made.model,
                    "L2" if made.norm is Norm.L2 else "every pixel (L-infinity)",
                    f"{made.noise_std:g}" if made.noise_std else "none",
                    "no chance in it" if made.confidence == 1 else f"{made.confidence:.1%}",
                    f"{len(made)}, of {made.dimension} pixels",
                    f"{abstention_rate(made).value:.1%}",
                )
            )
        head = ("Certificate", "Model", "Norm", "Noise", "Confidence for each input", "Inputs", "Abstained")
        return f'<div class="lk">{table("What the vendor shows", head, rows)}</div>'

    def _claim(self, i: int) -> str:
        each = self.case.claims[i]
        head = f"<strong>Claim {each.number}</strong>, with {escape(_NAMES[each.shown])}: "
        return f'<div class="lk"><p>{head}{escape(each.text)}</p></div>'

    def hand_in(self) -> None:
        """Hand in the eight answers."""
        reasons = [str(each.value) for each in self.answers]
        if _OPEN in reasons:
            left = ", ".join(str(i + 1) for i, word in enumerate(reasons) if word == _OPEN)
            self.feedback.value = callout("warn", f"Say something about claim {left} first.")
            return

        def work(_: Progress) -> str:
            return hand_in(self.lab, self.checkpoint, {}, reasons=reasons).markup

        self.job.start(work, lambda markup: setattr(self.feedback, "value", markup))
