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
    known = labs()
    reached = {lab.id: fold(lab, events).passed for lab in known}
    if args.json:
        rows = [
            {
                "id": lab.id,
                "title": lab.title,
                "passed": [each.id for each in lab.checkpoints if each.id in reached[lab.id]],
                "of": len(lab.checkpoints),
            }
            for lab in known
        ]
        print(json.dumps({"learner": learner, "labs": rows}, indent=1, ensure_ascii=False))
        return 0
    table = []
    for lab in known:
        missing = [each.title for each in lab.checkpoints if each.id not in reached[lab.id]]
        count = f"{len(lab.checkpoints) - len(missing)} of {len(lab.checkpoints)}"
        table.append([lab.id, lab.title, count, "; ".join(missing) or "-"])
    print(format_table(["id", "title", "reached", "still to reach"], table))
    return 0
