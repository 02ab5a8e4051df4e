"""Predict before the run, with a confidence; afterwards the outcome, and how well one knew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labkit.course import Prediction
from labkit.course.answers import Outcome
from labkit.ui.controls import button, number, output, panel, radio, slider
from labkit.ui.html import badge, callout, escape
from labkit.ui.work import Job, Progress

if TYPE_CHECKING:
    from labkit.ui.session import LabSession

__all__ = ["PredictionView"]


class PredictionView:
    """A question, a value or a choice, a confidence, and the moment of truth."""

    def __init__(self, lab: LabSession, prediction: Prediction) -> None:
        self.lab, self.prediction = lab, prediction
        self.confidence = slider("How sure are you?", 70, 50, 100, 5, "50 % is a coin toss, 100 % is certain")
        self.confidence.readout_format = "d"
        self.lock = button("Lock in", self.commit, primary=True, tip="Commit to this prediction")
        self.place = output()
        self.job = Job(self.lock, label="Measuring the outcome")
        heading = f'<div class="lk"><h3>Predict</h3><p>{escape(prediction.question)}</p></div>'
        self.view = panel(
            output(heading), self._field(), self.confidence, self.lock, self.job.view, self.place
        )
        lab.on_adopt(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show again what was predicted on an earlier visit."""
        seen = self.lab.session.progress().predictions.get(self.prediction.id)
        if seen is not None:
            self.field.value, self.confidence.value = seen.value, seen.confidence
            if seen.right is not None:
                self._reveal(self.lab.session.outcome(self.prediction.id))

    def _field(self) -> Any:
        prediction = self.prediction
        if prediction.kind == "choice":
            self.field = radio("Your prediction", [(text, text) for text in prediction.options])
        elif prediction.unit == "%":
            self.field = slider("In per cent", 50, 0, 100, 1, prediction.question)
        else:
            self.field = number(
                f"Your prediction ({prediction.unit})", 0.0, -1e9, 1e9, 0.1, prediction.question
            )
        return self.field

    def commit(self) -> None:
        """Record the prediction and show what came out."""
        value = self.field.value
        if value is None:
            self.place.value = callout("warn", "Pick one first; being wrong here costs nothing.")
            return

        def work(_: Progress) -> Outcome:
            self.lab.session.predict(self.prediction.id, value, self.confidence.value)
            return self.lab.outcome(self.prediction.id)

        self.job.start(work, self._reveal)

    def _reveal(self, outcome: Outcome) -> None:
        self.job.triggers.clear()
        self.lock.disabled = self.field.disabled = self.confidence.disabled = True
        self.place.value = reveal(outcome)
        self.lab.changed()


def reveal(outcome: Outcome) -> str:
    """Say what was predicted, what came out, and how near that was."""
    unit = f" {outcome.prediction.unit}" if outcome.prediction.unit else ""
    said, came = (
        f"{value:.3g}{unit}" if isinstance(value, float) else str(value)
        for value in (outcome.value, outcome.actual)
    )
    verdict = badge("good", "as predicted") if outcome.right else badge("info", "a surprise")
    lesson = _lesson(outcome.right, outcome.confidence / 100)
    return (
        '<div class="lk" role="status"><dl>'
        f"<dt>You said</dt><dd>{escape(said)}, {outcome.confidence:.0f} % sure</dd>"
        f"<dt>Measured</dt><dd>{escape(came)} {verdict}</dd></dl><p>{escape(lesson)}</p></div>"
    )


def _lesson(correct: bool, confidence: float) -> str:
    if correct:
        return "You knew." if confidence >= 0.8 else "You were right, and could have been surer."
    if confidence >= 0.8:
        return (
            "Sure, and wrong: this is the kind of surprise that is worth a second look. What did you assume?"
        )
    return "You were not sure, and that was wise. What would have to change for your prediction to come true?"
