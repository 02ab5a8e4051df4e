"""The result of one's own practice, at once: graded as an exam would be, by one's own machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from labkit.core.errors import LabkitError

__all__ = ["grade_practice"]


def grade_practice(folder: Path) -> dict[str, Any]:
    """Grade the submission of a practice or rehearsal sitting, and return its score sheet.

    It is measured in a process apart, by the same code as an exam.  Keys and variants lie on the same
    machine, so the result says something to whoever practised, and nothing to anybody else.

    Parameters
    ----------
    folder : Path
        The sitting, submitted.

    Raises
    ------
    LabkitError
        When it was not graded: with the reasons.
    """
    from labkit.exams.examiner import practice_examiner
    from labkit.exams.grading import Submission, grade_for

    graded = grade_for(practice_examiner(), [Submission(folder / "submission.zip")], workers=1)
    (row,) = graded.rows
    if row["status"] != "graded":
        raise LabkitError("the submission was not graded: " + ("; ".join(row["reasons"]) or row["status"]))
    return dict(graded.folder.sheet(row["session"]))
