"""The transparency note: seven choices with their meaning, a figure, a witness."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labkit.course.cases.explaining.case import ExplainingCase
from labkit.course.cases.explaining.notes import entries
from labkit.metrics import flip_rate
from labkit.ui.controls import button, choice, column, number, output, panel, row
from labkit.ui.html import Fragment, bullets, callout, escape
from labkit.ui.records import hand_in
from labkit.ui.session import LabSession
from labkit.ui.work import Job, Progress

__all__ = ["NotePanel", "note_panel"]

_UNDECIDED = ("not decided yet", "")


def note_panel(lab: LabSession, checkpoint: str = "note", state: Mapping[str, Any] | None = None) -> Any:
    """Return the form of the transparency note.

    Parameters
    ----------
    lab : LabSession
        A lab whose case is an ``ExplainingCase``.
    checkpoint : str
        The checkpoint that takes ``note``.
    state : mapping or None
        Answers to start from: the id of an option for the id of each question, ``flip_share`` in per
        cent, ``witness``.
    """
    prepared = lab.state("note_panel") if state is None else state
    return lab.when_ready(lambda: NotePanel(lab, checkpoint, prepared).view, "note_panel")


class NotePanel:
    """The choices, two figures, the note as it reads, and the hand-in."""

    def __init__(self, lab: LabSession, checkpoint: str, state: Mapping[str, Any]) -> None:
        self.lab, self.checkpoint = lab, checkpoint
        self.case: ExplainingCase = lab.case
        # What an answer means would say which one is right, so it waits for the first hand-in.
        self.handed_in = bool(lab.session.attempts(checkpoint))
        self.fields = {
            entry.id: choice(
                entry.title,
                [_UNDECIDED, *((option.text, option.id) for option in entry.shown())],
                str(state.get(entry.id, "")),
                entry.question,
            )
            for entry in entries()
        }
        for field in self.fields.values():
            field.layout.width = "min(62em, 100%)"  # an answer is a sentence
        last = len(self.case.files) - 1
        self.share = number(
            "Files decided by the group alone, %",
            float(state.get("flip_share", 0.0)),
            0.0,
            100.0,
            0.1,
            "Of the provider's product",
        )
        self.witness = number("Witness: file", float(state.get("witness", 0)), 0, last, 1, f"0 to {last}")
        self.go = button(
            "Measure the product", self.measure, tip="Decide all thousand files, and all of their twins"
        )
        self.submit = button(
            "Hand in", self.hand_in, primary=True, tip="Have the note held against measurements"
        )
        self.measured, self.shown, self.feedback = output(), output(), output()
        self.job = Job(self.go, self.submit, label="Measuring")
        self.memory = lab.remember(
            "note_panel", state, **self.fields, flip_share=self.share, witness=self.witness
        )
        for field in self.fields.values():
            field.observe(lambda _: self._draw(), "value")
        asked = bullets(f"{entry.title}: {entry.question}" for entry in entries())
        self.view = panel(
            output(f'<div class="lk">{asked}</div>'),
            column(*self.fields.values()),
            row(self.share, self.witness),
            row(self.go, self.submit),
            self.job.view,
            self.measured,
            self.shown,
            self.feedback,
        )
        self._draw()

    def note(self) -> dict[str, Any]:
        """Return what the form says."""
        return {
            **{name: str(field.value or "") for name, field in self.fields.items()},
            "flip_share": float(self.share.value) / 100,
            "witness": int(self.witness.value),
        }

    def measure(self) -> None:
        """Measure the product on all files with the group alone changed."""

        def work(_: Progress) -> str:
            files = self.case.files
            return str(flip_rate(self.case.product, files.x, files.twins("group")))

        def show(words: str) -> None:
            said = f"The decision changes with the group alone in {words}. Write the share into the note."
            self.measured.value = callout("info", said)

        self.job.start(work, show)

    def _draw(self) -> None:
        """Show the note as it reads; once it was handed in, with what each answer means."""
        said = []
        for entry in entries():
            if answer := str(self.fields[entry.id].value or ""):
                option = entry.option(answer)
                said.append(f"{entry.title}: {option.text}." + (f" {option.why}" if self.handed_in else ""))
        if not said:
            self.shown.value = '<div class="lk lk-muted">The note as it reads appears here.</div>'
            return
        reads = "The note, and what the answers mean:" if self.handed_in else "The note as it reads:"
        head = f"{len(said)} of {len(self.fields)} questions are answered. {reads}"
        self.shown.value = (
            f'<div class="lk" role="status"><strong>{escape(head)}</strong>{bullets(said)}</div>'
        )

    def hand_in(self) -> None:
        """Have the note judged: its choices, its figure on other files, and its witness."""
        note = self.note()

        def work(_: Progress) -> Fragment:
            return hand_in(self.lab, self.checkpoint, {}, note=note)

        def show(card: Fragment) -> None:
            self.handed_in = True
            self.feedback.value = card.markup
            self._draw()

        self.job.start(work, show)
