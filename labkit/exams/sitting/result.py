"""The result of a practice sitting, at once; in an exam it comes from the examiner."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.core.errors import InvalidInputError
from labkit.exams.blueprint import exam_folder

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
        When it is an exam, was not submitted, or cannot be graded.
    """
    from labkit.exams.examiner import practice_examiner
    from labkit.exams.grading import Submission, grade_for

    if sitting.form.mode == "exam":
        raise InvalidInputError("the result of an exam comes from the examiner, after it was released")
    if not sitting.submitted:
        raise InvalidInputError("there is no result yet: submit with exam.submit()")
    examiner = practice_examiner(exam_folder(sitting.form.exam))
    submission = Submission(sitting.folder / "submission.zip")
    graded = grade_for(examiner, [submission], workers=1)
    (row,) = graded.rows
    if row["status"] != "graded":
        raise InvalidInputError(f"it could not be graded: {'; '.join(row['reasons'])}")
    session = sitting.form.session
    return Result(graded.folder.sheet(session), graded.folder.root / "feedback" / f"{session}.html")
