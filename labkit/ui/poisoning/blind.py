"""The blind round: four drops without a note, the tools, and four verdicts with their evidence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from labkit.course.cases.poisoning.case import PoisoningCase
from labkit.course.cases.poisoning.deliveries import Delivery
from labkit.course.cases.poisoning.screening import screen
from labkit.defenses.sanitising import Screening
from labkit.ui.controls import button, column, output, panel, row, toggle
from labkit.ui.html import Fragment, callout, escape, table
from labkit.ui.poisoning.common import chart, gallery, percent
from labkit.ui.poisoning.tools import TITLES, Tools, named, unit_of
from labkit.ui.records import hand_in
from labkit.ui.session import LabSession
from labkit.ui.work import Job, Progress

__all__ = ["BlindPanel", "blind_panel"]

SHOWN = 12
USUAL = "the acceptance set, among itself"
_EVIDENCE = (
    "Handed in with each drop that you call poisoned: the samples that the tool, as it is set above, "
    "suspects in it. A verdict without evidence does not count."
)
_NOBODY = torch.zeros(0, dtype=torch.int64)
_VERDICTS = (("not decided", ""), ("clean", "clean"), ("poisoned", "poisoned"))


def blind_panel(lab: LabSession, checkpoint: str = "blind", state: Mapping[str, Any] | None = None) -> Any:
    """Return the panel in which four drops are examined and judged.

    Parameters
    ----------
    lab : LabSession
        A lab whose case is a ``PoisoningCase``.
    checkpoint : str
        The checkpoint that takes ``verdicts`` and ``suspects``.
    state : mapping or None
        Dials to start from: ``drop`` (0 to 3), those of the tools, ``verdict_0`` to ``verdict_3``.
    """
    prepared = lab.state("blind_panel") if state is None else state
    return lab.when_ready(lambda: BlindPanel(lab, checkpoint, prepared).view, "blind_panel")


class BlindPanel:
    """A drop, the tools, what is usual, and the verdicts."""

    def __init__(self, lab: LabSession, checkpoint: str, state: Mapping[str, Any]) -> None:
        self.lab, self.checkpoint = lab, checkpoint
        self.case: PoisoningCase = lab.case
        self.seen: dict[str, dict[int, float]] = {}
        drops = self.case.drops
        names = [(drop.name, i) for i, drop in enumerate(drops)]
        self.drop = toggle("Examine", names, [f"Look into {name}" for name, _ in names], state.get("drop"))
        self.tools = Tools(state, noted=False)
        tips = ("Say nothing yet", "Use it", "Send it back")
        self.verdicts = [
            toggle(f"Verdict on {drop.name}", _VERDICTS, tips, state.get(f"verdict_{i}"))
            for i, drop in enumerate(drops)
        ]
        words = {f"verdict_{i}": each for i, each in enumerate(self.verdicts)}
        self.memory = lab.remember("blind_panel", state, drop=self.drop, **self.tools.dials, **words)
        self.go = button("Examine the drop", self.refresh, tip="Score every sample of this drop")
        self.every = button(
            "Compare all four", self.compare, tip="Run this tool on every drop and on clean data"
        )
        self.submit = button(
            "Hand in",
            self.hand_in,
            primary=True,
            tip="Have verdicts and suspects judged",
        )
        self.status, self.picture, self.suspects = output(), output(), output()
        self.results, self.feedback = output(), output()
        self.job = Job(self.every, self.submit, label="Examining")
        self.view = panel(
            self.drop,
            self.tools.view,
            row(self.go, self.every),
            self.job.view,
            self.status,
            self.picture,
            self.suspects,
            self.results,
            column(*self.verdicts),
            output(f'<div class="lk lk-muted">{escape(_EVIDENCE)}</div>'),
            self.submit,
            self.feedback,
        )
        for dial in (self.drop, *self.tools.dials.values()):
            dial.observe(self._dial_moved, "value")
        self._examined = False
        if lab.demo is not None and lab.demo.panel == "blind_panel":
            self.compare()

    def _dial_moved(self, _: object) -> None:
        if self._examined:
            self.refresh()
        elif self.lab.demo is not None and self.lab.demo.panel == "blind_panel":
            self.compare()

    def refresh(self) -> None:
        """Screen the chosen drop and show it beside clean data."""
        self._examined = True
        self.job.start(lambda _: self._examine(), lambda _: None, latest=True)

    def _examine(self) -> None:
        drop = self.case.drops[int(self.drop.value)]
        found, usual = self.tools.run(self.case, drop), self.tools.usual(self.case)
        share, common = float(found.remove.float().mean()), float(usual.remove.float().mean())
        words = (
            f"{drop.name}: {percent(share)} of {len(found)} samples are suspects; "
            f"of {USUAL}, {percent(common)}."
        )
        self.status.value = f'<div class="lk" role="status"><strong>{escape(words)}</strong></div>'
        self.picture.value = chart(
            found.scores,
            title=f"{TITLES[found.method]}, {drop.name}",
            unit=unit_of(found.method),
            threshold=self.tools.line(),
            usual=usual.scores,
            usual_name=USUAL,
        )
        self.suspects.value = self._gallery(drop, found)

    def _gallery(self, drop: Delivery, found: Screening) -> str:
        if not bool(found.remove.any()):
            return callout("info", "No suspects in this drop.")
        names = self.case.class_names
        top = torch.where(found.remove, found.scores, -1.0).argsort(descending=True, stable=True)
        top = top[: min(SHOWN, int(found.remove.sum()))]
        labels = [names[i] for i in drop.y[top].tolist()]
        counts = torch.bincount(drop.y[found.remove], minlength=len(names)).tolist()
        spread = table("Labels of the suspects", ["label", *names], [["suspects", *counts]])
        return gallery(drop.x[top], labels, what="suspects") + f'<div class="lk">{spread}</div>'

    def compare(self) -> None:
        """Run the chosen tool on every drop and on clean data."""
        self.job.start(self._compare, lambda markup: setattr(self.results, "value", markup), latest=True)

    def _compare(self, progress: Progress) -> str:
        caption = f"Share of suspects. {named(self.tools.recipe())}"
        rows = [_line(USUAL, self.case.y_test, self.tools.usual(self.case))]
        for i, drop in enumerate(self.case.drops):
            progress(i, len(self.case.drops), f"examining {drop.name}")
            rows.append(_line(drop.name, drop.y, self.tools.run(self.case, drop)))
        head = ("Data", "Suspects", "Suspects with the commonest label")
        return f'<div class="lk" role="status">{table(caption, head, rows)}</div>'

    def hand_in(self) -> None:
        """Have the verdicts judged, once there are four."""
        said = [str(each.value) for each in self.verdicts]
        if missing := [drop.name for drop, word in zip(self.case.drops, said, strict=True) if not word]:
            self.feedback.value = callout("warn", f"Say something about {', '.join(missing)} first.")
            return
        recipe = self.tools.recipe()
        params = {"verdicts": said, "recipe": recipe}

        def work(progress: Progress) -> Fragment:
            suspects = []
            for i, (drop, word) in enumerate(zip(self.case.drops, said, strict=True)):
                progress(i, len(said), f"naming suspects in {drop.name}")
                accused = word == "poisoned"
                suspects.append(screen(self.case, drop, recipe).indices if accused else _NOBODY)
            return hand_in(self.lab, self.checkpoint, params, verdicts=said, suspects=suspects)

        self.job.start(work, lambda card: setattr(self.feedback, "value", card.markup))


def _line(name: str, y: torch.Tensor, found: Screening) -> tuple[str, str, str]:
    """Return how many samples are suspects, and how many of them with one and the same label."""
    most = int(torch.bincount(y[found.remove], minlength=1).max())
    return name, percent(float(found.remove.float().mean())), percent(most / len(y))
