"""Solve for a linear model: ask, solve, and see what rounding and more questions do to the error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from labkit import data
from labkit.attacks.extraction import RecoveredParameters, probe_inputs, solve_linear, solve_logistic
from labkit.core import Classifier, derive, make_generator
from labkit.course.cases.extraction.case import ExtractionCase, logistic_reader, score_of
from labkit.defenses.extraction import RoundedScores
from labkit.defenses.privacy import ApiView
from labkit.metrics import parameter_error
from labkit.models.linear import LinearClassifier
from labkit.ui.controls import button, choice, output, panel, row
from labkit.ui.extraction.common import announced, within
from labkit.ui.html import callout, details, table
from labkit.ui.records import hand_in
from labkit.ui.session import LabSession
from labkit.ui.work import Job, Progress

__all__ = ["EquationsPanel", "equations_panel"]

MODELS = {
    "score": "the loan score: 10 entries, one number",
    "logistic": "a logistic reader of digits: 64 pixels, 10 probabilities",
}
ROUNDING = {
    "exact": (0.0, "probabilities"),
    "two places": (0.01, "hundredths"),
    "whole points": (1.0, "tenths"),
}
"""What the service rounds to: a step of the score, and an output level of the reader."""

_WORDS = {
    "exact": "in full",
    "two places": "rounded to two places",
    "whole points": "rounded hard: whole points, tenths of a probability",
}
_TIMES = (1, 2, 8, 32)
_KEPT = 8


@dataclass(frozen=True, slots=True)
class _Solved:
    found: RecoveredParameters
    true: LinearClassifier
    error: float
    words: str


def equations_panel(
    lab: LabSession, checkpoint: str = "exact", state: Mapping[str, Any] | None = None
) -> Any:
    """Return the panel that solves for a linear model.

    Parameters
    ----------
    lab : LabSession
        A lab whose case is an ``ExtractionCase``.
    checkpoint : str
        The checkpoint that takes ``weights`` and ``bias`` of the loan score.
    state : mapping or None
        Dials to start from: ``model`` (``"score"`` or ``"logistic"``), ``rounding`` (``"exact"``,
        ``"two places"``, ``"whole points"``), ``times`` (1, 2, 8, 32).
    """
    prepared = lab.state("equations_panel") if state is None else state
    return lab.when_ready(lambda: EquationsPanel(lab, checkpoint, prepared).view, "equations_panel")


class EquationsPanel:
    """The dials, the recovered weights beside the true ones, and every trial."""

    def __init__(self, lab: LabSession, checkpoint: str, state: Mapping[str, Any]) -> None:
        self.lab, self.checkpoint = lab, checkpoint
        self.case: ExtractionCase = lab.case
        self.tried: list[tuple[str, str, str]] = []
        self.model = choice(
            "Model",
            [(words, name) for name, words in MODELS.items()],
            within(list(MODELS), state.get("model"), "score"),
            "Which service is asked",
        )
        self.rounding = choice(
            "Answers",
            [(words, name) for name, words in _WORDS.items()],
            within(list(ROUNDING), state.get("rounding"), "exact"),
            "What the service rounds its answers to",
        )
        self.times = choice(
            "Questions",
            [(f"{n} for each unknown" if n > 1 else "one for each unknown", n) for n in _TIMES],
            within(_TIMES, state.get("times"), 1),
            "More equations than unknowns average rounding out",
        )
        self.go = button("Ask and solve", self.run, tip="Ask the service and solve the equations")
        self.submit = button(
            "Ask the loan score and hand in",
            self.hand_in,
            primary=True,
            tip="Eleven questions to the service with the judge's meter, in full",
        )
        self.words, self.results, self.feedback = output(), output(), output()
        self.job = Job(self.go, self.submit, label="Solving")
        lab.remember("equations_panel", state, model=self.model, rounding=self.rounding, times=self.times)
        self.view = panel(
            self.model,
            self.rounding,
            self.times,
            row(self.go, self.submit),
            self.job.view,
            self.words,
            self.results,
            self.feedback,
        )
        if lab.demo is not None and lab.demo.panel == "equations_panel":
            self.run()

    def run(self) -> None:
        """Ask the chosen service with the dials as they stand, and solve."""
        dials = (str(self.model.value), str(self.rounding.value), int(self.times.value))
        self.job.start(partial(self._solve, *dials), self._show)

    def _solve(self, name: str, rounding: str, times: int, _: Progress) -> _Solved:
        step, level = ROUNDING[rounding]
        true = score_of(self.case) if name == "score" else logistic_reader(self.case.scenario)
        x = self._questions(true, times)
        if name == "score":
            service: Classifier = RoundedScores(true, step) if step else true
            found = solve_linear(service, x)
        else:
            found = solve_logistic(ApiView(true, level), x)
        error = parameter_error(
            (found.weights, found.bias), (true.weights, true.bias), up_to_shift=name == "logistic"
        )
        words = f"{MODELS[name].partition(':')[0]}, {_WORDS[rounding].partition(':')[0]}"
        return _Solved(found, true, error, words)

    def _questions(self, model: LinearClassifier, times: int) -> torch.Tensor:
        # A probability next to 0 is cut off, so the reader is asked about pale pictures.
        reach, pale = (None, 1.0) if model.classes == 1 else (0.5, 0.15)
        first = probe_inputs(model, reach=reach)
        if times == 1:
            return first
        generator = make_generator(derive(self.case.seed, "more questions"))
        more = torch.rand(len(first) * (times - 1), *first.shape[1:], generator=generator, dtype=first.dtype)
        return torch.cat([first, pale * more])

    def _show(self, solved: _Solved) -> None:
        found, true = solved.found, solved.true
        largest = float(true.weights.abs().max())
        self.tried.append((solved.words, f"{found.queries}", f"{solved.error:.1e}"))
        self.words.value = announced(
            f"{found.queries} questions for {true.weights.shape[1] + 1} unknowns: the largest error of a "
            f"weight is {solved.error:.1e}, where the largest weight is {largest:.0f}."
        )
        trials = table("Trials", ("Service", "Questions", "Largest error"), reversed(self.tried[-_KEPT:]))
        self.results.value = f'<div class="lk">{trials}</div>' + self._weights(solved)

    def _weights(self, solved: _Solved) -> str:
        """Return the weights of the score, recovered and true, as a table that opens."""
        if solved.true.classes > 1:
            return ""
        names = [each.name for each in data.load("loans").card.features]
        ours = [*solved.found.weights[0].tolist(), float(solved.found.bias[0])]
        theirs = [*solved.true.weights[0].tolist(), float(solved.true.bias[0])]
        rows = [
            (name, f"{a:.4f}", f"{b:.4f}")
            for name, a, b in zip([*names, "constant"], ours, theirs, strict=True)
        ]
        return details("Every weight", table("Weights", ("Entry", "Recovered", "True"), rows))

    def hand_in(self) -> None:
        """Ask the loan score at the judge's meter, solve, and hand the weights in."""
        case = self.case

        def work(_: Progress) -> str:
            if not case.score_account.left:
                case.score_account.settle(torch.zeros(1))  # asked before, and never handed in
            found = solve_linear(case.score_oracle())
            params = {"attack": found.attack, "questions": found.queries}
            return hand_in(self.lab, self.checkpoint, params, weights=found.weights, bias=found.bias).markup

        def done(markup: str) -> None:
            self.words.value = callout(
                "info", "Asked in full, one question for each unknown: that is all the service sells."
            )
            self.feedback.value = markup

        self.job.start(work, done)
