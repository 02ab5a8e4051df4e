"""``labkit exam grade``: measure what was handed in, and write score sheets."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

from labkit.core.errors import DataFormatError, InvalidInputError
from labkit.core.tables import format_table
from labkit.course.commands.types import count
from labkit.exams.examiner import Examiner, practice_examiner
from labkit.exams.grading import Submission, grade_for

__all__ = ["PASSWORD", "add_arguments", "add_examiner", "opened_examiner", "run"]

PASSWORD = "LABKIT_EXAMINER_PASSWORD"  # noqa: S105 - the name of a variable
"""Variable with the password of an examiner's keys; without it the command asks."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "submissions", nargs="+", type=Path, metavar="FILE", help="submission.zip, or a folder of them"
    )
    add_examiner(parser)
    parser.add_argument("--out", type=Path, metavar="DIR", help="where results are kept (EXAMINER/graded)")
    parser.add_argument("--owner", metavar="ID", help="identifier of the candidate who brought the file")
    parser.add_argument(
        "--arrived", metavar="TIME", help="when it arrived by your clock, in ISO 8601 with zone"
    )
    parser.add_argument("--workers", type=count, metavar="N", help="processes (as many as there are cores)")
    parser.add_argument("--seconds", type=count, default=120, metavar="S", help="for one submission (120)")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="grade on the Dask cluster of this scheduler")
    parser.add_argument(
        "--reproduce", action="store_true", help="run the notebooks again in a sandbox, and flag what differs"
    )
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")


def add_examiner(parser: argparse.ArgumentParser) -> None:
    """Declare whose sittings are meant."""
    parser.add_argument(
        "--examiner", type=Path, metavar="DIR", help="folder of the examiner (your own practice examiner)"
    )


def opened_examiner(folder: Path | None) -> Examiner:
    """Return the examiner of ``folder``, or of one's own practice without one."""
    if folder is None:
        return practice_examiner()
    sealed = json.loads((folder / "keys.json").read_text(encoding="utf-8")).get("sealed", True)
    password = os.environ.get(PASSWORD)
    if sealed and password is None:
        import getpass

        password = getpass.getpass(f"Password of the examiner in {folder}: ")
    return Examiner(folder, password)


def run(args: argparse.Namespace) -> int:
    """Grade, and say what came of each; 1 when one was not graded."""
    files = _files(args.submissions)
    if len(files) > 1 and (args.owner or args.arrived):
        raise InvalidInputError("--owner and --arrived speak of one submission: name one file")
    examiner = opened_examiner(args.examiner)
    graded = grade_for(
        examiner,
        [Submission(path, args.owner, args.arrived) for path in files],
        root=args.out,
        workers=args.workers,
        seconds=args.seconds,
        scheduler=args.scheduler,
        reproduce=args.reproduce,
    )
    if args.json:
        print(json.dumps({"folder": str(graded.folder.root), "submissions": graded.rows}, indent=1))
    else:
        _tell(graded.rows, graded.folder.root)
    return 0 if all(row["status"] == "graded" for row in graded.rows) else 1


def _files(given: list[Path]) -> list[Path]:
    files: list[Path] = []
    for path in given:
        found = sorted(path.glob("*.zip")) if path.is_dir() else [path]
        if not found:
            raise DataFormatError(f"no submission in {path}: expected files that end in .zip")
        files += found
    return files


def _tell(rows: list[dict[str, Any]], folder: Path) -> None:
    shown = [
        [
            row["file"],
            row["status"],
            row["session"] or "",
            "" if row["share"] is None else f"{row['share']:.1%}",
            {True: "yes", False: "no", None: ""}[row["passed"]],
            "; ".join(row["reasons"]),
        ]
        for row in rows
    ]
    print(format_table(["file", "status", "session", "share", "passed", "reasons"], shown))
    print(f"\nSheets, feedback and packs for appeals: {folder}")
