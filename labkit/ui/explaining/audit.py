"""The recipe of an audit: tried on four solved cases, judged on models that nobody here has seen."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from labkit.core.seeds import derive
from labkit.course.cases.explaining.auditing import (
    BACKGROUNDS,
    EXPLAINERS,
    MOST_RECORDS,
    Verdict,
    audit,
    files_opened,
)
from labkit.course.cases.explaining.case import ExplainingCase
from labkit.course.cases.explaining.files import MOVED
from labkit.ui.controls import button, choice, number, output, panel, row
from labkit.ui.explaining.common import percent
from labkit.ui.html import Fragment, badge, details, table
from labkit.ui.records import hand_in
from labkit.ui.session import LabSession
from labkit.ui.work import Job, Progress

__all__ = ["AuditPanel", "audit_panel"]

_TESTS = {
    "named": "explanations that name the group first",
    "unstable": "explanations that do not repeat",
    "surrogate": "decisions that a simple model of it gets wrong",
    "parity": "difference in acceptance between the groups",
    "flips": "decisions that change on the twin",
}
_RECORDS = {
    "published": "the public sample, which providers know",
    "made up": "rows drawn as LIME draws them",
    "files": "fresh files that no provider has seen",
}
_KEPT = 6


def audit_panel(
    lab: LabSession,
    checkpoints: tuple[str, str] = ("audit", "price"),
    state: Mapping[str, Any] | None = None,
) -> Any:
    """Return the panel in which an audit is put together.

    Parameters
    ----------
    lab : LabSession
        A lab whose case is an ``ExplainingCase``.
    checkpoints : two of str
        Those that take ``recipe``: for what it finds, and for what it costs.
    state : mapping or None
        Dials to start from: the settings of a recipe.
    """
    prepared = lab.state("audit_panel") if state is None else state
    return lab.when_ready(lambda: AuditPanel(lab, checkpoints, prepared).view, "audit_panel")


class AuditPanel:
    """The dials of a recipe, the solved cases, and two hand-ins."""

    def __init__(self, lab: LabSession, checkpoints: tuple[str, str], state: Mapping[str, Any]) -> None:
        self.lab, self.checkpoints = lab, checkpoints
        self.case: ExplainingCase = lab.case
        self.tried: list[tuple[str, str, str]] = []
        self.dials = _dials(state)
        self.go = button(
            "Try on the solved cases", self.run, tip="Run the recipe on four models that are known"
        )
        self.submit = button(
            "Hand in", partial(self.hand_in, 0), primary=True, tip="Run it on twelve hidden models"
        )
        self.cost = button(
            "Hand in the price", partial(self.hand_in, 1), tip="Run it on twelve others and count the files"
        )
        self.results, self.feedback = output(), output()
        self.job = Job(self.go, self.submit, self.cost, label="Auditing")
        self.memory = lab.remember("audit_panel", state, **self.dials)
        self.dials["test"].observe(lambda _: self._show_dials(), "value")
        self._show_dials()
        self.view = panel(
            *self.dials.values(),
            row(self.go, self.submit, self.cost),
            self.job.view,
            self.results,
            self.feedback,
        )
        if lab.demo is not None and lab.demo.panel == "audit_panel":
            self.run()

    def recipe(self) -> dict[str, Any]:
        """Return what the dials say."""
        made: dict[str, Any] = {name: dial.value for name, dial in self.dials.items()}
        return {**made, "count": int(made["count"]), "threshold": float(made["threshold"])}

    def _show_dials(self) -> None:
        """Show the dials that this test looks at."""
        test = str(self.dials["test"].value)
        wanted = {"moved": test == "flips"}
        wanted |= dict.fromkeys(("explainer", "background"), test in ("named", "unstable"))
        for name, shown in wanted.items():
            self.dials[name].layout.display = "" if shown else "none"

    def run(self) -> None:
        """Run the recipe on the solved cases and say what came out."""
        self.job.start(partial(self._audit, self.recipe()), lambda found: self._show(*found))

    def _audit(self, recipe: dict[str, Any], progress: Progress) -> tuple[dict[str, Any], list[Verdict]]:
        seed = derive(self.case.seed, "own audit")
        return recipe, audit(self.case.known, recipe, seed=seed, progress=progress)

    def _show(self, recipe: dict[str, Any], verdicts: list[Verdict]) -> None:
        rows, right = [], 0
        for suspect, verdict in zip(self.case.known, verdicts, strict=True):
            hit = suspect.manipulated == verdict.accused
            right += hit
            between = (
                f"{percent(verdict.interval[0])} to {percent(verdict.interval[1])}"
                if verdict.interval
                else "no share"
            )
            rows.append(
                (
                    suspect.name,
                    f"{'manipulated' if suspect.manipulated else 'honest'}: {suspect.kind}",
                    f"{verdict.value:.1%}",
                    between,
                    Fragment(badge("good" if hit else "bad", _judged(hit, verdict.accused))),
                )
            )
        head = ("Model", "What it is", "Measured", "95 % interval", "Verdict")
        opened = files_opened(recipe)
        self.tried.append((_named(recipe), f"{right} of {len(rows)}", str(opened)))
        words = f"{right} of {len(rows)} verdicts are right; {opened} files were opened."
        earlier = table("Recipes tried", ("Recipe", "Right", "Files"), list(reversed(self.tried[-_KEPT:])))
        self.results.value = (
            f'<div class="lk" role="status"><strong>{words}</strong>{table("Solved cases", head, rows)}'
            f"{details('Recipes that you have tried', earlier)}</div>"
        )

    def hand_in(self, which: int) -> None:
        """Have the recipe run on hidden models: for what it finds, or for what it costs."""
        recipe = self.recipe()

        def work(_: Progress) -> Fragment:
            self.lab.put("recipe", recipe)
            params = {"recipe": recipe, "files_opened": files_opened(recipe)}
            return hand_in(self.lab, self.checkpoints[which], params, recipe=recipe)

        self.job.start(work, lambda card: setattr(self.feedback, "value", card.markup))


def _judged(hit: bool, accused: bool) -> str:
    return f"{'rightly' if hit else 'wrongly'} {'accused' if accused else 'left alone'}"


def _named(recipe: Mapping[str, Any]) -> str:
    more = f", {recipe['moved']} moved" if recipe["test"] == "flips" else ""
    return (
        f"{recipe['test']} on {recipe['count']} of {recipe['records']}{more}, above {recipe['threshold']:.1%}"
    )


def _dials(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return the dials of a recipe, by their words in it."""
    dials = {
        "test": choice(
            "Measure",
            [(words, name) for name, words in _TESTS.items()],
            str(state.get("test", "named")),
            "What is measured of each model",
        ),
        "records": choice(
            "On",
            [(words, name) for name, words in _RECORDS.items()],
            str(state.get("records", "published")),
            "Which records it is asked about",
        ),
        "count": number(
            "Records",
            float(state.get("count", MOST_RECORDS)),
            10,
            MOST_RECORDS,
            10,
            "How many; of fresh files each is one that is opened",
        ),
        "moved": choice(
            "Twins differ in",
            [("the group alone", MOVED[0]), (MOVED[1], MOVED[1]), (MOVED[2], MOVED[2])],
            str(state.get("moved", MOVED[2])),
            "For decisions that change on the twin",
        ),
        "explainer": choice(
            "Explainer",
            [(name.upper(), name) for name in EXPLAINERS],
            str(state.get("explainer", "shap")),
            "For tests of explanations",
        ),
        "background": choice(
            "Compared with",
            [("the average applicant", BACKGROUNDS[0]), ("twenty real applicants", BACKGROUNDS[1])],
            str(state.get("background", BACKGROUNDS[0])),
            "For tests of explanations",
        ),
        "threshold": number(
            "Accuse above",
            float(state.get("threshold", 0.1)),
            0.0,
            1.0,
            0.005,
            "A share: 0.02 is 2 per cent",
        ),
    }
    for name in ("count", "threshold"):  # in line with the lists
        dials[name].style.description_width = "9.5em"
        dials[name].layout.width = "min(32em, 100%)"
    return dials
