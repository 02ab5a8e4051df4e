"""The result of a practice sitting, at once; in an exam it comes from the examiner."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.core.errors import InvalidInputError
from labkit.core.files import write_whole

if TYPE_CHECKING:
    from labkit.exams.sitting.sitting import Sitting

__all__ = ["Result", "result_of"]


@dataclass(frozen=True, repr=False)
class Result:
    """A score sheet, and where the page with feedback lies."""

    sheet: dict[str, Any] = field(hash=False)
    feedback: Path

    def __str__(self) -> str:
        sheet = self.sheet
        total, decision = sheet["total"], sheet["decision"]
        head = "passed" if decision["passed"] else "not passed yet"
        lines = [f"{head}: {total['earned']:.1f} of {total['points']:g} points, {total['share']:.0%}"]
        for task in sheet["tasks"]:
            lines.append(f"  {task['slot']:<12} {task['earned']:.2f} of {task['points']:g}")
            lines += [f"    {line['why']}" for line in task["lines"]]
            lines += [f"    {problem}" for problem in task["refused"]]
        for domain, part in sheet["domains"].items():
            lines.append(f"  {domain:<12} {part['earned']:.2f} of {part['points']:g}")
        lines += [f"  {problem}" for problem in sheet["verified"]["reasons"]]
        lines.append(f"  every item with its reasons: {self.feedback}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return str(self)


def result_of(sitting: Sitting) -> Result:
    """Grade a submitted practice sitting, in a process apart, and return its result.

    Raises
    ------
    InvalidInputError
        When it is an exam, or was not submitted.
    LabkitError
        When it cannot be graded; with the reasons.
    """
    from labkit.exams.grading import feedback_page
    from labkit.exams.practice import grade_practice

    if sitting.form.mode == "exam":
        raise InvalidInputError("the result of an exam comes from the examiner, after it was released")
    if not sitting.submitted:
        raise InvalidInputError("there is no result yet: submit with exam.submit()")
    sheet = grade_practice(sitting.folder)
    page = sitting.folder / "result.html"
    write_whole(page, feedback_page(sheet).encode())
    return Result(sheet, page)
