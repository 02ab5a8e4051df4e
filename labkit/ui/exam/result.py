"""The result of a practice sitting, at once and with reasons."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from labkit.exams.sitting import Sitting
from labkit.ui.html import badge, escape, table

__all__ = ["practice_result"]


def practice_result(sitting: Sitting) -> str:
    """Grade a practice sitting in a process apart, and return a summary as HTML."""
    result = sitting.result()
    sheet, decision = result.sheet, result.sheet["decision"]
    rehearsed = sheet["mode"] == "rehearsal"
    verdict = badge("good", "passed") if decision["passed"] else badge("bad", "not passed")
    rules = [
        (rule["rule"], _figure(rule["needed"]), _figure(rule["reached"]), "met" if rule["met"] else "not met")
        for rule in decision["rules"]
    ]
    tasks = [
        (
            task["slot"],
            f"{task['earned']:.2f}",
            f"{task['points']:g}",
            "; ".join([*task["critical"], *task["refused"]]),
        )
        for task in sheet["tasks"]
    ]
    share = f"{sheet['total']['share']:.0%}"
    head = f"Rehearsed: {share}" if rehearsed else f"Result of the practice: {share} {verdict}"
    decided = (
        "<p>A rehearsal decides nothing. It shows what a result looks like.</p>"
        if rehearsed
        else table("The rule that decides", ("Rule", "Needed", "Reached", "Verdict"), rules)
    )
    return (
        f'<div class="lk"><div role="status"><h3>{head}</h3></div>'
        + decided
        + table("Tasks", ("Task", "Earned", "Of", "Remarks"), tasks)
        + "<p>Everything that was measured, and why, is in <code>result.html</code> beside the notebook, "
        f"and on the page of the exam.</p>{_credential(result.award)}</div>"
    )


def _credential(award: Path | None) -> str:
    if award is None:
        return ""
    return (
        "<p>For a credential to practise with, which says that it proves nothing to others: "
        "<code>labkit credential keygen --practice</code> once, then "
        f"<code>labkit credential issue {escape(award.name)}</code> in this folder.</p>"
    )


def _figure(value: Any) -> str:
    return f"{value:.0%}" if isinstance(value, float) else str(value)
