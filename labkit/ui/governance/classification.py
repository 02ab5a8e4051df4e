"""Classify six systems: a card each, a tier and a role."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labkit.course.cases.governing.case import GovernanceCase
from labkit.governance.obligations import ROLES, TIERS
from labkit.ui.controls import button, output, panel
from labkit.ui.governance.rows import Field, Row, RowForm
from labkit.ui.html import card, details, escape, table
from labkit.ui.records import hand_in
from labkit.ui.session import LabSession

__all__ = ["ClassificationPanel", "classification_panel"]

_HELP = (
    ("Prohibited", "a practice of Article 5"),
    (
        "High-risk, Annex I",
        "a product, or its safety component, under product law with a third-party assessment",
    ),
    (
        "High-risk, Annex III",
        "a listed use: biometrics, infrastructure, education, work, services, police, borders, justice",
    ),
    ("General-purpose model", "a model that others build on"),
    ("Transparency duties", "talks to people, generates content, recognises emotions, makes deep fakes"),
    ("Minimal risk", "none of these"),
)


def classification_panel(
    lab: LabSession, checkpoint: str = "classify", state: Mapping[str, Any] | None = None
) -> Any:
    """Return the form that classifies six systems.

    Parameters
    ----------
    lab : LabSession
        A lab whose case is a ``GovernanceCase``.
    checkpoint : str
        The checkpoint that takes ``classification``.
    state : mapping or None
        ``row``: the id of a card, or a kind of card such as ``"prohibited"``, to begin with.
    """
    prepared = lab.state("classification_panel") if state is None else state
    return lab.when_ready(lambda: ClassificationPanel(lab, checkpoint, prepared).view, "classification_panel")


class ClassificationPanel:
    """The six cards, and a tier and a role for each."""

    def __init__(self, lab: LabSession, checkpoint: str, state: Mapping[str, Any]) -> None:
        self.lab, self.checkpoint = lab, checkpoint
        self.case: GovernanceCase = lab.case
        self.memory = lab.remember("classification_panel", state)
        start = str(state.get("row", ""))
        self.form = RowForm(
            caption="Your classification",
            word="System",
            rows=[Row(each.id, each.system.title, self._card(each.system)) for each in self.case.cards],
            fields=[
                Field(
                    "tier",
                    "Tier",
                    [(words, tier) for tier, words in TIERS.items()],
                    "The heaviest that applies",
                ),
                Field(
                    "role",
                    "Our role",
                    [(words, role) for role, words in ROLES.items()],
                    "The heaviest that fits",
                ),
            ],
            changed=self._keep,
            kept=state.get("answers", {}),
            start=next((each.id for each in self.case.cards if start in (each.id, each.kind)), ""),
        )
        self.submit = button("Hand in", self.hand_in, primary=True, tip="Have your classification checked")
        self.feedback = output()
        tiers = details(
            "The tiers in one line each", table("Tiers of the AI Act", ("Tier", "What it is"), _HELP)
        )
        self.view = panel(
            self.form.view, output(f'<div class="lk">{tiers}</div>'), self.submit, self.feedback
        )

    def hand_in(self) -> None:
        """Have tier and role of every system checked."""
        given = {name: (answer["tier"], answer["role"]) for name, answer in self.form.answers.items()}
        self.feedback.value = hand_in(self.lab, self.checkpoint, given, classification=given).markup

    def _keep(self) -> None:
        self.memory.note(answers=self.form.answers)

    @staticmethod
    def _card(system: Any) -> str:
        return card(system.title, f"<p>{escape(system.text)}</p>", level=3)
