"""``labkit progress``: how far the learner is, and a fresh start."""

from __future__ import annotations

import argparse
import json

from labkit.core.tables import format_table
from labkit.course.catalogue import find_lab, labs
from labkit.course.events import fold
from labkit.course.learner import learner_name
from labkit.course.progress import ProgressLog

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")
    parser.add_argument(
        "--reset", metavar="LAB", help="begin this lab again; what came before is kept and no longer counts"
    )


def run(args: argparse.Namespace) -> int:
    """Print the progress in every lab, or reset one."""
    log, learner = ProgressLog(), learner_name()
    if args.reset:
        lab = find_lab(args.reset)
        log.append(learner, lab.id, "reset", {})
        print(f"{lab.id} {lab.title}: begun again")
        return 0
    events = log.events(learner=learner)
    rows = []
    for lab in labs():
        progress = fold(lab, events)
        passed = [each.id for each in lab.checkpoints if each.id in progress.passed]
        rows.append({"id": lab.id, "title": lab.title, "passed": passed, "of": len(lab.checkpoints)})
    if args.json:
        print(json.dumps({"learner": learner, "labs": rows}, indent=1, ensure_ascii=False))
        return 0
    print(
        format_table(
            ["id", "title", "reached", "checkpoints"],
            [
                [
                    row["id"],
                    row["title"],
                    f"{len(row['passed'])} of {row['of']}",
                    ", ".join(row["passed"]) or "-",
                ]
                for row in rows
            ],
        )
    )
    return 0
