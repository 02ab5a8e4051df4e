"""The dispute: four kinds of evidence on six suspects, and six verdicts with their p-values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from labkit.core import derive
from labkit.course.cases.extraction.case import ExtractionCase
from labkit.course.cases.extraction.dispute import reference_models
from labkit.course.cases.extraction.judging import LEVEL, VERDICTS
from labkit.defenses.ownership import KeySet, conferrable_fingerprint, walk_lengths
from labkit.metrics import Rate, fidelity, holm, ownership_test, permutation_p_value
from labkit.ui.controls import button, choice, column, output, panel, row, slider, toggle
from labkit.ui.extraction.common import announced, p_value, share, within
from labkit.ui.extraction.evidence import keep_keys
from labkit.ui.html import Fragment, Picture, badge, callout, table
from labkit.ui.records import hand_in
from labkit.ui.session import LabSession
from labkit.ui.work import Job, Progress

__all__ = ["DisputePanel", "Finding", "dispute_chart", "dispute_panel"]

METHODS = {
    "agreement": "agreement on ordinary digits",
    "watermark": "the watermark: 30 keys of noise with random answers",
    "fingerprint": "a conferrable fingerprint: keys that copies inherit",
    "inference": "dataset inference: distance from a mistake",
}
_WALKED = 150
_SAID = (("not decided", ""), ("stolen", "stolen"), ("independent", "independent"))
_KIN = "models trained on the pictures that the keys are tuned on"
_OTHERS = "models of another source"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one kind of evidence says about the six.

    Attributes
    ----------
    method : str
    shares : tuple of Rate
        What was counted for each suspect.
    p_values : tuple of float
        Adjusted for six; empty where the method gives none.
    chance : float
        What a stranger reaches; NaN where that is not known.
    keys : KeySet or None
    """

    method: str
    shares: tuple[Rate, ...]
    p_values: tuple[float, ...]
    chance: float
    keys: KeySet | None = None


def dispute_panel(
    lab: LabSession, checkpoint: str = "dispute", state: Mapping[str, Any] | None = None
) -> Any:
    """Return the panel in which six suspects are tested and judged.

    Parameters
    ----------
    lab : LabSession
        A lab whose case is an ``ExtractionCase``.
    checkpoint : str
        The checkpoint that takes ``verdicts``, ``p_values``, ``x_keys`` and ``y_keys``.
    state : mapping or None
        Dials to start from: ``method``, ``chance`` (``"kin"`` or ``"others"``), ``epsilon``, ``count``,
        ``verdict_0`` to ``verdict_5``.
    """
    prepared = lab.state("dispute_panel") if state is None else state
    return lab.when_ready(lambda: DisputePanel(lab, checkpoint, prepared).view, "dispute_panel")


