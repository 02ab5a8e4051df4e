"""The result of a practice sitting, at once; in an exam it comes from the examiner."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.core.errors import InvalidInputError
from labkit.core.files import write_whole
from labkit.exams.blueprint import exam_folder

if TYPE_CHECKING:
    from labkit.exams.sitting.sitting import Sitting

__all__ = ["Result", "result_of"]


@dataclass(frozen=True, repr=False)
class Result:
    """A score sheet, the page with everything that was measured and why, and what a pass leads to.

    Attributes
    ----------
    sheet : dict
    feedback : Path
        ``result.html`` in the folder of the sitting.
    award : Path or None
        ``award.json`` there, for ``labkit credential issue``; of a practice exam that was passed.
    """

    sheet: dict[str, Any] = field(hash=False)
    feedback: Path
    award: Path | None = None

    def __str__(self) -> str:
        sheet = self.sheet
        total, decision = sheet["total"], sheet["decision"]
        head = "passed" if decision["passed"] else "not passed yet"
        if sheet["mode"] == "rehearsal":
            head = "a rehearsal, which decides nothing"
        lines = [f"{head}: {total['earned']:.1f} of {total['points']:g} points, {total['share']:.0%}"]
        for task in sheet["tasks"]:
            lines.append(f"  {task['slot']:<12} {task['earned']:.2f} of {task['points']:g}")
            lines += [f"    {line['why']}" for line in task["lines"] if task["handed_in"]]
            lines += [] if task["handed_in"] else ["    nothing was handed in"]
            lines += [f"    {problem}" for problem in task["refused"]]
        for domain, part in sheet["domains"].items():
            if part["points"]:
                lines.append(f"  {domain:<12} {part['earned']:.2f} of {part['points']:g}")
        lines += [f"  {problem}" for problem in sheet["verified"]["reasons"]]
        lines.append(f"  every item with its reasons: {self.feedback}")
        if self.award is not None:
            lines.append(f"  for a credential to practise with: labkit credential issue {self.award}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return str(self)


def result_of(sitting: Sitting) -> Result:
    """Grade a submitted practice sitting, in a process apart, keep the result beside it, and return it.

    Keys and variants lie on the same machine, so it says something to whoever practised, and nothing
    to anybody else.

    Raises
    ------
    InvalidInputError
        When it is an exam, was not submitted, or cannot be graded.
    """
    from labkit.exams.examiner import practice_examiner
    from labkit.exams.grading import Submission, feedback_page, grade_for

    if sitting.form.mode == "exam":
        raise InvalidInputError("the result of an exam comes from the examiner, after it was released")
    if not sitting.submitted:
        raise InvalidInputError("there is no result yet: submit with exam.submit()")
    examiner = practice_examiner(exam_folder(sitting.form.exam))
    submission = Submission(sitting.folder / "submission.zip")
    # What a notebook hands in again would keep somebody waiting who sees the result anyway.
    graded = grade_for(examiner, [submission], workers=1, reproduce=False)
    (row,) = graded.rows
    if row["status"] != "graded":
        raise InvalidInputError(f"it could not be graded: {'; '.join(row['reasons'])}")
    sheet = graded.folder.sheet(sitting.form.session)
    page = sitting.folder / "result.html"
    write_whole(page, feedback_page(sheet).encode())
    return Result(sheet, page, _award(sitting, sheet))


def _award(sitting: Sitting, sheet: dict[str, Any]) -> Path | None:
    from labkit.exams.blueprint import read_blueprint
    from labkit.exams.records import practice_award, sheet_of

    if sheet["mode"] != "practice" or not sheet["decision"]["passed"]:
        return None
    blueprint = read_blueprint(exam_folder(sitting.form.exam))
    award = practice_award(sheet_of(sheet), blueprint, name=sitting.form.candidate)
    path = sitting.folder / "award.json"
    write_whole(path, json.dumps(award, indent=1, ensure_ascii=False).encode() + b"\n")
    return path
