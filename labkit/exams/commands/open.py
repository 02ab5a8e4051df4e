"""``labkit exam open``: make a sitting."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from labkit.core.errors import InvalidInputError
from labkit.course.commands.progress_line import ProgressLine
from labkit.course.commands.types import seed as whole
from labkit.exams.commands.password import add_password, password_of

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
    parser.add_argument("--folder", type=Path, metavar="DIR", help="where the sitting is made")
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")
    add_password(parser)


def run(args: argparse.Namespace) -> int:
    """Make the sitting and say where it is."""
    from labkit.exams.examiner import Candidate, Examiner, practice_examiner
    from labkit.exams.sitting import make_sitting

    if bool(args.candidate) != bool(args.examiner):
        raise InvalidInputError("expected --candidate NAME and --examiner DIR together")
    if args.candidate:
        examiner, mode = Examiner(args.examiner, password_of(args, args.examiner)), "exam"
        candidate = Candidate(args.candidate, args.identifier, args.extra_minutes)
    else:
        examiner, mode = practice_examiner(), "practice" if args.practice else "rehearsal"
        candidate = Candidate(_learner(), args.identifier, args.extra_minutes)
    with ProgressLine() as tell:
        session = examiner.open_session(candidate, mode)
        sitting = make_sitting(examiner, session, args.folder, tell)
    public = [slot for slot in session.form.slots if examiner.is_public(slot)]
    state = sitting.state()
    if args.json:
        print(json.dumps({"folder": str(sitting.folder), "public": public, **state.as_json()}, indent=1))
        return 0
    print(state)
    if mode == "exam" and public:
        print(f"Drawn from the public pool, which anybody can read: {', '.join(public)}.")
    print(f"The sitting lies in {sitting.folder}")
    print(f"Open exam.ipynb there in JupyterLab, or go on with: labkit exam tasks {sitting.folder}")
    return 0


def _learner() -> str:
    from labkit.course.learner import learner_name

    return learner_name()
