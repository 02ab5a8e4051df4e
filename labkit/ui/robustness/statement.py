"""The robustness statement: measure your own networks, sign five lines, have somebody measure again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labkit.core import Norm
from labkit.course.cases.robustness.case import RobustnessCase
from labkit.course.cases.robustness.judging import smoothed_model
from labkit.course.cases.robustness.statement import LINES
from labkit.course.cases.robustness.weights import weights_of
from labkit.defenses.certification import certify_intervals
from labkit.metrics import Rate, certified_accuracy, clean_accuracy
from labkit.ui.controls import button, column, number, output, panel, row
from labkit.ui.html import callout, escape, table
from labkit.ui.records import hand_in
from labkit.ui.robustness.common import HARDENED, SMOOTHED, Network, own_seed, standing
from labkit.ui.robustness.evidence import keep_statement
from labkit.ui.session import LabSession
from labkit.ui.work import Job, Progress

__all__ = ["StatementPanel", "statement_panel"]

_SHORT = {
    "clean": "Clean accuracy",
    "robust": "Accuracy under PGD",
    "certified": "Certified in L2",
    "reach": "Reach in every pixel",
    "proven": "Proved by intervals",
}


def statement_panel(
    lab: LabSession, checkpoint: str = "statement", state: Mapping[str, Any] | None = None
) -> Any:
    """Return the panel that a robustness statement is written and signed in.

    Parameters
    ----------
    lab : LabSession
        A lab whose case is a ``RobustnessCase``.
    checkpoint : str
        The one that takes ``weights``, ``smoothed``, ``noise_std``, ``n`` and ``lines``.
    state : mapping or None
        Figures to start from, by line.
    """
    prepared = lab.state("statement_panel") if state is None else state
    return lab.when_ready(lambda: StatementPanel(lab, checkpoint, prepared).view, "statement_panel")


class StatementPanel:
    """What was measured on issued inputs, and a figure for each line."""

    def __init__(self, lab: LabSession, checkpoint: str, state: Mapping[str, Any]) -> None:
        self.lab, self.checkpoint = lab, checkpoint
        self.case: RobustnessCase = lab.case
        self.go = button(
            "Measure my networks", self.measure, tip="Both networks that you handed in, on your inputs"
        )
        self.found, self.feedback = output(), output()
        self.figures = {
            name: number(
                f"{words} (0 to 1)",
                float(state.get(name, 0.0)),
                0.0,
                1.0,
                0.001 if name == "reach" else 0.01,
                LINES[name],
            )
            for name, words in _SHORT.items()
        }
        lab.remember("statement_panel", state, **self.figures)
        self.submit = button(
            "Sign and hand in", self.hand_in, primary=True, tip="Have somebody measure again"
        )
        self.job = Job(self.go, self.submit, label="Measuring")
        lines = [
            column(output(f'<div class="lk"><p>{escape(self._sentence(name))}</p></div>'), figure)
            for name, figure in self.figures.items()
        ]
        self.view = panel(self.go, self.job.view, self.found, *lines, row(self.submit), self.feedback)

    def _sentence(self, name: str) -> str:
        case = self.case
        more = {
            "robust": f" (every pixel may move by {case.threat.epsilon:g})",
            "certified": f" (radius {case.setting('certified_epsilon'):g})",
            "reach": f" (what is left of the radius {case.setting('certified_epsilon'):g})",
            "proven": f" (every pixel may move by {case.setting('interval_epsilon'):g})",
        }
        return f"{LINES[name]}{more.get(name, '')}."

    def _networks(self) -> tuple[Network, Network, dict[str, Any]] | None:
        hardened, smoothed = self.lab.shelf.get(HARDENED), self.lab.shelf.get(SMOOTHED)
        if hardened is None or smoothed is None:
            self.feedback.value = callout(
                "warn",
                "A statement is about two networks. Hand one in at “Train a network that holds” and one at "
                "“Certify what no attack can change” first, on this page.",
            )
            return None
        return hardened, smoothed[0], smoothed[1]

    def measure(self) -> None:
        """Measure both networks on the issued inputs."""
        networks = self._networks()
        if networks is not None:
            self.job.start(lambda progress: self._measure(*networks, progress), self._show)

    def _measure(
        self, hardened: Network, smoothed: Network, settings: Mapping[str, Any], progress: Progress
    ) -> dict[str, Rate]:
        case = self.case
        votes = smoothed_model(case, smoothed.model, **settings).certify(
            case.x, seed=own_seed(case, "statement"), progress=progress
        )
        boxes = certify_intervals(hardened.model, case.x)
        return {
            "clean": clean_accuracy(hardened.model, case.x, case.y),
            "robust": standing(case, hardened.model),
            "certified": certified_accuracy(votes, case.y, case.setting("certified_epsilon"), Norm.L2),
            "proven": certified_accuracy(boxes, case.y, case.setting("interval_epsilon"), Norm.LINF),
        }

    def _show(self, measured: dict[str, Rate]) -> None:
        rows = [
            (_SHORT[name], f"{rate.value:.3f}", f"{rate.low:.3f}", f"{rate.high:.3f}")
            for name, rate in measured.items()
        ]
        head = ("Line", "Measured", "Lower end", "Upper end")
        caption = f"On your {len(self.case.x)} inputs, with the ends of the 95 % interval"
        words = callout("info", "The reach in every pixel is not measured. It follows from the radius.")
        self.found.value = f'<div class="lk">{table(caption, head, rows)}</div>{words}'
        self.feedback.value = ""

    def hand_in(self) -> None:
        """Sign the five lines."""
        networks = self._networks()
        if networks is None:
            return
        hardened, smoothed, settings = networks
        lines = {name: float(figure.value) for name, figure in self.figures.items()}
        models = {"weights": weights_of(hardened.model), "smoothed": weights_of(smoothed.model)}
        how = {"hardened_by": hardened.name, "smoothed_by": smoothed.name}

        def work(_: Progress) -> str:
            markup = hand_in(self.lab, self.checkpoint, how, **models, **settings, lines=lines).markup
            keep_statement(self.lab, lines)
            return markup

        self.job.start(work, lambda markup: setattr(self.feedback, "value", markup))
