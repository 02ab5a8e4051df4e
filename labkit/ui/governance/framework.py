"""Choose a framework: the firm's context, an explained ranking, and what is no choice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labkit.course.cases.governing.case import GovernanceCase
from labkit.governance.controls import CONTEXT_FACTS, Context, Fit, factors, frameworks, rank
from labkit.ui.controls import button, choice, output, panel, row, tick
from labkit.ui.governance.common import confidence_badge
from labkit.ui.governance.rows import NOT_YET
from labkit.ui.html import Fragment, badge, bullets, card, details, escape, table
from labkit.ui.records import hand_in
from labkit.ui.session import LabSession

__all__ = ["FrameworkPanel", "framework_panel"]

_KINDS = {
    "certifiable": ("good", "can be certified"),
    "voluntary": ("info", "voluntary"),
    "law": ("warn", "law"),
    "contract": ("warn", "contract"),
}


def framework_panel(
    lab: LabSession, checkpoint: str = "framework", state: Mapping[str, Any] | None = None
) -> Any:
    """Return the framework chooser.

    Parameters
    ----------
    lab : LabSession
        A lab whose case is a ``GovernanceCase``.
    checkpoint : str
        The checkpoint that takes ``framework``, ``reasons`` and ``duties``.
    state : mapping or None
        Values of factors to start the chooser from, such as ``certificate = "wanted"``.
    """
    prepared = lab.state("framework_panel") if state is None else state
    return lab.when_ready(lambda: FrameworkPanel(lab, checkpoint, prepared).view, "framework_panel")


class FrameworkPanel:
    """Seven questions about an organisation, the ranking that follows, and one's own choice."""

    def __init__(self, lab: LabSession, checkpoint: str, state: Mapping[str, Any]) -> None:
        self.lab, self.checkpoint = lab, checkpoint
        self.case: GovernanceCase = lab.case
        self.factors = {
            name: choice(
                about["question"],
                [(words, value) for value, words in about["values"].items()],
                state.get(name) if state.get(name) in about["values"] else None,
                tip=about["question"],
            )
            for name, about in factors().items()
        }
        known = {each.id: each for each in frameworks()}
        self.pick = choice(
            "Our framework", [NOT_YET, *((each.title, name) for name, each in known.items())], ""
        )
        self.reasons = {name: tick(_short(name)) for name in factors()}
        self.duties = {name: tick(each.title) for name, each in known.items()}
        for widget in self.factors.values():
            widget.style.description_width = "17em"
            widget.layout.width = "min(44em, 100%)"
        dials = {**self.factors, "framework": self.pick}
        dials |= {f"because-{name}": box for name, box in self.reasons.items()}
        dials |= {f"binds-{name}": box for name, box in self.duties.items()}
        lab.remember("framework_panel", state, **dials)
        self.ranking, self.feedback = output(), output()
        self.submit = button(
            "Hand in", self.hand_in, primary=True, tip="Have choice, reasons and duties checked"
        )
        for widget in self.factors.values():
            widget.observe(lambda _: self.refresh(), "value")
        self.view = panel(
            output(self._firm()),
            *self.factors.values(),
            self.ranking,
            self.pick,
            output(_label("What decides, two to four of them:")),
            row(*self.reasons.values()),
            output(_label("What binds this organisation, whatever it chooses:")),
            row(*self.duties.values()),
            self.submit,
            self.feedback,
        )
        self.refresh()

    def refresh(self) -> None:
        """Rank the frameworks for the answers above."""
        fits = rank(Context({name: str(widget.value) for name, widget in self.factors.items()}))
        rows = [(fit.framework.title, f"{fit.points:+d}", _kind(fit), _why(fit)) for fit in fits]
        shown = table("What fits these answers, the best first", ("Framework", "Points", "Kind", "Why"), rows)
        note = (
            "The points are our judgement and open to argument; what can be certified and what is voluntary "
            "are facts. Marked background: no table of it was read, so no check asks for it."
        )
        self.ranking.value = (
            f'<div class="lk" role="status">{shown}<p class="lk-muted">{escape(note)}</p></div>'
        )

    def hand_in(self) -> None:
        """Have the choice, its reasons and the duties checked."""
        given: dict[str, Any] = {
            "framework": str(self.pick.value),
            "reasons": [name for name, box in self.reasons.items() if box.value],
            "duties": [name for name, box in self.duties.items() if box.value],
        }
        self.feedback.value = hand_in(self.lab, self.checkpoint, given, **given).markup

    def _firm(self) -> str:
        context = self.case.context
        lines = [
            f"{factors()[name]['question']} {factors()[name]['values'][value][0].upper()}"
            f"{factors()[name]['values'][value][1:]}."
            for name, value in context.values.items()
        ]
        holds = [f"It {words}." for fact, words in CONTEXT_FACTS.items() if fact in context.facts]
        lacks = [
            f"Not so here: it {words}." for fact, words in CONTEXT_FACTS.items() if fact not in context.facts
        ]
        body = "<p>Set the questions below to what is said here, and see what the ranking makes of it.</p>"
        return card(
            "A partner of Meridian Care asks for advice", body + bullets([*lines, *holds, *lacks]), level=3
        )


def _kind(fit: Fit) -> Fragment:
    kind, words = _KINDS[fit.framework.kind]
    extra = confidence_badge("background").markup if fit.framework.confidence == "background" else ""
    return Fragment(f"{badge(kind, words)} {extra}")


def _why(fit: Fit) -> Fragment:
    reasons = [f"{reason.points:+d}, {_short(reason.factor)}: {reason.why}" for reason in fit.reasons]
    text = f"<p>{escape(fit.framework.text)}</p>"
    return Fragment(text + (details("Points and reasons", bullets(reasons)) if reasons else ""))


def _short(factor: str) -> str:
    return {"certificate": "certificate", "customers": "what customers ask"}.get(factor, factor)


def _label(words: str) -> str:
    return f'<p class="lk"><strong>{escape(words)}</strong></p>'
