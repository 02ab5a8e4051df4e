"""Screen a delivery: scores, what goes, a reader trained on what stays, and the hand-in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from labkit.core import derive
from labkit.course.cases.poisoning.case import PoisoningCase
from labkit.course.cases.poisoning.screening import vouched
from labkit.defenses.sanitising import Screening
from labkit.metrics import clean_accuracy
from labkit.ui.controls import button, output, panel, row
from labkit.ui.html import Fragment, callout, details, escape, table
from labkit.ui.poisoning.common import chart, gallery, percent
from labkit.ui.poisoning.tools import TITLES, Tools, named, unit_of
from labkit.ui.records import hand_in
from labkit.ui.session import LabSession
from labkit.ui.work import Job, Progress

__all__ = ["ScreeningPanel", "screening_panel"]

SHOWN = 12
_KEPT = 8


def screening_panel(
    lab: LabSession, checkpoint: str = "clean-up", state: Mapping[str, Any] | None = None
) -> Any:
    """Return the panel in which the delivery is screened.

    Parameters
    ----------
    lab : LabSession
        A lab whose case is a ``PoisoningCase``.
    checkpoint : str
        The checkpoint that takes ``remove``.
    state : mapping or None
        Dials to start from: ``method``, ``neighbours``, ``k``, ``threshold``, ``share``,
        ``heap``, ``only_unvouched``.
    """
    prepared = lab.state("screening_panel") if state is None else state
    return lab.when_ready(lambda: ScreeningPanel(lab, checkpoint, prepared).view, "screening_panel")


class ScreeningPanel:
    """The tools, the spread of the scores, the suspects, and the readers trained without them."""

    def __init__(self, lab: LabSession, checkpoint: str, state: Mapping[str, Any]) -> None:
        self.lab, self.checkpoint = lab, checkpoint
        self.case: PoisoningCase = lab.case
        self.found: Screening | None = None
        self.tried: list[tuple[str, str, str]] = []
        self.tools = Tools(state, noted=True)
        self.memory = lab.remember("screening_panel", state, **self.tools.dials)
        self.go = button("Screen the delivery", self.refresh, tip="Score every sample with this tool")
        self.retrain = button(
            "Train on what stays",
            self.train,
            tip="Train on the stock and what stays",
        )
        self.submit = button("Hand in", self.hand_in, primary=True, tip="Have the removal judged")
        self.status, self.picture, self.suspects = output(), output(), output()
        self.results, self.feedback = output(), output()
        self.job = Job(self.retrain, self.submit, label="Screening")
        self.view = panel(
            output(self._note()),
            self.tools.view,
            row(self.go, self.retrain, self.submit),
            self.job.view,
            self.status,
            self.picture,
            self.suspects,
            self.results,
            self.feedback,
        )
        for dial in self.tools.dials.values():
            dial.observe(self._dial_moved, "value")
        if lab.demo is not None and lab.demo.panel == "screening_panel":
            self.refresh()

    def _note(self) -> str:
        delivery = self.case.delivery
        known = vouched(delivery)
        rows = [
            (
                b.name,
                b.source,
                len(b.indices),
                "digest published" if bool(known[b.indices[0]]) else "nothing published",
            )
            for b in delivery.batches
        ]
        count = sum(bool(known[b.indices[0]]) for b in delivery.batches)
        words = (
            f"The delivery: {len(delivery)} samples in {len(rows)} batches; {count} batches match a digest "
            "that their source published, the others come without."
        )
        note = table("Delivery note", ("Batch", "Source", "Samples", "Voucher"), rows)
        return f'<div class="lk"><strong>{escape(words)}</strong>{details("The delivery note", note)}</div>'

    def _dial_moved(self, _: object) -> None:
        if self.found is not None:
            self.refresh()

    def refresh(self) -> None:
        """Screen the delivery and show what was found."""
        self.job.start(lambda _: self._screen(), lambda _: None, latest=True)

    def _screen(self) -> Screening:
        case, line = self.case, self.tools.line()
        found = self.tools.run(case, case.delivery)
        self.found = found
        count = int(found.remove.sum())
        words = f"{count} of {len(found)} samples would go ({percent(count / len(found))})."
        self.status.value = f'<div class="lk" role="status"><strong>{escape(words)}</strong></div>'
        self.picture.value = chart(
            found.scores, title=TITLES[found.method], unit=unit_of(found.method), threshold=line
        )
        self.suspects.value = self._gallery(found)
        return found

    def _gallery(self, found: Screening) -> str:
        """Show the most suspicious samples that would go, and how the labels of all of them are spread."""
        if not bool(found.remove.any()):
            return callout("info", "No sample would go.")
        delivery, names = self.case.delivery, self.case.class_names
        ranked = torch.where(found.remove, found.scores, -1.0).argsort(descending=True, stable=True)
        top = ranked[: min(SHOWN, int(found.remove.sum()))]
        labels = [names[i] for i in delivery.y[top].tolist()]
        notes = [f"suspicion {float(found.scores[i]):.2f}" for i in top]
        counts = torch.bincount(delivery.y[found.remove], minlength=len(names)).tolist()
        spread = table("Labels of all that would go", ["label", *names], [["samples", *counts]])
        shown = gallery(delivery.x[top], labels, notes, what="suspects")
        title = '<div class="lk"><strong>Most suspicious of them</strong></div>'
        return f'{title}{shown}<div class="lk">{spread}</div>'

    # ------------------------------------------------------------------ train, hand in

    def train(self) -> None:
        """Train a reader on the stock and what stays, and say what it reads."""
        self.job.start(self._train, self._show_tried)

    def _train(self, progress: Progress) -> None:
        case, found = self.case, self._screen()
        reader = case.train_with(
            case.delivery.x[found.keep],
            case.delivery.y[found.keep],
            seed=derive(case.seed, "trial"),
            progress=progress,
        )
        rate = clean_accuracy(reader, case.x_test, case.y_test)
        gone = int(found.remove.sum())
        self.tried.append((named(self.tools.recipe()), f"{gone} ({percent(gone / len(found))})", str(rate)))

    def _show_tried(self, _: None) -> None:
        head = ("Screening", "Taken out", "Clean accuracy of a reader trained on the rest")
        words = (
            "Clean accuracy says what the removal cost. Whether the backdoor is gone it cannot say: you do "
            "not know the sign. The hand-in does."
        )
        self.results.value = table(
            "Readers trained on what stays", head, reversed(self.tried[-_KEPT:])
        ) + callout("info", words)

    def hand_in(self) -> None:
        """Have the removal judged: readers are trained without these samples and shown the hidden sign."""

        def work(_: Progress) -> Fragment:
            found, recipe = self._screen(), self.tools.recipe()
            self.lab.put("recipe", recipe)
            params = {"recipe": recipe, "removed": int(found.remove.sum())}
            return hand_in(self.lab, self.checkpoint, params, remove=found)

        self.job.start(work, lambda card: setattr(self.feedback, "value", card.markup))
