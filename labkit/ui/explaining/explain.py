"""Ask an explainer about a model: what it says of one applicant, and of all eight."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from labkit.core.protocols import Classifier
from labkit.core.results import Attribution
from labkit.course.cases.explaining.auditing import background_of
from labkit.course.cases.explaining.case import ExplainingCase
from labkit.course.cases.explaining.deciders import ACCEPT, CATEGORICAL, GROUP
from labkit.explain import lime, permutation_importance, shap
from labkit.metrics import completeness_error, deletion_score, insertion_score, named_first, stability
from labkit.ui.controls import button, choice, output, panel, row
from labkit.ui.explaining.common import bars, decision, in_words
from labkit.ui.html import Fragment, callout, escape, table
from labkit.ui.records import hand_in
from labkit.ui.session import LabSession
from labkit.ui.work import Job, Progress

__all__ = ["ExplainPanel", "explain_panel"]

_EXPLAINERS = [("SHAP", "shap"), ("LIME", "lime"), ("permutation, over all files", "permutation")]
_BACKGROUNDS = [
    ("nobody: a row of zeros", "nobody"),
    ("the average applicant", "average"),
    ("thirty real applicants", "applicants"),
]
_LIME_SAMPLES, _SHAP_GROUPS = 500, {"nobody": None, "average": None, "applicants": None, "product": 200}
_PERMUTED = 300


def explain_panel(
    lab: LabSession, checkpoint: str = "explain", state: Mapping[str, Any] | None = None
) -> Any:
    """Return the panel in which a model is explained.

    Parameters
    ----------
    lab : LabSession
        A lab whose case is an ``ExplainingCase``.
    checkpoint : str
        The checkpoint that takes ``values``.
    state : mapping or None
        Dials to start from: ``model`` (``"biased"``, ``"product"`` or ``"own"``), ``explainer``,
        ``background``, ``applicant`` (0 to 7).
    """
    prepared = lab.state("explain_panel") if state is None else state
    return lab.when_ready(lambda: ExplainPanel(lab, checkpoint, prepared).view, "explain_panel")


class ExplainPanel:
    """Which model, which explainer, against whom; the bars of one applicant, and all of them counted."""

    def __init__(self, lab: LabSession, checkpoint: str, state: Mapping[str, Any]) -> None:
        self.lab, self.checkpoint = lab, checkpoint
        self.case: ExplainingCase = lab.case
        self.values: Tensor | None = None
        models = [
            ("the biased model, from inside", "biased"),
            ("the provider's product", "product"),
            ("the scaffold that you built", "own"),
        ]
        self.model = choice("Model", models, str(state.get("model", "biased")), "Which model is asked")
        self.explainer = choice("Explainer", _EXPLAINERS, str(state.get("explainer", "shap")), "Who asks it")
        self.background = choice(
            "Compared with",
            _BACKGROUNDS,
            str(state.get("background", "nobody")),
            "What a column that is not known is filled from",
        )
        people = [(f"applicant {i + 1}", i) for i in range(len(self.case.x))]
        self.applicant = choice("Show", people, int(state.get("applicant", 0)), "Whose explanation is drawn")
        self.go = button("Explain", self.run, tip="Ask about all eight applicants")
        self.again = button(
            "Is it sound?", self.audit, tip="Does it add up, does it name what decides, does it repeat"
        )
        self.submit = button(
            "Hand in",
            self.hand_in,
            primary=True,
            tip="Explain the biased model in this way, and have it judged",
        )
        self.words, self.picture, self.sound, self.feedback = output(), output(), output(), output()
        self.job = Job(self.go, self.again, self.submit, label="Asking the explainer")
        lab.remember(
            "explain_panel",
            state,
            model=self.model,
            explainer=self.explainer,
            background=self.background,
            applicant=self.applicant,
        )
        self.applicant.observe(lambda _: self._draw(), "value")
        self.view = panel(
            self.model,
            self.explainer,
            self.background,
            self.applicant,
            row(self.go, self.again, self.submit),
            self.job.view,
            self.words,
            self.picture,
            self.sound,
            self.feedback,
        )
        if lab.demo is not None and lab.demo.panel == "explain_panel":
            self.run()

    # ------------------------------------------------------------------ explain

    def run(self) -> None:
        """Explain all applicants with the dials as they stand."""
        dials = self._dials()
        self.job.start(
            lambda progress: (self._explained(dials, progress), dials), lambda made: self._show(*made)
        )

    def _dials(self) -> dict[str, str]:
        return {
            "model": str(self.model.value),
            "explainer": str(self.explainer.value),
            "background": str(self.background.value),
        }

    def _asked(self, name: str) -> Classifier:
        """Return the model that is asked; a scaffold that was not built yet is the biased model."""
        own: Classifier | None = self.lab.shelf.get("scaffold")
        return {"biased": self.case.biased, "product": self.case.product, "own": own or self.case.biased}[
            name
        ]

    def _rows(self, name: str) -> Tensor:
        if name == "nobody":
            return torch.zeros(1, len(self.case.features))
        return self.case.background if name == "applicants" else background_of("average", 0)

    def _explained(
        self, dials: Mapping[str, str], progress: Progress, *, seed: int = 0, x: Tensor | None = None
    ) -> Attribution:
        progress(0, 2, "loading the explainer")
        model, x = self._asked(dials["model"]), self.case.x if x is None else x
        background = self._rows(dials["background"])
        progress(1, 2, "asking the model")
        if dials["explainer"] == "permutation":
            lost = permutation_importance(model, self.case.files.x[:_PERMUTED], seed=seed).mean(0)
            whole = torch.full((len(x),), ACCEPT)
            return Attribution(x, lost.expand_as(x).clone(), whole, "permutation_importance")
        if dials["explainer"] == "lime":
            spread = background if len(background) > 1 else self.case.published
            return lime(
                model,
                x,
                ACCEPT,
                background=spread,
                categorical=CATEGORICAL,
                samples=_LIME_SAMPLES,
                seed=seed,
            )
        # A product answers through a forest, which takes its time: it is asked about fewer groups.
        groups = 200 if dials["model"] != "biased" and len(background) > 1 else None
        return shap(model, x, ACCEPT, background=background, samples=groups, seed=seed)

    def _show(self, found: Attribution, dials: Mapping[str, str]) -> None:
        self.values, self._shown = found.values, dict(dials)
        self.sound.value = ""
        rate = named_first(found.values, GROUP)
        asked = {value: text for text, value in self.model.options}[dials["model"]]
        asked = asked[0].upper() + asked[1:]
        note = " You have built none yet, so this is the biased model." if self._missing(dials) else ""
        words = (
            f"{asked}: {round(rate.value * rate.n)} of {rate.n} explanations name the group first.{note}"
            if dials["explainer"] != "permutation"
            else f"{asked}: the group is "
            + ("the column that changes most decisions." if rate.value else "not in first place.")
            + note
        )
        self.words.value = f'<div class="lk" role="status"><strong>{escape(words)}</strong></div>'
        self._draw()

    def _missing(self, dials: Mapping[str, str]) -> bool:
        return dials["model"] == "own" and "scaffold" not in self.lab.shelf

    def _draw(self) -> None:
        if self.values is None:
            return
        i, names = int(self.applicant.value), self.case.features
        whole = self._shown["explainer"] == "permutation"
        title = "Share of decisions that change" if whole else f"Applicant {i + 1}, what each column adds"
        drawn = bars(
            self.values[i],
            names,
            title=title,
            unit="share of decisions" if whole else "log-odds, halved",
            marked=GROUP,
        )
        person = table(f"Applicant {i + 1}", names, [in_words(self.case.x[i])])
        decided = decision(self._asked(self._shown["model"]), self.case.x[i])
        self.picture.value = f'<div class="lk">{decided}{person}</div>{drawn}'

    # ------------------------------------------------------------------ is it sound

    def audit(self) -> None:
        """Measure completeness, deletion, insertion and stability of these explanations."""
        dials = self._dials()
        if dials["explainer"] == "permutation":
            self.sound.value = callout(
                "info", "Permutation says nothing about one applicant: choose LIME or SHAP."
            )
            return
        self.job.start(partial(self._measured, dials), self._say_sound)

    def _measured(self, dials: Mapping[str, str], progress: Progress) -> list[tuple[str, str, str]]:
        found = self._explained(dials, progress)
        model, background = self._asked(dials["model"]), self._rows(dials["background"])
        other = self._explained(dials, progress, seed=1)
        runs = stability(torch.stack([found.values, other.values]))
        gap = completeness_error(model, found, background)
        return [
            (
                "Completeness",
                f"off by {float(gap.mean()):.2f}",
                "0: the values add up to the whole difference",
            ),
            (
                "Deletion",
                f"{float(deletion_score(model, found, background).mean()):.2f}",
                "low: what it names decides",
            ),
            (
                "Insertion",
                f"{float(insertion_score(model, found, background).mean()):.2f}",
                "high: the same, put in",
            ),
            ("Stability", f"{float(runs.mean()):.2f}", "1: another run ranks alike"),
        ]

    def _say_sound(self, rows: list[tuple[str, str, str]]) -> None:
        words = (
            "All of this is about the answers that were given. Whether files get the same, none of it tells."
        )
        self.sound.value = (
            f'<div class="lk" role="status">{table("Is it sound?", ("Test", "Mean", "Good is"), rows)}</div>'
            + callout("info", words)
        )

    # ------------------------------------------------------------------ hand in

    def hand_in(self) -> None:
        """Explain the biased model as the dials say, and have the values judged."""
        dials = {**self._dials(), "model": "biased"}

        def work(progress: Progress) -> Fragment:
            values = self._explained(dials, progress).values
            return hand_in(self.lab, self.checkpoint, dials, values=values)

        self.job.start(work, lambda card: setattr(self.feedback, "value", card.markup))
