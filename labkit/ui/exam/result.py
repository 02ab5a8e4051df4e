"""The result of a practice sitting, at once and with reasons."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from labkit.exams.sitting import Sitting
from labkit.ui.html import badge, escape, table

__all__ = ["practice_result"]


def practice_result(sitting: Sitting) -> str:
    """Grade a practice sitting in a process apart, keep the page with all reasons, and return a summary."""
    result = sitting.result()
    return _summary(result.sheet, result.feedback)


def _summary(sheet: Mapping[str, Any], page: Path) -> str:
    decision = sheet["decision"]
    verdict = badge("good", "passed") if decision["passed"] else badge("bad", "not passed")
    rows = [
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
    return (
        f'<div class="lk" role="status"><h3>Result of the practice: {sheet["total"]["share"]:.0%} {verdict}</h3>'
        + table("The rule that decides", ("Rule", "Needed", "Reached", ""), rows)
        + table("Tasks", ("Task", "Earned", "Of", "Remarks"), tasks)
        + f"<p>Everything that was measured, and why, is in <code>{escape(page.name)}</code> beside the "
        "notebook: open it from the list of files, or print it.</p></div>"
    )


def _figure(value: Any) -> str:
    return f"{value:.0%}" if isinstance(value, float) else str(value)