class DisputePanel:
    """The evidence, what it says about each suspect, and the verdicts."""

    def __init__(self, lab: LabSession, checkpoint: str, state: Mapping[str, Any]) -> None:
        self.lab, self.checkpoint = lab, checkpoint
        self.case: ExtractionCase = lab.case
        self.found: Finding | None = None
        self.method = choice(
            "Evidence",
            [(words, name) for name, words in METHODS.items()],
            within(list(METHODS), state.get("method"), "agreement"),
            "What the suspects are tested with",
        )
        self.chance = choice(
            "Chance from",
            [(_KIN, "kin"), (_OTHERS, "others")],
            within(["kin", "others"], state.get("chance"), "others"),
            "Independent models on which the fingerprint's chance is measured",
        )
        self.epsilon = slider(
            "Epsilon",
            float(state.get("epsilon", 0.25)),
            0.05,
            0.4,
            0.05,
            "Largest change of a pixel",
        )
        self.count = slider("Keys", int(state.get("count", 60)), 10, 100, 10, "Keys of the fingerprint")
        self.go = button("Test the suspects", self.run, tip="Ask all six, and say what follows")
        self.take = button("Take the verdicts from the test", self.copy, tip="Stolen where p is 0.05 or less")
        self.submit = button("Hand in", self.hand_in, primary=True, tip="Have verdicts and keys judged")
        names = [f"Suspect {letter}" for letter in "ABCDEF"]
        tips = ("Say nothing yet", "A copy of our model", "Made without our model")
        self.verdicts = [
            toggle(name, _SAID, tips, within(["", *VERDICTS], state.get(f"verdict_{i}"), ""))
            for i, name in enumerate(names)
        ]
        self.words, self.picture, self.feedback = output(), output(), output()
        self.job = Job(self.go, self.submit, label="Asking the suspects")
        said = {f"verdict_{i}": each for i, each in enumerate(self.verdicts)}
        lab.remember(
            "dispute_panel",
            state,
            method=self.method,
            chance=self.chance,
            epsilon=self.epsilon,
            count=self.count,
            **said,
        )
        self.method.observe(lambda _: self._enable(), "value")
        self._enable()
        self.view = panel(
            self.method,
            self.chance,
            self.epsilon,
            self.count,
            self.go,
            self.job.view,
            self.words,
            self.picture,
            column(*self.verdicts),
            row(self.take, self.submit),
            self.feedback,
        )
        if lab.demo is not None and lab.demo.panel == "dispute_panel":
            self.run()

    def _enable(self) -> None:
        for dial in (self.chance, self.epsilon, self.count):
            dial.disabled = self.method.value != "fingerprint"

    # ------------------------------------------------------------------ evidence

    def run(self) -> None:
        """Test the suspects with the evidence that is chosen."""
        dials = {
            "chance": str(self.chance.value),
            "epsilon": float(self.epsilon.value),
            "count": int(self.count.value),
        }
        self.job.start(partial(self._test, str(self.method.value), dials), self._show)

    def _test(self, method: str, dials: Mapping[str, Any], progress: Progress) -> Finding:
        progress(0, 1, "opening an account with each suspect")
        services = [each.service for each in self.case.suspects]
        own = self.case.own
        if method == "agreement":
            agree = tuple(fidelity(own.model, each, own.x_second) for each in services)
            return Finding(method, agree, (), float("nan"))
        if method == "inference":
            return self._inferred(progress)
        keys = own.watermark if method == "watermark" else self._fingerprint(dials, progress)
        tests = [ownership_test(each, keys.x, keys.y, chance=keys.chance) for each in services]
        adjusted = tuple(holm([test.p_value for test in tests]))
        return Finding(method, tuple(test.matches for test in tests), adjusted, keys.chance, keys)

    def _fingerprint(self, dials: Mapping[str, Any], progress: Progress) -> KeySet:
        own, made = self.case.own, reference_models(self.case.scenario, progress)
        half = len(made.independent) // 2
        kin = dials["chance"] == "kin"
        return conferrable_fingerprint(
            own.model,
            own.x,
            own.y,
            copies=made.copies,
            independent=made.independent[:half] if kin else made.independent,
            held_back=made.independent[half:] if kin else made.held_back,
            epsilon=dials["epsilon"],
            count=dials["count"],
            seed=derive(self.case.seed, "fingerprint"),
        )

    def _inferred(self, progress: Progress) -> Finding:
        """Walk from private and from public pictures, and compare how far one gets."""
        own, found, raw = self.case.own, [], []
        for i, suspect in enumerate(self.case.suspects):
            private = walk_lengths(suspect.service, own.x[:_WALKED], own.y[:_WALKED], directions=5, steps=10)
            public = walk_lengths(
                suspect.service, own.x_second[:_WALKED], own.y_second[:_WALKED], directions=5, steps=10
            )
            further = private[:, None] > public[None, :]
            rate = Rate.of(further.flatten())
            # Pairs share their pictures, so the interval is that of as many pairs as pictures.
            few = Rate.of(torch.arange(_WALKED) < round(rate.value * _WALKED))
            found.append(few)
            raw.append(permutation_p_value(private, public, resamples=1999))
            progress(i + 1, len(self.case.suspects), "walking")
        return Finding("inference", tuple(found), tuple(holm(raw)), 0.5)

    def _show(self, found: Finding) -> None:
        self.found = found if found.keys is not None else self.found
        names = [each.name for each in self.case.suspects]
        self.picture.value = (
            dispute_chart(names, found).markup() + f'<div class="lk">{_rows(names, found)}</div>'
        )
        if not found.p_values:
            words = "All six agree with our model on most digits, honest rivals as well: no proof."
        else:
            convicted = [name for name, p in zip(names, found.p_values, strict=True) if p <= LEVEL]
            named = ", ".join(convicted) or "nobody"
            words = f"At the level {LEVEL:g}, adjusted for six suspects, this convicts {named}."
        self.words.value = announced(words)

    def copy(self) -> None:
        """Set the verdicts as the last test with keys says."""
        if self.found is None:
            self.feedback.value = callout("info", "Test with keys first: watermark or fingerprint.")
            return
        for verdict, p in zip(self.verdicts, self.found.p_values, strict=True):
            verdict.value = "stolen" if p <= LEVEL else "independent"

    # ------------------------------------------------------------------ verdicts

    def hand_in(self) -> None:
        """Have the verdicts judged with the keys and p-values of the last test that had keys."""
        said = [str(each.value) for each in self.verdicts]
        found = self.found
        if missing := [f"Suspect {'ABCDEF'[i]}" for i, word in enumerate(said) if not word]:
            self.feedback.value = callout("warn", f"Say something about {', '.join(missing)} first.")
            return
        if found is None or found.keys is None:
            self.feedback.value = callout(
                "warn", "A verdict needs keys that others can ask about: test with watermark or fingerprint."
            )
            return
        keys = found.keys
        params = {"method": keys.method, "chance": keys.chance, **keys.params}

        def work(_: Progress) -> Fragment:
            card = hand_in(
                self.lab,
                self.checkpoint,
                params,
                verdicts=said,
                p_values=list(found.p_values),
                x_keys=keys.x,
                y_keys=keys.y,
            )
            keep_keys(self.lab, keys)
            return card

        self.job.start(work, lambda card: setattr(self.feedback, "value", card.markup))


