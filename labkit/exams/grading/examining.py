"""Grade for an examiner: whose sittings they are, what is written down, what is run again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.core.errors import UnknownNameError
from labkit.evidence.entry import digest_of
from labkit.exams.grading.folder import GradingFolder, Submission
from labkit.exams.grading.reproducing import reproduce_rows
from labkit.exams.grading.sessions import SessionFacts, session_facts
from labkit.exams.grading.sheet import score_of

if TYPE_CHECKING:
    from labkit.exams.examiner import Examiner, Session

__all__ = ["Graded", "grade_for"]


@dataclass(frozen=True, slots=True)
class Graded:
    """Where results are kept, and one row for each submission (see :meth:`GradingFolder.grade`)."""

    folder: GradingFolder
    rows: list[dict[str, Any]]


def grade_for(
    examiner: Examiner,
    submissions: Sequence[Submission],
    *,
    root: Path | None = None,
    workers: int | None = None,
    seconds: float = 120.0,
    scheduler: str | None = None,
    reproduce: bool = True,
) -> Graded:
    """Grade submissions to the sittings of an examiner, and note in the register what came of them.

    Parameters
    ----------
    examiner : Examiner
    submissions : sequence of Submission
    root : Path, optional
        Where results are kept; ``graded`` in the examiner's folder by default.
    workers, seconds, scheduler
        As :meth:`GradingFolder.grade` takes them.
    reproduce : bool
        Run the answer cells again of the tasks that ask for it (``reproduce = true``), once everything
        is graded and kept; what differs is flagged, and no point depends on it.  False leaves it out,
        and the sheet says so.
    """
    sessions = {each.form.session: each for each in examiner.sessions()}
    folder = GradingFolder(root or examiner.folder / "graded", examiner.exam, examiner.items_folder())
    rows = folder.grade(
        submissions,
        # What was issued does not change; a register may hold thousands.
        list(_facts(examiner, [each for name, each in sessions.items() if not folder.knows(name)])),
        workers=workers,
        seconds=seconds,
        scheduler=scheduler,
    )
    for row in rows:
        if row["status"] == "graded":
            _note(examiner, row, folder)
    reproduce_rows(examiner, folder, rows, leave_out=not reproduce, workers=workers)
    return Graded(folder, rows)


def _facts(examiner: Examiner, sessions: Iterable[Session]) -> Iterator[SessionFacts]:
    """Yield the facts of each sitting; one whose pool is gone must not keep the others from being graded."""
    for session in sessions:
        with suppress(UnknownNameError):
            yield session_facts(examiner, session)


def _note(examiner: Examiner, row: dict[str, Any], folder: GradingFolder) -> None:
    """Write into the register that a sitting was graded; a later state stays."""
    with examiner.exclusively(row["session"]) as session:
        if session.state in ("open", "handed_in"):
            more = {
                "submission_sha256": row["sha256"],
                "score_sha256": digest_of(score_of(folder.sheet(row["session"]))),
            }
            examiner.keep(replace(session, state="graded", more={**session.more, **more}))
