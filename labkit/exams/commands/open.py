"""``labkit exam open``: make a sitting."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from labkit.core.errors import InvalidInputError
from labkit.course.commands.progress_line import ProgressLine
from labkit.course.commands.types import seed as whole
from labkit.exams.commands._shown import moment
from labkit.exams.commands.password import add_password, password_of
from labkit.exams.form import parse_time

if TYPE_CHECKING:
    from labkit.exams.examiner import Candidate, Examiner

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--practice", action="store_true", help="the whole exam, with the result at once")
    mode.add_argument("--rehearsal", action="store_true", help="five minutes that try every mechanism")
    mode.add_argument("--candidate", metavar="NAME", help="an exam for this person (examiners)")
    parser.add_argument("--examiner", type=Path, metavar="DIR", help="the examiner's folder, for --candidate")
    parser.add_argument("--identifier", default="", metavar="ID", help="by which you know the candidate")
    parser.add_argument(
        "--extra-minutes", type=whole, default=0, metavar="N", help="time added for this person"
    )
    parser.add_argument(
        "--starts",
        type=moment,
        metavar="TIME",
        help="when its time begins to run, such as 2026-12-01T09:00+01:00; by default now (examiners)",
    )
    parser.add_argument("--folder", type=Path, metavar="DIR", help="where the sitting is made")
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")
    add_password(parser)


def run(args: argparse.Namespace) -> int:
    """Make the sitting and say where it is."""
    from labkit.exams.examiner import Candidate, Examiner, practice_examiner
    from labkit.exams.sitting.making import insist_empty, make_sitting

    if (args.candidate is None) != (args.examiner is None):
        raise InvalidInputError("expected --candidate NAME and --examiner DIR together")
    if args.starts and args.candidate is None:
        raise InvalidInputError("--starts is for --candidate: practice begins when it is opened")
    if args.folder is not None:
        insist_empty(args.folder)
    if args.candidate is not None:
        examiner, mode = Examiner(args.examiner, password_of(args, args.examiner)), "exam"
        candidate = Candidate(args.candidate, args.identifier, args.extra_minutes)
    else:
        examiner, mode = practice_examiner(), "practice" if args.practice else "rehearsal"
        candidate = Candidate(_learner(), args.identifier, args.extra_minutes)
    earlier = _open_already(examiner, candidate) if mode == "exam" else []
    with ProgressLine() as tell:
        session = examiner.open_session(candidate, mode, now=_start(args.starts))
        try:
            sitting = make_sitting(examiner, session, args.folder, tell)
        except BaseException:
            examiner.forget(session)
            raise
    public = [slot for slot in session.form.slots if examiner.is_public(slot)]
    public_items = examiner.has_public_items
    state = sitting.state()
    if args.json:
        told = {
            "folder": str(sitting.folder),
            "public": public,
            "public_items": public_items,
            "open_already": earlier,
        }
        print(json.dumps({**told, **state.as_json()}, indent=1))
        return 0
    print(state)
    if earlier:
        print(f"This candidate has an open sitting already: {', '.join(earlier)}. Hand out one of them.")
    if args.starts:
        print(f"Its time runs from {session.form.opened_at}: hand the folder out then, and not before.")
    if mode == "exam" and (public or public_items):
        shown = ", ".join([*public, *(["items"] if public_items else [])])
        print(f"Drawn from the public pool, which anybody can read: {shown}.")
    print(f"The sitting lies in {sitting.folder}")
    print(f"Open exam.ipynb there in JupyterLab, or go on with: labkit exam tasks {sitting.folder}")
    return 0


def _start(text: str | None) -> datetime | None:
    if text is None:
        return None
    start = parse_time(text)
    if start < datetime.now(UTC):
        raise InvalidInputError(f"--starts {text} is over: expected a time to come")
    return start


def _open_already(examiner: Examiner, candidate: Candidate) -> list[str]:
    """Return the sessions of this candidate that are still open: one of them was likely meant."""
    return [
        each.form.session
        for each in examiner.sessions()
        if each.state == "open"
        and (candidate.identifier or candidate.name) == (each.more.get("identifier") or each.form.candidate)
    ]


def _learner() -> str:
    from labkit.course.learner import learner_name

    return learner_name()