def _rows(names: list[str], found: Finding) -> str:
    """Return what was found, one line for each suspect."""
    rows: list[tuple[str | Fragment, ...]] = []
    for i, (name, rate) in enumerate(zip(names, found.shares, strict=True)):
        if not found.p_values:
            rows.append((name, share(rate), "none", "says nothing"))
            continue
        p = found.p_values[i]
        mark = badge("bad", "beyond chance") if p <= LEVEL else badge("open", "within chance")
        rows.append((name, share(rate), p_value(p), Fragment(mark)))
    head = ("Suspect", _COUNTED[found.method], "p, adjusted for six", "At the level 0.05")
    return table(METHODS[found.method], head, rows)


_COUNTED = {
    "agreement": "Reads as ours does",
    "watermark": "Keys answered as ours",
    "fingerprint": "Keys answered as ours",
    "inference": "Private further than public",
}


def dispute_chart(names: list[str], found: Finding) -> Picture:
    """Draw what was counted for each suspect, with its interval, and where chance lies."""
    from labkit.ui.plots.base import ACCENT, INK, SECOND, new_figure, percent_axis, to_picture

    figure, (ax,) = new_figure(6.4, 2.8)
    for i, rate in enumerate(found.shares):
        beyond = bool(found.p_values) and found.p_values[i] <= LEVEL
        ax.errorbar(
            rate.value,
            i,
            xerr=[[rate.value - rate.low], [rate.high - rate.value]],
            fmt="s" if beyond else "o",
            color=SECOND if beyond else ACCENT,
            markerfacecolor=SECOND if beyond else "none",
            linewidth=1.5,
        )
    if found.chance == found.chance:
        ax.axvline(found.chance, color=INK, linewidth=1, linestyle="--")
        ax.text(found.chance, -0.75, "chance", fontsize=9, color=INK, ha="center")
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.5, -1.0)
    ax.set_xlim(-0.02, 1.02)
    ax.set_xlabel(_COUNTED[found.method].lower())
    percent_axis(ax.xaxis)
    chance = f"; a stranger reaches {found.chance:.0%}" if found.chance == found.chance else ""
    alt = f"{_COUNTED[found.method]}{chance}. " + "; ".join(
        f"{name}: {share(rate)}" for name, rate in zip(names, found.shares, strict=True)
    )
    caption = "Filled square: beyond chance at the level 0.05, adjusted for six. Hollow circle: not."
    return to_picture(figure, alt, caption=caption)
