"""Build a scaffold: what explainers say before and after, and what applicants notice."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from labkit.core.seeds import derive
from labkit.course.cases.explaining.auditing import explained
from labkit.course.cases.explaining.case import ExplainingCase
from labkit.course.cases.explaining.deciders import GROUP
from labkit.course.cases.explaining.scaffolding import DISGUISES, PREPARED, build_scaffold, look
from labkit.metrics import Rate, named_first
from labkit.ui.controls import button, choice, output, panel, row, slider
from labkit.ui.explaining.common import bars, percent
from labkit.ui.html import Fragment, badge, table
from labkit.ui.records import hand_in
from labkit.ui.session import LabSession
from labkit.ui.work import Job, Progress

__all__ = ["ScaffoldPanel", "scaffold_panel"]

_FILES = 600
_HEAD = ("Model", "LIME names the group", "SHAP, average", "SHAP, real applicants", "Decides as before")


def scaffold_panel(
    lab: LabSession, checkpoint: str = "scaffold", state: Mapping[str, Any] | None = None
) -> Any:
    """Return the panel in which the biased model is hidden.

    Parameters
    ----------
    lab : LabSession
        A lab whose case is an ``ExplainingCase``.
    checkpoint : str
        The checkpoint that takes ``settings``.
    state : mapping or None
        Dials to start from: ``prepared_for``, ``copies``, ``threshold``, ``disguise``.
    """
    prepared = lab.state("scaffold_panel") if state is None else state
    return lab.when_ready(lambda: ScaffoldPanel(lab, checkpoint, prepared).view, "scaffold_panel")


class ScaffoldPanel:
    """Whom to prepare for and when to switch; both explainers before and after."""

    def __init__(self, lab: LabSession, checkpoint: str, state: Mapping[str, Any]) -> None:
        self.lab, self.checkpoint = lab, checkpoint
        self.case: ExplainingCase = lab.case
        self.tried: list[tuple[Any, ...]] = []
        words = {"lime": "LIME", "shap": "SHAP with the average applicant", "both": "both"}
        self.prepared = choice(
            "Prepare for",
            [(words[name], name) for name in PREPARED],
            str(state.get("prepared_for", "lime")),
            "Whose questions the detector learns",
        )
        self.copies = slider(
            "Made-up rows", int(state.get("copies", 2)), 1, 6, 1, "For every real row that it learns from"
        )
        self.threshold = slider(
            "Switch above",
            float(state.get("threshold", 0.2)),
            0.0,
            1.0,
            0.05,
            "How likely made up a row must be to be shown the other model",
        )
        self.disguise = choice(
            "Show instead",
            [(f"a model by {name}", name) for name in DISGUISES],
            str(state.get("disguise", DISGUISES[0])),
            "What whoever asks gets to see",
        )
        self.go = button("Build and ask", self.run, tip="Build the scaffold, and have both explainers ask it")
        self.submit = button("Hand in", self.hand_in, primary=True, tip="Have the judge build it and ask")
        self.results, self.picture, self.feedback = output(), output(), output()
        self.job = Job(self.go, self.submit, label="Building")
        lab.remember(
            "scaffold_panel",
            state,
            prepared_for=self.prepared,
            copies=self.copies,
            threshold=self.threshold,
            disguise=self.disguise,
        )
        self.view = panel(
            self.prepared,
            self.copies,
            self.threshold,
            self.disguise,
            row(self.go, self.submit),
            self.job.view,
            self.results,
            self.picture,
            self.feedback,
        )
        if lab.demo is not None and lab.demo.panel == "scaffold_panel":
            self.run()

    def settings(self) -> dict[str, Any]:
        """Return what the dials say."""
        return {
            "prepared_for": str(self.prepared.value),
            "copies": int(self.copies.value),
            "threshold": float(self.threshold.value),
            "disguise": str(self.disguise.value),
        }

    def run(self) -> None:
        """Build the scaffold with the dials as they stand, and have it explained."""
        self.job.start(partial(self._build, self.settings()), self._show)

    def _build(self, settings: Mapping[str, Any], progress: Progress) -> Any:
        case, seed = self.case, derive(self.case.seed, "own scaffold")
        if not self.tried:
            self.tried.append(self._line("the biased model, open", case.biased, progress))
        model = build_scaffold(case.biased, case.score, settings, seed=seed, progress=progress)
        name = f"for {settings['prepared_for']}, above {settings['threshold']:g}, {settings['disguise']}"
        self.tried.append(self._line(name, model, progress))
        values = explained(model, case.x[:1], "lime", "average", seed=seed)[0]
        self.lab.put("scaffold", model)
        return values

    def _line(self, name: str, model: Any, progress: Progress) -> tuple[Any, ...]:
        case, seed = self.case, derive(self.case.seed, "own scaffold")
        found = look(model, case.biased, case.x, case.files.x[:_FILES], seed=seed, progress=progress)
        real = named_first(explained(model, case.x[:4], "shap", "files", seed=seed), GROUP)
        same = found.agreement
        mark = badge("good", "enough") if same.value >= 0.99 else badge("bad", "noticed")
        return (
            name,
            _of(found.named["lime"]),
            _of(found.named["shap"]),
            _of(real),
            Fragment(f"{percent(same.value)} {mark}"),
        )

    def _show(self, values: Any) -> None:
        lines = [self.tried[0], *reversed(self.tried[1:][-6:])]
        self.results.value = (
            '<div class="lk" role="status">' + table("Explained before and after", _HEAD, lines) + "</div>"
        )
        self.picture.value = bars(
            values,
            self.case.features,
            title="What LIME says about applicant 1 now",
            unit="log-odds, halved",
            marked=GROUP,
        )

    def hand_in(self) -> None:
        """Have the judge build the scaffold and ask both explainers."""
        settings = self.settings()

        def work(_: Progress) -> Fragment:
            return hand_in(self.lab, self.checkpoint, {"settings": settings}, settings=settings)

        self.job.start(work, lambda card: setattr(self.feedback, "value", card.markup))


def _of(rate: Rate) -> str:
    return f"{round(rate.value * rate.n)} of {rate.n}"
