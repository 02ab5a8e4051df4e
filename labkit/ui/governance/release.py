"""The release decision: three jurisdictions, open items, days."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from labkit.course.cases.governing.case import JUDGEMENTS, GovernanceCase
from labkit.governance.obligations import FORCES, JURISDICTIONS, Obligation, changes_ahead
from labkit.governance.obligations.declarations import fact_gaps
from labkit.governance.obligations.release import VERDICTS
from labkit.ui.controls import button, choice, output, panel
from labkit.ui.governance.common import confidence_badge, contracts_list, say_day
from labkit.ui.governance.rows import NOT_YET, Field, Row, RowForm
from labkit.ui.html import callout, card, details, escape
from labkit.ui.records import hand_in
from labkit.ui.session import LabSession

__all__ = ["ReleasePanel", "release_panel"]


def release_panel(
    lab: LabSession, checkpoint: str = "release", state: Mapping[str, Any] | None = None
) -> Any:
    """Return the form of the release decision.

    Parameters
    ----------
    lab : LabSession
        A lab whose case is a ``GovernanceCase``.
    checkpoint : str
        The checkpoint that takes ``verdicts`` and ``judgements``.
    state : mapping or None
        Dials to start from.
    """
    prepared = lab.state("release_panel") if state is None else state
    return lab.when_ready(lambda: ReleasePanel(lab, checkpoint, prepared).view, "release_panel")


class ReleasePanel:
    """What is open, what it is, and a verdict for each place."""

    def __init__(self, lab: LabSession, checkpoint: str, state: Mapping[str, Any]) -> None:
        self.lab, self.checkpoint = lab, checkpoint
        self.case: GovernanceCase = lab.case
        options = [NOT_YET, *((words, name) for name, words in VERDICTS.items())]
        self.verdicts = {
            place: choice(JURISDICTIONS[place], options, "", tip=f"The verdict for {JURISDICTIONS[place]}")
            for place in self.case.jurisdictions
        }
        self.memory = lab.remember(
            "release_panel", state, **{f"verdict-{place}": each for place, each in self.verdicts.items()}
        )
        kinds = [(words, name) for name, words in JUDGEMENTS.items()]
        self.form = RowForm(
            caption="Open items",
            word="Item",
            rows=[
                Row(each.id, f"{each.title} ({each.jurisdiction})", _detail(each)) for each in self.case.items
            ],
            fields=[
                Field("kind", "What it is", kinds, "For this system, on the day of the release"),
                Field("due", "Due on", _days(self.case), when=lambda given: given["kind"] == "condition"),
            ],
            changed=lambda: self.memory.note(answers=self.form.answers),
            kept=state.get("answers", {}),
        )
        self.submit = button("Hand in", self.hand_in, primary=True, tip="Have verdicts and items checked")
        self.feedback = output()
        verdicts = output('<p class="lk"><strong>Your verdicts</strong></p>')
        self.view = panel(
            output(self._brief()),
            self.form.view,
            verdicts,
            *self.verdicts.values(),
            self.submit,
            self.feedback,
        )

    def hand_in(self) -> None:
        """Have the decision checked."""
        verdicts = {place: str(each.value) for place, each in self.verdicts.items() if each.value}
        judged: dict[str, Any] = {
            name: ("condition", each["due"]) if each["kind"] == "condition" else each["kind"]
            for name, each in self.form.answers.items()
        }
        note = {"release": str(self.case.release_day), "verdicts": verdicts, "judgements": judged}
        self.feedback.value = hand_in(
            self.lab, self.checkpoint, note, verdicts=verdicts, judgements=judged
        ).markup

    def _brief(self) -> str:
        case = self.case
        places = ", ".join(JURISDICTIONS[place] for place in case.jurisdictions)
        gaps = "".join(
            callout("warn", fact_gaps()[place], title=JURISDICTIONS[place]) for place in case.jurisdictions
        )
        body = (
            f"<p>{escape(case.flagship.system.text)}</p>"
            + contracts_list(case.flagship.system)
            + f"<p><strong>Planned release:</strong> {escape(say_day(case.release_day))}, in "
            f"{escape(places)}. <strong>Today:</strong> {escape(say_day(case.today))}.</p>"
            "<p>Whatever the law asks and is not in the list below is met, with evidence, or is of an "
            "uncertain day and lies with counsel. What the text above does not say does not hold, and a "
            "contract that it does not name does not exist.</p>"
            + details("What the bundled facts do not hold", gaps)
        )
        return card(f"To decide: {case.flagship.system.title}", body, level=3)


def _detail(item: Obligation) -> str:
    force = FORCES[item.force] + ("" if item.binding else " by itself")
    body = (
        f"<p>{escape(item.text)}</p><p>{escape(JURISDICTIONS[item.jurisdiction])}; "
        f"{escape(force)}; read in {escape(item.standard)} "
        f"{confidence_badge(item.confidence).markup}</p>"
    )
    return card(f"{item.title}: open", body, level=3)


def _days(case: GovernanceCase) -> list[tuple[str, str]]:
    """Return the days on which anything changes in the next years, as options."""
    contracts = {each.since for each in case.flagship.system.contracts if each.since > case.today}
    days = sorted({change.day for change in changes_ahead(case.today)} | contracts)
    return [(say_day(day), str(day)) for day in days if day <= date(2030, 12, 31)]
