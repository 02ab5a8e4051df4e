"""Grade for an examiner: whose sittings they are, what is written down, what is run again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.core.errors import DataFormatError, IntegrityError, UnknownNameError
from labkit.evidence.entry import digest_of
from labkit.exams.envelope.reading import read_submission_bytes
from labkit.exams.grading.folder import GradingFolder, Submission
from labkit.exams.grading.reproducing import reproduce_rows
from labkit.exams.grading.sessions import SessionFacts, session_facts
from labkit.exams.grading.sheet import score_of
from labkit.exams.grading.verifying import SERVER
from labkit.exams.receiving.folder import Receiving
from labkit.exams.receiving.grading import Received, received

if TYPE_CHECKING:
    from labkit.exams.examiner import Examiner, Session

__all__ = ["Graded", "grade_for", "received_by"]


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

    What the examiner's server received is known by its digest, and gets owner and time from there;
    what somebody says of a submission goes before.

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

    Raises
    ------
    IntegrityError
        When the arrivals of the examiner's server were edited; nothing was graded.
    """
    sessions = {each.form.session: each for each in examiner.sessions()}
    folder = GradingFolder(root or examiner.folder / "graded", examiner.exam, examiner.items_folder())
    rows = folder.grade(
        _with_arrivals(examiner, sessions, submissions),
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


def received_by(examiner: Examiner) -> list[Submission]:
    """Return the submissions that the examiner's server received, the one of each sitting that counts.

    Raises
    ------
    IntegrityError
        When there is no server, or its arrivals were edited.
    """
    sessions = {each.form.session: each for each in examiner.sessions()}
    return [_of_server(each.path, each) for each in _received(examiner, sessions) if each.counts]


def _received(examiner: Examiner, sessions: Mapping[str, Session]) -> list[Received]:
    """Return what the server received, held to the key that the signed forms name."""
    receiving = Receiving(examiner.folder)
    found = received(receiving)
    for each in found:
        session = sessions.get(each.session)
        if (
            session is None
            or session.form.receiver is None
            or session.form.receiver.public != receiving.public
        ):
            raise IntegrityError(
                f"{receiving.folder}: {each.session} was received under a key that the signed form "
                "of this sitting does not name"
            )
    return found


def _with_arrivals(
    examiner: Examiner, sessions: Mapping[str, Session], submissions: Sequence[Submission]
) -> list[Submission]:
    """Return the submissions with what the server knows of each, where nobody said anything."""
    unknown = [each for each in submissions if each.owner is None and each.at is None]
    if not unknown or Receiving.of(examiner.folder) is None:
        return list(submissions)
    known = {each.sha256: each for each in _received(examiner, sessions)}
    return [_with_arrival(each, known) if each in unknown else each for each in submissions]


def _with_arrival(submission: Submission, known: Mapping[str, Received]) -> Submission:
    try:
        found = known.get(digest_of(read_submission_bytes(submission.path)))
    except DataFormatError:
        return submission
    if found is None:
        return submission
    # Who has decided otherwise says whose it is, and when it came.
    problem = "" if found.counts else "set aside: another file of this sitting arrived first, and counts"
    return _of_server(submission.path, found, problem)


def _of_server(path: Path, found: Received, problem: str = "") -> Submission:
    return Submission(
        path, found.owner, found.at, SERVER, found.added_minutes, found.sha256, found.session, problem
    )


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
