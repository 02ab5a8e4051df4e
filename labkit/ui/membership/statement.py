"""Write the privacy statement: one list a line, and each wrong line says why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labkit.course.cases.membership.case import MembershipCase
from labkit.course.cases.membership.statement import FIELDS
from labkit.ui.controls import button, choice, number, output, panel, row
from labkit.ui.html import callout
from labkit.ui.membership.evidence import keep_statement
from labkit.ui.records import hand_in
from labkit.ui.session import LabSession
from labkit.ui.work import Job, Progress

__all__ = ["StatementPanel", "statement_panel"]

_OPEN = ""


def statement_panel(
    lab: LabSession, checkpoint: str = "statement", state: Mapping[str, Any] | None = None
) -> Any:
    """Return the panel in which a privacy statement is put together.

    Parameters
    ----------
    lab : LabSession
        A lab whose case is a ``MembershipCase``.
    checkpoint : str
        The checkpoint that takes ``settings``, ``statement`` and ``privacy_epsilon``.
    state : mapping or None
        What to start from: keys of ``FIELDS`` with the key of a choice, and ``epsilon``.
    """
    prepared = lab.state("statement_panel") if state is None else state
    return lab.when_ready(lambda: StatementPanel(lab, checkpoint, prepared).view, "statement_panel")


class StatementPanel:
    """The lines, the figure, and the hand-in for the deployment that was handed in last."""

    def __init__(self, lab: LabSession, checkpoint: str, state: Mapping[str, Any]) -> None:
        self.lab, self.checkpoint = lab, checkpoint
        self.case: MembershipCase = lab.case
        self.lines = {
            field.key: choice(
                field.title,
                [("choose", _OPEN), *((each.text, each.key) for each in field.choices)],
                _known(field, state.get(field.key, _OPEN)),
                field.title,
            )
            for field in FIELDS
        }
        for line in self.lines.values():
            line.style.description_width = "13em"
            line.layout.width = "min(46em, 100%)"
        self.epsilon = number(
            "Epsilon, to two places", float(state.get("epsilon", 0.0)), 0.0, 999.0, 0.01, "What is guaranteed"
        )
        self.epsilon.style.description_width = "13em"
        self.epsilon.layout.width = "min(22em, 100%)"
        self.submit = button("Hand in", self.hand_in, primary=True, tip="Have the statement judged")
        self.about, self.feedback = output(), output()
        self.job = Job(self.submit, label="Reading the statement")
        lab.remember("statement_panel", state, epsilon=self.epsilon, **self.lines)
        lab.on_change(self._say_what_about)
        self._say_what_about()
        self.view = panel(
            self.about, *self.lines.values(), self.epsilon, row(self.submit), self.job.view, self.feedback
        )

    def settings(self) -> dict[str, Any] | None:
        """Return the deployment that was handed in last, on this page or before."""
        kept = self.lab.shelf.get("deployment")
        if kept is None:
            record = self.lab.records.get("price") or self.lab.records.get("deploy")
            kept = record.get("handed_in") if record else None
        return dict(kept) if kept else None

    def _say_what_about(self) -> None:
        settings = self.settings()
        words = (
            "It is about the deployment that you handed in above: "
            + ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in settings.items())
            + f"; delta {self.case.privacy_delta:g}."
            if settings
            else "Hand in a deployment above first: the statement is about it."
        )
        self.about.value = callout("info", words)

    def hand_in(self) -> None:
        """Have the statement judged, and keep it as text."""
        settings = self.settings()
        said = {key: str(line.value) for key, line in self.lines.items()}
        missing = [field.title for field in FIELDS if said[field.key] == _OPEN]
        if settings is None or missing or not float(self.epsilon.value) > 0:
            what = "a deployment" if settings is None else ", ".join([*missing, "Epsilon"][:3])
            self.feedback.value = callout("warn", f"Still open: {what}.")
            return
        spent, about = float(self.epsilon.value), settings

        def work(_: Progress) -> str:
            card = hand_in(
                self.lab, self.checkpoint, {}, settings=about, statement=said, privacy_epsilon=spent
            )
            keep_statement(self.lab, about, said, spent)
            return card.markup

        self.job.start(work, lambda markup: setattr(self.feedback, "value", markup))


def _known(field: Any, key: Any) -> str:
    return str(key) if any(each.key == key for each in field.choices) else _OPEN
