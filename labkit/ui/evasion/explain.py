"""What the model looks at: explanations of a clean picture and of its adversarial twin."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from torch import Tensor

from labkit import explain
from labkit.attacks import evasion
from labkit.core import Attribution, derive, predict
from labkit.ui import strips
from labkit.ui.controls import choice, output, panel, slider
from labkit.ui.evasion.aim import epsilon_range
from labkit.ui.evasion.common import sample_labels
from labkit.ui.html import escape
from labkit.ui.session import LabSession
from labkit.ui.work import Job, Progress

__all__ = ["ExplainPanel", "explain_panel"]

_METHODS = [
    ("Integrated gradients", "integrated_gradients"),
    ("Occlusion", "occlusion"),
    ("Grad-CAM", "grad_cam"),
]


def explain_panel(lab: LabSession, state: Mapping[str, Any] | None = None) -> Any:
    """Return explanations of a clean and of an adversarial picture, side by side.

    Parameters
    ----------
    lab : LabSession
        A lab whose case is an ``EvasionCase``.
    state : mapping or None
        ``sample``, ``method`` and ``epsilon`` to start from.
    """
    prepared = lab.state("explain_panel") if state is None else state
    return lab.when_ready(lambda: ExplainPanel(lab, prepared).view, "explain_panel")


class ExplainPanel:
    """The dials, and two explained pictures."""

    def __init__(self, lab: LabSession, state: Mapping[str, Any]) -> None:
        self.case = lab.case
        _, end, step = epsilon_range(self.case, self.case.threat.norm)
        start = float(state.get("epsilon", self.case.threat.epsilon))
        self.sample = choice("Picture", sample_labels(self.case), int(state.get("sample", 0)))
        self.method = choice("Method", _METHODS, state.get("method"), "How contributions are computed")
        self.epsilon = slider("Epsilon", start, 0.0, end, step, "Budget of the attack on the twin")
        self.picture = output()
        self.job = Job(label="Explaining")
        lab.remember("explain_panel", state, sample=self.sample, method=self.method, epsilon=self.epsilon)
        for dial in (self.sample, self.method, self.epsilon):
            dial.observe(lambda _: self.refresh(), "value")
        self.view = panel(self.sample, self.method, self.epsilon, self.job.view, self.picture)
        self.refresh()

    def refresh(self) -> None:
        """Attack, explain both pictures, and show them."""
        work = partial(
            self._explain, int(self.sample.value), str(self.method.value), float(self.epsilon.value)
        )
        self.job.start(work, lambda markup: setattr(self.picture, "value", markup), latest=True)

    def _explain(self, sample: int, method: str, epsilon: float, _: Progress) -> str:
        case, one = self.case, slice(sample, sample + 1)
        settings = {"epsilon": epsilon, "norm": case.threat.norm, "seed": derive(case.seed, "explain")}
        adv = evasion.pgd(case.victim, case.x[one], case.y[one], **settings)
        explained = getattr(explain, method)
        both = [explained(case.victim, x, predict(case.victim, x)) for x in (adv.x, adv.x_adv)]
        titles = ("Clean", "Adversarial")
        figures = "".join(map(partial(_figure, case.class_names), titles, both))
        return f'<div class="lk lk-strip lk-pair">{figures}</div>{_KEY}{_gap(both)}'


def _figure(class_names: tuple[str, ...], title: str, found: Attribution) -> str:
    values, x = found.values[0], found.x[0]
    read = class_names[int(found.target[0])]
    largest = max(float(values.abs().max()), 1e-9)
    words = _say(values, read)
    return (
        '<figure><div class="lk-two">'
        f"<div>{strips.picture(x, f'{title} picture, read as {read}')}picture</div>"
        f"<div>{strips.heat_map(values, largest, words)}what counted</div>"
        f"</div><figcaption>{title}: read as <strong>{escape(read)}</strong>; {escape(words)}.</figcaption>"
        "</figure>"
    )


def _say(values: Tensor, read: str) -> str:
    total = float(values.abs().sum())
    if total < 1e-12:
        return f"nothing in the picture counted for {read}"
    favour = float(values.clamp_min(0).sum()) / total
    return f"{strips.describe_region(values)}; {favour:.0%} of it speaks for {read}"


_KEY = (
    '<div class="lk lk-legend"><span>+ and brown: speaks for the reading</span>'
    "<span>− and blue: speaks against it</span></div>"
)


def _gap(both: list[Attribution]) -> str:
    gaps = [found.completeness_gap for found in both]
    if any(gap is None for gap in gaps):
        words = "This method promises no completeness: its contributions need not add up to anything."
    else:
        clean, changed = (float(gap[0]) for gap in gaps if gap is not None)
        words = (
            f"Completeness gap: {clean:.3g} for the clean picture, {changed:.3g} for the adversarial one. "
            "The contributions should add up to the difference of the score from that of an empty "
            "picture; the gap is how far they are from doing so."
        )
    return f'<p class="lk lk-muted">{escape(words)}</p>'
