"""``labkit exam grade``: measure what was handed in, and write score sheets."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.core.errors import DataFormatError, InvalidInputError
from labkit.core.tables import format_table, harmless
from labkit.course.commands.types import count
from labkit.exams.commands._shown import moment
from labkit.exams.commands.password import add_password, password_of
from labkit.exams.form import GRACE, parse_time
from labkit.exams.grading import Submission, grade_for, received_by, reproduction_line

if TYPE_CHECKING:
    from labkit.exams.examiner import Examiner

__all__ = ["add_arguments", "run"]

_WIDEST = 48  # letters of a path in the table; --json has all of them


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "submissions", nargs="*", type=Path, metavar="FILE", help="submission.zip, or a folder of them"
    )
    parser.add_argument(
        "--examiner", type=Path, metavar="DIR", help="folder of the examiner (your own practice examiner)"
    )
    add_password(parser)
    parser.add_argument("--out", type=Path, metavar="DIR", help="where results are kept (EXAMINER/graded)")
    parser.add_argument(
        "--received",
        type=Path,
        metavar="EXAMINER",
        help="take what this examiner's server received, with owner and time from there",
    )
    parser.add_argument("--owner", metavar="ID", help="identifier of the candidate who brought the file")
    parser.add_argument(
        "--arrived",
        type=moment,
        metavar="TIME",
        help="when it arrived by your clock, such as 2026-12-01T12:03+01:00",
    )
    parser.add_argument(
        "--added-minutes",
        type=count,
        default=0,
        metavar="N",
        help="with --arrived: time that was added to its sitting for an incident",
    )
    parser.add_argument("--workers", type=count, metavar="N", help="processes (as many as there are cores)")
    parser.add_argument("--seconds", type=count, default=120, metavar="S", help="for one submission (120)")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="grade on the Dask cluster of this scheduler")
    parser.add_argument(
        "--no-reproduce",
        action="store_true",
        help="leave out running answer cells again, where tasks ask for it; the sheet says so",
    )
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")


def opened_examiner(args: argparse.Namespace) -> Examiner:
    """Return the examiner that was named, or the one of one's own practice."""
    from labkit.exams.examiner import Examiner, practice_examiner

    if args.examiner is None:
        return practice_examiner()
    return Examiner(args.examiner, password_of(args, args.examiner))


def run(args: argparse.Namespace) -> int:
    """Grade, and say what came of each; 1 when one was not graded, or not run again as its tasks ask."""
    if bool(args.received) == bool(args.submissions):
        raise InvalidInputError("expected files, or --received EXAMINER")
    args.examiner = args.examiner or args.received
    files = _files(args.submissions)
    if args.arrived and parse_time(args.arrived) > datetime.now(UTC) + GRACE:
        raise InvalidInputError(
            f"--arrived {args.arrived} has not come yet: was the date or the zone mistyped?"
        )
    if len(files) != 1 and (args.owner or args.arrived):
        raise InvalidInputError("--owner and --arrived speak of one submission: name one file")
    if args.added_minutes and not args.arrived:
        raise InvalidInputError("--added-minutes goes with --arrived: what was received brings its own")
    examiner = opened_examiner(args)
    submissions = [
        Submission(path, args.owner, args.arrived, added_minutes=args.added_minutes) for path in files
    ]
    graded = grade_for(
        examiner,
        received_by(examiner) if args.received else submissions,
        root=args.out,
        workers=args.workers,
        seconds=args.seconds,
        scheduler=args.scheduler,
        reproduce=not args.no_reproduce,
    )
    if args.json:
        print(json.dumps({"folder": str(graded.folder.root), "submissions": graded.rows}, indent=1))
    else:
        _tell(graded.rows, graded.folder.root)
    done = [row["status"] == "graded" and not row["unused"] and not _refused(row) for row in graded.rows]
    return 0 if all(done) else 1


def _refused(row: dict[str, Any]) -> bool:
    return row["status"] == "graded" and row["reproduction"]["state"] == "refused"


def _files(given: list[Path]) -> list[Path]:
    """Return the files that were named, and those in folders that were named, however deep."""
    files: list[Path] = []
    for path in given:
        if not path.exists() and not path.is_symlink():
            raise DataFormatError(f"there is no file or folder {path}")
        found = _zips(path) if path.is_dir() else [path]
        if not found:
            raise DataFormatError(f"no submission in {path} or below: expected files that end in .zip")
        files += found
    return files


def _zips(folder: Path) -> list[Path]:
    # Every candidate's file is called submission.zip, so they come in folders.  What is hidden is no one's.
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() == ".zip" and not path.name.startswith(".") and not path.is_dir()
    )


def _tell(rows: list[dict[str, Any]], folder: Path) -> None:
    shown = [
        [
            _short(row["path"]),
            row["status"],
            row["candidate"] or "",
            row["session"] or "",
            "" if row["share"] is None else f"{row['share']:.1%}",
            {True: "yes", False: "no", None: ""}[row["passed"]],
        ]
        for row in rows
    ]
    print(format_table(["file", "status", "candidate", "session", "share", "passed"], shown))
    for row in rows:
        for reason in (*row["reasons"], *row["unused"]):
            print(harmless(f"{row['path']}: {reason}"))
        if row["status"] == "graded" and row["reproduction"]["asked"]:
            print(f"{row['session']}: {reproduction_line(row['reproduction'])}")
    if any(map(_refused, rows)):
        print("Points are kept. Grade again where the sandbox is, or leave it out with --no-reproduce.")
    print(f"\nSheets, feedback and packs for appeals: {folder}")


def _short(path: str) -> str:
    """Return a path that leaves room for the rest of its row; the end of a long one tells files apart."""
    return path if len(path) <= _WIDEST else f"…{path[1 - _WIDEST :]}"
