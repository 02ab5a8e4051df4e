"""Four branches: a gap in each, and in some of them somebody who made it, or closed it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from labkit.course.cases.fairness.applicants import Applicants
from labkit.course.cases.fairness.case import FairnessCase
from labkit.course.cases.fairness.recipes import contradicted
from labkit.metrics import demographic_parity
from labkit.ui.controls import button, column, output, panel, row, toggle
from labkit.ui.fairness.common import PARTS, beside, percent, points, said_gap
from labkit.ui.html import Fragment, callout, escape, table
from labkit.ui.records import hand_in
from labkit.ui.session import LabSession
from labkit.ui.work import Job, Progress

__all__ = ["BranchesPanel", "branches_panel"]

_VERDICTS = (
    ("not decided", ""),
    ("no attack", "none"),
    ("attack, by group", "group"),
    ("attack, by district", "district"),
)
_TIPS = (
    "Say nothing yet",
    "People differ, and nobody turned anything",
    "Somebody picked people by their group",
    "Somebody picked people by where they live",
)
_EVIDENCE = (
    "Handed in with each branch that you accuse: the people of the part that lies furthest beside what is "
    "expected, by group or by district as you say, whose outcome the checked sample contradicts."
)
_NOBODY = torch.zeros(0, dtype=torch.int64)


def branches_panel(lab: LabSession, checkpoint: str = "blind", state: Mapping[str, Any] | None = None) -> Any:
    """Return the panel in which four branches are examined and judged.

    Parameters
    ----------
    lab : LabSession
        A lab whose case is a ``FairnessCase``.
    checkpoint : str
        The checkpoint that takes ``verdicts`` and ``suspects``.
    state : mapping or None
        Dials to start from: ``branch`` (0 to 3), ``verdict_0`` to ``verdict_3``.
    """
    prepared = lab.state("branches_panel") if state is None else state
    return lab.when_ready(lambda: BranchesPanel(lab, checkpoint, prepared).view, "branches_panel")


class BranchesPanel:
    """A branch part by part, all four beside each other, and the verdicts."""

    def __init__(self, lab: LabSession, checkpoint: str, state: Mapping[str, Any]) -> None:
        self.lab, self.checkpoint = lab, checkpoint
        self.case: FairnessCase = lab.case
        self.names = [f"branch {'ABCD'[i]}" for i in range(len(self.case.branches))]
        options = [(name, i) for i, name in enumerate(self.names)]
        self.branch = toggle("Examine", options, [f"Look into {n}" for n in self.names], state.get("branch"))
        self.verdicts = [
            toggle(f"Verdict on {name}", _VERDICTS, _TIPS, state.get(f"verdict_{i}"))
            for i, name in enumerate(self.names)
        ]
        words = {f"verdict_{i}": each for i, each in enumerate(self.verdicts)}
        self.memory = lab.remember("branches_panel", state, branch=self.branch, **words)
        self.outcomes = button(
            "Compare the gaps", self.compare_gaps, tip="How many repaid in either group, branch by branch"
        )
        self.go = button("Examine the branch", self.examine, tip="Part by part, beside what is expected")
        self.every = button(
            "Compare with what is expected", self.compare, tip="Every part of every branch, in points"
        )
        self.submit = button("Hand in", self.hand_in, primary=True, tip="Have verdicts and suspects judged")
        self.gaps, self.parts, self.results, self.feedback = output(), output(), output(), output()
        self.job = Job(self.outcomes, self.go, self.every, self.submit, label="Examining")
        self.view = panel(
            self.outcomes,
            self.gaps,
            self.branch,
            row(self.go, self.every),
            self.job.view,
            self.parts,
            self.results,
            column(*self.verdicts),
            output(f'<div class="lk lk-muted">{escape(_EVIDENCE)}</div>'),
            self.submit,
            self.feedback,
        )
        self._examined = False
        self.branch.observe(lambda _: self.examine() if self._examined else None, "value")
        if lab.demo is not None and lab.demo.panel == "branches_panel":
            self.compare_gaps()

    def compare_gaps(self) -> None:
        """Show who repaid in either group of every branch."""

        def work(_: Progress) -> str:
            rows = []
            for name, branch in zip(self.names, self.case.branches, strict=True):
                gap = demographic_parity(branch.y == 1, branch.group)
                rows.append((name, percent(gap.of_0), percent(gap.of_1), said_gap(gap)))
            head = ("Branch", "Group 0 repaid", "Group 1 repaid", "Gap in points (95 % interval)")
            return f'<div role="status">{table("Outcomes, as the files say", head, rows)}</div>'

        self.job.start(work, lambda markup: setattr(self.gaps, "value", markup))

    def examine(self) -> None:
        """Show one branch part by part."""
        self._examined = True
        self.job.start(self._examine, lambda markup: setattr(self.parts, "value", markup), latest=True)

    def _examine(self, _: Progress) -> str:
        number = int(self.branch.value)
        branch = self.case.branches[number]
        rows = [
            (
                f"{by} {part}",
                n,
                percent(said),
                percent(expected),
                f"{points(said - expected)} (±{100 * reach:.1f})",
            )
            for (by, part), (n, said, expected, reach) in beside(branch, self.case.checked).items()
        ]
        caption = f"{self.names[number]}, part by part"
        head = ("Part", "People", "Repaid, says the file", "Expected", "Beside it, in points")
        return f'<div role="status">{table(caption, head, rows)}</div>'

    def compare(self) -> None:
        """Show how far every part of every branch lies beside what is expected."""
        self.job.start(self._compare, lambda markup: setattr(self.results, "value", markup), latest=True)

    def _compare(self, progress: Progress) -> str:
        rows = []
        for i, (name, branch) in enumerate(zip(self.names, self.case.branches, strict=True)):
            progress(i, len(self.names), f"examining {name}")
            found = beside(branch, self.case.checked)
            rows.append((name, *(points(found[part][1] - found[part][2]) for part in PARTS)))
        head = ("Branch", *(f"{by} {number}" for by, number in PARTS))
        caption = "Outcomes beside what the checked sample leads to expect, in points"
        return f'<div role="status">{table(caption, head, rows)}</div>'

    def hand_in(self) -> None:
        """Have the verdicts judged, once there are four."""
        said = [str(each.value) for each in self.verdicts]
        if missing := [name for name, word in zip(self.names, said, strict=True) if not word]:
            self.feedback.value = callout("warn", f"Say something about {', '.join(missing)} first.")
            return

        def work(_: Progress) -> Fragment:
            words = ["no attack" if word == "none" else "attack" for word in said]
            suspects = [
                self._suspects(branch, word) for branch, word in zip(self.case.branches, said, strict=True)
            ]
            params = {"verdicts": words, "by": said}
            return hand_in(self.lab, self.checkpoint, params, verdicts=words, suspects=suspects)

        self.job.start(work, lambda card: setattr(self.feedback, "value", card.markup))

    def _suspects(self, branch: Applicants, word: str) -> torch.Tensor:
        if word == "none":
            return _NOBODY
        return contradicted(branch, self.case.checked, word).nonzero().flatten()
