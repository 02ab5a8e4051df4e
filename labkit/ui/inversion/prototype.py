"""Draw classes out of a model: with its gradient and a prior, or by asking a service."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch

from labkit.attacks.inversion import OBJECTIVES, invert_class, search_class
from labkit.core import Reconstruction, derive, predict
from labkit.course.cases.inversion.case import InversionCase
from labkit.course.cases.inversion.leaks import likeness
from labkit.course.cases.inversion.records import class_means, line_up, recogniser_of
from labkit.defenses.privacy import LEVELS
from labkit.metrics import psnr, ssim
from labkit.ui.controls import button, choice, output, panel, row, slider, tick
from labkit.ui.html import badge, callout, escape, table
from labkit.ui.inversion.common import beside, nearest
from labkit.ui.inversion.evidence import keep_pictures
from labkit.ui.inversion.lineup import LineUps
from labkit.ui.records import hand_in
from labkit.ui.session import LabSession
from labkit.ui.work import Job, Progress

__all__ = ["PrototypePanel", "prototype_panel"]

WHITE_BOX = "white-box"
_STRENGTHS = (0.0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 10.0)
_POPULATION = 60


def prototype_panel(
    lab: LabSession,
    checkpoints: tuple[str, str, str] = ("prototypes", "recognised", "black-box"),
    state: Mapping[str, Any] | None = None,
) -> Any:
    """Return the panel that reconstructs the three targets.

    Parameters
    ----------
    lab : LabSession
        A lab whose case is an ``InversionCase``.
    checkpoints : three of str
        Those that take ``x_hat`` made with the gradient (likeness, recognition), and the one
        that takes ``x_hat`` made by asking.
    state : mapping or None
        Dials to start from: ``access`` (``"white-box"`` or an output level), ``prior``,
        ``strength``, ``objective``, ``steps``, ``questions``.
    """
    prepared = lab.state("prototype_panel") if state is None else state
    return lab.when_ready(lambda: PrototypePanel(lab, checkpoints, prepared).view, "prototype_panel")


class PrototypePanel:
    """The dials, the three pictures in their line-ups, and then beside the truth with what they measure."""

    def __init__(self, lab: LabSession, checkpoints: tuple[str, str, str], state: Mapping[str, Any]) -> None:
        self.lab, self.checkpoints = lab, checkpoints
        self.case: InversionCase = lab.case
        self.made: tuple[dict[str, Any], Reconstruction] | None = None
        access = [("the weights (white-box)", WHITE_BOX)]
        access += [(f"answers: {words}", level) for level, words in LEVELS.items()]
        self.access = choice(
            "You see", access, str(state.get("access", WHITE_BOX)), "What the attack may use"
        )
        self.prior = tick("Search among plausible pictures only (prior)", bool(state.get("prior", False)))
        self.strength = choice(
            "Prior strength",
            [(f"{each:g}", each) for each in _STRENGTHS],
            nearest(_STRENGTHS, float(state.get("strength", 0.3))),
            "How strongly the search is held near the average",
        )
        self.objective = choice(
            "Raise",
            [(words, name) for name, words in OBJECTIVES.items()],
            str(state.get("objective", "cross_entropy")),
            "What the climb makes larger",
        )
        self.steps = slider("Steps", int(state.get("steps", 50)), 10, 300, 10, "Steps up the gradient")
        most = self.case.query_budget
        self.questions = slider(
            "Questions", int(state.get("questions", 60)), 10, 2 * most, 10, "Questions about each target"
        )
        self.go = button("Reconstruct", self.run, tip="Reconstruct the three targets with these dials")
        self.submit = button("Hand in", self.hand_in, primary=True, tip="Have the three pictures measured")
        self.pictures, self.words, self.feedback = output(), output(self._before()), output()
        targets = self.case.y_target.tolist()
        self.line_ups = LineUps([line_up(self.case, label) for label in targets], self._reveal)
        self.job = Job(self.go, self.submit, label="Reconstructing")
        lab.remember(
            "prototype_panel",
            state,
            access=self.access,
            prior=self.prior,
            strength=self.strength,
            objective=self.objective,
            steps=self.steps,
            questions=self.questions,
        )
        self.access.observe(lambda _: self._enable(), "value")
        self.prior.observe(lambda _: self._enable(), "value")
        self._enable()
        self.view = panel(
            self.access,
            self.prior,
            self.strength,
            self.objective,
            self.steps,
            self.questions,
            row(self.go, self.submit),
            self.job.view,
            self.words,
            self.line_ups.view,
            self.pictures,
            self.feedback,
        )
        if lab.demo is not None and lab.demo.panel == "prototype_panel":
            self.run()

    def _before(self) -> str:
        names = ", ".join(self.case.class_names[label] for label in self.case.y_target.tolist())
        return callout(
            "info",
            f"{names}. The service of this scenario answers with {LEVELS[self.case.level]}; "
            f"{self.case.query_budget} questions for each target are allowed.",
            title="Your targets.",
        )

    def _enable(self) -> None:
        white = self.access.value == WHITE_BOX
        for dial in (self.prior, self.strength, self.objective, self.steps):
            dial.disabled = not white
        self.questions.disabled = white

    # ------------------------------------------------------------------ work

    def dials(self) -> dict[str, Any]:
        """Return what the dials say, as far as it matters."""
        if self.access.value == WHITE_BOX:
            return {
                "access": WHITE_BOX,
                "prior": bool(self.prior.value),
                "strength": float(self.strength.value),
                "objective": str(self.objective.value),
                "steps": int(self.steps.value),
            }
        return {"access": str(self.access.value), "questions": int(self.questions.value)}

    def run(self) -> None:
        """Reconstruct with the dials as they stand, and ask who it is."""
        self.job.start(partial(self._make, self.dials()), self._ask)

    def _make(self, dials: Mapping[str, Any], progress: Progress, metered: bool = False) -> Reconstruction:
        if self.made is not None and self.made[0] == dials and not metered:
            return self.made[1]
        case, seed = self.case, derive(self.case.seed, "prototype panel")
        if dials["access"] == WHITE_BOX:
            made = invert_class(
                case.victim,
                case.y_target,
                prior=case.prior if dials["prior"] else None,
                prior_strength=dials["strength"] * (1.0 if dials["prior"] else 0.1),
                objective=dials["objective"],
                steps=dials["steps"],
                seed=seed,
                progress=progress,
            )
        else:
            questions = dials["questions"]
            if metered and case.account.left < questions * len(case.y_target):
                case.account.settle(case.prior.mean)  # what was asked before was stopped, and never handed in
            made = search_class(
                case.oracle(dials["access"]) if metered else case.service(dials["access"]),
                case.y_target,
                prior=case.prior,
                query_budget=questions,
                population=min(_POPULATION, max(4, questions // 3)),
                seed=seed,
                progress=progress,
            )
        self.made = (dict(dials), made)
        return made

    def _ask(self, made: Reconstruction) -> None:
        """Show what came out without saying whom it shows."""
        self.line_ups.ask(made.x_hat)
        self.pictures.value = ""
        asked = f" Questions asked: {int(made.queries.sum())}." if made.queries is not None else ""
        names = ", ".join(self.case.class_names[label] for label in made.y.tolist())
        words = f"Reconstructed: {names}.{asked} Whom do you recognise? Pick in each line-up, then reveal."
        self.words.value = f'<div class="lk" role="status"><strong>{escape(words)}</strong></div>'

    def _reveal(self) -> None:
        if self.made is not None:
            self._show(self.made[1])

    def _show(self, made: Reconstruction) -> None:
        """Show who it is, beside what was picked and what others say."""
        case, x = self.case, made.x_hat
        found, sure = likeness(case, x, made.y), torch.softmax(case.victim.logits(x), 1)
        seen, truth = predict(recogniser_of(case), x), class_means(case)[made.y]
        groups, rows, right = [], [], self.line_ups.right
        picked = [self._name(i, pick) for i, pick in enumerate(self.line_ups.picks)]
        self.lab.note("line-up", {"picked": picked, "right": sum(right), "of": len(right), **self.dials()})
        shapes, decibels = ssim(x, truth), psnr(x, truth)
        for i, label in enumerate(made.y.tolist()):
            name, other = case.class_names[label], case.class_names[int(seen[i])]
            mark = badge("good", "recognised") if other == name else badge("bad", f"taken for {other}")
            own = badge("good", "you picked right") if right[i] else badge("bad", f"you picked {picked[i]}")
            caption = f"<strong>{escape(name)}</strong>, likeness {found[i]:.2f} {own} {mark}"
            pictures = [
                ("reconstructed", x[i]),
                ("true average", truth[i]),
                ("public average", case.prior.mean),
            ]
            groups.append((pictures, caption))
            rows.append(
                (
                    name,
                    f"{found[i]:.2f}",
                    f"{shapes[i]:.2f}",
                    f"{decibels[i]:.1f} dB",
                    f"{sure[i, label]:.0%}",
                    other,
                    picked[i],
                )
            )
        head = (
            "Target",
            "Likeness",
            "Structural similarity",
            "PSNR",
            "Victim is sure",
            "Recogniser says",
            "You picked",
        )
        self.pictures.value = beside(groups, "reconstructions") + table(
            "The three reconstructions", head, rows
        )
        hits = int((seen == made.y).sum())
        words = (
            f"You picked {sum(right)} of {len(right)} right, where chance picks one in "
            f"{len(self.line_ups.line_ups[0].x)}. Mean likeness {float(found.mean()):.2f}; "
            f"{hits} of {len(x)} recognised by the other model."
        )
        self.words.value = f'<div class="lk" role="status"><strong>{escape(words)}</strong></div>'

    def _name(self, target: int, pick: int) -> str:
        """Return whom somebody picked in the line-up of a target."""
        if pick < 0:
            return "nobody"
        return self.case.class_names[int(self.line_ups.line_ups[target].y[pick])]

    def hand_in(self) -> None:
        """Reconstruct, unless that was just done, and have the result checked; asking is asked anew."""
        dials = self.dials()
        order = list(LEVELS)
        access = dials["access"]
        if access != WHITE_BOX and order.index(access) < order.index(self.case.level):
            self.feedback.value = callout(
                "warn",
                f"The service of this scenario answers with {LEVELS[self.case.level]}. Choose that level, "
                "or one that says less, before you hand in.",
                title="Not what this service says.",
            )
            return
        if access != WHITE_BOX and dials["questions"] > self.case.query_budget:
            self.feedback.value = callout(
                "warn",
                f"{dials['questions']} questions for each target, and the alarm goes off after "
                f"{self.case.query_budget}. Ask fewer before you hand in.",
                title="More questions than are allowed.",
            )
            return
        before = self.made

        def work(progress: Progress) -> tuple[Reconstruction, str]:
            made = self._make(dials, progress, metered=access != WHITE_BOX)
            likeness_at, recognised_at, asked_at = self.checkpoints
            if access == WHITE_BOX:
                cards = [
                    hand_in(self.lab, each, dials, x_hat=made.x_hat) for each in (likeness_at, recognised_at)
                ]
            else:
                cards = [hand_in(self.lab, asked_at, dials, x_hat=made.x_hat)]
            keep_pictures(self.lab, likeness_at if access == WHITE_BOX else asked_at, made.x_hat, dials)
            return made, "".join(card.markup for card in cards)

        def done(result: tuple[Reconstruction, str]) -> None:
            if before is None or before[0] != dials:
                self._ask(result[0])
            self.feedback.value = result[1]

        self.job.start(work, done)
